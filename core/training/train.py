"""Make the embedded model: `python -m training.train --config cpu-three-hours --out DIR` (with core/ on PYTHONPATH).

Renders the clips that are missing, fits the patches, trains the reader of prompts, the decoder and the denoiser, and
writes weights and card into DIR/model. Everything comes from seeds. Stopped at any point, the same command goes on;
`--only` does one stage, so that decoder and denoiser can learn side by side. With --clips DIR they lie elsewhere.
`cpu-ten-minutes` goes the whole way, to see that everything learns.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from platewright.nets.draft_decoder import DecoderConfig, DraftDecoder
from platewright.nets.draft_denoiser import DraftConfig, DraftVideo
from platewright.nets.draft_text import TextEncoder
from platewright.nets.patches import Patches

from . import decoding, judging, wording
from .dataset import Order, make_dataset
from .export import export
from .latents import Clips, Shape, fit_patches
from .learning import Learner, flow_loss
from .progress import save_whole
from .report import Colour, save_curves, save_picture, sheet

STAGES = ("clips", "decoder", "denoiser", "export")
SHOWN = (0, 8, 16, 24)  # frames in the sheets
CURVES: dict[str, dict[str, Colour]] = {
    "denoiser": {"loss": (200, 90, 20), "loss_shuffled": (40, 40, 210)},
    "decoder": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """How long one network learns, and how."""

    steps: int
    seconds: float | None = None  # learning ends here at the latest, its decay included
    rates: tuple[float, float] = (0.02, 1e-3)  # Muon, AdamW
    warm_up: int = 80
    save_seconds: float = 60.0
    look_every: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One budget."""

    order: Order
    shards: int
    held_out: int = 6
    render_seconds: float
    channels: int = 32
    network: dict[str, int] = field(default_factory=dict)
    widths: tuple[int, ...] = (64, 128, 192)
    depth: int = 2
    shapes: dict[Shape, float] = field(default_factory=dict)  # of a step's pieces, and how often each is drawn
    tokens: int  # in a step of the denoiser, about
    squares: tuple[int, int]  # clips in a step of the decoder, and pixels across its squares
    decoder: Stage
    denoiser: Stage
    device: str = "cpu"


