"""How good the embedded model is, on worlds, wordings and cameras that it never saw.

    PYTHONPATH=core .venv/bin/python bench/draft.py --clips clips --recogniser recogniser.safetensors
        [--weights FOLDER] [--count 24] [--keep MADE.safetensors] [--beside OTHER.safetensors] [--docs]

CLIPS holds the shards that `python -m training.dataset` renders: held-out ones to measure by. RECOGNISER is the judge
that `python -m training.recogniser` trains. The model makes a clip for each held-out prompt and camera through its
back-end; its raw pictures are measured, nothing is locked. KEEP writes these down (`--made` measures such a file, not a
model), BESIDE is what another model made of the same clips: it is then said which of the two is better.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "core")]

from platewright import models  # noqa: E402
from platewright.models import draft  # noqa: E402
from training import evaluate, recogniser  # noqa: E402
from training.evaluate import NEAR_DEG, Bytes, Figures, HeldOut, Made, Yardstick  # noqa: E402
from training.recogniser import frechet  # noqa: E402

SHOWN = (0, 8, 16, 24)                             # frames of a clip in the picture
ROWS = 8                                           # clips in the picture


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the table."""

    words: str
    value: Callable[[Figures], float]
    form: str
    more_is_better: bool
    decides: bool = True                           # whether it counts when two models are compared


LINES = (
    Line(f"shots with texture within {NEAR_DEG} degrees", lambda f: 100 * f.near_share, "{:.0f} %", True),
    Line("rotation error, median of the solved", lambda f: f.rotation_deg, "{:.2f} deg", False, False),
    Line("shots with texture that nobody can solve", lambda f: f.unsolved, "{:.0f}", False, False),
    Line("camera error, 95th percentile, median of the solved", lambda f: f.error_px, "{:.1f} px", False, False),
    Line("motion that is not there (0 all is, 1 as a still)", lambda f: f.flow_error, "{:.2f}", False),
    Line("terrain recognised", lambda f: 100 * f.adherence["terrain"], "{:.0f} %", True),
    Line("time of day recognised", lambda f: 100 * f.adherence["time"], "{:.0f} %", True),
    Line("sky recognised", lambda f: 100 * f.adherence["sky"], "{:.0f} %", True),
    Line("weather recognised", lambda f: 100 * f.adherence["weather"], "{:.0f} %", True),
    Line("Frechet distance, recogniser's features", lambda f: f.frechet, "{:.1f}", False),
    Line("flicker, times that of the true shot", lambda f: f.flicker, "{:.2f}", False),
    Line("light's azimuth, median error", lambda f: f.light_deg, "{:.0f} deg", False),
)


def main() -> None:
    """Measure, print, keep."""
    options = _options()
    torch.set_num_threads(options.threads)
    clips = evaluate.held_out(options.clips, options.count)
    shards = sorted(options.clips.glob("train_*.safetensors"))
    yardstick = Yardstick(clips, recogniser.load_judge(options.recogniser))
    made = _made(options, clips)
    columns = _columns(yardstick, made, options.beside)
    table = _table(columns)
    facts = [*_facts(yardstick, made, shards), *_as_read(options.model, yardstick, made)]
    print("\n".join([*table, "", *facts]))
    if options.beside:
        print(_better(columns["model"], columns["beside"]))
    if options.docs:
        _save_picture(ROOT / "docs" / "draft.jpg", clips, made.clips)
        _save_page(ROOT / "docs" / "draft.md", table, facts)


def _made(options: argparse.Namespace, clips: Sequence[HeldOut]) -> Made:
    """What the model makes of the clips, or made of them earlier."""
    if options.made:
        return evaluate.load_made(options.made, len(clips))
    if options.weights:
        os.environ["PLATEWRIGHT_MODELS"] = str(options.weights.resolve())
    backend = models.open_backend(options.model, options.device)
    print(f"{options.model} on {backend.device}")
    print("\n".join(_seeds(backend, clips[0])))
    made = evaluate.made_by(backend, clips)
    if options.keep:
        evaluate.save_made(options.keep, made, {"model": options.model, "revision": backend.card.revision})
    return made


def _seeds(backend: models.Backend, clip: HeldOut) -> list[str]:
    """Whether a seed repeats, and how far two seeds are apart."""
    one, again, other = (evaluate.generated(backend, clip, seed)[0] for seed in (7, 7, 8))
    apart = float(numpy.abs(one.astype(float) - other).mean())
    return [
        f"one seed twice: {'the same bytes' if one.tobytes() == again.tobytes() else 'DIFFERENT'}",
        f"two seeds: {apart:.1f} of 255 apart in the mean",
    ]


