"""What a plate is made of beside words and camera: frames that stay, with their mask; and how large it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from platewright.errors import RequestError

from .properties import PERCENT_MIN

SIDE_MIN = 16                                      # pixels, of a plate


@dataclass(frozen=True, slots=True)
class Painting:
    """What was chosen when Generate was pressed; `fields` touches nothing of Blender and may run in a thread."""

    plate: Path
    mask: Path

    def fields(self) -> dict[str, Any]:
        """Those of a request. What stays must not move, so there is no lock. Raises what `Input.of` raises."""
        from platewright.protocol import Input

        return {"plate": Input.of(self.plate), "mask": Input.of(self.mask), "lock": False, "overscan": None}


def painting_of(scene: bpy.types.Scene, model: str, cards: Mapping[str, Mapping[str, Any]]) -> Painting | None:
    """None unless it is asked for and the model paints. Raises RequestError E_PLATE_MASK where a path is missing."""
    settings = scene.platewright
    if not (settings.use_painting and cards.get(model, {}).get("takes_plate")):
        return None
    paths = [bpy.path.abspath(each) for each in (settings.painting_plate, settings.painting_mask)]
    for path, name in zip(paths, ("plate", "mask"), strict=True):
        if not os.path.isabs(path):
            why = f"The {name} to paint with is not chosen."
            raise RequestError("E_PLATE_MASK", why, "Choose both: white in the mask is painted, black stays.")
    return Painting(*(Path(os.path.normpath(path)) for path in paths))


def size_of(scene: bpy.types.Scene) -> tuple[int, int] | None:
    """Width and height in pixels of a plate that is not as large as the render; None for one that is.

    Both are even, and as near to the render's shape as that allows.
    """
    percent = min(max(int(scene.platewright.percent), PERCENT_MIN), 100)
    if percent == 100:
        return None
    width, height = render_size(scene)
    return _even(width * percent / 100), _even(height * percent / 100)


def _even(side: float) -> int:
    return max(SIDE_MIN, 2 * round(side / 2))


def render_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Width and height in pixels of what the scene renders."""
    render = scene.render
    share = render.resolution_percentage / 100
    return int(render.resolution_x * share), int(render.resolution_y * share)
