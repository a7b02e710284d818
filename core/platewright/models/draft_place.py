"""The place that a draft shows: what the prompt says of it; what it leaves open, and where things stand, by the seed.

A small network cannot invent where a hundred trees stand and keep them there while the camera moves. So they are laid
out first (`layout`), in metres, and the network is told how far its rays go and what is there; it paints what that
looks like in the light that the words imply.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from ..camera import CameraPath
from ..conditioning import poses_and_lenses
from ..layout.lands import Land
from ..layout.painting import FALLING, Painter
from ..layout.placing import distances, looks, place_around
from ..layout.worlds import World, draw_world, lit_from
from ..sights import Guide, view_of
from ..world_noise import WorldNoise
from .draft_scene import Told, guide_along, guide_from, raised, seconds_of

# What a prompt does not say is an ordinary day: how often each is drawn then.
ORDINARY = {
    "time": {"noon": 0.6, "dawn": 0.2, "dusk": 0.2},
    "weather": {"none": 0.85, "haze": 0.15},
    "sky": {"clear": 0.5, "clouded": 0.5},
}
STARLIT = 0.8  # of the nights that leave the sky open are clear: nobody asks for a night to see clouds in the dark
LOW_SUN = 1.0  # radians beside the picture's middle: what is said of dawn and dusk is meant to be seen


@dataclass(frozen=True, slots=True)
class Place:
    """A place that was drawn for a scene."""

    world: World
    land: Land | None = None  # None where nothing can be laid around this camera
    painter: Painter | None = None

    @property
    def sun(self) -> Tensor | None:
        """Towards its sun or moon (3,), None under an overcast sky."""
        return None if self.world.sky == "overcast" else torch.tensor(self.world.sun)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What stands before some frames of a camera: the scene's own surfaces, behind and beside them the place's."""

    guide: Guide | None
    paints: Tensor | None  # (N, PAINTS, H, W)


def drawn_place(seed: int, said: Mapping[str, str], native: CameraPath, told: Told) -> Place:
    """The place of a seed and of what a prompt says, laid around a camera and lit as the scene is."""
    world = draw_world(seed, **ordinary(seed, said))
    poses, _ = poses_and_lenses(raised(native, told.ground_m))
    if told.sun is not None:
        world = lit_from(world, told.sun.tolist())
    elif world.time in ("dawn", "dusk"):
        turned = random.Random(f"low sun {seed}").uniform(-LOW_SUN, LOW_SUN)
        world = replace(world, azimuth=looks(poses) + turned)
    noise = WorldNoise(seed)
    land = place_around(world, noise, poses)
    return Place(world) if land is None else Place(land.world, land, Painter(land, noise))


def prospect(camera: CameraPath, frames: Tensor, told: Told, place: Place, painted: bool = True) -> Prospect:
    """What some frames (N,) of a camera see in its own pixels; `painted` or not."""
    size = camera.width, camera.height
    poses, lenses = (tensor[frames] for tensor in poses_and_lenses(raised(camera, told.ground_m)))
    view = view_of(poses, lenses, size, size, 0.0)
    own = None
    if told.planes is not None:
        planes = functional.interpolate(told.planes[frames][None], (camera.height, camera.width), mode="nearest")[0]
        own = guide_from(planes, poses, view)
    if place.land is None or place.painter is None:
        return Prospect(own, None)
    guide = merged(own, guide_along(distances(place.land, poses, lenses, size), view))
    if not painted or guide is None:
        return Prospect(guide, None)
    normals = [None] * len(frames) if own is None else list(own.normals)
    given = zip(poses, lenses, guide.distance, seconds_of(camera)[frames].tolist(), normals, strict=True)
    return Prospect(guide, torch.stack([place.painter.paints(*each) for each in given]))


def ordinary(seed: int, said: Mapping[str, str]) -> dict[str, str]:
    """What is said, and an ordinary day for the rest; what sky it rains or snows from is left open."""
    dice = random.Random(f"ordinary {seed}")
    drawn = {name: dice.choices(list(odds), list(odds.values()))[0] for name, odds in ORDINARY.items()}
    if said.get("time") == "night":
        drawn["sky"] = "clear" if dice.random() < STARLIT else "clouded"
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
