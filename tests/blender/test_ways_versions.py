"""Use v003: whatever shows a plate shows another version of it, by what Blender renders and which files it names."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType

import bpy
import pytest

from blender_addon import (
    plate_link,
    plate_read,
    scene_write,
    ways_plane,
    ways_projection,
    ways_strip,
    ways_uses,
    ways_wipe,
    ways_world,
)
from platewright.errors import PlateError
from tests.blender import ways_shots
from tests.blender.plate_files import flat, read_manifest, write_manifest, write_plate
from tests.blender.ways_shots import AGX, FIRST, LAST, STANDARD, WIDTH, plate_of, rendered, shot, slope

OLD, NEW = 40, 200                                 # blue of the versions' pictures


def version(scene: bpy.types.Scene, parent: Path, number: int, blue: int) -> Path:
    return plate_of(scene, parent, [slope(blue=blue)] * 3, version=number)


def show_everywhere(scene: bpy.types.Scene, folder: Path) -> None:
    """Background, compositor, plane, world, strip and a material of the artist's own."""
    scene_write.import_plate(scene, folder, compositor=True)
    plate = plate_read.read_plate(folder)
    ways_plane.stand_plane(scene, plate)
    ways_world.set_world(scene, plate)
    ways_strip.lay_strip(scene, plate)
    screen = bpy.data.objects.new("Screen", bpy.data.meshes.new("Screen"))
    scene.collection.objects.link(screen)
    material = bpy.data.materials.new("Television")
    tree = material.node_tree
    if tree is None:
        material.use_nodes = True
        tree = material.node_tree
    inner = bpy.data.node_groups.new("Tube", "ShaderNodeTree")
    texture = inner.nodes.new("ShaderNodeTexImage")
    texture.image = scene_write.load_sequence(plate)
    scene_write.set_frames(texture.image_user, plate, 1)
    tree.nodes.new("ShaderNodeGroup").node_tree = inner
    screen.data.materials.append(material)


def files_shown(scene: bpy.types.Scene) -> set[str]:
    """Every file that Blender names at this frame."""
    images = {each.owner.image.filepath_from_user(image_user=user_of(each)) for each in ways_uses.uses(scene)}
    strips = {strip.directory + strip.elements[0].filename for strip in ways_strip.own_strips(scene)}
    return {Path(bpy.path.abspath(each)).parent.name for each in images | strips}


def user_of(use: ways_uses.Use) -> bpy.types.ImageUser | None:
    return use.user if isinstance(use.user, bpy.types.ImageUser) else None


def plates_left() -> list[str]:
    return sorted(image.name for image in bpy.data.images if image.type == "IMAGE")


def test_everything_is_switched_in_one_step(tmp_path: Path) -> None:
    scene = shot()
    show_everywhere(scene, version(scene, tmp_path, 1, OLD))
    background = scene.camera.data.background_images[0]
    background.alpha, background.scale = 0.7, 1.2
    third = version(scene, tmp_path, 3, NEW)
    assert ways_shots.blue_of(rendered(scene, FIRST, tmp_path)) == OLD
    _, notes = ways_uses.use_version(scene, third)
    assert len(list(ways_uses.uses(scene))) == 5
    assert files_shown(scene) == {"shot_v003"}
    assert plates_left() == ["shot_v003"]
    assert (round(background.alpha, 3), round(background.scale, 3)) == (0.7, 1.2), "the artist's settings stay"
    (own,) = [use for use in ways_uses.uses(scene) if use.owner.id_data.name == "Tube"]
    assert own.user.frame_start == 1, "what was moved in time stays moved"
    assert notes[0].startswith("shot_v003 is shown by 1 camera background, 1 compositor, 2 materials, 1 world, 1 strip")
    assert ways_shots.blue_of(rendered(scene, FIRST, tmp_path)) == NEW
    labels = [node.label for node in [*ways_wipe.own_nodes(scene), *ways_world.own_nodes(scene)]]
    assert labels == ["shot_v003"] * 2


@pytest.mark.parametrize("way", ["plane", "world", "compositor"])
def test_each_way_renders_the_new_version(tmp_path: Path, way: str) -> None:
    """Also where it begins later: before its first frame there is nothing of it."""
    scene = shot()
    folder = version(scene, tmp_path, 1, OLD)
    plate = plate_read.read_plate(folder)
    {"plane": lambda: ways_plane.stand_plane(scene, plate), "world": lambda: ways_world.set_world(scene, plate),
     "compositor": lambda: scene_write.composite_behind(scene, plate)}[way]()  # fmt: skip
    pictures = [slope(blue=NEW)] * 2
    later = write_plate(tmp_path, pictures, version=2, first=FIRST + 1, camera="Cam")
    ways_uses.use_version(scene, later)
    assert ways_shots.blue_of(rendered(scene, FIRST, tmp_path)) == 0
    assert ways_shots.blue_of(rendered(scene, LAST, tmp_path)) == NEW


