"""A plate as an image of Blender: one datablock per version, in the frames' true colour space, at the scene's frames.

Frames   Blender shows file number `scene_frame - frame_start + 1 + frame_offset`, and holds the last file after it.
Colour   the image carries the frames' own space, so every user of the datablock sees the same picture.
"""

from __future__ import annotations

from pathlib import Path

import bpy

from platewright.errors import PlateError

from .plate_link import TAG, path_for_blend, remember
from .plate_read import Plate, View

SPACES = {                                         # interop id -> names in Blender's and in studios' configurations
    "lin_rec709_scene": ("Linear Rec.709", "Linear Rec.709 (sRGB)", "lin_rec709", "scene_linear"),
    "srgb_rec709_scene": ("sRGB", "sRGB - Texture", "Utility - sRGB - Texture"),
    "lin_ap1_scene": ("ACEScg", "ACES - ACEScg", "lin_ap1"),
    "lin_ap0_scene": ("ACES2065-1", "ACES - ACES2065-1", "lin_ap0"),
}


def absolute_folder(folder: str | Path) -> Path:
    """Blender's `//` stands for the folder of the .blend; without one it would mean the current directory."""
    text = str(folder)
    if text.startswith("//") and not bpy.data.filepath:
        raise PlateError(
            "E_UNSAVED",
            f"{text} is relative to a .blend that has not been saved.",
            "Save the .blend first, or choose an absolute path.",
        )
    return Path(bpy.path.abspath(text))


def load_sequence(plate: Plate) -> bpy.types.Image:
    """The plate's image datablock, made once per file path and tagged as ours."""
    path = path_for_blend(plate.first_path)
    for image in bpy.data.images:
        same = image.source == "SEQUENCE" and bpy.path.abspath(image.filepath) == str(plate.first_path)
        if same and image.get(TAG) == plate.name and image.library is None:
            image.filepath = path
            remember(image, plate)
            return image
    image = bpy.data.images.load(path)
    image.name = plate.folder.name
    image.source = "SEQUENCE"
    image.alpha_mode = "NONE"
    set_space(image, plate.space)
    remember(image, plate)
    return image


def set_space(image: bpy.types.Image, space: str) -> None:
    names = SPACES.get(space, (space,))            # a studio's own space has a name in its configuration alone
    for name in names:
        try:
            image.colorspace_settings.name = name
        except TypeError:                          # a studio's OpenColorIO configuration has other names
            continue
        return
    raise PlateError(
        "E_COLOUR_SPACE",
        f"This Blender's colour configuration knows none of {', '.join(names)}.",
        "Use a configuration that knows the plate's space.",
    )


def set_frames(user: bpy.types.ImageUser | bpy.types.Node, plate: Plate, frame_start: int | None) -> None:
    """Set the frame mapping on whatever has its properties: an image user, or the compositor's image node itself."""
    first = plate.frames[0]
    user.frame_start = plate.start if frame_start is None else frame_start
    user.frame_offset = first - 1
    user.frame_duration = len(plate.frames)
    user.use_cyclic = False
    user.use_auto_refresh = True


def range_notes(scene: bpy.types.Scene, plate: Plate, frame_start: int | None) -> list[str]:
    start = plate.start if frame_start is None else frame_start
    end = start + len(plate.frames) - 1
    if start <= scene.frame_start and scene.frame_end <= end:
        return []
    ranges = f"the plate covers frames {start}-{end}, the scene runs {scene.frame_start}-{scene.frame_end}"
    return [f"W_RANGE: {ranges}; before the plate there is nothing, after it the last frame is held."]


def discard_unused(images: set[bpy.types.Image]) -> None:
    for image in images:
        if image.users == 0:
            bpy.data.images.remove(image)


def larger(view: View | None) -> tuple[float, float]:
    """How many times as large as the camera's own picture frames are."""
    return view.larger if view else (1.0, 1.0)


def scale_behind(view: View | None, fit: str) -> float:
    """A camera background's scale at which a plate with overscan lies on the render, pixel on pixel.

    At 1 `CROP` makes the shorter side of the picture as long as the camera's, `STRETCH` both.
    """
    across, down = larger(view)
    return min(across, down) if fit == "CROP" else across


def show_view(texture: bpy.types.Node, plate: Plate) -> None:
    """Let a shader's image node spread the camera's own picture over 0..1: what frames show around it lies outside."""
    across, down = larger(plate.view)
    mapping = texture.texture_mapping
    mapping.scale = 1.0 / across, 1.0 / down, 1.0
    mapping.translation = 0.5 - 0.5 / across, 0.5 - 0.5 / down, 0.0


def fit_for_pixels(scene: bpy.types.Scene) -> str:
    """The plate has the render's aspect; with pixels that are not square only STRETCH gives it the render's shape."""
    return "CROP" if scene.render.pixel_aspect_x == scene.render.pixel_aspect_y else "STRETCH"
