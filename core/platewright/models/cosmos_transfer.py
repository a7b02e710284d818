"""Cosmos-Transfer2.5: a ControlNet holds the model to the scene's depth, or to its edges, picture by picture.

    prompt -> guardrail -> embeddings (encoder gone) | guide -> pictures (`guided`)
           -> diffusers' Cosmos2_5_TransferPipeline -> latents on disk -> streamed through Wan's VAE, a window at a time
           -> guardrail -> pictures

A model's folder is NVIDIA's own diffusers layout; each ControlNet lies in a folder beside it, `-depth` or `-edge`
behind its name, and only the one that the guide asks for is read. Without a guide the edges are those of the layout:
the horizon and the grid. Every window is 93 pictures, as the model was made for: a shorter shot rests on its last pose
for the remainder, which is cut off again.

Built on NVIDIA Cosmos.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..errors import BackendError
from ..pictures import Picture, bytes_from_display
from ..protocol import Emit, PlateRequest, Stage
from . import checkpoint, cosmos_guardrail, cosmos_prompts, device, folder_model, guided, wan_running
from .first_frame import first_picture
from .folder_model import FolderModel, Take, config_of, hashes_of, looked_through, why_not

if TYPE_CHECKING:  # a card is read without them
    import numpy
    import torch

NAME = "cosmos-transfer2.5"
STEPS = 36
GUIDANCE = 3.0
FPS = 30.0
CLASS = "CosmosTransformer3DModel"
WEIGHTS = ("transformer", "vae", "text_encoder")
PARTS = ("transformer", "vae", "scheduler", *cosmos_prompts.PARTS)
GUIDES = ("depth", "edges", "grid")
CONTROLS = {"depth": "depth", "edges": "edge", "grid": "edge"}  # the ControlNet for each kind of guide
CANNY = (100, 200)  # NVIDIA's "medium"


@dataclass(frozen=True, slots=True)
class Kind(folder_model.Kind):
    """The published model, as `models` sees a module."""

    name: str = NAME
    title: str = "Cosmos-Transfer2.5 2B"
    native: tuple[int, int] = (1280, 704)
    window: int = 93                               # frames, always

    @property
    def clip(self) -> FrameRule:
        return FrameRule(multiple=self.window - 1, offset=1, maximum=self.window)

    def card(self, folder: Path | None = None) -> ModelCard:
        """What the model declares; looks whether its folder and the guardrail are there, opens nothing."""
        return self.told(
            why_not(self.name, folder) or cosmos_guardrail.lacking(),
            ("cudnn",),
            summary="Held to the scene's depth or edges (--guide), or to a grid where there is none.",
            licence="LicenseRef-scancode-nvidia-open-model-2025",
            commercial="conditions",
            fps=FPS,
            default_steps=STEPS,
            default_guidance=GUIDANCE,
            takes_first_frame=True,
            takes_guide=True,
            anchors="start",
            drift_deg=2.5,
        )

    def open(self, device_name: str, folder: Path | None = None) -> CosmosTransfer:
        """Look through the model's folder; weights are read as they are needed.

        Raises RequestError E_DEVICE and what `folder_model.looked_through` raises.
        """
        chosen = device.chosen(device_name)
        return CosmosTransfer(self, looked_through(self.name, folder, PARTS, WEIGHTS), chosen)

    def recognises(self, folder: Path) -> bool:
        """Whether a folder is laid out as this model's: a transformer that takes what a ControlNet adds."""
        config = config_of(folder / "transformer" / "config.json")
        return config.get("_class_name") == CLASS and bool(config.get("controlnet_block_every_n"))

    def conditioning(self, camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
        """`control_video` (1, 3, F, H, W) in -1..1: the edges of the layout, for the ControlNet of edges.

        A guide belongs to a request and is not known here. Later windows are `control_video.1` ...
        """
        import numpy

        native = camera.scaled(*(size or self.native))
        guide, found = guided.Guide(native), dict[str, Any]()
        for window in fitting.windows(len(native), self.clip):
            pictures = shown(guide, fitting.held(native, window))
            upright = numpy.ascontiguousarray(pictures.transpose(3, 0, 1, 2)[None])
            found[f"control_video.{window.index}" if window.index else "control_video"] = 2 * upright - 1
        return found


VARIANTS = {kind.name: kind for kind in (Kind(),)}


def shown(guide: guided.Guide, clip: CameraPath) -> numpy.ndarray:
    """What the ControlNet sees in a window: (F, H, W, 3), 0..1; of a grid its edges, as NVIDIA's script draws them."""
    import cv2
    import numpy

    pictures = numpy.stack([guide.picture(frame) for frame in clip.frames])
    if guide.kind != "grid":
        return pictures
    codes = [cv2.cvtColor(bytes_from_display(picture), cv2.COLOR_RGB2GRAY) for picture in pictures]
    edges = numpy.stack([cv2.Canny(grey, *CANNY) for grey in codes]).astype(numpy.float32) / 255
    return numpy.repeat(edges[..., None], 3, axis=3)


def control_folder(folder: Path, kind: str) -> Path:
    """The ControlNet for a kind of guide, beside the model's folder.

    Raises BackendError E_MODEL_MISSING, and what `checkpoint.examine` and `weight_files` raise.
    """
    found = folder.with_name(f"{folder.name}-{CONTROLS[kind]}")
    if not found.is_dir():
        hint = f"Fetch it with `platewright models pull {found.name}`, or take a guide of another kind."
        raise BackendError("E_MODEL_MISSING", f"The ControlNet for a guide of {kind} is not at {found}.", hint)
    checkpoint.examine(found, ())
    checkpoint.weight_files(found)
    return found


class CosmosTransfer(FolderModel):
    """The model as the engine sees it."""

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number formats, versions; `generate` adds guide, ControlNet and world speed."""
        dtype = {"transformer": str(wan_running.dtype_on(self._device)), "vae": "float32"}
        return self._told(PARTS, dtype=dtype, guardrail="cosmos_guardrail", notice="Built on NVIDIA Cosmos")

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[Picture]:
        """Yield float32 (H, W, 3) display sRGB pictures; see `base.Backend.generate`.

        Raises RequestError E_GUARDRAIL, E_FIRST_FRAME, OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError
        E_GUARDRAIL, E_GUARDRAIL_MISSING, E_NOT_FINITE and what `checkpoint` and `guided` raise.
        """
        native = self.native_camera(camera)
        windows = fitting.windows(len(native), self.card.clip)
        teller = wan_running.Teller(job, emit, (request.steps or STEPS) * len(windows))
        first = first_picture(request, native, job, emit) if request.first_frame else None
        self._facts["world_speed"] = teller.speed(native.fps, FPS)
        self._facts["windows"] = fitting.spans(native, windows)
        self._samples(request)
        with device.told_plainly(self._device, self.card.title), guided.opened(request, native, GUIDES) as guide:
            control = control_folder(self._folder, guide.kind)
            emit(Stage(job, "loading", "the guardrail reads the prompt"))
            guardrail = cosmos_guardrail.Guardrail()
            guardrail.refuse_prompt(request.prompt)
            self._facts |= {"guide": guide.kind, "control": checkpoint.files(control.parent, [control.name])}
            emit(Stage(job, "loading", "reading the prompt"))
            take = _Take(self.card.name, self._folder, control, self._device, request, teller, guide, guardrail)
            emit(Stage(job, "sampling", f"{len(windows)} windows on {self._device}"))
            yield from take.pictures(native, windows, first)


class _Take(Take):
    """One request on one device."""

    def __init__(
        self,
        name: str,
        folder: Path,
        control: Path,
        chosen: torch.device,
        request: PlateRequest,
        teller: wan_running.Teller,
        guide: guided.Guide,
        guardrail: cosmos_guardrail.Guardrail,
    ) -> None:
        hashes = hashes_of(folder, PARTS) + hashes_of(control.parent, [control.name])
        super().__init__(name, hashes, chosen, request, teller)
        self._folder, self._control, self._guide, self._guardrail = folder, control, guide, guardrail
        self._told = cosmos_prompts.told(folder, request.prompt, request.negative, chosen, self._dtype)

    def decoded(self, found: torch.Tensor) -> Generator[Picture]:
        """The pictures of a window, once the guardrail has seen them all."""
        yield from self._guardrail.passed(list(self.model.pictures(found)))

    def _made(self, clip: CameraPath, index: int, first: Picture | None) -> torch.Tensor:
        pictures = shown(self._guide, clip)
        return self.model.sampled(self._request, pictures, index, first, self._told, self._teller.stepped)

    def _loaded(self) -> Any:
        from .cosmos_sampling import Sampler

        return Sampler(self._folder, self._control, self._guardrail, self._device, self._dtype)
