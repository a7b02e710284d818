"""The shots of a scene, read off its markers without looking at a camera: cheap enough to be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import bpy

from platewright.errors import RequestError
from platewright.shots import unique_names

from .properties import SEED_MAX
from .scene_read import names_of, spans


@dataclass(frozen=True, slots=True)
class SceneShot:
    """A shot as the scene has it now; to be used at once, as it holds what undo ends."""

    name: str                                      # as the core names the shot of the scene's camera path
    first: int
    last: int
    camera: bpy.types.Object
    marker: bpy.types.TimelineMarker               # that binds the camera; holds what is said of the shot

    @property
    def frames(self) -> tuple[int, int]:
        return self.first, self.last

    @property
    def prompt(self) -> str:
        """Its own; empty for the scene's."""
        return self.marker.platewright.prompt.strip()

    def seed(self) -> int | None:
        """Its own, None for the scene's; within bounds, whatever a foreign file holds."""
        seed = int(self.marker.platewright.seed)
        return min(seed, SEED_MAX) if seed >= 0 else None

    def wishes(self) -> dict[str, Any]:
        """What is asked of this shot alone, by the names of a request's fields."""
        told = {"prompt": self.prompt or None, "seed": self.seed()}
        return {name: value for name, value in told.items() if value is not None}


def shots_of(scene: bpy.types.Scene) -> list[SceneShot]:
    """In order; none where no marker binds a camera. Another marker for the same camera begins no new shot."""
    found = [span for span in spans(scene, scene.frame_start, scene.frame_end) if span.marker and span.camera]
    if not found or scene.frame_end < scene.frame_start:
        return []
    parts = [list(part) for _, part in groupby(found, key=lambda span: span.camera)]
    cameras = names_of(list(dict.fromkeys(part[0].camera for part in parts)))
    markers: list[Any] = [part[0].marker for part in parts]
    names = unique_names((marker.name, cameras[marker.camera]) for marker in markers)
    return [
        SceneShot(name, part[0].first, part[-1].last, marker.camera, marker)
        for name, part, marker in zip(names, parts, markers, strict=True)
    ]


def chosen(shots: Iterable[SceneShot]) -> list[SceneShot]:
    """Those that are ticked."""
    return [shot for shot in shots if shot.marker.platewright.is_chosen]


def named(shots: Iterable[SceneShot], names: str) -> list[SceneShot]:
    """Those of these names, with commas between; RequestError E_SHOT_UNKNOWN."""
    there = {shot.name: shot for shot in shots}
    wanted = [name.strip() for name in names.split(",")]
    if strangers := [name for name in wanted if name not in there]:
        raise RequestError("E_SHOT_UNKNOWN", f"There is no shot {strangers[0]!r}.", f"There are {', '.join(there)}.")
    return [there[name] for name in wanted]


def at(scene: bpy.types.Scene, camera: bpy.types.Object, frames: tuple[int, int]) -> SceneShot | None:
    """The shot of this camera that has most of these frames: markers may have moved, been renamed or been deleted."""
    own = [shot for shot in shots_of(scene) if shot.camera == camera and common(shot, frames) > 0]
    return max(own, key=lambda shot: common(shot, frames), default=None)


def common(shot: SceneShot, frames: tuple[int, int]) -> int:
    """How many frames both have."""
    return min(shot.last, frames[1]) - max(shot.first, frames[0]) + 1


def as_list(shots: Iterable[SceneShot]) -> dict[str, Any]:
    """A list of shots as the core reads it."""
    return {"format": "platewright.shots", "version": 1, "shots": list(_entries(shots))}


def _entries(shots: Iterable[SceneShot]) -> Iterator[dict[str, Any]]:
    for shot in shots:
        yield {"name": shot.name, "first": shot.first, "last": shot.last, **shot.wishes()}
