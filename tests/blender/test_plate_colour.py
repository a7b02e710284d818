"""A plate in each colour space shows in Blender what the model made; raised frame numbers show where the scene is."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import bpy
import pytest

from blender_addon import plate_read, scene_write
from tests.blender.plate_files import exr, linear, read_manifest, rec709, write_manifest, write_plate
from tests.conftest import ROOT

# From linear Rec.709, as OpenColorIO's ACES configurations have them.
TO_ACESCG = (
    (0.6130974293, 0.3395231366, 0.0473794527),
    (0.0701937228, 0.9163538814, 0.0134523986),
    (0.0206155926, 0.1095697731, 0.8698146343),
)
TO_ACES = (
    (0.4396329820, 0.3829886913, 0.1773783267),
    (0.0897764415, 0.8134394288, 0.0967841297),
    (0.0175411701, 0.1115465537, 0.8709122538),
)
LIGHT = {"lin_rec709_scene": ((1, 0, 0), (0, 1, 0), (0, 0, 1)), "lin_ap1_scene": TO_ACESCG, "lin_ap0_scene": TO_ACES}
NAMES = {"lin_rec709_scene": "Linear Rec.709", "lin_ap1_scene": "ACEScg", "lin_ap0_scene": "ACES2065-1"}
COLOUR = (200, 120, 40)


def plate_in(tmp_path: Path, space: str, **delivery: int) -> plate_read.Plate:
    """One flat frame whose file holds the light of COLOUR in this space."""
    picture = [[COLOUR] * 8 for _ in range(4)]
    folder = write_plate(tmp_path, [picture])
    manifest = read_manifest(folder)

    def light(pixel: tuple[int, int, int]) -> list[float]:
        return [sum(share * value for share, value in zip(row, rec709(pixel), strict=True)) for row in LIGHT[space]]

    entry = manifest["frames"][0]
    data = exr(picture, light)
    (folder / entry["file"]).write_bytes(data)
    entry |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    manifest["picture"] = {"colour": {"space": space}, "delivery": delivery}
    write_manifest(folder, manifest)
    return plate_read.read_plate(folder)


@pytest.mark.parametrize("space", LIGHT)
def test_a_plate_is_read_in_its_own_space(tmp_path: Path, space: str) -> None:
    """Blender's own conversion gives the light of the picture back, whatever the file holds."""
    image = scene_write.load_sequence(plate_in(tmp_path, space))
    assert image.colorspace_settings.name.startswith(NAMES[space])
    still = bpy.data.images.load(bpy.path.abspath(image.filepath))
    still.colorspace_settings.name = image.colorspace_settings.name
    assert tuple(still.pixels[:3]) == pytest.approx([linear(code) for code in COLOUR], abs=2e-3)


def test_the_judge_sees_a_wrong_space(tmp_path: Path) -> None:
    plate = plate_in(tmp_path, "lin_ap0_scene")
    still = bpy.data.images.load(str(plate.first_path))
    still.colorspace_settings.name = "Linear Rec.709"
    assert tuple(still.pixels[:3]) != pytest.approx([linear(code) for code in COLOUR], abs=2e-2)


def test_a_plate_shows_at_the_scenes_own_frames(tmp_path: Path) -> None:
    plate = plate_in(tmp_path, "lin_rec709_scene", frame_offset=1000)
    camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    bpy.context.scene.collection.objects.link(camera)
    scene_write.show_behind_camera(camera, plate, bpy.context.scene)
    user = camera.data.background_images[0].image_user
    assert (user.frame_start, user.frame_offset, user.frame_duration) == (1, 1000, 1)


WINDOWED = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, sys.argv[1])
from platewright.frame_forms import FrameForm
from platewright.frame_tags import Tags
from dataclasses import replace
from fractions import Fraction
picture = np.zeros((14, 24, 3), np.float32)
picture[3:11, 4:20] = 1.0                          # what the display window shows
tags = Tags(rate=Fraction(24), frame=1, world_from_camera=(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1),
            intrinsics=(20, 20, 12, 7), texts={})
replace(FrameForm.of("exr"), view=(16, 8)).write(Path(sys.argv[2]), picture, tags)
"""


def test_blender_takes_the_data_window_for_the_picture(tmp_path: Path) -> None:
    """So overscan that lies outside the display window is in Blender's picture, at the same place as in a flat file."""
    python = ROOT / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    file = tmp_path / "wide.1001.exr"
    subprocess.run([str(python), "-c", WINDOWED, str(ROOT / "core"), str(file)], check=True)
    image = bpy.data.images.load(str(file))
    assert tuple(image.size) == (24, 14)
    light = [[image.pixels[4 * (row * 24 + column)] for column in range(24)] for row in range(14)]
    assert all(light[row][column] == (3 <= row < 11 and 4 <= column < 20) for row in range(14) for column in range(24))
