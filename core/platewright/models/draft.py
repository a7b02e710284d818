"""The embedded model: small pictures of places that move as the camera does, made anywhere without a download."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import weights
from ..camera import CameraPath
from ..errors import BackendError, DeviceLost, OutOfMemory, RequestError
from ..protocol import Emit, FrameRule, ModelCard, PlateRequest, Progress, Stage, Warned

if TYPE_CHECKING:  # a card is read without them
    import numpy
    import torch

    from ..nets.decoder import PatchBasis, SeamHealer
    from ..nets.draft_video import DraftVideo
    from ..sampling import Window

NAME = "draft"
GRIDS = ((7, 4), (7, 3), (6, 4), (5, 5), (4, 6), (4, 7))  # latent cells across and down, as trained
PATCH = 16  # pixels per latent cell
CELLS = 4  # rays per latent cell
SPAN = 4  # frames per latent frame
OVERLAP = 1  # latent frames that lead each window after the first
STEPS = 14
GUIDANCE = 2.0
SHIFT = 2.0  # of the schedule: layout is settled early


def card() -> ModelCard:
    """What the model declares; opens the card beside the weights, never the weights."""
    facts, reason = _facts()
    return ModelCard(
        name=NAME,
        title="Draft",
        kind="draft",
        summary="Small and quick, for previs: mountains, deserts, coasts and more by day and night.",
        licence="Apache-2.0",
        commercial="yes",
        native_size=(GRIDS[0][0] * PATCH, GRIDS[0][1] * PATCH),
        clip=FrameRule(multiple=SPAN, offset=0, maximum=SPAN * int(facts.get("window", 4))),
        default_steps=STEPS,
        max_steps=200,
        default_guidance=GUIDANCE,
        memory_gb=1.0,
        revision=str(facts.get("sha256", "")),
        available=not reason,
        reason=reason,
    )


def open(device: str) -> DraftBackend:  # the table's word for it
    """Load the weights onto a device. Raises RequestError E_DEVICE and what `weights` raises."""
    return DraftBackend(load(chosen_device(device)))


def conditioning(camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
    """The tensors of `conditioning_tensors` as arrays, on the network's own grid of rays unless `size` is given."""
    from ..conditioning import conditioning_tensors

    across, down = nearest_grid(camera)
    tensors = conditioning_tensors(camera, size or (across * CELLS, down * CELLS))
    return {name: tensor.numpy() for name, tensor in tensors.items()}


def nearest_grid(camera: CameraPath) -> tuple[int, int]:
    """The trained grid whose shape is nearest to the picture's; all have about as many cells."""
    aspect = math.log(camera.width / camera.height)
    return min(GRIDS, key=lambda grid: abs(math.log(grid[0] / grid[1]) - aspect))


