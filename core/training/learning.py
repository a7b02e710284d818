"""One step of learning: noise, loss, two optimisers, a moving average, and how all of it is kept and resumed."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from platewright.nets.draft_video import DraftVideo, ray_tokens

from .latents import Batch


@dataclass(slots=True)
class Progress:
    """Where a run stands."""

    step: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    held_out: list[dict[str, float]] = field(default_factory=list)


class Learner:
    """A network with its moving average and optimisers: Muon for the blocks' matrices, AdamW for the rest."""

    def __init__(self, network: DraftVideo, average: DraftVideo, rates: tuple[float, float]) -> None:
        self.network, self.average, self.rates = network, average, rates
        self.progress = Progress()
        average.load_state_dict(network.state_dict())
        matrices = [p for p in network.blocks.parameters() if p.ndim == 2 and min(p.shape) > 6]
        chosen = {id(p) for p in matrices}
        rest = [p for p in network.parameters() if id(p) not in chosen]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.Muon(matrices, lr=rates[0], weight_decay=0.0),
            torch.optim.AdamW(rest, lr=rates[1], betas=(0.9, 0.98), weight_decay=0.0),
        ]

    def learn(self, batch: Batch, words: Tensor, seed: int, pace: float) -> float:
        """One step at `pace` (0..1) of the full learning rates; returns the loss."""
        loss = flow_loss(self.network, batch, words, torch.Generator().manual_seed(seed))
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        for optimiser, rate in zip(self.optimisers, self.rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * pace
            optimiser.step()
            optimiser.zero_grad()
        self.progress.step += 1
        self._follow()
        return loss.item()

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(0.998, (1 + self.progress.step) / (10 + self.progress.step))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1.0 - keep)

    def save(self, folder: Path) -> None:
        """Write the last state; what is under its final name is whole. The record comes last and names the tensors."""
        name = f"state_{self.progress.step:06d}.safetensors"
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v for k, v in self.average.state_dict().items()}
        for n, optimiser in enumerate(self.optimisers):
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{n}.{index}.{k}": v for k, v in state.items()}
        save_file({k: v.detach().clone().contiguous() for k, v in tensors.items()}, folder / f"{name}.part")
        os.replace(folder / f"{name}.part", folder / name)
        record = {
            "step": self.progress.step,
            "seconds": self.progress.seconds,
            "losses": self.progress.losses,
            "held_out": self.progress.held_out,
            "state": name,
        }
        (folder / "progress.json.part").write_text(json.dumps(record))
        os.replace(folder / "progress.json.part", folder / "progress.json")
        for old in folder.glob("state_*.safetensors"):
            if old.name != name:
                old.unlink()

    def resume(self, folder: Path) -> bool:
        """Take up the last state of this folder, if there is one."""
        if not (folder / "progress.json").exists():
            return False
        record = json.loads((folder / "progress.json").read_text())
        tensors = load_file(folder / record.pop("state"))
        self.progress = Progress(**record)
        self.network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("network.")})
        self.average.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("average.")})
        for n, optimiser in enumerate(self.optimisers):
            _restore(optimiser, {k: v for k, v in tensors.items() if k.startswith(f"optimiser.{n}.")})
        return True


def _restore(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        _, _, index, name = key.split(".")
        state.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def flow_loss(network: DraftVideo, batch: Batch, words: Tensor, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity that the predicted clean latent implies, over all frames that are not given.

    Channels are weighed by their deviation, and times by the error to be expected there, so that none drowns others.
    Times lean towards noise: many cells agree on a scene's light, so it is settled early (Esser et al. 2024, 5.3.2).
    Two clips in five start with finished latent frames (half of them slightly noisy): so windows learn to go on.
    """
    clean = batch.latents
    count, frames = clean.shape[:2]
    even = (torch.randperm(count, generator=generator)[:, None] + torch.rand(count, 1, generator=generator)) / count
    time = torch.sigmoid(1.3 + 1.5 * torch.special.ndtri(even.clamp(1e-4, 1 - 1e-4))).expand(count, frames)
    leads = torch.rand(count, 1, generator=generator) < 0.4
    given = torch.randint(1, frames, (count, 1), generator=generator) * leads
    rough = (torch.rand(count, 1, generator=generator) - 0.5).clamp_min(0.0) * 0.3
    context = torch.arange(frames)[None] < given
    time = torch.where(context, rough, time).to(clean.device)
    noise = torch.randn(clean.shape, generator=generator).to(clean.device)
    spread = time[:, :, None, None, None]
    noisy = (1 - spread) * clean + spread * noise
    with torch.autocast(clean.device.type, dtype=torch.bfloat16):
        found = network(noisy, time, ray_tokens(batch.directions, batch.origins, batch.headings), words)
    error = ((found.float() - clean) / spread.clamp_min(0.05)) ** 2
    share = network.deviation / network.deviation.mean()
    error = error * (share / _expected(network.deviation, share, time))[..., None, None]
    wanted = (~context).to(clean.device)[:, :, None, None, None]
    return (error * wanted).sum() / (wanted.sum() * error[0, 0].numel())


def _expected(deviation: Tensor, share: Tensor, time: Tensor) -> Tensor:
    """The weighed velocity error (B, L, 1) at each time of a guess that knows nothing but the channels' deviations."""
    t = time[..., None]
    return (share * deviation**2 / (((1 - t) * deviation) ** 2 + t * t)).mean(-1, keepdim=True)
