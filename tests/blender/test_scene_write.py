"""A plate arrives in the scene: the right file on the right frame, everybody else's work untouched."""

from __future__ import annotations

import shutil
import unicodedata
from pathlib import Path

import bpy
import pytest

from blender_addon import plate_read, scene_write, ways_uses
from platewright.errors import PlatewrightError
from tests.blender.plate_files import Picture, flat, read_manifest, write_manifest, write_plate

Size = tuple[int, int]
Point = tuple[float, ...]
PICTURES: list[Picture] = [flat(8, 4, (40 * step, 90, 200)) for step in range(5)]


def shot(first: int = 1001, last: int = 1005) -> bpy.types.Scene:
    """The empty scene with a camera and a range."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = first, last
    scene.camera = bpy.data.objects.new("Cam", bpy.data.cameras.new("Cam"))
    scene.collection.objects.link(scene.camera)
    return scene


def backgrounds(scene: bpy.types.Scene) -> list[bpy.types.CameraBackgroundImage]:
    return list(scene.camera.data.background_images)


def file_shown(scene: bpy.types.Scene, frame: int) -> Path:
    """The file that Blender itself names for the camera's background at this scene frame."""
    scene.frame_set(frame)
    background = backgrounds(scene)[-1]
    return Path(bpy.path.abspath(background.image.filepath_from_user(image_user=background.image_user)))


def code_of(error: pytest.ExceptionInfo[PlatewrightError]) -> str:
    return error.value.code


# Which file on which frame


STARTS = [(1001, 1001), (1001, 1), (0, 0), (1, 1), (98, 98), (9998, 9998)]


@pytest.mark.parametrize(("files_from", "scene_from"), STARTS)
def test_every_scene_frame_shows_its_file(tmp_path: Path, files_from: int, scene_from: int) -> None:
    scene = shot(scene_from, scene_from + 4)
    folder = write_plate(tmp_path, PICTURES, first=files_from)
    scene_write.import_plate(scene, folder, frame_start=scene_from)
    for step in (0, 2, 4):
        assert file_shown(scene, scene_from + step) == folder / f"shot_v001.{files_from + step:04d}.exr"
    assert file_shown(scene, scene_from + 30) == folder / f"shot_v001.{files_from + 4:04d}.exr", "held after the end"


def test_a_plate_stands_on_its_own_numbers_unless_told(tmp_path: Path) -> None:
    scene = shot()
    imported = scene_write.import_plate(scene, write_plate(tmp_path, PICTURES))
    assert file_shown(scene, 1003).name == "shot_v001.1003.exr"
    assert not [note for note in imported.notes if note.startswith("W_")]


def test_a_range_longer_than_the_plate_is_told(tmp_path: Path) -> None:
    scene = shot(1001, 1006)
    imported = scene_write.import_plate(scene, write_plate(tmp_path, PICTURES))
    assert [note for note in imported.notes if note.startswith("W_RANGE") and "1001-1005" in note and "1006" in note]


# The background as it must be


@pytest.mark.parametrize(("suffix", "space"), [("exr", "Linear Rec.709"), ("png", "sRGB")])
def test_the_background_is_set_in_every_field(tmp_path: Path, suffix: str, space: str) -> None:
    scene = shot()
    folder = write_plate(tmp_path, PICTURES, suffix=suffix)
    scene_write.import_plate(scene, folder)
    (background,) = backgrounds(scene)
    assert scene.camera.data.show_background_images
    assert (background.source, background.alpha, background.display_depth) == ("IMAGE", 1.0, "BACK")
    assert (background.frame_method, background.scale, background.show_background_image) == ("CROP", 1.0, True)
    assert (background.image.source, background.image.colorspace_settings.name) == ("SEQUENCE", space)
    assert not background.image.use_view_as_render
    user = background.image_user
    assert (user.frame_start, user.frame_offset, user.frame_duration) == (1001, 1000, 5)
    assert user.use_auto_refresh
    assert not user.use_cyclic


def test_pixels_that_are_not_square_stretch_the_plate(tmp_path: Path) -> None:
    scene = shot()
    scene.render.pixel_aspect_x = 2.0
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES))
    assert backgrounds(scene)[0].frame_method == "STRETCH"


def drawn_at(background: bpy.types.CameraBackgroundImage, picture: Size, render: Size, pixel: Point) -> Point:
    """Where Blender draws a pixel of a camera background, in pixels of the render: scaled about the middle."""
    (width, height), fit = picture, background.frame_method
    zoom = max(render[0] / width, render[1] / height)          # CROP: the picture covers the frame at a scale of 1
    zooms = (zoom, zoom) if fit == "CROP" else (render[0] / width, render[1] / height)
    return tuple(
        size / 2 + (place - whole / 2) * each * background.scale
        for size, whole, place, each in zip(render, picture, pixel, zooms, strict=True)
    )


