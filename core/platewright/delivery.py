"""How a plate is delivered: which frames, under which numbers, in which colours. What is not said is as ever.

    space         what the values of EXR frames mean, one of SPACES; None: Linear Rec.709. PNG frames are sRGB
    studio        a space of a studio's OpenColorIO configuration, in its place
    compression   of EXR frames
    handles       so many frames at either end of the camera are handles: beyond the cut, and part of the plate
    frame_offset  what the scene's frame numbers were raised by: the plate's files and its camera have the sum
    proxy         smaller pictures beside the frames, to scrub
    overscan      share of width and height that the frames show around the camera's own view: they are so much larger
    is_windowed   the overscan lies outside the display window of EXR frames, which is the camera's own view
    upscaler      a super-resolution model of the user's own, safetensors: the model's pictures go through it first
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from .errors import RequestError
from .inputs import HANDLES_MAX, Input

SPACES = ("srgb", "linear-rec709", "acescg", "aces2065-1")
COMPRESSIONS = ("zip", "piz")
PROXY_SIZES = {"half": 2, "quarter": 4}
PROXY_FORMATS = ("jpg", "exr")
OVERSCAN_MAX = 1.0
OFFSET_MAX = 1_000_000
BUILT_IN = "ocio://"                               # configurations that OpenColorIO brings with it
_TEXT_MAX = 4096


@dataclass(frozen=True, slots=True)
class Studio:
    """A colour space as a studio's own OpenColorIO configuration knows it."""

    config: str                                    # path of config.ocio, or a name that begins with ocio://
    sha256: str                                    # of that file; of the name of one that is built in
    space: str                                     # what the frames are written in
    source: str = ""                               # what the configuration calls sRGB pictures; "": found by its names
    view: str = ""                                 # DISPLAY/VIEW that is undone: no default, white becomes very bright

    @classmethod
    def from_dict(cls, data: Any) -> Studio:
        """From `to_dict`'s form; RequestError E_JOB, E_VALUE."""
        if not isinstance(data, dict) or not {"config", "sha256", "space"} <= set(data) <= _names(cls):
            raise RequestError("E_JOB", "A studio's space is no object of config and space.", "Compare with examples/.")
        return cls(**data).checked()

    def checked(self) -> Studio:
        """The same; RequestError E_VALUE."""
        for name, value in asdict(self).items():
            is_text = isinstance(value, str) and "\0" not in value and len(value) < _TEXT_MAX
            if not is_text or (not value and name in ("config", "space")):
                hint = "Name it as the configuration does."
                raise RequestError("E_VALUE", f"The studio's {name} is {value!r}.", hint)
        if not re.fullmatch(r"[0-9a-f]{64}", self.sha256):
            raise RequestError("E_VALUE", "The sha256 of the configuration is none.", "Make the request again.")
        if self.view and "/" not in self.view:
            why = f"The view {self.view!r} names no display."
            raise RequestError("E_VALUE", why, "Write DISPLAY/VIEW, as the configuration names both.")
        return self

    def identity(self) -> dict[str, str]:
        """The same without where the configuration lies."""
        return {name: text for name, text in asdict(self).items() if name != "config" or text.startswith(BUILT_IN)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """See the top of this page."""

    space: str | None = None
    studio: Studio | None = None
    compression: str = "zip"
    handles: int = 0
    frame_offset: int = 0
    proxy: str | None = None                       # half or quarter
    proxy_format: str = "jpg"
    overscan: float = 0.0
    is_windowed: bool = False
    upscaler: Input | None = None

    @classmethod
    def from_dict(cls, data: Any) -> Delivery:
        """From `to_dict`'s form; RequestError E_JOB, E_VALUE."""
        if not isinstance(data, dict) or not set(data) <= _names(cls):
            raise RequestError("E_JOB", "The delivery has unknown keys.", "Compare it with examples/.")
        plain: dict[str, Any] = dict(data)
        if plain.get("studio") is not None:
            plain["studio"] = Studio.from_dict(plain["studio"])
        if plain.get("upscaler") is not None:
            plain["upscaler"] = Input.from_dict(plain["upscaler"])
        return cls(**plain)

    def to_dict(self) -> dict[str, Any]:
        """What is not as ever."""
        changed = {entry.name for entry in fields(self) if getattr(self, entry.name) != entry.default}
        told = {name: value for name, value in asdict(self).items() if name in changed}
        return told | {"upscaler": self.upscaler.to_dict()} if self.upscaler else told

    def identity(self) -> dict[str, Any]:
        """The same without where files lie."""
        told = self.to_dict()
        if self.upscaler:
            told["upscaler"] = {"sha256": self.upscaler.sha256}
        if self.studio:
            told["studio"] = self.studio.identity()
        return told

    def checked(self, frame_format: str, frames: int) -> Delivery:
        """The same for frames of this format and a camera of so many; RequestError E_VALUE names what is wrong."""
        choices = {
            "space": (None, *SPACES),
            "compression": COMPRESSIONS,
            "proxy": (None, *PROXY_SIZES),
            "proxy_format": PROXY_FORMATS,
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                listed = ", ".join(choice for choice in known if choice)
                raise RequestError("E_VALUE", f"The {name} {getattr(self, name)!r} is not known.", f"Use {listed}.")
        for name, most in (("handles", HANDLES_MAX), ("frame_offset", OFFSET_MAX)):
            value: Any = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not -most <= value <= most:
                raise RequestError("E_VALUE", f"{name} is {value!r}.", f"It must be a whole number up to {most}.")
        if not isinstance(self.is_windowed, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise RequestError("E_VALUE", f"is_windowed is {self.is_windowed!r}.", "It must be true or false.")
        overscan: Any = self.overscan
        if isinstance(overscan, bool) or not isinstance(overscan, int | float) or not 0 <= overscan <= OVERSCAN_MAX:
            raise RequestError("E_VALUE", f"The overscan kept is {overscan!r}.", "It is a share from 0 to 1.")
        self._refuse_what_does_not_go_together(frame_format, frames)
        studio = self.studio.checked() if self.studio else None
        if self.upscaler and not self.upscaler.checked().path.lower().endswith(".safetensors"):
            why = f"{self.upscaler.path} is not .safetensors."
            raise RequestError("E_UPSCALER", why, "Other files can run programs: convert it.")
        return replace(self, studio=studio, overscan=float(overscan))

    def refuse_other_pixels(self) -> None:
        """RequestError E_PLATE_COLOUR, for a plate that is painted into: what is kept of it is kept as it is."""
        has_others = self.studio or self.space or self.overscan or self.upscaler
        if has_others or self.frame_offset or self.compression != "zip":
            why = "A plate that is painted into keeps its colours, its size, its form and its numbers."
            hint = "Leave space, overscan, compression, frame offset and upscaling out."
            raise RequestError("E_PLATE_COLOUR", why, hint)

    def _refuse_what_does_not_go_together(self, frame_format: str, frames: int) -> None:
        is_png = frame_format == "png"
        if self.is_windowed and (is_png or not self.overscan):
            why = "Only EXR frames with overscan have a data window of their own."
            raise RequestError("E_VALUE", why, "Ask for EXR and for some overscan, or leave the window out.")
        if is_png and (self.studio or self.space not in (None, "srgb")):
            raise RequestError("E_VALUE", "PNG frames are sRGB.", "Ask for --format exr, or leave the space out.")
        if self.studio and self.space:
            raise RequestError("E_VALUE", "Two colour spaces are asked for.", "Leave one of them out.")
        if not 0 <= 2 * self.handles < frames:
            why = f"{self.handles} handles at either end leave nothing of {frames} frames."
            raise RequestError("E_VALUE", why, "Ask for fewer handles, or for more frames.")


def _names(kind: type[Any]) -> set[str]:
    return {entry.name for entry in fields(kind)}
