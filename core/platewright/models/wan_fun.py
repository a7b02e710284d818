"""Wan-Fun's Control-Camera models: a first picture goes where the camera goes.

    prompt -> embeddings (encoder gone) | camera -> Pluecker rays -> adapter, once per window
           -> diffusers' WanImageToVideoPipeline, the adapter's feature added to every patch embedding
           -> latents on disk -> streamed through the VAE -> pictures

A model's folder is the published one without its pickles (`.pth`): the transformer in VideoX-Fun's layout. VAE, text
encoder, tokenizer and scheduler stand beside it as in Wan-AI's `...-Diffusers` folder of the same generation, and for
the models of Wan 2.1 image_encoder and image_processor too.

Length  these models learned from paths whose unit nobody knows. Rule: the median depth of the scene is 1, where a depth
        guide tells it; without one, metres go in as they are, and that is said.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting, guides
from ..anchors import windows_of
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..pictures import Picture
from ..protocol import Emit, PlateRequest, Stage
from . import device, folder_model, quicker, wan_fun_camera, wan_prompts, wan_running
from .first_frame import first_picture
from .folder_model import FolderModel, Take, config_of, hashes_of, looked_through, why_not

if TYPE_CHECKING:  # a card is read without them
    import torch

STEPS = 50
GUIDANCE = 6.0
DEPTHS_MAX = 32  # pictures of a guide that are looked at for the scene's depth
COMMON = ("vae", "scheduler", *wan_prompts.PARTS)
CLIP_PARTS = ("image_encoder", "image_processor")
SCALE_RULE = "median scene depth is 1 where a guide tells it, else metres as they are"


@dataclass(frozen=True, slots=True)
class Kind(folder_model.Kind):
    """One of the published models, as `models` sees a module."""

    name: str
    title: str
    native: tuple[int, int]
    longest: int                                   # frames
    fps: float
    shift: float                                   # of the noise levels
    channels: int                                  # that its patch embedding takes
    layers: int
    experts: tuple[str, ...] = (".",)              # folders of its transformers, for high noise first
    boundary: float | None = None                  # share of the noise from which the second one takes over
    per_token: bool = False                        # the 5B: its own time for each token, 16 x VAE

    @property
    def has_clip(self) -> bool:
        """The models of Wan 2.1 see the first picture through CLIP, and know no mask."""
        return self.channels == 32

    @property
    def parts(self) -> tuple[str, ...]:
        return (*self.experts, *COMMON, *(CLIP_PARTS if self.has_clip else ()))

    @property
    def clip(self) -> FrameRule:
        return FrameRule(multiple=wan_fun_camera.GROUP, offset=1, maximum=self.longest)

    def card(self, folder: Path | None = None) -> ModelCard:
        """What the model declares; looks whether its folder is there, opens nothing."""
        return self.told(
            why_not(self.name, folder),
            quicker.NAMES,
            summary="A first picture goes on along your camera; a depth guide sets its scale.",
            licence="Apache-2.0",
            commercial="yes",
            fps=self.fps,
            default_steps=STEPS,
            default_guidance=GUIDANCE,
            needs_first_frame=True,
            takes_guide=True,
            anchors="both",
            drift_deg=5.0,
        )

    def open(self, device_name: str, folder: Path | None = None) -> WanFun:
        """Look through the model's folder; weights are read as they are needed.

        Raises RequestError E_DEVICE and what `folder_model.looked_through` raises.
        """
        chosen = device.chosen(device_name)
        found = looked_through(self.name, folder, self.parts, (*self.experts, "vae", "text_encoder"))
        return WanFun(self, found, chosen)

    def recognises(self, folder: Path) -> bool:
        """Whether a folder is laid out as this model's: what its config tells, where it must lie."""
        config = config_of(folder / self.experts[0] / "config.json")
        return (config.get("in_dim"), config.get("num_layers")) == (self.channels, self.layers)

    def conditioning(self, camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
        """`plucker` (F, H, W, 6) and `control_camera_video` (1, 24, T, H, W), lengths in metres as they are.

        At 832x480 (the 5B: 1280x704) where no size is given; the last pose is held until 4k + 1 frames are full. A path
        beyond the model's longest clip goes on in `plucker.1`, `control_camera_video.1` ..., each from its own start.
        """
        width, height = size or self.native
        found: dict[str, Any] = {}
        for window in fitting.windows(len(camera), self.clip):
            rays = wan_fun_camera.plucker(fitting.held(camera, window), width, height)
            mark = f".{window.index}" if window.index else ""
            found |= {f"plucker{mark}": rays, f"control_camera_video{mark}": wan_fun_camera.packed(rays)}
        return found


_480P, _720P = (832, 480), (1280, 704)
_A14B = ("high_noise_model", "low_noise_model")
VARIANTS = {
    kind.name: kind
    for kind in (
        Kind("wan-fun-camera", "Wan2.2-Fun A14B Control-Camera", _480P, 81, 16.0, 3.0, 36, 40, _A14B, 0.9),
        Kind("wan-fun-camera-5b", "Wan2.2-Fun 5B Control-Camera", _720P, 121, 24.0, 5.0, 100, 30, per_token=True),
        Kind("wan-fun-camera-1.3b", "Wan2.1-Fun 1.3B Control-Camera", _480P, 81, 16.0, 3.0, 32, 30),
        Kind("wan-fun-camera-14b", "Wan2.1-Fun 14B Control-Camera", _480P, 81, 16.0, 3.0, 32, 40),
    )
}


class WanFun(FolderModel):
    """The model as the engine sees it."""

    def __init__(self, kind: Kind, folder: Path, chosen: torch.device) -> None:
        super().__init__(kind, folder, chosen)
        self._kind = kind

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number formats, versions, the rule of lengths; `generate` adds what it decided."""
        dtype = {"camera": "float32", "transformer": str(wan_running.dtype_on(self._device)), "vae": "float32"}
        return self._told(self._kind.parts, dtype=dtype, scale_rule=SCALE_RULE)

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[Picture]:
        """Yield float32 (H, W, 3) display sRGB pictures; see `base.Backend.generate`.

        Raises RequestError E_FIRST_FRAME, OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_NOT_FINITE and
        what `checkpoint` raises.
        """
        native = self.native_camera(camera)
        windows = windows_of(request, self.card, native)
        steps = request.steps or STEPS
        teller = wan_running.Teller(job, emit, steps * len(windows))
        first = first_picture(request, native, job, emit)
        self._facts["world_speed"] = teller.speed(native.fps, self._kind.fps)
        self._facts["windows"] = fitting.spans(native, windows)
        self._facts["scale"] = scale = scene_scale(request)
        experts = {} if self._kind.boundary is None else {"boundary": self._kind.boundary}
        self._samples(request, shift=self._kind.shift, **experts)
        if scale == 1.0 and request.guide is None and fitting.reach(native) > 0:
            teller.warn("W_SCALE", "How far the scene is, no guide tells: the model takes metres for its own unit.")
        with device.told_plainly(self._device, self.card.title):
            emit(Stage(job, "loading", "reading the prompt"))
            take = _Take(self._kind, self._folder, self._device, request, native, scale, teller)
            emit(Stage(job, "sampling", f"{len(windows)} windows on {self._device}"))
            yield from take.pictures(native, windows, first)


def scene_scale(request: PlateRequest) -> float:
    """1 / the median depth in metres of what the guide shows, over up to 32 of its pictures; 1 without a guide."""
    import numpy

    if request.guide is None:
        return 1.0
    files = list(guides.DepthGuide.open(request.guide.opened(), request.camera).files.values())
    chosen = files[:: -(-len(files) // DEPTHS_MAX)]
    depths = [1 / near[near > 0] for near in (guides.nearness(guides.read_depth(file)) for file in chosen)]
    whole = numpy.concatenate(depths)
    return float(1 / numpy.median(whole)) if len(whole) else 1.0


class _Take(Take):
    """One request on one device."""

    def __init__(
        self,
        kind: Kind,
        folder: Path,
        chosen: torch.device,
        request: PlateRequest,
        native: CameraPath,
        scale: float,
        teller: wan_running.Teller,
    ) -> None:
        from .far_side import FarSide

        super().__init__(kind.name, hashes_of(folder, kind.parts), chosen, request, teller)
        self._far_side = FarSide(request, native, kind.clip.multiple)
        self._kind, self._folder, self._scale = kind, folder, scale
        self._told = wan_prompts.told(folder, request.prompt, request.negative, chosen, self._dtype)

    def decoded(self, found: torch.Tensor) -> Generator[Picture]:
        """Pictures of latents, one by one."""
        return wan_running.pictures(self.model.pipeline.vae, found, self._device)

    def _made(self, clip: CameraPath, index: int, first: Picture | None) -> torch.Tensor:
        assert first is not None                   # the request has one, and later windows have the one before
        shot = (clip, self._scale, index, first)
        return self.model.sampled(self._request, *shot, self._told, self._teller, self._far_side)

    def _held(self, clip: CameraPath) -> dict[str, Any]:
        return self._far_side.origin(clip)

    def _loaded(self) -> Any:
        from .wan_fun_sampling import Sampler

        return Sampler(self._kind, self._folder, self._device, self._dtype)