def chosen_device(device: str) -> torch.device:
    """A device that is there, from auto, cpu, cuda, cuda:N or mps. Raises RequestError E_DEVICE."""
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    there = [f"cuda:{n}" for n in range(count)] + ["mps"] * torch.backends.mps.is_available() + ["cpu"]
    wanted = {"auto": there[0], "cuda": "cuda:0"}.get(device, device)
    if wanted not in there:
        raise RequestError(
            "E_DEVICE", f"There is no device {device!r} here.", f"Choose auto or one of: {', '.join(there)}."
        )
    return torch.device(wanted)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The three networks on their device, and what the card says of them."""

    source: weights.WeightsCard
    device: torch.device
    network: DraftVideo
    basis: PatchBasis
    healer: SeamHealer
    vocabulary: dict[str, int]
    window: int  # latent frames the network sees at once


def load(device: torch.device) -> Loaded:
    """The weights, checked and on the device. Raises what `weights` raises, and OutOfMemory."""
    from ..nets.decoder import PatchBasis, SeamHealer
    from ..nets.draft_video import DraftConfig, DraftVideo

    source = weights.find_card(NAME)
    tensors = weights.load_tensors(source)
    config = DraftConfig(**source.facts["network"])
    network, basis, healer = DraftVideo(config), PatchBasis(config.latent), SeamHealer(**source.facts["healer"])
    for prefix, module in (("network.", network), ("basis.", basis), ("healer.", healer)):
        weights.fill(module, tensors, prefix, source.path.name)
        with _told_plainly(device):
            module.to(device).eval().requires_grad_(False)
    vocabulary = {word: n + 1 for n, word in enumerate(source.facts["words"])}
    return Loaded(source, device, network, basis, healer, vocabulary, source.facts["window"])


class DraftBackend:
    """The embedded model as the engine sees it."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.card = card()

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        import torch

        device = self.loaded.device
        return f"{device} {torch.cuda.get_device_name(device)}" if device.type == "cuda" else str(device)

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number format and versions."""
        import torch

        source = self.loaded.source
        files = [{"file": source.path.name, "sha256": source.sha256}]
        return {"files": files, "dtype": "float32", "torch": torch.__version__}

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The same view in the pixels of the nearest trained grid; the angles of view are exactly the camera's."""
        across, down = nearest_grid(camera)
        return camera.scaled(across * PATCH, down * PATCH)

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[numpy.ndarray]:
        """Yield float32 (H, W, 3) display sRGB pictures; see `base.Backend.generate`.

        Raises OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_NOT_FINITE.
        """
        with _told_plainly(self.loaded.device):
            yield from self._frames(request, camera, job, emit)

    def _frames(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[numpy.ndarray]:
        """Window after window, each going on from the last latent frame of the one before."""
        from .. import sampling

        take = _Take(self.loaded, request, camera, job, emit)
        windows = sampling.plan_windows(-(-len(camera) // SPAN), self.loaded.window, OVERLAP)
        emit(Stage(job, "sampling", f"{len(windows)} windows of {take.steps} steps on {self.device}"))
        latents = None
        for window in windows:
            latents = take.sampled(window, latents, len(windows))
            first, last = window.start + window.given, min(window.stop * SPAN, len(camera))
            yield from self._decoded(latents, take.seen(window), window.given, last - first * SPAN)

    def _decoded(
        self, latents: torch.Tensor, camera: dict[str, torch.Tensor], given: int, count: int
    ) -> Iterator[numpy.ndarray]:
        """The first `count` pictures after the given latent frames; those are decoded too: seams in time heal."""
        seen = self.loaded.healer(self.loaded.basis.decode(latents), camera["directions"], camera["origins"])
        frames = seen[0, given * SPAN : given * SPAN + count]
        if not bool(frames.isfinite().all()):
            raise _not_finite()
        yield from ((frames + 1) / 2).clamp(0, 1).cpu().numpy()


class _Take:
    """One request on one camera: what does not change from window to window."""

    def __init__(self, loaded: Loaded, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> None:
        from ..conditioning import conditioning_tensors

        self.steps = request.steps or STEPS
        self._guidance = GUIDANCE if request.guidance is None else request.guidance
        self._loaded, self._seed, self._job, self._emit = loaded, request.seed, job, emit
        self._across, self._down = nearest_grid(camera)
        self._camera = conditioning_tensors(camera, (self._across * CELLS, self._down * CELLS))
        self._words = self._told(request)

    def _told(self, request: PlateRequest) -> torch.Tensor:
        """Word indices (2, W) of prompt and negative prompt, 0 where there is none."""
        import torch

        from ..conditioning import word_indices

        said, unknown = word_indices(request.prompt, self._loaded.vocabulary)
        avoided, _ = word_indices(request.negative, self._loaded.vocabulary)
        if unknown:
            words = ", ".join(dict.fromkeys(unknown))
            self._emit(
                Warned(
                    self._job,
                    "W_PROMPT_WORDS",
                    f"The draft model does not know these words and leaves them out: {words}.",
                )
            )
        table = torch.zeros(2, max(len(said), len(avoided), 1), dtype=torch.long)
        table[0, : len(said)], table[1, : len(avoided)] = (
            torch.tensor(said, dtype=torch.long),
            torch.tensor(avoided, dtype=torch.long),
        )
        return table.to(self._loaded.device)

    def sampled(self, window: Window, before: torch.Tensor | None, windows: int) -> torch.Tensor:
        """The window's latents (1, L, C, h, w), led by the last ones of the window before."""
        import torch

        from .. import sampling
        from ..nets.draft_video import ray_tokens

        shape = (1, window.stop - window.start, self._loaded.network.config.latent, self._down, self._across)
        noisy = sampling.window_noise(shape, self._seed, window.index).to(self._loaded.device)
        if before is not None:
            noisy = torch.cat([before[:, -window.given :], noisy[:, window.given :]], 1)
        camera = self.seen(window)
        rays = ray_tokens(camera["directions"], camera["origins"], camera["headings"])
        times = sampling.schedule(self.steps, SHIFT)
        for step, (now, then) in enumerate(itertools.pairwise(times)):
            noisy = sampling.sample_step(lambda x, t: self._denoised(x, t, rays), noisy, window.given, now, then)
            self._emit(Progress(self._job, "sampling", window.index * self.steps + step + 1, windows * self.steps))
        if not bool(noisy.isfinite().all()):
            raise _not_finite()
        return noisy

    def seen(self, window: Window) -> dict[str, torch.Tensor]:
        """The window's slice of the camera tensors, with a batch axis; past the path's end the camera rests."""
        import torch

        frames = torch.arange(window.start * SPAN, window.stop * SPAN).clamp_max(len(self._camera["headings"]) - 1)
        return {name: tensor[frames][None].to(self._loaded.device) for name, tensor in self._camera.items()}

    def _denoised(self, noisy: torch.Tensor, times: torch.Tensor, rays: torch.Tensor) -> torch.Tensor:
        """The guided clean guess: prompt and negative prompt side by side in one batch."""
        from .. import sampling

        if self._guidance == 1.0:
            return self._loaded.network(noisy, times, rays, self._words[:1])
        both = self._loaded.network(
            *(tensor.expand(2, *tensor.shape[1:]) for tensor in (noisy, times, rays)), self._words
        )
        return sampling.guided(both[:1], both[1:], self._guidance)


def _facts() -> tuple[dict[str, Any], str]:
    """The card's facts, and why the model is not available, if so."""
    try:
        return weights.find_card(NAME).facts, ""
    except BackendError as error:
        return {}, error.for_people()


def _not_finite() -> BackendError:
    return BackendError(
        "E_NOT_FINITE", "The draft model produced values that are not numbers.", "Try another seed or device."
    )


@contextlib.contextmanager
def _told_plainly(device: torch.device) -> Iterator[None]:
    """What torch says of memory and lost devices, in the words of `errors`."""
    import torch

    try:
        yield
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise OutOfMemory(
            "E_OOM", f"{device} has too little memory for the draft model.", "Close other programs."
        ) from error
    except RuntimeError as error:
        if "allocate memory" in str(error) or "out of memory" in str(error):
            raise OutOfMemory(
                "E_OOM", f"{device} has too little memory for the draft model.", "Close other programs."
            ) from error
        if isinstance(error, torch.AcceleratorError):
            raise DeviceLost(
                "E_DEVICE_LOST", f"{device} stopped answering: {error}.", "Restart Blender or the worker."
            ) from error
        raise