def test_the_measure_sees_a_place_that_stays(tmp_path: Path) -> None:
    """Guilty: a use that is not switched."""
    scene = shot()
    show_everywhere(scene, version(scene, tmp_path, 1, OLD))
    first = next(ways_uses.uses(scene)).owner.image
    ways_uses.use_version(scene, version(scene, tmp_path, 3, NEW))
    next(ways_uses.uses(scene)).owner.image = scene_write.load_sequence(plate_read.read_plate(tmp_path / "shot_v001"))
    assert files_shown(scene) == {"shot_v001", "shot_v003"}
    assert first is not None


def test_plates_of_other_names_and_other_scenes_stay(tmp_path: Path) -> None:
    scene = shot()
    folder = version(scene, tmp_path, 1, OLD)
    scene_write.import_plate(scene, folder)
    other = write_plate(tmp_path, [flat(4, 4, (1, 2, 3))] * 3, name="sky", camera="Cam")
    ways_world.set_world(scene, plate_read.read_plate(other))
    ways_uses.use_version(scene, version(scene, tmp_path, 2, NEW))
    assert files_shown(scene) == {"shot_v002", "sky_v001"}
    _, notes = ways_uses.use_version(bpy.data.scenes.new("Empty"), folder)
    assert notes[0].startswith("W_NOT_SHOWN")
    assert files_shown(scene) == {"shot_v002", "sky_v001"}


def test_a_version_that_is_not_whole_changes_nothing(tmp_path: Path) -> None:
    scene = shot()
    show_everywhere(scene, version(scene, tmp_path, 1, OLD))
    second = version(scene, tmp_path, 2, NEW)
    (second / "shot_v002.1002.exr").write_bytes(b"cut")
    with pytest.raises(PlateError, match="E_FRAME_CORRUPT"):
        ways_uses.use_version(scene, second)
    assert files_shown(scene) == {"shot_v001"}


def test_what_comes_from_another_file_is_left_and_told(tmp_path: Path) -> None:
    scene = shot()
    folder = version(scene, tmp_path, 1, OLD)
    scene_write.import_plate(scene, folder)
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {scene.camera})
    second = version(scene, tmp_path, 2, NEW)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, wanted):
        wanted.objects = ["Cam"]
    scene = bpy.context.scene
    scene.collection.objects.link(wanted.objects[0])
    _, notes = ways_uses.use_version(scene, second)
    assert any(note.startswith("W_LINKED") for note in notes)
    assert files_shown(scene) == {"shot_v001"}


def test_what_is_overridden_is_switched_and_stays_so_after_a_save(tmp_path: Path) -> None:
    scene = shot()
    scene_write.import_plate(scene, version(scene, tmp_path, 1, OLD))
    ways_shots.patch(scene, 3.0)
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {scene.camera, bpy.data.objects["Patch"]})
    second = version(scene, tmp_path, 2, NEW)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scene = shot()
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, wanted):
        wanted.objects = ["Cam", "Patch"]
    linked, patch = wanted.objects
    for each in wanted.objects:
        scene.collection.objects.link(each)
    camera = linked.override_create(remap_local_usages=True)
    camera.data.override_create(remap_local_usages=True)
    patch = patch.override_create(remap_local_usages=True)
    _, notes = ways_uses.use_version(scene, second)
    assert notes[0] == "shot_v002 is shown by 1 camera background."
    ways_projection.project(scene, plate_read.read_plate(second), [FIRST], "CHOSEN", chosen=[patch])
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert files_shown(bpy.context.scene) == {"shot_v002"}
    (kept,) = [each for each in bpy.context.scene.objects if each.name.startswith("Patch")]
    assert ways_projection.plate_worn(kept) == "shot"


def test_files_with_raised_numbers_are_shown_on_the_scenes_frames(tmp_path: Path) -> None:
    scene = shot()
    pictures = [[slope(blue=blue + step) for step in (0, 20, 40)] for blue in (OLD, NEW)]
    first = plate_of(scene, tmp_path, pictures[0])
    second = write_plate(tmp_path, pictures[1], version=2, first=FIRST + 1000, camera="Cam")
    shutil.copy(first / "camera.json", second)
    write_manifest(second, {**read_manifest(second), "picture": {"delivery": {"frame_offset": 1000}}})
    ways_plane.stand_plane(scene, plate_read.read_plate(first))
    ways_projection.project(scene, plate_read.read_plate(first), [FIRST + 1], "DOME")
    for folder, blue in ((second, NEW), (first, OLD)):
        ways_uses.use_version(scene, folder)
        for frame in (FIRST, LAST):
            bpy.data.objects["shot dome"].hide_render = True
            assert ways_shots.blue_of(rendered(scene, frame, tmp_path)) == blue + 20 * (frame - FIRST)
        bpy.data.objects["shot dome"].hide_render = False
        assert ways_shots.blue_of(rendered(scene, FIRST + 1, tmp_path)) == blue + 20
    assert plates_left() == ["shot_v001", "shot_v001.1002.exr"]


