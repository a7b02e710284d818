"""One step of learning: a loss, two optimisers, a moving average, and how all of it is kept and resumed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from platewright.nets.draft_denoiser import DraftVideo
from platewright.sampling import frames_noise

from .latents import Lesson
from .progress import Progress, save_whole

GIVEN = 0.4  # share of the clips that begin with finished latent frames: so windows learn to go on
LEADS = (1, 3)  # of them: a first frame, or what the window before has made
ROUGH = 0.15  # most noise on what is given
AVERAGED = 0.9985  # of the moving average is kept in each step, in the long run


class Learner:
    """A network with its moving average and optimisers: Muon for the matrices of its blocks, AdamW for the rest."""

    def __init__(
        self, network: nn.Module, average: nn.Module, blocks: list[nn.Module], rates: tuple[float, float]
    ) -> None:
        self.network, self.average, self.rates = network, average, rates
        self.progress = Progress()
        average.load_state_dict(network.state_dict())
        average.eval().requires_grad_(False)
        inside = {id(parameter) for block in blocks for parameter in block.parameters()}
        matrices = [p for p in network.parameters() if id(p) in inside and p.ndim == 2 and min(p.shape) > 6]
        chosen = {id(p) for p in matrices}
        rest = [p for p in network.parameters() if id(p) not in chosen]
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(rest, lr=rates[1], betas=(0.9, 0.98), weight_decay=0.0)
        ]
        if matrices:
            self.optimisers.insert(0, torch.optim.Muon(matrices, lr=rates[0], weight_decay=0.0))

    def learn(self, loss_of: Callable[[], Tensor], pace: float) -> float:
        """One step at `pace` (0..1) of the full learning rates; returns the loss."""
        started = worked()
        loss = loss_of()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        rates = self.rates[-len(self.optimisers) :]
        for optimiser, rate in zip(self.optimisers, rates, strict=True):
            optimiser.param_groups[0]["lr"] = rate * pace
            optimiser.step()
            optimiser.zero_grad()
        self.progress.step += 1
        self._follow()
        self.progress.losses.append(round(loss.item(), 5))
        self.progress.seconds += worked() - started
        return self.progress.losses[-1]

    @torch.no_grad()
    def _follow(self) -> None:
        keep = min(AVERAGED, (1 + self.progress.step) / (10 + self.progress.step))
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1.0 - keep)

    def save(self, folder: Path) -> None:
        """Write the state of now; the record comes last and names the tensors."""
        folder.mkdir(parents=True, exist_ok=True)
        self.progress.state = f"state_{self.progress.step:06d}.safetensors"
        tensors = {f"network.{k}": v for k, v in self.network.state_dict().items()}
        tensors |= {f"average.{k}": v.clone() for k, v in self.average.state_dict().items()}
        for n, optimiser in enumerate(self.optimisers):
            for index, state in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser.{n}.{index}.{k}": v for k, v in state.items()}
        save_whole(tensors, folder / self.progress.state)
        self.progress.save(folder / "progress.json")
        for old in sorted(folder.glob("state_*.safetensors"))[:-2]:  # another process may be reading the one before
            old.unlink()

    def resume(self, folder: Path) -> bool:
        """Take up the last state of this folder, if there is one."""
        if not (folder / "progress.json").exists():
            return False
        self.progress = Progress.load(folder / "progress.json")
        tensors = load_file(folder / self.progress.state)
        self.network.load_state_dict(_under("network.", tensors))
        self.average.load_state_dict(_under("average.", tensors))
        for n, optimiser in enumerate(self.optimisers):
            _restore(optimiser, _under(f"optimiser.{n}.", tensors))
        return True


def worked() -> float:
    """Seconds that count for a budget: those of the clock, or without a GPU those that all threads worked together.

    So a machine that is shared with others learns as much, only later.
    """
    return time.monotonic() if torch.cuda.is_available() else time.process_time() / torch.get_num_threads()


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _restore(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Any]] = {}
    for key, tensor in tensors.items():
        index, name = key.split(".")
        state.setdefault(int(index), {})[name] = tensor
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def flow_loss(network: DraftVideo, lesson: Lesson, generator: torch.Generator) -> Tensor:
    """Mean squared error of the velocity that the predicted clean latent implies, over all frames that are not given.

    Channels are weighed by their deviation, and times by the error to be expected there, so that none drowns others.
    Times lean towards noise: many cells agree on a scene's light, so it is settled early (Esser et al. 2024, 5.3.2).
    """
    clean = lesson.latents
    time, given = (part.to(clean.device) for part in noise_times(len(clean), clean.shape[1], generator))
    noise = drawn_noise(clean, generator)
    spread = time[:, :, None, None, None]
    with torch.autocast(clean.device.type, dtype=torch.bfloat16):
        found = network((1 - spread) * clean + spread * noise, time, lesson.seen, lesson.text, lesson.light)
    error = ((found.float() - clean) / spread.clamp_min(0.05)) ** 2
    deviation = network.deviations(clean.shape[1])
    share = deviation / deviation.mean(1, keepdim=True)
    error = error * (share / _expected(deviation, share, time))[..., None, None]
    wanted = (~given)[:, :, None, None, None]
    return (error * wanted).sum() / (wanted.sum() * error[0, 0].numel())


def drawn_noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Noise such as latents (B, L, C, h, w) begin from."""
    batch, frames, *cell = like.shape
    return frames_noise(torch.randn((batch, frames + 1, *cell), generator=generator)).to(like.device)


def noise_times(count: int, frames: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Diffusion times (B, L), spread evenly over a batch, and which frames are given (B, L)."""
    even = (torch.randperm(count, generator=generator)[:, None] + torch.rand(count, 1, generator=generator)) / count
    time = torch.sigmoid(1.3 + 1.5 * torch.special.ndtri(even.clamp(1e-4, 1 - 1e-4))).expand(count, frames)
    leads = torch.tensor(LEADS)[torch.randint(len(LEADS), (count, 1), generator=generator)].clamp_max(frames - 1)
    given = torch.arange(frames)[None] < leads * (torch.rand(count, 1, generator=generator) < GIVEN)
    rough = (torch.rand(count, 1, generator=generator) - 0.5).clamp_min(0.0) * 2 * ROUGH
    return torch.where(given, rough, time), given


def _expected(deviation: Tensor, share: Tensor, time: Tensor) -> Tensor:
    """The weighed velocity error (B, L, 1) at each time of a guess that knows nothing but the channels' deviations."""
    t = time[..., None]
    return (share * deviation**2 / (((1 - t) * deviation) ** 2 + t * t)).mean(-1, keepdim=True)
