"""Make the embedded model: `python -m training.train --config cpu-hour --out DIR` (with core/ on PYTHONPATH).

Renders the clips that are missing, fits the patch basis, trains network and seam healer, writes weights and card.
Stopped at any point, the same command goes on from its last checkpoint.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from platewright.nets.decoder import PatchBasis
from platewright.nets.draft_video import DraftConfig, DraftVideo

from .captions import vocabulary
from .dataset import load_shard, make_dataset, shard_path
from .evaluate import held_out_figures, sample
from .export import export
from .healing import HEALER, guess, heal, seam_ratio, train_healer
from .latents import Batch, draw_batch, draw_words, fit_basis, load_clips, take
from .learning import Learner, Progress
from .report import save_curves, save_picture, sheet


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One budget."""

    shards: int
    clips: int  # per shard
    frames: int = 20  # rendered per clip
    window: int = 4  # latent frames the network sees at once
    channels: int = 192
    width: int = 256
    depth: int = 7
    heads: int = 4
    batch: int = 32
    steps: int
    seconds: float | None = None  # training ends here at the latest, its decay included
    warm_up: int = 80
    rates: tuple[float, float] = (0.02, 1e-3)  # Muon, AdamW
    silence: float = 0.12  # share of clips without words
    save_every: int = 100
    look_every: int = 200
    healer_steps: int = 300
    device: str = "cpu"


