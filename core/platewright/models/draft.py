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

    Passes = tuple[torch.Tensor, torch.Tensor]

NAME = "draft"
GRIDS = ((7, 4), (7, 3), (6, 4), (5, 5), (4, 6), (4, 7))  # latent cells across and down, as trained
PATCH = 16  # pixels per latent cell
CELLS = 4  # rays per latent cell
SPAN = 4  # frames per latent frame
OVERLAP = 1  # latent frames that lead each window after the first
STEPS = 14
GUIDANCE = 2.0
MARGIN = PATCH // 2  # pixels: half a latent cell
EASED = 2  # frames that change when the next latent frame is known
SEAM = 0.1  # of -1..1: a larger step between cells is the edge of something
AGAIN = 0.65  # time from which the second pass starts
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
        drift_deg=2.0,
        revision=str(facts.get("sha256", "")),
        available=not reason,
        reason=reason,
    )


def gpu(device: str) -> str:
    """The UUID of the GPU that it would run on, as CUDA itself tells; empty elsewhere. Raises RequestError E_DEVICE."""
    import torch

    chosen = chosen_device(device)
    return str(torch.cuda.get_device_properties(chosen).uuid) if chosen.type == "cuda" else ""


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

        files = [{"file": name, "sha256": sha256} for name, sha256 in self.loaded.source.files.items()]
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

        windows = sampling.plan_windows(-(-len(camera) // SPAN), self.loaded.window, OVERLAP)
        take = _Take(self.loaded, request, self.native_camera(camera), len(windows), _Teller(job, emit))
        emit(Stage(job, "sampling", f"{len(windows)} windows on {self.device}"))
        made: Passes | None = None
        for window in windows:
            made = take.sampled(window, made)
            begin = window.start * SPAN
            first = begin + window.given * SPAN - EASED if window.given else 0
            last = len(camera) if window is windows[-1] else window.stop * SPAN - EASED
            yield from take.pictures(window, made)[first - begin : last - begin].cpu().numpy()


class _Teller:
    """Tells one job's events."""

    def __init__(self, job: str, emit: Emit) -> None:
        self._job, self._emit, self._done = job, emit, 0

    def stepped(self, total: int) -> None:
        """One more step of `total` is behind us."""
        self._done += 1
        self._emit(Progress(self._job, "sampling", self._done, total))

    def unknown(self, words: list[str]) -> None:
        """The model leaves these words out."""
        listed = ", ".join(dict.fromkeys(words))
        self._emit(Warned(self._job, "W_PROMPT_WORDS", f"The draft model does not know and leaves out: {listed}."))


class _Take:
    """One request on one camera: what does not change from window to window.

    Each window is sampled twice: from noise, then from half noise on a grid half a cell away, where the first pass's
    seams lie in the middle of cells and are painted over.
    """

    def __init__(
        self, loaded: Loaded, request: PlateRequest, native: CameraPath, windows: int, teller: _Teller
    ) -> None:
        from ..sampling import schedule

        steps = request.steps or STEPS
        self._times = schedule(steps, SHIFT)
        self._times_again = [AGAIN * time for time in schedule(math.ceil(0.4 * steps))]
        self._total = windows * (len(self._times) + len(self._times_again) - 2)
        self._guidance = GUIDANCE if request.guidance is None else request.guidance
        self._loaded, self._seed, self._teller = loaded, request.seed, teller
        self._views = [_view(camera, loaded.device) for camera in (native, _wider(native))]
        self._words = self._told(request)

    def sampled(self, window: Window, before: Passes | None) -> Passes:
        """The window's latents of both passes, led by the last ones of the window before."""
        import torch

        first = self._pass(window, 0, self._noise(window, 0), before and before[0], self._times)
        coarse = self._loaded.basis.decode(first)[0].permute(0, 3, 1, 2)
        moved = torch.nn.functional.pad(coarse, (MARGIN,) * 4, mode="replicate").permute(0, 2, 3, 1)[None]
        noisy = (1 - AGAIN) * self._loaded.basis.encode(moved) + AGAIN * self._noise(window, 1)
        return first, self._pass(window, 1, noisy, before and before[1], self._times_again)

    def pictures(self, window: Window, made: Passes) -> torch.Tensor:
        """The window's pictures (F, H, W, 3), display sRGB 0..1, given ones too; the last EASED are not final."""
        from ..nets.decoder import eased

        camera = self._seen(window, 1)
        frames = self._loaded.healer(self._loaded.basis.decode(made[1]), camera["directions"], camera["origins"])
        calm = eased(_finite(frames[0]), 0, SPAN, EASED, 2.0)
        for axis in (1, 2):
            calm = eased(calm, axis, PATCH, PATCH // 3, SEAM)
        return ((calm[:, MARGIN:-MARGIN, MARGIN:-MARGIN] + 1) / 2).clamp(0, 1)

    def _pass(
        self, window: Window, view: int, noisy: torch.Tensor, before: torch.Tensor | None, times: list[float]
    ) -> torch.Tensor:
        """Latents (1, L, C, h, w) sampled along `times`, the given ones taken from `before`."""
        import torch

        from ..nets.draft_video import ray_tokens
        from ..sampling import sample_step

        if before is not None:
            noisy = torch.cat([before[:, -window.given :], noisy[:, window.given :]], 1)
        rays = ray_tokens(**self._seen(window, view))
        for now, then in itertools.pairwise(times):
            noisy = sample_step(lambda x, t: self._denoised(x, t, rays), noisy, window.given, now, then)
            self._teller.stepped(self._total)
        return _finite(noisy)

    def _noise(self, window: Window, view: int) -> torch.Tensor:
        from ..sampling import calmed, window_noise

        high, wide = (cells // CELLS for cells in self._views[view]["directions"].shape[-2:])
        shape = (1, window.stop - window.start, self._loaded.network.config.latent, high, wide)
        return calmed(window_noise(shape, self._seed, 2 * window.index + view)).to(self._loaded.device)

    def _seen(self, window: Window, view: int) -> dict[str, torch.Tensor]:
        """The window's slice of a view's rays, with a batch axis; past the path's end the camera rests."""
        import torch

        camera = self._views[view]
        frames = torch.arange(window.start * SPAN, window.stop * SPAN).clamp_max(len(camera["headings"]) - 1)
        return {name: camera[name][frames][None] for name in ("directions", "origins", "headings")}

    def _told(self, request: PlateRequest) -> torch.Tensor:
        """Word indices (2, W) of prompt and negative prompt, 0 where there is none."""
        import torch

        from ..conditioning import word_indices

        said, unknown = word_indices(request.prompt, self._loaded.vocabulary)
        avoided, strange = word_indices(request.negative, self._loaded.vocabulary)
        if unknown or strange:
            self._teller.unknown([*unknown, *strange])
        longest = max(len(said), len(avoided), 1)
        rows = [words + [0] * (longest - len(words)) for words in (said, avoided)]
        return torch.tensor(rows, device=self._loaded.device)

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


def _view(camera: CameraPath, device: torch.device) -> dict[str, torch.Tensor]:
    """The camera tensors on the grid of rays that belongs to a camera in the network's own pixels."""
    from ..conditioning import conditioning_tensors

    tensors = conditioning_tensors(camera, (camera.width * CELLS // PATCH, camera.height * CELLS // PATCH))
    return {name: tensor.to(device) for name, tensor in tensors.items()}


def _wider(native: CameraPath) -> CameraPath:
    """Half a cell more on every side: the same view on a grid half a cell away."""
    return native.cropped(-MARGIN, -MARGIN, native.width + 2 * MARGIN, native.height + 2 * MARGIN)


def _finite(values: torch.Tensor) -> torch.Tensor:
    """The values, if they are numbers. Raises BackendError E_NOT_FINITE."""
    if bool(values.isfinite().all()):
        return values
    message = "The draft model produced values that are not numbers."
    raise BackendError("E_NOT_FINITE", message, "Try another seed or device.")


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