def with_rim(folder: Path, size: Size, left: int, top: int) -> Path:
    """The manifest says that the frames show so much around the camera's own picture."""
    view = {"left": left, "top": top, "width": size[0], "height": size[1]}
    write_manifest(folder, {**read_manifest(folder), "picture": {"delivery": {"view": view}}})
    return folder


@pytest.mark.parametrize(
    ("size", "left", "top", "aspect"),
    [((1920, 1080), 96, 54, 1.0), ((1001, 563), 50, 28, 1.0), ((563, 1001), 28, 50, 1.0), ((1920, 1080), 96, 54, 2.0)],
)
def test_a_plate_with_overscan_lies_pixel_on_pixel(
    tmp_path: Path, size: Size, left: int, top: int, aspect: float
) -> None:
    scene = shot()
    scene.render.pixel_aspect_x = aspect
    first = scene_write.import_plate(scene, write_plate(tmp_path, PICTURES))
    plain = drawn_at(backgrounds(scene)[0], size, size, (10.5, 20.5))
    assert plain == pytest.approx((10.5, 20.5)) and first.plate.view is None
    folder = with_rim(write_plate(tmp_path, PICTURES, version=2), size, left, top)
    picture = size[0] + 2 * left, size[1] + 2 * top
    ways_uses.use_version(scene, folder)
    assert drawn_at(backgrounds(scene)[0], picture, size, (left, top)) == pytest.approx((0.0, 0.0), abs=1e-3)
    scene_write.import_plate(scene, folder)
    for x, y in ((0.5, 0.5), (size[0] - 0.5, 0.5), (300.0, size[1] - 0.5)):
        there = drawn_at(backgrounds(scene)[0], picture, size, (x + left, y + top))
        assert there == pytest.approx((x, y), abs=1e-3)
    ways_uses.use_version(scene, first.plate.folder)
    assert backgrounds(scene)[0].scale == 1.0


@pytest.mark.parametrize(
    "view", [{"left": 3}, {"left": -3, "width": 8}, {"left": True, "width": 8}, {"left": 9, "width": 8}, 7]
)
def test_an_overscan_that_cannot_be_is_none(tmp_path: Path, view: object) -> None:
    folder = write_plate(tmp_path, PICTURES)
    write_manifest(folder, {**read_manifest(folder), "picture": {"delivery": {"view": view}}})
    assert plate_read.read_plate(folder).view is None


# Whose work is whose


def test_a_second_import_replaces_the_first(tmp_path: Path) -> None:
    scene = shot()
    folder = write_plate(tmp_path, PICTURES)
    for _ in range(3):
        scene_write.import_plate(scene, folder)
    assert len(backgrounds(scene)) == 1
    assert len(bpy.data.images) == 1


def test_a_new_version_takes_the_place_of_the_old(tmp_path: Path) -> None:
    scene = shot()
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES))
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES, version=2))
    assert file_shown(scene, 1002).name == "shot_v002.1002.exr"
    assert len(backgrounds(scene)) == 1
    assert [image.name for image in bpy.data.images] == ["shot_v002"]


def test_other_backgrounds_stay(tmp_path: Path) -> None:
    """Somebody's own picture, somebody's own sequence of the very same files, and a plate of another name."""
    scene = shot()
    folder = write_plate(tmp_path, PICTURES)
    theirs = [bpy.data.images.new("storyboard", 4, 4), bpy.data.images.load(str(folder / "shot_v001.1001.exr"))]
    for image in theirs:
        scene.camera.data.background_images.new().image = image
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES, name="sky"))
    scene_write.import_plate(scene, folder)
    scene_write.import_plate(scene, folder)
    assert [each.image.name for each in backgrounds(scene)] == [theirs[0].name, theirs[1].name, "sky_v001", "shot_v001"]
    assert theirs[1].source == "FILE"
    assert [each.show_background_image for each in backgrounds(scene)] == [True, True, False, True]


def test_a_plate_switched_off_is_told(tmp_path: Path) -> None:
    scene = shot()
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES, name="sky"))
    imported = scene_write.import_plate(scene, write_plate(tmp_path, PICTURES))
    assert any("sky_v001" in note for note in imported.notes)
    assert [each.show_background_image for each in backgrounds(scene)] == [False, True]


def test_the_plate_finds_the_camera_it_was_made_for(tmp_path: Path) -> None:
    scene = shot()
    other = bpy.data.objects.new("Witness", bpy.data.cameras.new("Witness"))
    scene.collection.objects.link(other)
    scene_write.import_plate(scene, write_plate(tmp_path, PICTURES, camera="Witness"))
    assert len(other.data.background_images) == 1
    assert not backgrounds(scene)


# Cameras that cannot take it


