"""The embedded model: small pictures of places that move as the camera does, made anywhere without a download."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .. import weights
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..errors import BackendError
from ..protocol import Emit, PlateRequest
from . import device as devices

if TYPE_CHECKING:  # a card is read without them
    import numpy
    import torch

    from ..nets.draft_decoder import DraftDecoder
    from ..nets.draft_denoiser import DraftVideo
    from ..nets.draft_text import TextEncoder
    from ..nets.patches import Patches

NAME = "draft"
PATCH = 16  # pixels across and down a latent cell
SPAN = 4  # frames in a latent frame
DETAIL = 2  # pixels painted for each of the latents', across and down: what is painted on does not end there
CELLS = 144  # about as many in a picture of any shape: 16 x 9
STEPS = 8
GUIDANCE = 1.5


def card() -> ModelCard:
    """What the model declares; opens the card beside the weights, never the weights."""
    facts, reason = _facts()
    return ModelCard(
        name=NAME,
        title="Draft",
        kind="draft",
        summary="Small and quick, for previs: mountains, coasts, cities and more, by day and night, in any weather.",
        licence="Apache-2.0",
        commercial="yes",
        native_size=(16 * PATCH * DETAIL, 9 * PATCH * DETAIL),
        clip=frame_rule(int(facts.get("window", 7))),
        default_steps=STEPS,
        max_steps=200,
        default_guidance=GUIDANCE,
        takes_guide=True,
        takes_first_frame=True,
        memory_gb=1.6,                             # 1.55 at its peak on a CPU: 25 frames, 1280x720
        drift_deg=2.0,
        revision=_revision(facts),
        available=not reason,
        reason=reason,
    )


def frame_rule(window: int) -> FrameRule:
    """How many frames a window of latent frames has: the first stands for one, each other for SPAN."""
    return FrameRule(multiple=SPAN, offset=1, maximum=1 + SPAN * (window - 1))


def gpu(device: str) -> str:
    """The UUID of the GPU that it would run on, as CUDA itself tells; empty elsewhere. Raises RequestError E_DEVICE."""
    return devices.uuid(devices.chosen(device))


def open(device: str) -> DraftBackend:  # the table's word for it
    """Load the weights onto a device. Raises RequestError E_DEVICE and what `weights` raises."""
    return DraftBackend(load(devices.chosen(device)))


def conditioning(camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
    """What the model is shown of a camera as arrays, as if nothing but the camera were told, and seed 0.

    directions, moments, origins, headings   rays of the cells; see `conditioning_tensors`
    sights                                   (F, C, H, W) what the rays meet, the channels `SIGHT_NAMES`
    light                                    (F, 4) of the sun; see `light_beside`
    Rays and sights are on the network's own grids (sights four times as fine), or both on a grid of `size`.
    """
    from ..nets.draft_denoiser import CELLS as FINER
    from .draft_scene import Told, shown

    across, down = nearest_grid(camera)
    given = shown(camera, Told.nothing(camera), None, size or (across, down), size or (across * FINER, down * FINER))
    return {name: tensor.numpy() for name, tensor in given.items()}


def nearest_grid(camera: CameraPath) -> tuple[int, int]:
    """Latent cells across and down: about CELLS of them, in about the picture's shape."""
    shape = math.log(camera.width / camera.height)
    grids = [(across, down) for across in range(4, 37) for down in range(4, 37)]
    return min(
        grids,
        key=lambda grid: abs(math.log(grid[0] / grid[1]) - shape) + 0.5 * abs(math.log(grid[0] * grid[1] / CELLS)),
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """The networks on their device, and what the card says of them."""

    source: weights.WeightsCard
    device: torch.device
    dtype: torch.dtype  # that the networks compute in
    network: DraftVideo
    decoder: DraftDecoder
    patches: Patches
    text: TextEncoder
    window: int  # latent frames the network sees at once


def load(device: torch.device) -> Loaded:
    """The weights, checked and on the device. Raises what `weights` raises, and OutOfMemory."""
    from ..nets.draft_decoder import DecoderConfig, DraftDecoder
    from ..nets.draft_denoiser import DraftConfig, DraftVideo
    from ..nets.draft_text import TextConfig, TextEncoder
    from ..nets.patches import Patches

    source = weights.find_card(NAME)
    facts, tensors = source.facts, weights.load_tensors(source)
    config, painting = DraftConfig(**facts["network"]), facts["decoder"]
    network, patches = DraftVideo(config), Patches(config.latent)
    widths = tuple(painting["widths"])
    decoder = DraftDecoder(DecoderConfig(text=painting["text"], widths=widths, depth=painting["depth"]))
    text = TextEncoder(TextConfig(**facts["text"]))
    parts = {"network.": network, "decoder.": decoder, "patches.": patches, "text.": text}
    for prefix, module in parts.items():
        weights.fill(module, tensors, prefix, source.path.name)
        with devices.told_plainly(device, "the draft model"):
            module.to(device).eval().requires_grad_(False)
    return Loaded(source, device, number_format(device), network, decoder, patches, text, facts["window"])


def number_format(device: torch.device) -> torch.dtype:
    """Half precision where it is quicker: on GPUs, and on processors with matrix units for it."""
    import torch

    quick = device.type == "cuda" or (device.type == "cpu" and torch.cpu.get_capabilities().get("amx_bf16", False))
    return torch.bfloat16 if quick else torch.float32


class DraftBackend:
    """The embedded model as the engine sees it."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.card = card()
        self._decided: dict[str, Any] = {}  # by `generate`, for the manifest

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        return devices.words(self.loaded.device)

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number format, versions, and what took the steps."""
        import torch

        files = [{"file": name, "sha256": sha256} for name, sha256 in self.loaded.source.files.items()]
        dtype = str(self.loaded.dtype).removeprefix("torch.")
        return {"files": files, "dtype": dtype, "torch": torch.__version__, **self._decided}

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The same view in the pixels of the nearest grid; the angles of view are exactly the camera's."""
        across, down = nearest_grid(camera)
        return camera.scaled(across * PATCH * DETAIL, down * PATCH * DETAIL)

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[numpy.ndarray]:
        """Yield float32 (H, W, 3) display sRGB pictures; see `base.Backend.generate`.

        Raises OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_NOT_FINITE, RequestError of a bad guide.
        """
        from .draft_take import Take

        with devices.told_plainly(self.loaded.device, "the draft model"):
            take = Take(self.loaded, request, camera, self.native_camera(camera), job, emit)
            self._decided = take.decided
            yield from take.pictures()


def _facts() -> tuple[dict[str, Any], str]:
    """The card's facts, and why the model is not available, if so."""
    try:
        return weights.find_card(NAME).facts, ""
    except BackendError as error:
        return {}, error.for_people()


def _revision(facts: dict[str, Any]) -> str:
    """One hash for all the files that the card names."""
    hashes = "".join(facts.get("files", {}).values())
    return hashlib.sha256(hashes.encode("ascii")).hexdigest() if hashes else ""
