"""A plate in each colour space shows in Blender what the model made; raised frame numbers show where the scene is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import bpy
import pytest

from blender_addon import plate_read, scene_write
from tests.blender.plate_files import exr, linear, read_manifest, rec709, write_manifest, write_plate

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
