"""Colour as a studio's own OpenColorIO configuration has it: only on request, and only where OpenColorIO is installed.

A configuration is asked for what it knows: its sRGB pictures, the space that is wanted, and, to undo a tone curve, a
view of a display. The inverse of a view is no photograph's linear light: the picture looks through that view as it was
made, white becomes as bright as the view lets it (16 and more) and the highlights of an 8-bit picture band. It is
labelled.

Errors  RequestError E_OCIO (not installed; no configuration; a name that it does not know), E_INPUT_CHANGED
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from .colour import SPACES, Chromaticities, Picture
from .delivery import BUILT_IN, Studio
from .errors import RequestError
from .inputs import Input

SRGB_NAMES = (                                     # of sRGB pictures, in the configurations that are about
    "srgb_rec709_scene", "sRGB Encoded Rec.709 (sRGB)", "sRGB - Texture", "Utility - sRGB - Texture", "srgb_tx",
    "srgb_texture", "sRGB",
)  # fmt: skip
INSTALL = "Install it beside Platewright: pip install opencolorio."


@dataclass(frozen=True, slots=True, eq=False)
class StudioSpace:
    """A space of a configuration, both ways."""

    studio: Studio
    source: str                                    # what the configuration calls sRGB pictures; a view in its place
    interop_id: str                                # its own, else the name of the space
    primaries: Chromaticities                      # empty where they are not known
    version: str                                   # of OpenColorIO
    forth: Any                                     # its processors
    back: Any

    @property
    def is_known_everywhere(self) -> bool:
        """A name in a file says nothing to who does not have the configuration."""
        return not self.studio.view and any(space.interop_id == self.interop_id for space in SPACES.values())

    @property
    def undone(self) -> str:
        """DISPLAY/VIEW that was undone; empty for none."""
        return self.studio.view

    def stored(self, display: Picture) -> Picture:
        """The values of a file that show this display picture."""
        return _applied(self.forth, np.clip(display, 0.0, 1.0))

    def shown(self, stored: Picture) -> Picture:
        """The display picture of a file's values."""
        return np.clip(_applied(self.back, stored), 0.0, 1.0)

    def told(self, frame_format: str, compression: str) -> dict[str, Any]:
        """The manifest's words; the path of the configuration is nobody's business."""
        studio = self.studio
        name = studio.config if studio.config.startswith(BUILT_IN) else Path(studio.config).name
        undone = f"INVERSE VIEW {studio.view} to {studio.space}" if studio.view else f"{self.source} to {studio.space}"
        return {
            "space": self.interop_id,
            "blender": studio.space,
            "steps": ["model output, display-referred sRGB", f"{undone}, by OpenColorIO {self.version} and {name}"],
            "ocio": {"config": name, "sha256": studio.sha256, "space": studio.space, "inverse_view": studio.view},
            "bits": "half float",
            "compression": compression,
        }


def _applied(processor: Any, picture: Picture) -> Picture:
    pixels = np.array(picture, np.float32, order="C")
    processor.applyRGB(pixels.reshape(-1, 3))
    return pixels


@lru_cache(maxsize=4)
def opened(studio: Studio) -> StudioSpace:
    """The space, if its configuration still is what it was."""
    try:
        ocio: Any = import_module("PyOpenColorIO")
    except ImportError:
        raise RequestError("E_OCIO", "A studio's colours need OpenColorIO, which is not installed.", INSTALL) from None
    if not studio.config.startswith(BUILT_IN):
        Input(studio.config, studio.sha256).opened()
    try:
        config = ocio.Config.CreateFromFile(studio.config)
        source = studio.source or _srgb_of(config)
        transforms = _view(ocio, studio) if studio.view else (source, studio.space)
        forth, back = _processors(ocio, config, transforms)
        known = config.getColorSpace(studio.space)
    except ocio.Exception as error:
        hint = "Name spaces, displays and views as the configuration does."
        raise RequestError("E_OCIO", f"{Path(studio.config).name}: {str(error)[:200]}.", hint) from None
    interop_id = known.getInteropID() if known is not None else ""
    primaries = next((space.primaries for space in SPACES.values() if space.interop_id == interop_id), ())
    return StudioSpace(studio, source, interop_id or studio.space, primaries, ocio.__version__, forth, back)


def _srgb_of(config: Any) -> str:
    for name in SRGB_NAMES:
        if (found := config.getColorSpace(name)) is not None:
            return str(found.getName())
    named = (space for space in config.getColorSpaces() if space.getInteropID() == SRGB_NAMES[0])
    if (space := next(named, None)) is not None:
        return str(space.getName())
    hint = "Name it with --ocio-source."
    raise RequestError("E_OCIO", "The configuration has no name that is known for sRGB pictures.", hint)


def _view(ocio: Any, studio: Studio) -> Any:
    """From the view's picture back to the space: the inverse of what shows the space on that display."""
    display, _, view = studio.view.partition("/")
    return ocio.DisplayViewTransform(
        src=studio.space, display=display, view=view, direction=ocio.TRANSFORM_DIR_INVERSE
    )


def _processors(ocio: Any, config: Any, way: Any) -> tuple[Any, Any]:
    """There and back, without the fast approximations."""
    if isinstance(way, tuple):
        there, back = config.getProcessor(*way), config.getProcessor(*reversed(way))
    else:
        there = config.getProcessor(way)
        back = config.getProcessor(way, ocio.TRANSFORM_DIR_INVERSE)
    return tuple(found.getOptimizedCPUProcessor(ocio.OPTIMIZATION_LOSSLESS) for found in (there, back))
