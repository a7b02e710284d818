"""Larger pictures by a super-resolution model of the user's own, before the one resample that locks, crops and scales.

Only safetensors are read, nothing is unpickled; spandrel knows the architecture by the names of the weights.

Tiles     one grid for all frames, each tile faded into its neighbours: no seam, and nothing that moves between frames
Steady    a model that paints each frame anew may shimmer. Shrunk to its old size an enlarged picture is the picture
          that went in (iterative back-projection, Irani and Peleg, CVGIP 1991): light, colour and all detail that was
          there flicker as much as they did, and what is new lies above them. Both are measured over the whole plate

Errors    RequestError E_UPSCALER (spandrel is not here; no safetensors; no known architecture, or one that does not
          enlarge colours), and those of `Input.opened`; OutOfMemory, DeviceLost of `models.device`
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .errors import RequestError
from .match.footage import Footage
from .models import device as devices
from .pictures import Picture
from .protocol import Input

if TYPE_CHECKING:
    import torch

Array = NDArray[np.float32]

SUFFIX = ".safetensors"
TILE, RIM = 256, 32                                # pixels of the picture that goes in: a tile, and what two share
ROUNDS = 3                                         # of back-projection
KEPT = 3                                           # enlarged pictures in memory: a lock looks at neighbours
FLICKERS = 2.0                                     # times as much as the same pictures enlarged plainly is told
LEAST_CODES = 0.5                                  # of 255; less nobody sees
INSTALL = "Install it beside Platewright: pip install --no-deps spandrel==0.4.2 einops==0.8.2."
_BORROWED = ("torchvision", "torchvision.transforms", "torchvision.transforms.functional")


@dataclass(frozen=True, slots=True)
class Upscaler:
    """A model that is ready to run."""

    given: Input
    network: Any                                   # spandrel's descriptor of it
    device: torch.device
    version: str                                   # of spandrel

    @property
    def scale(self) -> int:
        """How many pixels one becomes, along a side."""
        return int(self.network.scale)

    def picture(self, picture: Picture) -> Picture:
        """Display-referred sRGB, float32 (height, width, 3), 0..1, each side `scale` times as long."""
        height, width = picture.shape[:2]
        total = np.zeros((height * self.scale, width * self.scale, 3), np.float32)
        weight = np.zeros((*total.shape[:2], 1), np.float32)
        for top, tall, down in self._tiles(height):
            for left, wide, across in self._tiles(width):
                made, share = self._tile(picture[top : top + tall, left : left + wide]), down[:, None] * across[None]
                there = (slice(top * self.scale, (top + tall) * self.scale),
                         slice(left * self.scale, (left + wide) * self.scale))  # fmt: skip
                total[there] += made * share[:, :, None]
                weight[there] += share[:, :, None]
        return projected_back(total / weight, picture)

    def _tiles(self, side: int) -> list[tuple[int, int, Array]]:
        """Along one side: where each tile starts, its length, and its share of every pixel that it makes."""
        is_whole = self.network.tiling.name != "SUPPORTED" or side <= TILE
        count = 1 if is_whole else math.ceil((side - RIM) / (TILE - RIM))
        length = side if is_whole else TILE
        starts = [round(place * (side - length) / max(1, count - 1)) for place in range(count)]
        place = np.arange(length * self.scale, dtype=np.float32) + 0.5
        fade, ones = RIM * self.scale, np.ones(length * self.scale, np.float32)
        rise, fall = np.minimum(1, place / fade), np.minimum(1, place[::-1] / fade)
        return [
            (start, length, (rise if at else ones) * (fall if at < count - 1 else ones))
            for at, start in enumerate(starts)
        ]

    def _tile(self, part: Picture) -> Picture:
        import torch

        given = torch.from_numpy(np.ascontiguousarray(part)).permute(2, 0, 1)[None].to(self.device, self.network.dtype)
        with devices.told_plainly(self.device, Path(self.given.path).stem):
            made = self.network(given)
        return np.ascontiguousarray(made[0].float().cpu().permute(1, 2, 0).numpy())

    def told(self) -> dict[str, Any]:
        """What a manifest keeps of it."""
        return {
            **self.given.told(),
            "architecture": str(self.network.architecture.name),
            "scale": self.scale,
            "spandrel": self.version,
            "dtype": str(self.network.dtype).removeprefix("torch."),
            "device": devices.words(self.device),
            "licence": "not known: the user's own model",
            "tile": TILE if self.network.tiling.name == "SUPPORTED" else None,
            "overlap": RIM,
            "steadied": f"back-projection, {ROUNDS} rounds",
        }


def opened(given: Input, device: str = "cpu") -> Upscaler:
    """The model, if its file is what it was; errors of this page."""
    import torch
    from safetensors.torch import load_file

    path = given.opened()
    if path.suffix.lower() != SUFFIX:
        raise RequestError("E_UPSCALER", f"{path.name} is not {SUFFIX}.", "Other files can run programs: convert it.")
    spandrel = _spandrel()
    try:
        network = spandrel.ModelLoader().load_from_state_dict(spandrel.canonicalize_state_dict(load_file(path)))
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # noqa: BLE001  whatever forty architectures raise of a foreign file, it is no model
        why = f"{path.name} is no model that spandrel {spandrel.__version__} knows"
        said = str(error)[:160] or type(error).__name__
        raise RequestError("E_UPSCALER", f"{why}: {said}.", "Give a super-resolution model as safetensors.") from None
    _refuse_other_kinds(path, network)
    where = devices.chosen(device)
    network = network.to(where).eval()
    if where.type == "cuda" and network.supports_half:
        network = network.half()
    return Upscaler(given, network, where, spandrel.__version__)


def _refuse_other_kinds(path: Path, network: Any) -> None:
    colours = (getattr(network, "input_channels", 0), getattr(network, "output_channels", 0))
    if network.purpose != "SR" or colours != (3, 3) or network.scale < 2:
        why = f"{path.name} ({network.architecture.name}) is for {network.purpose}, {network.scale} times, {colours[0]}"
        raise RequestError("E_UPSCALER", f"{why} channels.", "Give a model that makes RGB pictures larger.")


def _spandrel() -> Any:
    """RequestError E_UPSCALER where it is not installed."""
    try:
        with _without_torchvision():
            return import_module("spandrel")
    except ImportError:
        raise RequestError("E_UPSCALER", "Super-resolution needs spandrel, which is not here.", INSTALL) from None


@contextmanager
def _without_torchvision() -> Iterator[None]:
    """spandrel borrows three names of it for two architectures that are not for this, LaMa and RestoreFormer.

    The published torchvision cannot even be imported beside a torch for the CPU. A stand-in is there for as long.
    """
    if any(name in sys.modules for name in _BORROWED):
        yield
        return
    stand_in = {name: ModuleType(name) for name in _BORROWED}
    for name in ("rotate", "normalize", "InterpolationMode"):
        setattr(stand_in[_BORROWED[-1]], name, None)
    sys.modules.update(stand_in)
    try:
        yield
    finally:
        for name in _BORROWED:
            del sys.modules[name]


# Steady ------------------------------------------------------------------------------------------


def projected_back(enlarged: Picture, picture: Picture) -> Picture:
    """The enlarged picture, changed as little as it takes to be the picture itself once it is shrunk by areas."""
    height, width = enlarged.shape[:2]
    for _ in range(ROUNDS):
        missing = picture - shrunk(enlarged, picture.shape[1], picture.shape[0])
        enlarged = enlarged + cv2.resize(missing, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(enlarged, 0.0, 1.0)


def shrunk(picture: Picture, width: int, height: int) -> Picture:
    """Mean of the pixels that become one."""
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.float32)


@dataclass(slots=True)
class Flicker:
    """How much pictures change that moved on evenly: the second difference in time of their luma, RMS."""

    squares: float = 0.0
    count: int = 0
    _last: list[Array] = field(default_factory=list[Array])

    def add(self, picture: Picture) -> None:
        """The next one, display-referred."""
        luma = np.asarray(picture @ np.array([0.2126, 0.7152, 0.0722], np.float32), np.float32)
        self._last = [*self._last[-2:], luma]
        if len(self._last) == 3:
            before, now, after = self._last
            self.squares += float(np.mean((before - 2 * now + after) ** 2))
            self.count += 1

    @property
    def codes(self) -> float:
        """Of 255; 0 for fewer than three pictures."""
        return 255 * math.sqrt(self.squares / self.count) if self.count else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Enlarged(Footage):
    """Other footage, larger; each picture is enlarged when it is asked for."""

    source: Footage
    upscaler: Upscaler
    flicker: dict[str, Flicker] = field(default_factory=lambda: {name: Flicker() for name in _MEASURED})

    @classmethod
    def of(cls, source: Footage, upscaler: Upscaler) -> Enlarged:
        """That footage by this model."""
        size = source.width * upscaler.scale, source.height * upscaler.scale
        return cls(source.paths, source.frames, *size, source=source, upscaler=upscaler)

    def picture(self, index: int) -> Picture:
        """Frame `index`, display-referred sRGB; errors of the source and of this page."""
        if index not in self._last:
            for old in list(self._last)[: max(0, len(self._last) - KEPT + 1)]:
                del self._last[old]
            self._last[index] = self.upscaler.picture(self.source.picture(index))
        return self._last[index]

    def next(self, index: int) -> Picture:
        """The same, one after the other for all frames: how they flicker is measured on the way."""
        before, after = self.source.picture(index), self.picture(index)
        plain = cv2.resize(before, (self.width, self.height), interpolation=cv2.INTER_CUBIC)
        for name, picture in zip(_MEASURED, (before, shrunk(after, *before.shape[1::-1]), plain, after), strict=True):
            self.flicker[name].add(np.asarray(picture, np.float32))
        return after

    def told(self) -> dict[str, Any]:
        """The model, and how much the pictures flicker at their old size and at the new, in codes of 255."""
        codes = {name: round(flicker.codes, 4) for name, flicker in self.flicker.items()}
        return {**self.upscaler.told(), "flicker": codes}

    def warnings(self) -> list[str]:
        """ "W_CODE: sentence" where the model shimmers."""
        plain, found = self.flicker["enlarged_plainly"].codes, self.flicker["enlarged"].codes
        if found <= FLICKERS * plain or found - plain <= LEAST_CODES:
            return []
        times = f"{found / plain:.1f} times" if plain else "far more than"
        why = f"Enlarged, the pictures flicker {times} as much as without the model."
        return [f"W_UPSCALE_FLICKER: {why} Try another model, or none."]


_MEASURED = ("native", "enlarged_and_shrunk", "enlarged_plainly", "enlarged")