CONFIGS = {
    "cpu-smoke": Config(
        order=Order(clips=2, frames=9, size=(64, 48)),
        shards=1,
        held_out=1,
        render_seconds=1e9,
        channels=24,
        network={"outer": 32, "inner": 32, "before": 1, "within": 1, "after": 1},
        widths=(8, 16),
        depth=1,
        shapes={(3, 3, 4): 1.0, (2, 2, 2): 1.0},
        tokens=48,
        squares=(1, 32),
        decoder=Stage(steps=4, warm_up=1, look_every=2),
        denoiser=Stage(steps=4, warm_up=1, look_every=2),
    ),
    "cpu-ten-minutes": Config(  # enough to see that everything learns, and no more
        order=Order(clips=2),
        shards=100,
        held_out=1,
        render_seconds=100.0,
        network={"outer": 192, "inner": 256, "before": 1, "within": 2, "after": 1},
        widths=(32, 64, 96),
        shapes={(4, 9, 8): 1.0, (4, 6, 8): 1.0},
        tokens=1008,
        squares=(4, 64),
        decoder=Stage(steps=5_000, seconds=270.0, rates=(0.02, 4e-4), warm_up=20, look_every=100),
        denoiser=Stage(steps=5_000, seconds=270.0, warm_up=20, look_every=100),
    ),
    "cpu-three-hours": Config(
        order=Order(),
        shards=400,
        render_seconds=3000.0,
        shapes={(7, 9, 16): 3.0, (4, 9, 16): 1.0, (4, 9, 8): 3.0, (4, 6, 8): 2.0, (1, 9, 16): 0.5},
        tokens=4032,
        squares=(8, 64),
        decoder=Stage(steps=20_000, seconds=6900.0, rates=(0.02, 4e-4), look_every=200),
        denoiser=Stage(steps=20_000, seconds=6900.0, look_every=300),
    ),
    "one-gpu": Config(
        order=Order(clips=64, device="cuda"),
        shards=64,
        held_out=1,
        render_seconds=420.0,
        network={"outer": 512, "inner": 768, "before": 2, "within": 4, "after": 3},
        widths=(96, 160, 256),
        shapes={(7, 9, 16): 3.0, (4, 9, 16): 1.0},
        tokens=65_536,
        squares=(16, 96),
        decoder=Stage(steps=20_000, seconds=300.0, warm_up=200, look_every=2000),
        denoiser=Stage(steps=40_000, seconds=720.0, warm_up=300, rates=(0.02, 5e-4), look_every=2000),
        device="cuda",
    ),
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=sorted(CONFIGS), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--clips", type=Path, help="a folder of clips to learn from; none are rendered")
    parser.add_argument("--only", choices=STAGES, help="do this stage alone")
    parser.add_argument("--processes", type=int, default=2, help="that render")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.clips and not (options.out / "clips").exists():
        (options.out / "clips").symlink_to(options.clips.resolve(), target_is_directory=True)
    stages = (options.only,) if options.only else STAGES
    run(CONFIGS[options.config], options.out, stages, options.processes)


def run(config: Config, out: Path, stages: tuple[str, ...] = STAGES, processes: int = 1) -> None:
    """From nothing to a model in `out`; or on from wherever the last run stopped."""
    if "clips" in stages and not (out / "clips").is_symlink():
        make_dataset(out / "clips", config.shards, config.held_out, config.order, processes, config.render_seconds)
    nets = [stage for stage in ("decoder", "denoiser") if stage in stages]
    if len(nets) == 2 and config.device == "cpu" and torch.get_num_threads() > 1:
        Studio(config, out, bare=True)  # what both need is made once, before they part
        with ProcessPoolExecutor(len(nets), mp_context=get_context("spawn")) as pool:
            for job in [pool.submit(learn, config, out, net, torch.get_num_threads() // 2) for net in nets]:
                job.result()
    else:
        for net in nets:
            learn(config, out, net)
    if "export" in stages:
        print(f"wrote {Studio(config, out, bare=True).export()}", flush=True)


@dataclass(slots=True)
class Course:
    """What one network is taught, until its budget is spent."""

    learner: Learner
    stage: Stage
    loss: Callable[[], torch.Tensor]  # of the next lesson, which the number of the step alone decides
    look: Callable[[], dict[str, float]]  # figures on what is held out
    folder: Path

    def run(self) -> None:
        """Steps until the budget is spent, saved every minute or so."""
        progress = self.learner.progress
        saved = time.monotonic()
        while self.spent < 1.0:
            self.step()
            ended = self.spent >= 1.0
            if progress.step % self.stage.look_every == 0 or ended:
                self._report(self.look())
            if ended or time.monotonic() - saved > self.stage.save_seconds:
                self.learner.save(self.folder)
                saved = time.monotonic()

    def step(self) -> float:
        """One lesson; returns its loss."""
        return self.learner.learn(self.loss, self.pace)

    @property
    def spent(self) -> float:
        """How much of the budget is gone, 0..1."""
        progress, stage = self.learner.progress, self.stage
        return max(progress.step / stage.steps, progress.seconds / stage.seconds if stage.seconds else 0.0)

    @property
    def pace(self) -> float:
        """Learning rate as a share of the full one: warm-up, plateau, linear decay over the last 35 %."""
        return min(1.0, (self.learner.progress.step + 1) / self.stage.warm_up, (1.0 - self.spent) / 0.35 + 0.005)

    def _report(self, figures: dict[str, float]) -> None:
        progress = self.learner.progress
        progress.held_out.append({"step": float(progress.step), **figures})
        self.folder.mkdir(parents=True, exist_ok=True)
        save_curves(self.folder / "curves.png", progress, CURVES[self.folder.name])
        recent = progress.losses[-200:]
        told = [f"{name} {value:.3f}" for name, value in {"train": sum(recent) / len(recent), **figures}.items()]
        print(f"{self.folder.name} {progress.step}  {progress.seconds:.0f} s  {'  '.join(told)}", flush=True)


def learn(config: Config, out: Path, net: str, threads: int | None = None) -> None:
    """Teach one network until its budget is spent. Two side by side learn more than one by one on all cores."""
    if threads:
        torch.set_num_threads(threads)
    studio = Studio(config, out)
    (studio.decoder_lessons() if net == "decoder" else studio.denoiser_lessons()).run()


class Studio:
    """One run: its clips, its fitted patches, its reader of prompts, and the two networks that learn from them."""

    def __init__(self, config: Config, out: Path, bare: bool = False) -> None:
        self.config, self.out, self.device = config, out, config.device
        self.text: TextEncoder = wording.learned(out / "text.safetensors", self.device)
        self.patches, self.deviation = _patches(out, config)
        if not bare:
            self.clips, self.held_out = (Clips(out, kind, self.text, self.device) for kind in ("train", "held_out"))
            print(f"{len(self.clips)} clips to learn from, {len(self.held_out)} held out", flush=True)

    def decoder(self) -> Learner:
        """The decoder as far as it has come."""
        torch.manual_seed(1)
        shape = DecoderConfig(text=self.text.size, widths=self.config.widths, depth=self.config.depth)
        network, average = (DraftDecoder(shape).to(self.device) for _ in range(2))
        learner = Learner(network, average, [], self.config.decoder.rates)
        learner.resume(self.out / "decoder")
        return learner

    def denoiser(self) -> Learner:
        """The denoiser as far as it has come."""
        torch.manual_seed(0)
        shape = DraftConfig(latent=self.config.channels, text=self.text.size, **self.config.network)
        network, average = (DraftVideo(shape).to(self.device) for _ in range(2))
        network.deviation.copy_(self.deviation)
        learner = Learner(network, average, [network.before, network.within, network.after], self.config.denoiser.rates)
        learner.resume(self.out / "denoiser")
        return learner

    def decoder_lessons(self) -> Course:
        """Squares of frames for the decoder."""
        learner, (count, side) = self.decoder(), self.config.squares
        draw = torch.Generator().manual_seed(99)
        shown = [decoding.sitting(self.held_out, count, side, self.patches, self.deviation, draw) for _ in range(4)]
        network, average = _compiled(learner.network, self.device), learner.average

        def loss() -> torch.Tensor:
            draw = torch.Generator().manual_seed(50_000_000 + learner.progress.step)
            lesson = decoding.sitting(self.clips, count, side, self.patches, self.deviation, draw)
            return decoding.painting_loss(network, lesson)

        def look() -> dict[str, float]:
            return decoding.painting_figures(average, shown)  # type: ignore[arg-type]

        return Course(learner, self.config.decoder, loss, look, self.out / "decoder")

    def denoiser_lessons(self) -> Course:
        """Pieces of clips for the denoiser, all of a step of one shape."""
        learner = self.denoiser()
        network = _compiled(learner.network, self.device)
        shapes, odds = list(self.config.shapes), torch.tensor(list(self.config.shapes.values()))

        def loss() -> torch.Tensor:
            draw = torch.Generator().manual_seed(1000 + learner.progress.step)
            shape = shapes[int(torch.multinomial(odds, 1, generator=draw))]
            count = max(1, round(self.config.tokens / (shape[0] * shape[1] * shape[2])))
            return flow_loss(network, self.clips.drawn(count, shape, self.patches, draw), draw)

        return Course(learner, self.config.denoiser, loss, lambda: self._look(learner), self.out / "denoiser")

    def _look(self, learner: Learner) -> dict[str, float]:
        """Figures of the moving average, and a sheet: the truth, the latents alone, painted by the decoder of now."""
        average: Any = learner.average
        figures = judging.held_out_figures(average, self.patches, self.held_out.whole(12, self.patches))
        few = self.held_out.whole(5, self.patches)
        shown = [n for n in SHOWN if n < self.config.order.frames]
        made = judging.sample(average, few, 12, 2.0, 1)
        decoder: Any = self.decoder().average
        rows = [
            self.patches.decode(few.latents)[:, shown],
            self.patches.decode(made)[:, shown],
            judging.painted(decoder, self.patches, self.held_out, made, shown),
        ]
        path = self.out / "denoiser" / f"samples_{learner.progress.step:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        save_picture(path, torch.cat([sheet(row.cpu()) for row in rows], 1))
        return figures

    def export(self) -> Path:
        """Weights and card in `out/model`, the moving averages being what travels."""
        denoiser, decoder = self.denoiser(), self.decoder()
        facts = {
            "script": "core/training/train.py",
            "config": _plain(self.config),
            "clips": len(list((self.out / "clips").glob("train_*.safetensors"))) * self.config.order.clips,
            "torch": torch.__version__,
            "data": "clips rendered by core/training from seeds; no pictures, videos or weights of others",
        }
        for name, learner in (("denoiser", denoiser), ("decoder", decoder)):
            progress = learner.progress
            held_out = progress.held_out[-1] if progress.held_out else {}
            facts[name] = {"steps": progress.step, "seconds": round(progress.seconds), "held_out": held_out}
        network: Any = denoiser.average
        window = 1 + (self.config.order.frames - 1) // 4
        return export(self.out / "model", network, decoder.average, self.patches, self.text, window, facts)  # type: ignore[arg-type]


def _patches(out: Path, config: Config) -> tuple[Patches, torch.Tensor]:
    """The fitted bases and the deviations (2, C) of their channels, fitted once and kept."""
    path = out / "patches.safetensors"
    if not path.exists():
        patches, deviation = fit_patches(out, config.channels)
        save_whole({**patches.state_dict(), "deviation": deviation}, path)
    tensors = load_file(path)
    deviation = tensors.pop("deviation").to(config.device)
    patches = Patches(config.channels).to(config.device)
    patches.load_state_dict(tensors)
    return patches, deviation


def _compiled(network: Any, device: str) -> Any:
    return torch.compile(network, dynamic=False) if device == "cuda" else network


def _plain(config: Config) -> dict[str, Any]:
    """The config as JSON can hold it."""
    shapes = {"x".join(map(str, shape)): odds for shape, odds in config.shapes.items()}
    return asdict(replace(config, shapes={})) | {"shapes": shapes}


if __name__ == "__main__":
    main(sys.argv[1:])