CONFIGS = {
    "cpu-smoke": Config(
        shards=1,
        clips=6,
        channels=64,
        width=64,
        depth=2,
        heads=2,
        batch=4,
        steps=4,
        warm_up=1,
        save_every=2,
        look_every=2,
        healer_steps=2,
    ),
    "cpu-hour": Config(shards=64, clips=64, batch=16, steps=8000, seconds=3500.0, save_every=200, look_every=300),
    "one-gpu": Config(
        shards=400,
        clips=64,
        width=512,
        depth=12,
        heads=8,
        batch=64,
        steps=20000,
        seconds=1500.0,
        rates=(0.02, 5e-4),
        device="cuda",
        look_every=1000,
        save_every=1000,
        healer_steps=3000,
    ),
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", choices=sorted(CONFIGS), required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args(arguments)
    run(CONFIGS[options.config], options.out, options.processes)


def run(config: Config, out: Path, processes: int) -> Learner:
    """From nothing to a trained network in `out`; or from wherever the last run stopped."""
    clips = out / "clips"
    make_dataset(clips, config.shards, config.clips, config.frames, processes)
    basis, deviation = basis_of(out, clips, config)
    groups = load_clips(clips, "train", config.shards, basis, mirror=True)
    (held_out,) = load_clips(clips, "held_out", 1, basis, mirror=False)
    learner = make_learner(config, deviation)
    learner.resume(out)
    train(learner, config, groups, held_out, basis, out)
    finish(learner, config, basis, out)
    return learner


def finish(learner: Learner, config: Config, basis: PatchBasis, out: Path) -> None:
    """The seam healer, then weights and card in `out/model`, the moving average being what travels."""
    words_at = word_table()
    average = learner.average.eval()
    healer = train_healer(average, basis, out / "clips", words_at, config.healer_steps, out / "healer.safetensors")
    held_out = load_shard(shard_path(out / "clips", "held_out", 0))
    shown = guess(average, basis, held_out, words_at, torch.Generator().manual_seed(7))
    healed = heal(healer, shown)
    facts = {
        "script": "core/training/train.py",
        "config": asdict(config),
        "steps": learner.progress.step,
        "clips_seen": learner.progress.step * config.batch,
        "seconds": round(learner.progress.seconds),
        "torch": torch.__version__,
        "data": "clips rendered by core/training from seeds; no pictures, videos or weights of others",
        "held_out": learner.progress.held_out[-1] if learner.progress.held_out else {},
        "healer": {
            "error": mean_error(shown.frames, shown.true),
            "error_healed": mean_error(healed, shown.true),
            "seams_true": seam_ratio(shown.true),
            "seams": seam_ratio(shown.frames),
            "seams_healed": seam_ratio(healed),
        },
    }
    print(f"wrote {export(out / 'model', average, basis, healer, HEALER, config.window, facts)}", flush=True)


def mean_error(frames: torch.Tensor, true: torch.Tensor) -> float:
    """Mean absolute difference in 0..1."""
    return (frames - true).abs().mean().item() / 2


def basis_of(out: Path, clips: Path, config: Config) -> tuple[PatchBasis, torch.Tensor]:
    """The fitted basis and the deviation of its channels, fitted once and kept."""
    path = out / "basis.safetensors"
    if not path.exists():
        basis, deviation = fit_basis(clips, min(4, config.shards), config.channels)
        save_file({**basis.state_dict(), "deviation": deviation}, path)
    tensors = load_file(path)
    deviation = tensors.pop("deviation")
    basis = PatchBasis(config.channels)
    basis.load_state_dict(tensors)
    return basis, deviation


def make_learner(config: Config, deviation: torch.Tensor) -> Learner:
    """A new network and its moving average; the same numbers every time."""
    torch.manual_seed(0)
    shape = DraftConfig(
        latent=config.channels, width=config.width, depth=config.depth, heads=config.heads, words=len(vocabulary()) + 1
    )
    network, average = (DraftVideo(shape).to(config.device) for _ in range(2))
    network.deviation.copy_(deviation)
    return Learner(network, average, config.rates)


def train(learner: Learner, config: Config, groups: list[Batch], held_out: Batch, basis: PatchBasis, out: Path) -> None:
    """Steps until the budget is spent; draws depend on the step's number alone, so a resumed run is the same run."""
    progress = learner.progress
    while share_spent(config, progress) < 1.0:
        step(learner, config, groups)
        if progress.step % config.look_every == 0:
            look(learner, config, held_out, basis, out)
        if progress.step % config.save_every == 0:
            learner.save(out)
    learner.save(out)


def step(learner: Learner, config: Config, groups: list[Batch]) -> float:
    """Learn from one batch; returns the loss."""
    started, progress = time.monotonic(), learner.progress
    generator = torch.Generator().manual_seed(1000 + progress.step)
    batch = draw_batch(groups, config.batch, config.window, generator)
    words = draw_words(batch.kinds, word_table(), config.silence, generator)
    loss = learner.learn(on(batch, config.device), words.to(config.device), progress.step, pace(config, progress))
    progress.losses.append(round(loss, 5))
    progress.seconds += time.monotonic() - started
    return progress.losses[-1]


def word_table() -> dict[str, int]:
    """Indices of the words; 0 is kept for silence."""
    return {word: n + 1 for n, word in enumerate(vocabulary())}


def on(batch: Batch, device: str) -> Batch:
    there = [field.to(device) for field in (batch.latents, batch.directions, batch.origins, batch.headings)]
    return Batch(*there, kinds=batch.kinds)


def share_spent(config: Config, progress: Progress) -> float:
    """How much of the budget is gone, 0..1."""
    return max(progress.step / config.steps, progress.seconds / config.seconds if config.seconds else 0.0)


def pace(config: Config, progress: Progress) -> float:
    """Learning rate as a share of the full one: warm-up, plateau, linear decay over the last 35 %."""
    return min(1.0, (progress.step + 1) / config.warm_up, (1.0 - share_spent(config, progress)) / 0.35 + 0.005)


def look(learner: Learner, config: Config, held_out: Batch, basis: PatchBasis, out: Path) -> None:
    """Figures and pictures of the moving average on what it never saw."""
    generator = torch.Generator().manual_seed(3)
    batch = take(held_out, torch.arange(min(32, len(held_out.kinds))), 0, config.window)
    words = draw_words(batch.kinds, word_table(), 0.0, generator, held_out=True)
    basis = basis.to(config.device)
    figures = held_out_figures(learner.average, basis, on(batch, config.device), words.to(config.device))
    progress = learner.progress
    progress.held_out.append({"step": float(progress.step), **figures})
    few = take(held_out, torch.arange(min(6, len(held_out.kinds))), 0, config.window)
    made = sample(learner.average, on(few, config.device), words[: len(few.kinds)].to(config.device), 12, 2.0, 1)
    pictures = torch.cat(
        [sheet(basis.decode(latents.to(config.device)).cpu(), (0, 8, 15)) for latents in (made, few.latents)], 1
    )
    basis.cpu()
    save_picture(out / f"samples_{progress.step:06d}.png", pictures)
    save_curves(out / "curves.png", progress)
    recent = progress.losses[-100:]
    told = "  ".join(f"{name} {value:.3f}" for name, value in figures.items())
    print(f"step {progress.step}  {progress.seconds:.0f} s  train {sum(recent) / len(recent):.4f}  {told}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
