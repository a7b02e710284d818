"""Several shots of one camera, each with a plate of its own: a plate is seen in its own frames and hides no other.

A driver on a background's opacity does it, without Python's help; a camera with one plate has none. Blender finds a
driver by the background's place in the list, so all are set anew whenever a plate comes.
"""

from __future__ import annotations

import re

import bpy

from .plate_link import TAG

CHANNEL, EXPRESSION = "alpha", "%d<=frame<=%d"
OURS = re.compile(r"background_images\[\d+\]\.alpha: \d+<=frame<=\d+")


def frames_of(background: bpy.types.CameraBackgroundImage) -> tuple[int, int]:
    """The scene's frames that its plate is of."""
    user = background.image_user
    return user.frame_start, user.frame_start + user.frame_duration - 1


def seen(camera: bpy.types.Object) -> set[str]:
    """The plates of ours behind this camera that are switched on, by their names."""
    return {each.image[TAG] for each in _ours(camera) if each.show_background_image}


def settle(camera: bpy.types.Object, newest: str, were_seen: set[str]) -> None:
    """After a plate of this name came: those that were seen before and share no frame with it are seen again."""
    ours = _ours(camera)
    (own,) = [each for each in ours if each.image[TAG] == newest][-1:]
    for each in ours:
        if each.image[TAG] in were_seen and not _overlap(frames_of(each), frames_of(own)):
            each.show_background_image = True
    confine(camera)


def confine(camera: bpy.types.Object) -> None:
    """Each of our plates that is switched on is opaque in its own frames only, where there are several."""
    data = camera.data
    drivers = data.animation_data.drivers if data.animation_data else ()
    for path in [each.data_path for each in drivers if OURS.fullmatch(f"{each.data_path}: {each.driver.expression}")]:
        data.driver_remove(path)
    for each in _ours(camera):
        each.alpha = 1.0
    several = [each for each in _ours(camera) if each.show_background_image]
    for each in several if len(several) > 1 else ():
        first, last = frames_of(each)
        driver = each.driver_add(CHANNEL).driver
        driver.type = "SCRIPTED"
        driver.expression = EXPRESSION % (first, last)


def _ours(camera: bpy.types.Object) -> list[bpy.types.CameraBackgroundImage]:
    return [each for each in camera.data.background_images if each.image is not None and TAG in each.image]


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> bool:
    return a[0] <= b[1] and b[0] <= a[1]
