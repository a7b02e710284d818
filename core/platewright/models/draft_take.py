"""One request on the draft model: window after window of latents, each led by the last frames of the one before."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.nn import functional

from .. import fitting
from ..camera import CameraPath
from ..conditioning import ray_features
from ..errors import BackendError
from ..nets.draft_decoder import DOUBT, in_time, no_paints
from ..nets.draft_denoiser import CELLS, seen_by_cells, seen_frames
from ..nets.patches import PATCH, SPAN
from ..protocol import Emit, PlateRequest, Progress, Stage, Warned
from ..sampling import frames_noise, guided, sample_step, schedule, window_noise
from ..sights import Guide
from ..world_noise import WorldNoise
from .draft import DETAIL, GUIDANCE, STEPS, Loaded, frame_rule
from .draft_drape import Drape
from .draft_place import Place, completed, drawn_place, prospect
from .draft_scene import Told, looked, shown
from .first_frame import first_picture

SHIFT = 2.0  # of the schedule: layout is settled early
LEAD = 3  # latent frames that lead each window after the first
BATCH = 4  # frames that are painted at once


class Take:
    """What does not change from window to window."""

    def __init__(
        self, loaded: Loaded, request: PlateRequest, camera: CameraPath, native: CameraPath, job: str, emit: Emit
    ) -> None:
        self._loaded, self._native, self._job, self._emit = loaded, native, job, emit
        self._seed, self._done = request.seed, 0
        self._guidance = GUIDANCE if request.guidance is None else request.guidance
        self._times = schedule(request.steps or STEPS, SHIFT)
        self._words = self._read(request)
        self._told, self._place = self._placed(request, camera)
        self._drape = self._draped(request)
        self._grid = native.width // (PATCH * DETAIL), native.height // (PATCH * DETAIL)
        self._shown = self._shown_cells()
        self._noise = WorldNoise(self._told.seed, loaded.device)
        self._lead = min(LEAD, loaded.window - 1)
        overlap = 1 + SPAN * (self._lead - 1)
        self._windows = fitting.windows(len(native), frame_rule(loaded.window), overlap)

    @property
    def decided(self) -> dict[str, Any]:
        """What the manifest is told of this take."""
        steps = len(self._times) - 1
        sampler = {"scheduler": "Euler", "shift": SHIFT, "steps": steps, "guidance": self._guidance}
        laid = {"first_frame": "laid over the scene and seen again from the camera"}
        return {"sampler": sampler, **(laid if self._drape else {})}

    @torch.no_grad()
    def pictures(self) -> Iterator[numpy.ndarray]:
        """Pictures (H, W, 3), display sRGB 0..1, of the whole path."""
        self._emit(Stage(self._job, "sampling", f"{len(self._windows)} windows on {self._loaded.device}"))
        lead = None
        for window in self._windows:
            made = self._latents(window, lead)
            is_last = window is self._windows[-1]
            stop = window.stop - window.start - (0 if is_last else 1)  # the last one still lacks the one behind it
            yield from self._painted(window, made, range(max(0, window.given - 1), stop))
            lead = None if is_last else self._loaded.patches.carried(made, self._lead)

    def _read(self, request: PlateRequest) -> Tensor:
        """Vectors (2, T) of prompt and negative prompt; what is not understood is told."""
        reader = self._loaded.text
        left_out = [word for text in (request.prompt, request.negative) for word in reader.left_out(text)]
        if left_out:
            listed = ", ".join(dict.fromkeys(left_out))
            message = f"The draft model does not know and leaves out: {listed}."
            self._emit(Warned(self._job, "W_PROMPT_WORDS", message))
        return reader.read([request.prompt, request.negative]).float()

    def _placed(self, request: PlateRequest, camera: CameraPath) -> tuple[Told, Place]:
        """What is known of the scene, and a place drawn from the seed for the rest; the prompt's vector says it."""
        told, warning = Told.by(request, camera, self._native)
        if warning:
            self._emit(Warned(self._job, "W_BELOW_GROUND", warning))
        reader = self._loaded.text
        self._emit(Stage(self._job, "laying out", "a place around the camera"))
        place = drawn_place(told.seed, reader.understood(self._words[0]), self._native, told)
        self._words[0] = completed(self._words[0], reader.config.attributes, place.world)
        return replace(told, sun=place.sun if told.sun is None else told.sun), place

    def _shown_cells(self) -> dict[str, Tensor]:
        """What tokens are given of the whole path."""
        fine = self._grid[0] * CELLS, self._grid[1] * CELLS
        camera, frames = self._native.scaled(*fine), torch.arange(len(self._native)).split(BATCH)
        seen = [prospect(camera, some, self._told, self._place, painted=False).guide for some in frames]
        there = [guide for guide in seen if guide is not None]
        guide = Guide(torch.cat([g.distance for g in there]), torch.cat([g.normals for g in there])) if there else None
        return shown(self._native, self._told, guide, self._grid, fine)

    def _draped(self, request: PlateRequest) -> Drape | None:
        """The request's first picture over the scene, if it names one."""
        if request.first_frame is None:
            return None
        picture = torch.from_numpy(first_picture(request, self._native, self._job, self._emit))
        return Drape(picture.permute(2, 0, 1), self._native, self._told)

    def _latents(self, window: fitting.Window, lead: Tensor | None) -> Tensor:
        """The window's latents (1, L, C, h, w), those in `lead` first."""
        loaded, count = self._loaded, 1 + (window.length - 1) // SPAN
        wide, high = self._grid
        shape = (1, count + 1, loaded.network.config.latent, high, wide)
        noisy = frames_noise(window_noise(shape, self._seed, window.index)).to(loaded.device)
        given = 0 if lead is None else lead.shape[1]
        if lead is not None:
            noisy = torch.cat([lead, noisy[:, given:]], 1)
        seen, light = self._seen(window, count)
        for now, then in itertools.pairwise(self._times):
            noisy = sample_step(lambda x, t: self._denoised(x, t, seen, light), noisy, given, now, then)
            self._stepped()
        return _finite(noisy)

    def _denoised(self, noisy: Tensor, times: Tensor, seen: Tensor, light: Tensor) -> Tensor:
        """The guided clean guess: prompt and negative prompt side by side in one batch."""
        voices = 1 if self._guidance == 1.0 else 2
        given = [tensor.expand(voices, *tensor.shape[1:]) for tensor in (noisy, times, seen, light)]
        with self._quickly():
            clean = self._loaded.network(*given[:3], self._words[:voices], given[3]).float()
        return clean if voices == 1 else guided(clean[:1], clean[1:], self._guidance)

    def _seen(self, window: fitting.Window, count: int) -> tuple[Tensor, Tensor]:
        """What the window's cells are shown (1, L, cells, SEEN), and the light (1, L, LIGHT)."""
        frames = self._frames(window, seen_frames(count))
        given = {name: tensor[frames][None] for name, tensor in self._shown.items()}
        rays = ray_features(given["directions"], given["origins"], given["headings"])
        seen = seen_by_cells(given["sights"], rays)
        return seen.to(self._loaded.device), given["light"][:, 1::2].to(self._loaded.device)

    def _frames(self, window: fitting.Window, within: Sequence[int]) -> Tensor:
        """Frames of the path, of frames of a window; past the path's end the camera rests."""
        return (torch.tensor(within) + window.start).clamp_max(len(self._native) - 1)

    def _painted(self, window: fitting.Window, latents: Tensor, within: range) -> Iterator[numpy.ndarray]:
        """The decoder's pictures of some of a window's frames."""
        linear, device = self._tones(self._loaded.patches.decode(latents)[0]), self._loaded.device
        for first in range(within.start, within.stop, BATCH):
            part = within[first - within.start :][:BATCH]
            frames = self._frames(window, part)
            before = prospect(self._native, frames, self._told, self._place)
            seen, light = looked(self._native, self._told, before.guide, frames, self._noise, device)
            paints = no_paints(seen) if before.paints is None else before.paints.to(device)
            doubt, words = torch.full((len(part),), DOUBT, device=device), self._words[:1].expand(len(part), -1)
            between = in_time(linear, torch.tensor(part, device=device))
            with self._quickly():
                made = self._loaded.decoder(between, seen, paints, words, light, doubt).float()
            pictures = ((_finite(made) + 1) / 2).clamp(0, 1).cpu()
            if self._drape is not None:
                pictures = self._drape.over(pictures, frames)
            yield from pictures.permute(0, 2, 3, 1).numpy()

    def _tones(self, linear: Tensor) -> Tensor:
        """Linear pictures (F, H, W, 3) at the native size, smooth across cells: what is finer is not to be trusted."""
        cells = functional.avg_pool2d(linear.permute(0, 3, 1, 2), PATCH)
        size = self._native.height, self._native.width
        return functional.interpolate(cells, size, mode="bicubic").permute(0, 2, 3, 1)

    def _quickly(self) -> torch.autocast:
        """In the number format that is quick here."""
        loaded = self._loaded
        return torch.autocast(loaded.device.type, loaded.dtype, enabled=loaded.dtype != torch.float32)

    def _stepped(self) -> None:
        """One more step is behind us."""
        self._done += 1
        self._emit(Progress(self._job, "sampling", self._done, len(self._windows) * (len(self._times) - 1)))


def _finite(values: Tensor) -> Tensor:
    """The values, if they are numbers. Raises BackendError E_NOT_FINITE."""
    if bool(values.isfinite().all()):
        return values
    message = "The draft model produced values that are not numbers."
    raise BackendError("E_NOT_FINITE", message, "Try another seed or device.")
