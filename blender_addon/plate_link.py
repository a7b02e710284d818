"""What an image remembers of its plate, and how a plate is found again after the .blend or the plate has moved.

Remembered   the plate's absolute folder and what it says of itself, as JSON on the image
Looked for   where the .blend says; where the plate lay when it was imported; beside the .blend; in its folder `plates`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy
from bpy.app.handlers import persistent

if TYPE_CHECKING:                                  # not at every start of Blender
    from .plate_read import Plate
    from .plate_told import Told

TAG = "platewright_plate"                          # custom property: name of the plate
RECORD = "platewright_record"                      # custom property: JSON, `folder`, `start` and what the plate told
LOST = "platewright_lost"                          # custom property: the folder that was not found when the file opened


def remember(image: bpy.types.Image, plate: Plate) -> None:
    """Mark the image as ours and note what it shows."""
    image[TAG] = plate.name
    view = plate.view._asdict() if plate.view else {}
    told = {"folder": str(plate.folder), "start": plate.start, "view": view, **plate.told.to_dict()}
    image[RECORD] = json.dumps(told)


def told_of(folder: str) -> Told | None:
    """What the plate in this folder says of itself, as far as an image of the open file remembers it."""
    from .plate_told import Told

    for image in own_images():
        record = recorded(image)
        if record.get("folder") == folder:
            return Told.kept(record)
    return None


def recorded(image: bpy.types.Image) -> dict[str, Any]:
    """The record of an image; it came with a file from anywhere."""
    try:
        record = json.loads(str(image.get(RECORD, "{}")))
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def own_images() -> list[bpy.types.Image]:
    """The images of this very file that show plates."""
    return [image for image in bpy.data.images if TAG in image and image.library is None]


def path_for_blend(path: Path) -> str:
    """Relative where the plate lies beside the .blend or below it, so that both can move together."""
    blend = bpy.data.filepath
    if blend and path.is_relative_to(Path(blend).parent):
        return bpy.path.relpath(str(path))
    return str(path)


# Found again -------------------------------------------------------------------------------------


def relink(_file: str = "") -> None:
    """Point images, strips and scenes at where their plates are now; what cannot be found stays, and is marked."""
    for image in own_images():
        there = Path(bpy.path.abspath(image.filepath))
        record = recorded(image)
        folder = there.parent if there.is_file() else found(there.parent, str(record.get("folder", "")), there.name)
        if folder and not there.is_file():
            image.filepath = path_for_blend(folder / there.name)
            sys.stderr.write(f"Platewright: {folder.name} was found again in {folder.parent}\n")
        if folder and RECORD in image:
            image[RECORD] = json.dumps({**record, "folder": str(folder)})
        tell_lost(image, "" if folder else str(there.parent))
    for strip in own_strips():
        there = Path(bpy.path.abspath(strip.directory))
        folder = None if there.is_dir() else found(there, "", "plate.json")
        if folder:
            set_directory(strip, folder)
    for scene in bpy.data.scenes:
        plate = scene.platewright.plate if scene.library is None else ""
        folder = found(Path(plate), "", "plate.json") if plate and not Path(plate).is_dir() else None
        if folder:
            scene.platewright.plate = str(folder)


def tell_lost(image: bpy.types.Image, folder: str) -> None:
    """Note on the image that its plate is not there, or that it is there again."""
    if folder:
        image[LOST] = folder
    elif LOST in image:
        del image[LOST]


def lost_plates() -> list[str]:
    """Folders that were not there when the file was opened, as its pictures remember them; touches no disk."""
    return sorted({str(image[LOST]) for image in own_images() if LOST in image})


def take_home(folder: Path) -> int:
    """Point what showed the plate of this name, and cannot find it, at this folder; how many it was."""
    count = 0
    for image in own_images():
        there = Path(bpy.path.abspath(image.filepath))
        if there.parent.name == folder.name and not there.is_file() and (folder / there.name).is_file():
            image.filepath = path_for_blend(folder / there.name)
            image[RECORD] = json.dumps({**recorded(image), "folder": str(folder)})
            tell_lost(image, "")
            image.reload()
            count += 1
    for strip in own_strips():
        there = Path(bpy.path.abspath(strip.directory))
        if there.name == folder.name and not there.is_dir():
            set_directory(strip, folder)
            count += 1
    return count


def own_strips() -> list[bpy.types.bpy_struct]:
    """The strips of this very file that show plates."""
    editors = [each.sequence_editor for each in bpy.data.scenes if each.library is None and each.sequence_editor]
    lists = (each.strips_all if hasattr(each, "strips_all") else each.sequences_all for each in editors)
    return [strip for each in lists for strip in each if strip.type == "IMAGE" and TAG in strip]


def set_directory(strip: bpy.types.bpy_struct, folder: Path) -> None:
    """Where the strip's files are; relative as for images."""
    file = strip.elements[0].filename
    strip.directory = path_for_blend(folder / file)[: -len(file)]


def found(folder: Path, recorded_folder: str, file: str) -> Path | None:
    """The first of the likely folders that is a plate and holds the file."""
    for place in likely(folder, recorded_folder):
        if (place / "plate.json").is_file() and (place / file).is_file():
            return place
    return None


def likely(folder: Path, recorded_folder: str) -> Iterator[Path]:
    """Where a plate may be that is not where it should be."""
    if recorded_folder:
        yield Path(recorded_folder)
    if bpy.data.filepath:
        home = Path(bpy.data.filepath).parent
        yield from (home / folder.name, home / "plates" / folder.name)


def register() -> None:
    bpy.app.handlers.load_post.append(persistent(relink))


def unregister() -> None:
    bpy.app.handlers.load_post.remove(relink)
