"""A finished plate -> what Blender shows: the camera's background image and the compositor's branch behind the render.

Ours     images, backgrounds' images and the compositor's group carry `TAG`; nothing without it is replaced or removed.

By name also `plate_image`, the plate as an image of Blender, and `scene_composite`, the compositor's branch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from platewright.errors import CameraError
from platewright.errors import PlateError as PlateError

from .plate_image import absolute_folder as absolute_folder
from .plate_image import discard_unused, fit_for_pixels, range_notes, scale_behind
from .plate_image import load_sequence as load_sequence
from .plate_image import set_frames as set_frames
from .plate_link import TAG as TAG
from .plate_read import Plate, read_plate
from .scene_composite import GROUP as GROUP
from .scene_composite import check_compositor
from .scene_composite import composite_behind as composite_behind
from .scene_composite import compositor_tree as compositor_tree
from .scene_composite import tree_and_output as tree_and_output
from .scene_composite import withdraw_composite as withdraw_composite


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did; the notes are sentences for the panel, warnings start with their code."""

    plate: Plate
    notes: tuple[str, ...]


def import_plate(
    scene: bpy.types.Scene,
    folder: str | Path,
    *,
    camera: bpy.types.Object | None = None,        # None: the plate's camera if the scene has it, else the scene's
    background: bool = True,
    compositor: bool = False,
    frame_start: int | None = None,                # scene frame that shows the first file; None: where it was made for
) -> Imported:
    """Check the plate in `folder` and show it in the scene.

    Raises PlateError (those of `read_plate`; E_UNSAVED for a `//` path in a file never saved; E_COMPOSITOR_LINKED) and
    CameraError (E_NO_CAMERA, E_CAMERA_TYPE, E_CAMERA_LINKED), all before anything in the scene has changed.
    """
    plate = read_plate(absolute_folder(folder))
    camera = camera or camera_of(scene, plate)
    if background:
        check_camera(camera)
    if compositor:
        check_compositor(scene)
    notes = range_notes(scene, plate, frame_start)
    if background:
        notes += show_behind_camera(camera, plate, scene, frame_start=frame_start)
    if compositor:
        notes += composite_behind(scene, plate, frame_start=frame_start)
    return Imported(plate=plate, notes=tuple(notes))


# Behind the camera


def camera_of(scene: bpy.types.Scene, plate: Plate) -> bpy.types.Object | None:
    """The camera the plate was made for, if the scene still has it by name; else the scene's own."""
    named = scene.objects.get(plate.camera)
    return named if named is not None and named.type == "CAMERA" else scene.camera


def check_camera(camera: bpy.types.Object | None) -> None:
    if camera is None:
        raise CameraError("E_NO_CAMERA", "There is no camera to stand the plate behind.", "Give the scene a camera.")
    if camera.type != "CAMERA":
        raise CameraError("E_CAMERA_TYPE", f"{camera.name} is not a camera.", "Choose a camera for the scene.")
    if camera.data.library is not None:
        raise CameraError(
            "E_CAMERA_LINKED",
            f"The camera {camera.data.name} is linked from {Path(camera.data.library.filepath).name}: "
            "a background set here would be gone after saving.",
            "Make a library override of the camera and its data, or open its own file.",
        )


def show_behind_camera(
    camera: bpy.types.Object,                      # an object whose data is a local or overridden camera
    plate: Plate,
    scene: bpy.types.Scene,
    *,
    frame_start: int | None = None,
) -> list[str]:
    """Make the plate the camera's background image in the viewport.

    An earlier version of it is replaced; our plates of other names are switched off, as they would cover each other.
    Blender never renders a camera background: `composite_behind` is for that. Raises CameraError E_NO_CAMERA,
    E_CAMERA_TYPE, E_CAMERA_LINKED. Returns notes for the panel.
    """
    check_camera(camera)
    backgrounds = camera.data.background_images
    notes = [f"{plate.folder.name} stands behind {camera.name} in the viewport.", *switch_off_others(camera, plate)]
    earlier = [each for each in backgrounds if each.image is not None and each.image.get(TAG) == plate.name]
    earlier_images = {each.image for each in earlier}
    for each in earlier:
        each.image = None                          # `remove` alone leaves the image with a user it does not have
        backgrounds.remove(each)
    background = backgrounds.new()
    background.source = "IMAGE"
    background.image = load_sequence(plate)
    background.alpha = 1.0
    background.display_depth = "BACK"
    background.frame_method = fit_for_pixels(scene)
    background.scale = scale_behind(plate.view, background.frame_method)
    background.rotation, background.offset = 0.0, (0.0, 0.0)
    background.show_background_image = True
    set_frames(background.image_user, plate, frame_start)
    camera.data.show_background_images = True
    discard_unused(earlier_images - {background.image})
    return notes


def switch_off_others(camera: bpy.types.Object, plate: Plate) -> list[str]:
    """Hide our plates of other names behind this camera, and say which."""
    hidden = []
    for each in camera.data.background_images:
        image = each.image
        if image is not None and image.get(TAG, plate.name) != plate.name and each.show_background_image:
            each.show_background_image = False
            hidden.append(f"{image.name} is still there, switched off.")
    return hidden