def test_versions_on_disk_the_newest_first(tmp_path: Path) -> None:
    scene = shot()
    made = {number: version(scene, tmp_path, number, OLD) for number in (1, 2, 10)}
    (tmp_path / "shot_v011").mkdir()               # claimed, and not finished
    write_plate(tmp_path, [flat(4, 4, (1, 2, 3))], name="shot_sky", version=12)
    assert ways_uses.versions_on_disk(made[2]) == [made[10], made[2], made[1]]
    assert ways_uses.versions_on_disk(tmp_path / "gone" / "shot_v001") == []
    assert ways_uses.versions_on_disk(tmp_path) == []
    assert [ways_uses.version_of(str(made[10])), ways_uses.versionless("/a/shot_v010/")] == ["v010", "shot"]


# Two versions wiped ------------------------------------------------------------------------------


@pytest.mark.parametrize("view", [STANDARD, AGX], ids=str)
def test_left_of_the_line_is_one_and_right_of_it_the_other(tmp_path: Path, view: ways_shots.View) -> None:
    scene = shot(view)
    near, far = ways_shots.blocks(1), ways_shots.blocks(2)
    first, second = plate_of(scene, tmp_path, [near] * 3), plate_of(scene, tmp_path, [far] * 3, version=2)
    ways_wipe.wipe(scene, first, second, 0.25)
    for share in (0.25, 0.5, 0.75):
        ways_wipe.set_share(scene, share)
        got, line = rendered(scene, FIRST, tmp_path), round(share * WIDTH)
        assert ways_shots.worst(got, near, range(line - 1)) == 0
        assert ways_shots.worst(got, far, range(line + 1, WIDTH)) == 0
    ways_wipe.set_share(scene, 1.0)
    assert ways_shots.worst(rendered(scene, FIRST, tmp_path), near, range(WIDTH - 1)) == 0
    ways_wipe.set_share(scene, 0.0)
    got = rendered(scene, FIRST, tmp_path)
    assert ways_shots.worst(got, far, range(1, WIDTH)) == 0
    assert ways_shots.worst(got, near) > 50, "guilty: the other side"


def test_the_far_side_stays_when_another_version_is_used(tmp_path: Path) -> None:
    scene = shot()
    for number, blue in ((1, 30), (2, 120), (3, 240)):
        version(scene, tmp_path, number, blue)
    ways_wipe.wipe(scene, tmp_path / "shot_v002", tmp_path / "shot_v001", 0.5)
    ways_uses.use_version(scene, tmp_path / "shot_v003")
    row = rendered(scene, FIRST, tmp_path)[9]
    assert (row[4][2], row[WIDTH - 4][2]) == (240, 30)
    scene_write.withdraw_composite(scene)
    assert plates_left() == [] and ways_wipe.split_of(scene) is None


def test_without_another_it_is_the_newest_on_disk(tmp_path: Path) -> None:
    scene = shot()
    first = version(scene, tmp_path, 1, OLD)
    with pytest.raises(PlateError, match="E_ONE_VERSION"):
        ways_wipe.wipe(scene, first)
    version(scene, tmp_path, 2, OLD)
    version(scene, tmp_path, 3, NEW)
    _, notes = ways_wipe.wipe(scene, first)
    assert "against shot_v003" in notes[0]


# On disk -----------------------------------------------------------------------------------------


def test_frames_are_hashed_once_as_long_as_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_plate(tmp_path, [flat(4, 4, (1, 2, 3))] * 3)
    hashed: list[int] = []
    honest = plate_read.check_frame
    monkeypatch.setattr(plate_read, "check_frame", lambda path, *frame: (hashed.append(frame[0]), honest(path, *frame)))
    for _ in range(3):
        plate_read.read_plate(folder)
    assert hashed == [1001, 1002, 1003]
    file = folder / "shot_v001.1002.exr"
    file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    with pytest.raises(PlateError, match="E_FRAME_CORRUPT"):
        plate_read.read_plate(folder)
    manifest = read_manifest(folder)
    manifest["frames"][1]["sha256"] = "0" * 64
    write_manifest(folder, manifest)
    with pytest.raises(PlateError, match="E_FRAME_CORRUPT"):
        plate_read.read_plate(folder)


def test_a_plate_that_moved_is_told_and_found_again(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    folder = version(scene, tmp_path / "there", 1, OLD)
    show_everywhere(scene, folder)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    shutil.move(str(tmp_path / "there"), str(tmp_path / "elsewhere"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert plate_link.lost_plates() == [str(folder)]
    with pytest.raises(RuntimeError, match="E_MANIFEST"):
        bpy.ops.platewright.image_plane(plate=str(folder))
    bpy.ops.platewright.bring_back(directory=str(tmp_path / "elsewhere" / "shot_v001") + "/")
    scene = bpy.context.scene
    assert plate_link.lost_plates() == []
    assert all(Path(bpy.path.abspath(image.filepath)).is_file() for image in plate_link.own_images())
    (strip,) = ways_strip.own_strips(scene)
    assert Path(bpy.path.abspath(strip.directory)).is_dir()
    assert ways_shots.blue_of(rendered(scene, FIRST, tmp_path)) == OLD
    bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    assert plate_link.lost_plates() == []
