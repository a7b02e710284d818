"""The place that a draft shows: what the prompt says of it; what it leaves open, and where things stand, by the seed.

A small network cannot invent where a hundred trees stand and keep them there while the camera moves. So they are laid
out first (`layout`), in metres, and the network is told how far its rays go; it paints what that looks like.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import CameraPath
from ..conditioning import poses_and_lenses
from ..layout.placing import distances, place_around
from ..layout.worlds import World, draw_world
from ..sights import Guide
from .place_scene import guide_along, raised


@dataclass(frozen=True, slots=True)
class Place:
    """A place that was drawn for a scene."""

    world: World
    guide: Guide | None  # of the native camera's pixels; None where nothing can be laid around this camera

    @property
    def sun(self) -> Tensor | None:
        """Towards its sun or moon (3,), None under an overcast sky."""
        return None if self.world.sky == "overcast" else torch.tensor(self.world.sun)


def drawn_place(seed: int, said: Mapping[str, str], native: CameraPath, ground_m: float) -> Place:
    """The place of a seed and of what a prompt says, laid around a camera."""
    above = raised(native, ground_m)
    poses, lenses = poses_and_lenses(above)
    land = place_around(seed, said, poses[:, :3, 3])
    if land is None:
        return Place(draw_world(seed, **said), None)
    reached = distances(land, poses, lenses, (native.width, native.height))
    return Place(land.world, guide_along(reached, native))


def completed(vector: Tensor, attributes: Mapping[str, Sequence[str]], world: World) -> Tensor:
    """A prompt's vector (T,) with the world's own value for every attribute that the prompt leaves open."""
    groups = list(vector.split([len(values) for values in attributes.values()]))
    for n, (name, values) in enumerate(attributes.items()):
        if float(groups[n].sum()) <= 0.5:
            groups[n] = torch.tensor([float(value == getattr(world, name)) for value in values]).to(vector)
    return torch.cat(groups)


def merged(scene: Guide | None, place: Guide | None) -> Guide | None:
    """The scene's own surfaces, and behind and beside them the place's."""
    if scene is None or place is None:
        return scene or place
    is_scene = scene.distance > 0
    return Guide(
        torch.where(is_scene, scene.distance, place.distance),
        torch.where(is_scene[:, None], scene.normals, place.normals),
    )
