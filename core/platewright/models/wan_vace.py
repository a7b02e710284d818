"""Wan-VACE: the scene's own depth is painted over, frame by frame, so the camera is whatever Blender's camera is.

    prompt -> embeddings (encoder gone) | guide -> pictures (`guided`), plate and mask (`wan_keeping`)
           -> diffusers' WanVACEPipeline -> latents on disk -> streamed through the VAE -> pictures

The mask is white where the model paints and black where it keeps. The guide is to be painted over: white. A plate that
is given takes the guide's place where its own mask is black. A first frame is to be kept, and so is the last picture of
the window before: they lead with a black mask. Of a plate that is made anew in part, the frames before and after the
part are kept, and hold it at both ends. The pipeline itself cuts what it is shown in two by that mask, what is
kept (inactive) and what is painted over (reactive), encodes both, and hands the model the mask in blocks of 8 x 8.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting, keeping
from ..anchors import Anchors, windows_of
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..pictures import Picture
from ..protocol import Emit, PlateRequest, Stage
from . import checkpoint, device, folder_model, guided, needs, wan_keeping, wan_prompts, wan_running
from .first_frame import first_picture
from .folder_model import FolderModel, Take, config_of, hashes_of, looked_through, why_not
from .quicker import ATTENTION

if TYPE_CHECKING:  # a card is read without them
    import numpy
    import torch

STEPS = 50
GUIDANCE = 5.0
SHIFT = 3.0
FPS = 16.0
CLASS = "WanVACETransformer3DModel"
WEIGHTS = ("transformer", "vae", "text_encoder")
PARTS = ("transformer", "vae", "scheduler", *wan_prompts.PARTS)


@dataclass(frozen=True, slots=True)
class Kind(folder_model.Kind):
    """One of the published models, as `models` sees a module."""

    name: str
    title: str
    layers: int
    native: tuple[int, int] = (832, 480)
    longest: int = 81                              # frames

    @property
    def clip(self) -> FrameRule:
        return FrameRule(multiple=4, offset=1, maximum=self.longest)

    def card(self, folder: Path | None = None) -> ModelCard:
        """What the model declares; looks whether its folder is there, opens nothing."""
        return self.told(
            why_not(self.name, folder),
            (*ATTENTION, "compile"),               # a cache would add the guide's hints a second time
            summary="Paints over the scene's own depth (--guide), or into a plate (--plate, --mask).",
            licence="Apache-2.0",
            commercial="yes",
            fps=FPS,
            default_steps=STEPS,
            default_guidance=GUIDANCE,
            takes_guide=True,
            takes_plate=True,
            takes_first_frame=True,
            anchors="both",
            drift_deg=2.5,
        )

    def open(self, device_name: str, folder: Path | None = None) -> WanVace:
        """Look through the model's folder; weights are read as they are needed.

        Raises RequestError E_DEVICE and what `folder_model.looked_through` raises.
        """
        chosen = device.chosen(device_name)
        return WanVace(self, looked_through(self.name, folder, PARTS, WEIGHTS), chosen)

    def recognises(self, folder: Path) -> bool:
        """Whether a folder is laid out as this model's: what its config tells, where it must lie."""
        config = config_of(folder / "transformer" / "config.json")
        return (config.get("_class_name"), config.get("num_layers")) == (CLASS, self.layers)

    def conditioning(self, camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
        """`video` (1, 3, F, H, W) in -1..1 and `mask` (1, 3, F, H, W), 1 where it is painted over: the layout's.

        A guide or a plate belongs to a request and is not known here. Windows as in `wan_fun`.
        """
        native = camera.scaled(*(size or self.native))
        guide, found = guided.Guide(native), dict[str, Any]()
        for window in fitting.windows(len(native), self.clip):
            shown, mask = conditions(guide, fitting.held(native, window), None)
            mark = f".{window.index}" if window.index else ""
            found |= {f"video{mark}": 2 * _upright(shown) - 1, f"mask{mark}": _upright(mask)}
        return found


VARIANTS = {
    kind.name: kind
    for kind in (
        Kind("wan-vace-1.3b", "Wan2.1-VACE 1.3B", 30),
        Kind("wan-vace-14b", "Wan2.1-VACE 14B", 40),
    )
}


def conditions(
    guide: guided.Guide, clip: CameraPath, first: Picture | None, keeper: wan_keeping.Keeper | None = None
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """What a window is shown and where it is to paint: both (F, H, W, 3), 0..1, white where it paints.

    What is kept of a plate is the plate's own in every picture, also in the one that leads.
    """
    import numpy

    shown = numpy.stack([guide.picture(frame) for frame in clip.frames])
    mask = numpy.ones_like(shown)
    if first is not None:
        shown[0], mask[0] = first, 0.0
    for place, frame in enumerate(clip.frames if keeper else ()):
        assert keeper is not None
        if found := keeper.seen(frame):
            plate, paint = found
            shown[place][~paint], mask[place][~paint] = plate[~paint], 0.0
    return shown, mask


class WanVace(FolderModel):
    """The model as the engine sees it."""

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number formats, versions; `generate` adds what guide it had."""
        return self._told(PARTS, dtype={"transformer": str(wan_running.dtype_on(self._device)), "vae": "float32"})

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[Picture]:
        """Yield float32 (H, W, 3) display sRGB pictures; see `base.Backend.generate`.

        Raises RequestError E_FIRST_FRAME, OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_NOT_FINITE and
        what `checkpoint` and `guides` raise.
        """
        native = self.native_camera(camera)
        windows = windows_of(request, self.card, native)
        teller = wan_running.Teller(job, emit, (request.steps or STEPS) * len(windows))
        first = first_picture(request, native, job, emit) if request.first_frame else None
        self._facts["world_speed"] = teller.speed(native.fps, FPS)
        self._facts["windows"] = fitting.spans(native, windows)
        self._samples(request, shift=SHIFT)
        keeper = wan_keeping.Keeper(native, keeping.found(request), Anchors.of(request, native))
        with device.told_plainly(self._device, self.card.title), _guide(request, native) as guide:
            self._facts["guide"] = guide.kind
            emit(Stage(job, "loading", "reading the prompt"))
            take = _Take(self.card.name, self._folder, self._device, request, teller, guide, keeper)
            emit(Stage(job, "sampling", f"{len(windows)} windows on {self._device}"))
            yield from take.pictures(native, windows, first)


def _guide(request: PlateRequest, native: CameraPath) -> AbstractContextManager[guided.Guide]:
    """What is to be painted over; around a plate nothing, where no guide is asked for."""
    if request.plate is not None and request.guide is None and request.guide_kind is None:
        return nullcontext(wan_keeping.Blank(native))
    return guided.opened(request, native)


class _Take(Take):
    """One request on one device."""

    def __init__(
        self,
        name: str,
        folder: Path,
        chosen: torch.device,
        request: PlateRequest,
        teller: wan_running.Teller,
        guide: guided.Guide,
        keeper: wan_keeping.Keeper,
    ) -> None:
        super().__init__(name, hashes_of(folder, PARTS), chosen, request, teller)
        self._folder, self._guide, self._keeper = folder, guide, keeper
        self._told = wan_prompts.told(folder, request.prompt, request.negative, chosen, self._dtype)

    def decoded(self, found: torch.Tensor) -> Generator[Picture]:
        """Pictures of latents, one by one."""
        return wan_running.pictures(self.model.vae, found, self._device)

    def _made(self, clip: CameraPath, index: int, first: Picture | None) -> torch.Tensor:
        import torch

        given = conditions(self._guide, clip, first, self._keeper)
        shown, mask = (torch.from_numpy(pictures).permute(0, 3, 1, 2) for pictures in given)
        made = self.model(
            video=[shown],
            mask=[mask],
            prompt_embeds=self._told[0].to(self._device),
            negative_prompt_embeds=self._told[1].to(self._device),
            height=clip.height,
            width=clip.width,
            num_frames=len(clip),
            num_inference_steps=self._request.steps or STEPS,
            guidance_scale=GUIDANCE if self._request.guidance is None else self._request.guidance,
            generator=wan_running.noise_of(self._request.seed, index),
            output_type="latent",
            callback_on_step_end=self._teller.stepped,
        )
        return made.frames.float().cpu()

    def _loaded(self) -> Any:
        return wan_running.placed(_pipeline(self._folder, self._dtype), self._device, needs.beside_bytes(self._name))


def _pipeline(folder: Path, dtype: torch.dtype) -> Any:
    import torch
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan
    from diffusers.models.transformers.transformer_wan_vace import WanVACETransformer3DModel
    from diffusers.pipelines.wan.pipeline_wan_vace import WanVACEPipeline

    nothing: Any = None                            # prompts come as embeddings
    made = WanVACEPipeline(
        tokenizer=nothing,
        text_encoder=nothing,
        vae=checkpoint.load(AutoencoderKLWan, folder / "vae", torch.float32),
        scheduler=wan_running.scheduler(folder / "scheduler", SHIFT),
        transformer=checkpoint.load(WanVACETransformer3DModel, folder / "transformer", dtype),
    )
    made.set_progress_bar_config(disable=True)
    return made


def _upright(pictures: numpy.ndarray) -> numpy.ndarray:
    """(F, H, W, 3) as (1, 3, F, H, W)."""
    import numpy

    return numpy.ascontiguousarray(pictures.transpose(3, 0, 1, 2)[None])