def _columns(yardstick: Yardstick, made: Made, beside: Path | None) -> dict[str, Figures]:
    """Figures of the true clips, the model's, the model's with exchanged cameras, true stills, the other model's."""
    clips = yardstick.clips
    exchanged = made.clips[1:] + made.clips[:1]    # each stands for another clip's camera (and words)
    stills = [numpy.repeat(clip.frames[:1], len(clip.frames), 0) for clip in clips]
    columns = {
        "true clips": yardstick.figures(yardstick.truth),
        "model": yardstick.figures(made.clips),
        "exchanged": yardstick.figures(exchanged),
        "true stills": yardstick.figures(stills),
    }
    if beside:
        columns["beside"] = yardstick.figures(evaluate.load_made(beside, len(clips)).clips)
    return columns


def _table(columns: dict[str, Figures]) -> list[str]:
    """Markdown."""
    rows = [["", *columns], ["---"] * (1 + len(columns))]
    rows += [[line.words, *(line.form.format(line.value(figures)) for figures in columns.values())] for line in LINES]
    return [f"| {' | '.join(row)} |" for row in rows]


def _facts(yardstick: Yardstick, made: Made, shards: Sequence[Path]) -> list[str]:
    """What does not fit into the table: baselines of the Frechet distance, texture, time."""
    clips = yardstick.clips
    true = yardstick.seen(yardstick.truth).features
    trained = [frames for path in shards for frames in evaluate.frames_of(path)][: len(clips)]
    mean = numpy.mean([clip.frames.mean(0) for clip in clips], 0)
    grey = [numpy.repeat(mean[None].astype(numpy.uint8), len(clip.frames), 0) for clip in clips]
    dice = numpy.random.default_rng(0)
    noise = [dice.integers(0, 256, clip.frames.shape, numpy.uint8) for clip in clips]
    others = {"other true clips": trained, "the mean picture": grey, "noise": noise}
    away = [f"{name} {frechet(yardstick.seen(some).features, true):.1f}" for name, some in others.items() if some]
    solved = sum(followed.is_solved for followed in yardstick.followed)
    return [
        f"{len(clips)} held-out clips of {len(clips[0].frames)} frames, {solved} with texture enough to be solved.",
        f"Frechet distance of baselines to the true clips: {', '.join(away)}.",
        f"Seconds for a clip: {numpy.median(made.seconds):.1f} (median), {torch.get_num_threads()} threads.",
    ]


def _as_read(model: str, yardstick: Yardstick, made: Made) -> list[str]:
    """What the pictures show of what was read, apart from what was not read as it was meant."""
    if model != draft.NAME:
        return []
    reader = draft.open("cpu").loaded.text
    read = [reader.understood(vector) for vector in reader.read([clip.prompt for clip in yardstick.clips])]
    shown = yardstick.shown_as_read(made.clips, read).items()
    counts = ", ".join(f"{name} {right} of {asked}" for name, (right, asked) in shown)
    return [f"Recognised of what the reader read out of the prompts, right or wrong: {counts}."]


def _better(one: Figures, other: Figures) -> str:
    """Which of two models is better, line by line and in all."""
    deciding = [line for line in LINES if line.decides]
    wins = {True: list[str](), False: list[str]()}
    for line in deciding:
        ours, theirs = line.value(one), line.value(other)
        if ours != theirs:
            wins[(ours > theirs) == line.more_is_better].append(line.words)
    verdict = "The model is better" if len(wins[True]) > len(wins[False]) else "THE MODEL IS NOT BETTER: do not ship it"
    lines = [f"{verdict}: ahead in {len(wins[True])} of {len(deciding)} lines."]
    return "\n".join([*lines, *(f"  behind in: {words}" for words in wins[False])])


def _save_picture(path: Path, clips: Sequence[HeldOut], made: Sequence[Bytes]) -> None:
    """Some clips as rows: frames of the true render on the left, of the model on the right, the prompt above."""
    rows: list[Bytes] = []
    for clip, frames in list(zip(clips, made, strict=True))[:ROWS]:
        label = numpy.full((22, 2 * len(SHOWN) * clip.frames.shape[2], 3), 255, numpy.uint8)
        cv2.putText(label, clip.prompt, (4, 15), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        pictures = [some[n] for some in (clip.frames, frames) for n in SHOWN]
        rows += [label, numpy.concatenate(pictures, 1)]
    page = numpy.concatenate(rows)
    small = cv2.resize(page, None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    if not cv2.imwrite(str(path), small[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise OSError(f"could not write {path}")


def _save_page(path: Path, table: Sequence[str], facts: Sequence[str]) -> None:
    """Put figures between the marks of the page; the words around them are people's."""
    page = path.read_text(encoding="utf-8")
    before, rest = page.split("<!-- figures -->", 1)
    _, after = rest.split("<!-- end of figures -->", 1)
    figures = "\n".join([*table, "", *facts])
    path.write_text(f"{before}<!-- figures -->\n{figures}\n<!-- end of figures -->{after}", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--recogniser", type=Path, required=True)
    parser.add_argument("--model", default="draft")
    parser.add_argument("--weights", type=Path, help="folder of the model, instead of the one that is installed")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--made", type=Path)
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--docs", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
