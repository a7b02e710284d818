"""SANA-WM with its LTX-2 refiner: a first picture goes where the camera goes, in metres, up to a minute at once.

    prompt -> embeddings (encoders gone) | first picture -> latent -> stage 1 -> latents on disk -> refiner
           -> every refined block straight into the decoder -> pictures

Each part is read when its turn comes and gone after it: the system keeps its files in memory where there is room, and
the GPU holds one part at a time. The refiner leaves the first latent as it is, so picture 0 is the first picture after
its way through encoder and decoder: the same look as its neighbours, where the picture as given would jump.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting
from ..anchors import windows_of
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..errors import BackendError
from ..protocol import Emit, PlateRequest
from . import checkpoint, device, folder_model, hashes, latents

if TYPE_CHECKING:  # a card is read without them
    import numpy
    import torch

NAME = "sana-wm"
REFINER = "-refiner"  # after the folder's name
NATIVE = (1280, 704)
FPS = 16.0
CLIP = FrameRule(multiple=8, offset=1, maximum=961)
STEPS = 60
GUIDANCE = 5.0
PARTS = ("text_encoder", "tokenizer", "transformer", "vae", "scheduler")
REFINER_PARTS = ("text_encoder", "tokenizer", "connectors", "transformer")


@dataclass(frozen=True, slots=True)
class Kind(folder_model.Kind):
    """The published model, as `models` sees a module."""

    name: str = NAME
    title: str = "SANA-WM"
    native: fitting.Size = NATIVE

    @property
    def sizes(self) -> tuple[fitting.Size, ...]:
        """One, as published."""
        return (NATIVE,)

    @property
    def clip(self) -> FrameRule:
        return CLIP

    def card(self, folder: Path | None = None) -> ModelCard:
        """What the model declares; looks whether its folders are there, opens nothing."""
        return self.told(
            _why_not(folder),
            ("cudnn",),                            # of the refiner; the first stage's attention is torch's own
            summary="A first picture goes on along your camera, in metres, up to 60 seconds; refined by LTX-2.",
            licence="Apache-2.0 AND LicenseRef-LTX-2-Community AND LicenseRef-Gemma",
            commercial="conditions",
            fps=FPS,
            default_steps=STEPS,
            default_guidance=GUIDANCE,
            needs_first_frame=True,
            anchors="both",
            drift_deg=4.5,
        )

    def open(self, device_name: str, folder: Path | None = None) -> SanaWM:
        """Look through the model's folders; weights are read part by part as they are needed.

        folder   the first stage's; the refiner's stands beside it, its name with `-refiner` behind it
        Raises RequestError E_DEVICE and what `checkpoint.find`, `examine` and `weight_files` raise.
        """
        chosen = device.chosen(device_name)
        first, refiner = _folders(folder)
        for place, parts in ((first, PARTS), (refiner, REFINER_PARTS)):
            checkpoint.examine(place, parts)
            for part in parts:
                if part not in ("tokenizer", "scheduler"):
                    checkpoint.weight_files(place / part)
        return SanaWM(self.card(folder), first, refiner, chosen)

    def recognises(self, folder: Path) -> bool:
        """Whether a folder is the first stage's, by what its pipeline's index says."""
        return folder_model.config_of(folder / "model_index.json").get("_class_name") == "SanaWMPipeline"

    def conditioning(self, camera: CameraPath, size: tuple[int, int] | None) -> dict[str, Any]:
        """`raymap` (T, 20) and `chunk_plucker` (48, T, h, w), as the model's own pipeline would compute them.

        The picture is scaled until it covers `size`, 1280x704 where none is given, and cut about its middle; the last
        pose is held until 8k + 1 frames are full. A path beyond 961 frames goes on in `raymap.1`, `chunk_plucker.1` ...
        """
        from .sana_wm_camera import camera_tensors

        native = camera.fitted(*(size or self.native))
        found: dict[str, Any] = {}
        for window in fitting.windows(len(native), self.clip):
            tensors = camera_tensors(fitting.held(native, window))
            found |= {f"{name}.{window.index}" if window.index else name: tensor for name, tensor in tensors.items()}
        return found


KIND = Kind()
VARIANTS = {KIND.name: KIND}


class SanaWM:
    """The model as the engine sees it."""

    def __init__(self, card: ModelCard, folder: Path, refiner: Path, chosen: torch.device) -> None:
        self.card = card
        self._folder, self._refiner, self._device = folder, refiner, chosen
        self._facts: dict[str, Any] = {}           # for the manifest: `generate` adds what it decided

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        return device.words(self._device)

    def provenance(self) -> dict[str, Any]:
        """Files with sha256, number formats, versions, how picture 0 is made; `generate` adds what takes the steps."""
        import diffusers
        import torch

        places = [(self._folder, part) for part in PARTS] + [(self._refiner, part) for part in REFINER_PARTS]
        files = [path for place, part in places for path in sorted((place / part).glob("*.safetensors"))]
        told = [{"file": f"{path.parts[-3]}/{path.parts[-2]}/{path.name}", "sha256": hashes.sha256_of(path)}
                for path in files]  # fmt: skip
        self._facts |= {
            "files": told,
            "dtype": {"camera": "float32", "transformers": str(self._dtype), "vae": "float32"},
            "first_frame": "sink latent, decoded",
            "torch": torch.__version__,
            "diffusers": diffusers.__version__,
        }
        return self._facts

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The same view in 1280 x 704 pixels; the angles of view are exactly the camera's."""
        return camera.scaled(*NATIVE)

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[numpy.ndarray]:
        """Yield float32 (H, W, 3) display sRGB pictures; see `base.Backend.generate`.

        Raises RequestError E_FIRST_FRAME, OutOfMemory E_OOM, DeviceLost E_DEVICE_LOST, BackendError E_NOT_FINITE and
        what `checkpoint` raises.
        """
        from .sana_wm_refining import told as refiner_told
        from .sana_wm_take import Places, Take

        sampler = folder_model.sampler(self._folder / "scheduler", request, self.card, refiner=refiner_told())
        self._facts["sampler"] = sampler
        latents.note_sampler(sampler)
        self._facts["windows"] = fitting.spans(camera, windows_of(request, self.card, camera))
        with device.told_plainly(self._device, self.card.title):
            places = Places(self._folder, self._refiner, self._device, self._dtype)
            yield from Take(places, request, job, emit).pictures(self.native_camera(camera))

    @property
    def _dtype(self) -> torch.dtype:
        """bfloat16 as published; a CPU is faster in float32, and exact."""
        import torch

        return torch.float32 if self._device.type == "cpu" else torch.bfloat16


def _folders(folder: Path | None) -> tuple[Path, Path]:
    """The first stage's and the refiner's. Raises BackendError E_MODEL_MISSING."""
    first = checkpoint.find(NAME, folder)
    return first, checkpoint.find(NAME + REFINER, first.with_name(first.name + REFINER) if folder else None)


def _why_not(folder: Path | None) -> str:
    try:
        _folders(folder)
    except BackendError as error:
        return error.for_people()
    return ""
