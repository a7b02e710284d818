"""The frames of a plate or a folder as pictures, whatever colours they were written in.

A file says itself what its values are, in every space that is known everywhere. A plate in a studio's own space, or
with a view undone, is read back by the very configuration that wrote it, and by no other.

Errors  RequestError E_PLATE_COLOUR (the configuration is not at hand), E_OCIO, E_INPUT_CHANGED, E_INPUT_MISSING, and
        those of `Footage.open`
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import studio_colour
from .delivery import BUILT_IN, Delivery, Studio
from .errors import RequestError
from .frame_forms import FrameForm
from .match.footage import Footage
from .pictures import Picture


@dataclass(frozen=True, slots=True, kw_only=True)
class Written(Footage):
    """Frames that only their own form may know how to read."""

    form: FrameForm

    def picture(self, index: int) -> Picture:
        """Frame `index` as display-referred sRGB, float32 (height, width, 3); PlateError E_FRAME_READ."""
        if index not in self._last:
            picture = self.form.read(self.paths[index])
            self._last.clear()
            self._last[index] = picture
        return self._last[index]

    @property
    def way_back(self) -> str:
        """The manifest's words on how values became pictures again."""
        first, *_, last = self.form.told()["steps"]
        return f"read back by the inverse of: {last}" if last != first else ""


def footage_of(frames: Path, document: Mapping[str, Any] | None, config: Path | None) -> Footage:
    """The frames to be measured or locked.

    document   the plate's manifest; None for a folder from anywhere
    config     the studio's configuration; None: one that is built in is found by its name
    """
    found, colour = Footage.open(frames), ((document or {}).get("picture") or {}).get("colour") or {}
    if not (told := colour.get("ocio")):
        _refuse_needless(config)
        return found
    encoding = studio_colour.opened(_studio(told, (document or {}).get("request"), config, frames))
    form = FrameForm.of("exr", Delivery(), encoding)
    return Written(found.paths, found.frames, found.width, found.height, form=form)


def way_back(footage: Footage) -> list[str]:
    """The step that comes before all others, where there is one."""
    return [footage.way_back] if isinstance(footage, Written) else []


def _studio(told: Mapping[str, str], request: Any, config: Path | None, frames: Path) -> Studio:
    """The space of the plate's manifest, in the configuration that is at hand."""
    asked = ((request or {}).get("delivery") or {}).get("studio") or {}
    space, view, source = told["space"], told["inverse_view"], str(asked.get("source", ""))
    if told["config"].startswith(BUILT_IN):
        return Studio(told["config"], told["sha256"], space, source, view)
    if config is None:
        how = f"with the view {view} undone, " if view else ""
        why = f"{frames.resolve().name} is written in {space}, {how}by the configuration {told['config']}."
        raise RequestError("E_PLATE_COLOUR", why, "Give that configuration: --ocio config.ocio.")
    return Studio(str(config.resolve()), told["sha256"], space, source, view)


def _refuse_needless(config: Path | None) -> None:
    if config is not None:
        why = "These frames say themselves what their colours are."
        raise RequestError("E_PLATE_COLOUR", why, "Leave --ocio out: it is for plates in a studio's own space.")