def test_a_scene_without_a_camera_is_refused(tmp_path: Path) -> None:
    folder = write_plate(tmp_path, PICTURES)
    with pytest.raises(PlatewrightError) as none:
        scene_write.import_plate(bpy.context.scene, folder)
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    with pytest.raises(PlatewrightError) as mesh:
        scene_write.import_plate(scene, folder)
    assert (code_of(none), code_of(mesh)) == ("E_NO_CAMERA", "E_CAMERA_TYPE")
    assert not bpy.data.images


def library_with_camera(path: Path) -> None:
    shot()
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def link_camera(path: Path) -> bpy.types.Scene:
    with bpy.data.libraries.load(str(path), link=True) as (_there, wanted):
        wanted.objects = ["Cam"]
    scene = bpy.context.scene
    scene.collection.objects.link(wanted.objects[0])
    scene.camera = wanted.objects[0]
    scene.frame_start, scene.frame_end = 1001, 1005
    return scene


def test_a_linked_camera_is_refused_with_a_way_out(tmp_path: Path) -> None:
    library_with_camera(tmp_path / "library.blend")
    scene = link_camera(tmp_path / "library.blend")
    with pytest.raises(PlatewrightError) as refused:
        scene_write.import_plate(scene, write_plate(tmp_path, PICTURES), compositor=True)
    assert code_of(refused) == "E_CAMERA_LINKED"
    assert "override" in refused.value.hint
    assert not backgrounds(scene)
    assert not bpy.data.images
    assert not scene.render.film_transparent


def test_an_overridden_camera_keeps_the_plate_over_a_save(tmp_path: Path) -> None:
    library_with_camera(tmp_path / "library.blend")
    scene = link_camera(tmp_path / "library.blend")
    linked = scene.camera
    scene.camera = linked.override_create(remap_local_usages=True)
    scene.camera.data = scene.camera.data.override_create(remap_local_usages=True)
    folder = write_plate(tmp_path, PICTURES)
    scene_write.import_plate(scene, folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert file_shown(bpy.context.scene, 1002) == folder / "shot_v001.1002.exr"


# Paths


NAMES = [
    "with space", "it's \"quoted\"", "50% #1 & co", "-leading", "überflug", unicodedata.normalize("NFD", "überflug"),
    "夜明け", "🌄 dawn", "a.b.1001", "$HOME ~", "<UDIM>",
]


@pytest.mark.parametrize("name", NAMES)
def test_folders_of_any_name(tmp_path: Path, name: str) -> None:
    scene = shot()
    folder = write_plate(tmp_path / name, PICTURES)
    scene_write.import_plate(scene, folder, compositor=True)
    assert file_shown(scene, 1004) == folder / "shot_v001.1004.exr"
    assert file_shown(scene, 1004).is_file()
    assert tuple(backgrounds(scene)[0].image.size) == (8, 4), "Blender can read it there"


def test_shot_and_plate_move_together(tmp_path: Path) -> None:
    scene = shot()
    home = tmp_path / "home"
    write_plate(home / "plates", PICTURES)
    bpy.ops.wm.save_as_mainfile(filepath=str(home / "shot.blend"))
    scene_write.import_plate(scene, home / "plates" / "shot_v001", compositor=True)
    bpy.ops.wm.save_mainfile()
    shutil.move(home, tmp_path / "away")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "away" / "shot.blend"))
    scene = bpy.context.scene
    assert file_shown(scene, 1003) == tmp_path / "away" / "plates" / "shot_v001" / "shot_v001.1003.exr"
    assert tuple(backgrounds(scene)[0].image.size) == (8, 4)
    assert backgrounds(scene)[0].image.colorspace_settings.name == "Linear Rec.709"


def test_a_plate_elsewhere_is_named_in_full(tmp_path: Path) -> None:
    scene = shot()
    (tmp_path / "home").mkdir()
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "home" / "shot.blend"))
    folder = write_plate(tmp_path / "store", PICTURES)
    scene_write.import_plate(scene, folder)
    assert backgrounds(scene)[0].image.filepath == str(folder / "shot_v001.1001.exr")


def test_a_path_beside_the_blend(tmp_path: Path) -> None:
    scene = shot()
    folder = write_plate(tmp_path, PICTURES)
    with pytest.raises(PlatewrightError) as refused:
        scene_write.import_plate(scene, "//shot_v001")
    assert code_of(refused) == "E_UNSAVED"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    scene_write.import_plate(scene, "//shot_v001")
    assert file_shown(scene, 1005) == folder / "shot_v001.1005.exr"


def test_an_import_after_saving_somewhere_else_is_still_one(tmp_path: Path) -> None:
    """The path's form changes from absolute to relative; the image does not come twice."""
    scene = shot()
    folder = write_plate(tmp_path, PICTURES)
    scene_write.import_plate(scene, folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    scene_write.import_plate(scene, folder)
    assert [image.filepath for image in bpy.data.images] == ["//shot_v001/shot_v001.1001.exr"]
