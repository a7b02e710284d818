"""The place that a draft shows: what the prompt says of it; what it leaves open, and where things stand, by the seed.

A small network cannot invent where a hundred trees stand and keep them there while the camera moves. So they are laid
out first (`layout`), in metres, and the network is told how far its rays go and what is there; it paints what that
looks like in the light that the words imply.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..camera import CameraPath
from ..conditioning import poses_and_lenses
from ..layout.painting import Painter
from ..layout.placing import distances, place_around
from ..layout.worlds import World, draw_world, lit_from
from ..sights import Guide
from ..world_noise import WorldNoise
from .draft_scene import Told, guide_along, raised

# What a prompt does not say is an ordinary day: how often each is drawn then.
ORDINARY = {
    "time": {"noon": 0.6, "dawn": 0.2, "dusk": 0.2},
    "weather": {"none": 0.85, "haze": 0.15},
    "sky": {"clear": 0.5, "clouded": 0.5},
}
FALLING = ("rain", "snowfall")  # from clouds, more or less of them


@dataclass(frozen=True, slots=True)
class Place:
    """A place that was drawn for a scene."""

    world: World
    distance: Tensor | None = None  # (F, H, W) of the native camera's pixels; None where nothing can be laid around it
    painter: Painter | None = None

    @property
    def sun(self) -> Tensor | None:
        """Towards its sun or moon (3,), None under an overcast sky."""
        return None if self.world.sky == "overcast" else torch.tensor(self.world.sun)

    def guide(self, native: CameraPath) -> Guide | None:
        """Its surfaces, as those of a scene would be told."""
        return None if self.distance is None else guide_along(self.distance, native)

    def paints(
        self, poses: Tensor, lenses: Tensor, frames: Tensor, seconds: Tensor, own: Guide | None = None
    ) -> Tensor:
        """What pixels of some frames (N,) are painted with (N, PAINTS, H, W).

        poses, lenses  (F, ...) above the ground
        own            the scene's own surfaces: they are painted as ground of the place
        """
        assert self.distance is not None and self.painter is not None
        made = []
        for n in frames.tolist():
            distance, normals = self.distance[n], None
            if own is not None:
                distance = torch.where(own.distance[n] > 0, own.distance[n], distance)
                normals = own.normals[n]
            made.append(self.painter.paints(poses[n], lenses[n], distance, float(seconds[n]), normals))
        return torch.stack(made)


def drawn_place(seed: int, said: Mapping[str, str], native: CameraPath, told: Told) -> Place:
    """The place of a seed and of what a prompt says, laid around a camera and lit as the scene is."""
    world = draw_world(seed, **ordinary(seed, said))
    if told.sun is not None:
        world = lit_from(world, told.sun.tolist())
    poses, lenses = poses_and_lenses(raised(native, told.ground_m))
    noise = WorldNoise(seed)
    land = place_around(world, noise, poses)
    if land is None:
        return Place(world)
    reached = distances(land, poses, lenses, (native.width, native.height))
    return Place(land.world, reached, Painter(land, noise))


def ordinary(seed: int, said: Mapping[str, str]) -> dict[str, str]:
    """What is said, and an ordinary day for the rest; what sky it rains or snows from is left open."""
    dice = random.Random(f"ordinary {seed}")
    drawn = {name: dice.choices(list(odds), list(odds.values()))[0] for name, odds in ORDINARY.items()}
    if said.get("weather") in FALLING:
        del drawn["sky"]
    return {**drawn, **said}


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
