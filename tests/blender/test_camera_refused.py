"""Cameras and ranges that cannot be a path are refused by code, with a hint, and the scene stays as it was."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest

from blender_addon import scene_read
from platewright.errors import CameraError, RequestError
from tests.blender.scenes import add, add_camera, bind, drive, keys, shot, worst_px

Spoil = Callable[[bpy.types.Scene, bpy.types.Object], None]


def refusal(scene: bpy.types.Scene, **options: object) -> RequestError:
    scenes_before = len(bpy.data.scenes)
    with pytest.raises(RequestError) as caught:
        scene_read.camera_path(scene, **options)
    assert caught.value.hint
    assert caught.value.exit_code == 2
    assert len(bpy.data.scenes) == scenes_before
    return caught.value


def no_camera(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    scene.camera = None


def a_mesh(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    scene.camera = add("Suzanne", bpy.data.meshes.new("Suzanne"))


def an_empty(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    scene.camera = add("Suzanne")


def orthographic(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.data.type = "ORTHO"


def panoramic(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.data.type = "PANO"


def orthographic_later(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    keys(camera.data, "type", {1: "PERSP", 20: "ORTHO"})


def mirrored(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.parent = add("Mirror")
    camera.parent.scale.x = -1


def sheared(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.parent = add("Uneven")
    camera.parent.scale = (1, 3, 1)
    camera.parent.rotation_euler.z = 0.5


def flat(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.scale = (1, 1, 0)


def not_a_number(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    keys(camera, "location", {24: (math.nan, 0, 0)})


def infinite(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    keys(camera, "location", {1: (0, 0, math.inf), 24: (0, 0, math.inf)})


def too_far(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    keys(camera, "location", {1: (0, 2e7, 0), 24: (0, 2e7, 0)})


def no_lens(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.data.animation_data_clear()
    camera.data.lens = 0.0


def endless_lens(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    camera.data.animation_data_clear()
    camera.data.lens = 1e12


def stereo(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    scene.render.use_multiview = True


def every_second_frame(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    scene.frame_step = 2


def no_pixels(scene: bpy.types.Scene, camera: bpy.types.Object) -> None:
    scene.render.resolution_x = scene.render.resolution_y = 4
    scene.render.resolution_percentage = 1


REFUSED: list[tuple[Spoil, str, str]] = [
    (no_camera, "E_NO_CAMERA", "no camera"), (a_mesh, "E_CAMERA_TYPE", "'Suzanne'"),
    (an_empty, "E_CAMERA_TYPE", "'Suzanne'"),
    (orthographic, "E_CAMERA_PROJECTION", "ortho at frame 1"), (panoramic, "E_CAMERA_PROJECTION", "pano"),
    (orthographic_later, "E_CAMERA_PROJECTION", "at frame 20"), (mirrored, "E_CAMERA_MIRRORED", "at frame 1"),
    (sheared, "E_CAMERA_SHEARED", "at frame 1"), (flat, "E_CAMERA_SINGULAR", "at frame 1"),
    (not_a_number, "E_CAMERA_NOT_FINITE", "location x is nan"), (infinite, "E_CAMERA_NOT_FINITE", "location z"),
    (too_far, "E_CAMERA_NOT_FINITE", "location y"), (no_lens, "E_CAMERA_FOV", "degrees"),
    (endless_lens, "E_CAMERA_FOV", "degrees"), (stereo, "E_STEREO", "stereo"),
    (every_second_frame, "E_RANGE_STEP", "frame step of 2"), (no_pixels, "E_SIZE", "0 pixels"),
]  # fmt: skip


@pytest.mark.parametrize(("spoil", "code", "words"), REFUSED)
def test_it_is_refused(spoil: Spoil, code: str, words: str) -> None:
    scene, camera = shot()
    spoil(scene, camera)
    used, frame = scene.camera, scene.frame_current
    error = refusal(scene)
    assert error.code == code
    assert words in error.message
    assert (scene.camera, scene.frame_current) == (used, frame)


@pytest.mark.parametrize("spoil", [None, *[spoil for spoil, _, _ in REFUSED]])
def test_the_innocent_twin_passes(spoil: Spoil | None) -> None:
    """Without the one change each of these shots is a path."""
    scene, _ = shot()
    assert len(scene_read.camera_path(scene)) == 24


def test_a_custom_camera() -> None:
    scene, camera = shot()
    kinds = {kind.identifier for kind in camera.data.bl_rna.properties["type"].enum_items}
    for kind in kinds - {"PERSP"}:
        camera.data.type = kind
        assert refusal(scene).code == "E_CAMERA_PROJECTION"


@pytest.mark.parametrize("frames", [(20, 10), (-1, 5), (1, 1_048_575)])
def test_a_range_that_is_none(frames: tuple[int, int]) -> None:
    scene, _ = shot()
    assert refusal(scene, frames=frames).code == "E_RANGE"


def test_the_interface_cannot_reverse_a_range() -> None:
    scene, _ = shot()
    scene.frame_start = 50
    assert scene_read.camera_path(scene).frames == (50,)
    scene.frame_start = -5
    assert scene_read.camera_path(scene).frames[0] == 0


def test_names_that_are_not_there() -> None:
    scene, camera = shot()
    with pytest.raises(RequestError) as caught:
        scene_read.find_scene("Nowhere")
    assert (caught.value.code, "'Scene'" in caught.value.hint) == ("E_SCENE", True)
    with pytest.raises(CameraError) as caught:
        scene_read.find_camera(scene, "Nobody")
    assert (caught.value.code, "'Camera'" in caught.value.hint) == ("E_NO_CAMERA", True)
    assert scene_read.find_scene(None) == scene_read.find_scene("Scene") == scene
    assert scene_read.find_camera(scene, "Camera") == camera
    assert scene_read.find_camera(scene, None) is None


# Files that are not whole, scripts that may not run ---------------------------------------------------------


def test_a_parent_whose_library_is_gone(tmp_path: Path) -> None:
    scene, camera = shot()
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {add("Rig")})
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, wanted):
        wanted.objects = ["Rig"]
    scene.collection.objects.link(wanted.objects[0])
    camera.parent = wanted.objects[0]
    assert scene_read.camera_path(scene).warnings == ()
    reopen(tmp_path, lambda: (tmp_path / "rig.blend").unlink())
    error = refusal(bpy.context.scene)
    assert error.code == "E_LIBRARY_MISSING"
    assert "'Rig'" in error.message


def test_a_camera_whose_library_is_gone(tmp_path: Path) -> None:
    _, camera = shot()
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {camera})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, wanted):
        wanted.objects = ["Camera"]
    scene = bpy.context.scene
    scene.collection.objects.link(wanted.objects[0])
    scene.camera = wanted.objects[0]
    scene.frame_end = 24
    assert scene_read.camera_path(scene).warnings == ()
    assert refusal(reopen(tmp_path, (tmp_path / "rig.blend").unlink)).code == "E_LIBRARY_MISSING"


def test_a_cache_that_is_gone(tmp_path: Path) -> None:
    shot()
    cache = tmp_path / "camera.abc"
    bpy.ops.wm.alembic_export(filepath=str(cache), start=1, end=24, as_background_job=False)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    bpy.ops.wm.alembic_import(filepath=str(cache), as_background_job=False)
    bpy.context.scene.camera = next(found for found in bpy.data.objects if found.type == "CAMERA")
    reopen(tmp_path, cache.unlink)
    error = refusal(bpy.context.scene)
    assert error.code == "E_CACHE_MISSING"
    assert "camera.abc" in error.message


def reopen(folder: Path, meanwhile: Callable[[], object] = lambda: None, *, scripts: bool = False) -> bpy.types.Scene:
    file = str(folder / "shot.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    meanwhile()
    bpy.ops.wm.open_mainfile(filepath=file, load_ui=False, use_scripts=scripts)
    return bpy.context.scene


@pytest.mark.parametrize("expression", ["__import__('math').sin(frame)", "(lambda: frame)()"])
def test_a_python_driver_that_was_not_allowed(tmp_path: Path, expression: str) -> None:
    _, camera = shot()
    drive(camera, "location", expression, 0)
    error = refusal(reopen(tmp_path))
    assert error.code == "E_SCRIPTS_BLOCKED"
    assert "'Camera' location" in error.message


def test_a_python_driver_that_was_allowed(tmp_path: Path) -> None:
    _, camera = shot()
    drive(camera, "delta_location", "(lambda: frame * 0.1)()", 0)
    scene = reopen(tmp_path, scripts=True)
    path = scene_read.camera_path(scene)
    assert path.warnings == ()
    assert worst_px(path, scene) < 0.02


def test_a_python_driver_far_up_the_chain(tmp_path: Path) -> None:
    _, camera = shot()
    camera.parent = add("Parent")
    camera.parent.parent = add("Grandparent")
    drive(camera.parent.parent, "location", "(lambda: frame * 0.1)()", 0)
    assert "'Grandparent' location" in refusal(reopen(tmp_path)).message


def test_a_python_driver_that_is_no_concern_of_the_camera(tmp_path: Path) -> None:
    shot()
    drive(add("Other"), "location", "(lambda: frame * 0.1)()", 0)
    assert scene_read.camera_path(reopen(tmp_path)).warnings == ()


def test_a_driver_that_blender_cannot_evaluate(tmp_path: Path) -> None:
    _, camera = shot()
    drive(camera, "delta_location", "nobody_knows_this(frame)", 0)
    (warning,) = scene_read.camera_path(reopen(tmp_path, scripts=True)).warnings
    assert warning.startswith("W_DRIVER_BROKEN: ")


def test_a_script_that_did_not_run(tmp_path: Path) -> None:
    shot()
    text = bpy.data.texts.new("handlers.py")
    text.from_string("import bpy")
    text.use_module = True
    (warning,) = scene_read.camera_path(reopen(tmp_path)).warnings
    assert warning.startswith("W_SCRIPTS_BLOCKED: ")
    assert "handlers.py" in warning


def test_a_bad_second_camera_is_named() -> None:
    scene, _ = shot()
    flat_one = add_camera("Flat")
    flat_one.data.type = "ORTHO"
    bind(scene, [(1, scene.camera), (15, flat_one)])
    assert "'Flat' has the projection ortho at frame 15" in refusal(scene).message
