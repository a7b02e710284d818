"""A model that lies in a folder and makes a path window by window: what all of these share, told once.

    Kind          one of the published models, and its card
    FolderModel   the model as the engine sees it
    Take          one request on one device: the latents of each window, or those that an earlier job has left, then
                  its pictures, the last of which leads the next window
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting, models
from ..camera import CameraPath
from ..cards import FrameRule, ModelCard
from ..errors import BackendError
from ..pictures import Picture
from ..protocol import PlateRequest
from . import checkpoint, device, latents, needs, presets, wan_running

if TYPE_CHECKING:  # a card is read without them
    import torch


class Kind(ABC):
    """One of the published models, as `models` sees a module: what all of them say alike."""

    __slots__ = ()
    name: str
    title: str
    native: fitting.Size

    @property
    def sizes(self) -> tuple[fitting.Size, ...]:
        """Both ways round, as published."""
        return self.native, (self.native[1], self.native[0])

    @property
    @abstractmethod
    def clip(self) -> FrameRule:
        """How many frames it makes at once."""

    def gpu(self, device_name: str) -> str:
        """The UUID of the GPU that it would run on; empty elsewhere. Raises RequestError E_DEVICE."""
        return device.uuid(device.chosen(device_name))

    @abstractmethod
    def card(self, folder: Path | None = None) -> ModelCard:
        """What the model declares; looks whether its folder is there, opens nothing."""

    def told(self, reason: str, quicker: Sequence[str], **facts: Any) -> ModelCard:
        """The card: what follows from the kind, and these facts.

        reason    why the model cannot run; empty where it can
        quicker   what it takes behind a preset
        """
        return ModelCard(
            name=self.name,
            title=self.title,
            kind="final",
            native_size=self.native,
            sizes=self.sizes,
            clip=self.clip,
            memory_gb=needs.least_gb(self.name),
            full_gb=needs.full_gb(self.name),
            available=not reason,
            reason=reason,
            **presets.card_words(quicker),
            **facts,
        )


def config_of(file: Path) -> dict[str, Any]:
    """A part's settings, as far as they can be read: whose folder this is, they tell."""
    try:
        return checkpoint.read_json(file)
    except BackendError:
        return {}


def why_not(name: str, folder: Path | None) -> str:
    """Why the model cannot run, for people; empty where its folder is there. Opens nothing."""
    try:
        checkpoint.find(name, folder)
    except BackendError as error:
        return error.for_people()
    return ""


def looked_through(name: str, folder: Path | None, parts: Sequence[str], weights: Iterable[str]) -> Path:
    """The model's folder, which has all its parts and in these of them sound weights; none is read yet.

    Raises BackendError: what `checkpoint.find`, `examine` and `weight_files` raise.
    """
    found = checkpoint.find(name, folder)
    checkpoint.examine(found, parts)
    for part in weights:
        checkpoint.weight_files(found / part)
    return found


def sampler(part: Path, request: PlateRequest, card: ModelCard, **more: Any) -> dict[str, Any]:
    """What takes the steps, for the manifest: scheduler, shift of its noise levels, steps, guidance.

    part   the scheduler's folder; `more` goes beside what its settings say, or in its place
    """
    config = checkpoint.read_json(part / "scheduler_config.json")
    shifts = (config[name] for name in ("flow_shift", "shift") if name in config)
    return {
        "scheduler": config.get("_class_name"),
        "shift": next(shifts, 1.0),                # as the library's own classes have it
        "steps": request.steps or card.default_steps,
        "guidance": card.default_guidance if request.guidance is None else request.guidance,
        **more,
    }


class FolderModel:
    """The model as the engine sees it, but for `generate`."""

    def __init__(self, kind: Kind, folder: Path, chosen: torch.device) -> None:
        self.card = kind.card(folder)
        self._sizes, self._folder, self._device = kind.sizes, folder, chosen
        self._facts: dict[str, Any] = {}           # for the manifest: `generate` adds what it decided

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        return device.words(self._device)

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The same view in the model's own pixels; the angles of view are exactly the camera's."""
        return camera.scaled(*fitting.size_for(camera, self._sizes))

    def _samples(self, request: PlateRequest, **more: Any) -> None:
        """The manifest is told what takes the steps; see `sampler`."""
        self._facts["sampler"] = told = sampler(self._folder / "scheduler", request, self.card, **more)
        latents.note_sampler(told)

    def _told(self, parts: Iterable[str], **more: Any) -> dict[str, Any]:
        """Files with sha256, versions, and what else this model says of itself; `generate` goes on writing in it."""
        import diffusers
        import torch

        self._facts |= {"files": checkpoint.files(self._folder, parts), **more}
        self._facts |= {"torch": torch.__version__, "diffusers": diffusers.__version__}
        return self._facts


class Take(ABC):
    """One request on one device."""

    def __init__(
        self, name: str, weights: Sequence[str], chosen: torch.device, request: PlateRequest, teller: wan_running.Teller
    ) -> None:
        """`weights` are the sha256 of all that shapes the latents."""
        self._name, self._weights, self._device, self._request, self._teller = name, weights, chosen, request, teller
        self._dtype = wan_running.dtype_on(chosen)
        self._model: Any = None

    def pictures(self, native: CameraPath, windows: list[fitting.Window], first: Picture | None) -> Iterator[Picture]:
        """One picture per frame of `native`; see `wan_running.windowed`."""
        yield from wan_running.windowed(native, windows, first, self.sampled, self.decoded)

    def sampled(self, clip: CameraPath, index: int, first: Picture | None) -> torch.Tensor:
        """A window's latents (1, C, T, h, w), or those that an earlier job has left."""
        origin = {"request": self._request.sha256, "clip": clip.sha256, "window": index, "dtype": str(self._dtype)}
        whole = {**origin, "model": self._name, "weights": self._weights, **self._held(clip)}
        return wan_running.remembered(whole, lambda: self._made(clip, index, first), self._teller)

    @property
    def model(self) -> Any:
        """What samples and decodes, read once."""
        if self._model is None:
            self._model = self._loaded()
            models.give_memory_back()
        return self._model

    def _held(self, clip: CameraPath) -> dict[str, Any]:
        """What else its latents are made from; see `far_side.FarSide.origin`."""
        del clip
        return {}

    @abstractmethod
    def decoded(self, found: torch.Tensor) -> Generator[Picture]:
        """Pictures of latents, one by one."""

    @abstractmethod
    def _made(self, clip: CameraPath, index: int, first: Picture | None) -> torch.Tensor:
        """The latents of a window that starts from `first`."""

    @abstractmethod
    def _loaded(self) -> Any: ...


def hashes_of(folder: Path, parts: Iterable[str]) -> list[str]:
    """The sha256 of all weights of these parts."""
    return [entry["sha256"] for entry in checkpoint.files(folder, parts)]
