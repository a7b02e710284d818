"""The buttons: every way in is one undo step, can be changed afterwards, says no in words, leaves nothing behind."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import (
    plate_link,
    scene_composite,
    ways_operators,
    ways_projection,
    ways_removal,
    ways_strip,
    ways_uses,
    ways_world,
)
from platewright.errors import RequestError
from tests.blender import ways_shots
from tests.blender.ways_shots import FIRST, plate_of, shot, slope, slopes

Press = dict[str, Any]
WAYS: dict[str, Press] = {
    "image_plane": {"distance": 7.0},
    "world_background": {},
    "sequencer_strip": {"channel": 3},
    "wipe": {"share": 0.3},
    "project_frames": {"frames": "1001, 1003", "onto": "DOME"},
    "use_version": {},
    "bring_back": {"compositor": True},
}


def press(name: str, folder: Path, **options: object) -> set[str]:
    chosen = {"directory": f"{folder}/"} if name == "bring_back" else {"plate": str(folder)}
    return getattr(bpy.ops.platewright, name)(**chosen, **options)


def two_versions(scene: bpy.types.Scene, parent: Path) -> tuple[Path, Path]:
    first, second = (plate_of(scene, parent, [slope(blue=number)] * 3, version=number) for number in (1, 2))
    return first, second


def counts() -> dict[str, int]:
    """All that a way could leave in a file."""
    scene = bpy.context.scene
    lists = ("objects", "meshes", "cameras", "materials", "node_groups", "worlds", "collections", "images")
    found = {name: len([each for each in getattr(bpy.data, name) if is_kept(each)]) for name in lists}
    return found | {"strips": len(ways_strip.own_strips(scene)), "uses": len(list(ways_uses.uses(scene)))}


def is_kept(each: bpy.types.ID) -> bool:
    """Not the compositor that a scene may need, nor what Blender keeps for itself."""
    return getattr(each, "type", "") not in ("RENDER_RESULT", "COMPOSITING") or plate_link.TAG in each


@pytest.mark.parametrize("name", WAYS)
def test_it_is_one_undo_step(addon: ModuleType, tmp_path: Path, name: str) -> None:
    first, second = two_versions(shot(), tmp_path)
    if name == "use_version":
        press("bring_back", first)
    bpy.ops.ed.undo_push(message="before")
    before, plate = counts(), bpy.context.scene.platewright.plate
    folder = second if name == "use_version" else first
    assert press(name, folder, **WAYS[name]) == {"FINISHED"}
    bpy.ops.ed.undo_push(message="after")
    after = counts()
    assert bpy.context.scene.platewright.plate == str(folder)
    bpy.ops.ed.undo()
    assert (counts(), bpy.context.scene.platewright.plate) == (before, plate)
    bpy.ops.ed.redo()
    assert (counts(), bpy.context.scene.platewright.plate) == (after, str(folder))
    kind = getattr(ways_operators, f"PLATEWRIGHT_OT_{name}")
    assert {"REGISTER", "UNDO"} <= kind.bl_options
    assert name == "use_version" or after != before


@pytest.mark.parametrize("name", ["image_plane", "world_background", "sequencer_strip", "wipe", "project_frames"])
def test_pressed_twice_it_stands_once(addon: ModuleType, tmp_path: Path, name: str) -> None:
    first, second = two_versions(shot(), tmp_path)
    press(name, first, **WAYS[name])
    once = counts()
    press(name, first, **WAYS[name])
    assert counts() == once
    press(name, second, **WAYS[name])
    assert counts() == once, "another version takes its place"


@pytest.mark.parametrize(
    ("name", "way"),
    [("image_plane", "plane"), ("world_background", "world"), ("sequencer_strip", "strip"), ("wipe", "compositor"),
     ("project_frames", "projection"), ("bring_back", "background")],
)  # fmt: skip
def test_it_goes_without_a_trace(addon: ModuleType, tmp_path: Path, name: str, way: str) -> None:
    scene = shot()
    scene.view_settings.view_transform = "AgX"
    first, _ = two_versions(scene, tmp_path)
    before = counts()
    press(name, first, **(WAYS[name] if name != "bring_back" else {}))
    assert way in ways_removal.standing(scene)
    assert bpy.ops.platewright.remove_way(way=way) == {"FINISHED"}
    assert ways_removal.standing(scene) == set() and counts() == before
    assert scene.view_settings.view_transform == "AgX" and scene.render.use_sequencer
    assert not scene.render.film_transparent


@pytest.mark.parametrize("asked", ["composite_plate", "wipe"])
def test_a_branch_that_was_asked_for_stays_when_a_plane_goes(addon: ModuleType, tmp_path: Path, asked: str) -> None:
    scene = shot()
    scene.view_settings.view_transform = "AgX"
    first, second = two_versions(scene, tmp_path)
    press("image_plane", first)
    getattr(bpy.ops.platewright, asked)(plate=str(first))
    press("image_plane", second)
    bpy.ops.platewright.remove_way(way="plane")
    assert "compositor" in ways_removal.standing(scene) and scene.render.film_transparent
    bpy.ops.platewright.remove_way(way="compositor")
    assert scene.view_settings.view_transform == "AgX" and not scene.render.film_transparent


def test_a_branch_goes_with_the_last_that_it_stands_in_for(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    scene.view_settings.view_transform = "AgX"
    first, second = two_versions(scene, tmp_path)
    press("image_plane", first)
    press("world_background", first)
    press("use_version", second)
    bpy.ops.platewright.remove_way(way="plane")
    assert ways_removal.standing(scene) == {"world", "compositor"}
    bpy.ops.platewright.remove_way(way="world")
    assert ways_removal.standing(scene) == set() and scene.view_settings.view_transform == "AgX"


def test_a_strip_keeps_the_view_and_not_the_plate_of_a_plane_that_goes(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    scene.view_settings.view_transform = "AgX"
    first, _ = two_versions(scene, tmp_path)
    press("image_plane", first)
    press("sequencer_strip", first)
    bpy.ops.platewright.remove_way(way="plane")
    (node,) = scene_composite.own_nodes(scene)
    assert not scene_composite.shows_picture(node) and not scene.render.film_transparent
    assert scene.view_settings.view_transform == "Standard", "the strip has its own codes still"
    bpy.ops.platewright.remove_way(way="strip")
    assert ways_removal.standing(scene) == set() and scene.view_settings.view_transform == "AgX"


def test_a_plane_without_its_compositor_is_seen_again(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    scene.view_settings.view_transform = "AgX"
    press("image_plane", two_versions(scene, tmp_path)[0])
    plane = bpy.data.objects["shot plane"]
    assert plane.is_holdout
    bpy.ops.platewright.remove_way(way="compositor")
    assert not plane.is_holdout


@pytest.mark.parametrize("name", ["image_plane", "show_plate", "composite_plate", "import_solve", "open_folder"])
def test_without_a_plate_it_says_what_to_do(addon: ModuleType, name: str) -> None:
    shot()
    with pytest.raises(RuntimeError, match=r"E_NO_PLATE.*bring one back"):
        getattr(bpy.ops.platewright, name)()


def test_without_a_storyboard_it_says_what_to_do(addon: ModuleType) -> None:
    shot()
    with pytest.raises(RuntimeError, match=r"E_NO_STORYBOARD.*Press Storyboard"):
        bpy.ops.platewright.show_storyboard()


@pytest.mark.parametrize("name", ["show_plate", "composite_plate"])
def test_without_a_name_it_is_the_plate_that_the_scene_shows(addon: ModuleType, tmp_path: Path, name: str) -> None:
    scene = shot()
    first, _ = two_versions(scene, tmp_path)
    press("image_plane", first)
    assert getattr(bpy.ops.platewright, name)() == {"FINISHED"}
    assert {"show_plate": "background", "composite_plate": "compositor"}[name] in ways_removal.standing(scene)


def test_it_takes_the_plate_that_the_scene_shows(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    first, _ = two_versions(scene, tmp_path)
    press("bring_back", first, background=False)
    assert not scene.camera.data.background_images
    assert bpy.ops.platewright.world_background() == {"FINISHED"}
    assert ways_world.own_nodes(scene)[0].label == "shot_v001"


@pytest.mark.parametrize("name", WAYS)
def test_a_linked_scene_is_refused_in_words(addon: ModuleType, tmp_path: Path, name: str) -> None:
    first, _ = two_versions(shot(), tmp_path)
    bpy.data.libraries.write(str(tmp_path / "house.blend"), {bpy.context.scene})
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(tmp_path / "house.blend"), link=True) as (there, wanted):
        wanted.scenes = there.scenes
    (linked,) = wanted.scenes
    before = counts()
    with bpy.context.temp_override(scene=linked), pytest.raises(RuntimeError, match=r"E_SCENE_LINKED.*house\.blend"):
        press(name, first, **WAYS[name])
    assert counts() == before


def test_the_frames_of_a_text_in_its_order() -> None:
    assert ways_operators.frames_in("1050, 1001-1003 ,-4") == [1050, 1001, 1002, 1003, -4]
    assert ways_operators.frames_in(" ") == []
    for nonsense in ("all", "1-", "9-1", "1-99999999", "1;2", "١"):
        with pytest.raises(RequestError, match="E_RANGE"):
            ways_operators.frames_in(nonsense)


def test_the_current_frame_onto_what_is_selected(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    folder = plate_of(scene, tmp_path, slopes())
    ways_shots.patch(scene, 5.0)
    thing = bpy.data.objects["Patch"]
    thing.select_set(True)
    scene.frame_set(FIRST + 1)
    press("project_frames", folder, onto="CHOSEN")
    assert [camera[ways_projection.FRAME] for camera in ways_projection.frozen(scene, "shot")] == [FIRST + 1]
    assert ways_projection.plate_worn(thing) == "shot"


def test_a_strip_leaves_renders_alone_and_lies_on_a_free_channel(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    first, second = two_versions(scene, tmp_path)
    press("sequencer_strip", first)
    (strip,) = ways_strip.own_strips(scene)
    assert not scene.render.use_sequencer, "renders go on showing the scene"
    assert (strip.channel, *ways_strip.span_of(strip), len(strip.elements)) == (1, FIRST, FIRST + 3, 3)
    assert strip.colorspace_settings.name == "Linear Rec.709"
    bpy.ops.platewright.remove_way(way="strip")
    assert scene.render.use_sequencer
    editor = scene.sequence_editor
    kept = new_colour(editor)
    press("sequencer_strip", first)
    press("sequencer_strip", second)
    (strip,) = ways_strip.own_strips(scene)
    assert (strip.name, strip.channel, kept.channel, scene.render.use_sequencer) == ("shot_v002", 2, 1, True)


def new_colour(editor: bpy.types.SequenceEditor) -> bpy.types.bpy_struct:
    """A strip of the artist's over the shot's frames; how it is made changed in 5.0."""
    strips = ways_strip.strips_of(editor)
    try:
        return strips.new_effect(name="Grey", type="COLOR", channel=1, frame_start=FIRST, length=3)
    except TypeError:
        return strips.new_effect(name="Grey", type="COLOR", channel=1, frame_start=FIRST, frame_end=FIRST + 3)


def test_a_strip_inside_a_meta_strip_is_found(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    first, second = two_versions(scene, tmp_path)
    press("sequencer_strip", first)
    editor = scene.sequence_editor
    meta = ways_strip.strips_of(editor).new_meta("Cut", 5, FIRST)
    (strip,) = ways_strip.own_strips(scene)
    strip.move_to_meta(meta)
    press("use_version", second)
    (strip,) = ways_strip.own_strips(scene)
    assert (strip.name, Path(bpy.path.abspath(strip.directory)).name) == ("shot_v002", "shot_v002")
    bpy.ops.platewright.remove_way(way="strip")
    assert not ways_strip.own_strips(scene) and "Cut" in ways_strip.strips_of(editor)


def test_a_rendered_strip_shows_the_frames(addon: ModuleType, tmp_path: Path) -> None:
    scene = shot()
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    press("sequencer_strip", plate_of(scene, tmp_path, pictures))
    scene.render.use_sequencer = True
    for frame, picture in enumerate(pictures, start=FIRST):
        assert ways_shots.worst(ways_shots.rendered(scene, frame, tmp_path), picture) <= 1
    scene.view_settings.view_transform = "AgX"
    assert ways_shots.worst(ways_shots.rendered(scene, FIRST, tmp_path), pictures[0]) > 40, "guilty: AgX bends it"
    (strip,) = ways_strip.own_strips(scene)
    assert any("W_VIEW" in note for note in ways_strip.lay_strip(scene, plate_of_strip(strip), keeps_codes=False))


@pytest.mark.parametrize("view", ways_shots.views()[1:], ids=lambda view: f"{view[0]}{view[2]:+g}")
def test_a_strip_keeps_its_codes_and_the_render_its_view(
    addon: ModuleType, tmp_path: Path, view: ways_shots.View
) -> None:
    """The view goes into the compositor, so that the sequencer shows all as it is; without the strip it comes back."""
    scene = shot(view)
    ways_shots.patch(scene, 5.0)
    before = ways_shots.rendered(scene, FIRST, tmp_path)
    pictures = [ways_shots.blocks(seed) for seed in range(3)]
    folder = plate_of(scene, tmp_path, pictures)
    assert not press("sequencer_strip", folder) - {"FINISHED"}
    assert ways_shots.worst(ways_shots.rendered(scene, FIRST, tmp_path), before) <= 1, "the scene, with the view it had"
    scene.render.use_sequencer = True
    assert ways_shots.worst(ways_shots.rendered(scene, FIRST, tmp_path), pictures[0]) <= 1
    bpy.ops.platewright.remove_way(way="strip")
    scene.render.use_sequencer = False
    assert scene.view_settings.view_transform == view[0]
    assert ways_shots.worst(ways_shots.rendered(scene, FIRST, tmp_path), before) == 0


def plate_of_strip(strip: bpy.types.bpy_struct) -> Any:
    from blender_addon.plate_read import read_plate

    return read_plate(Path(bpy.path.abspath(strip.directory)))


def test_versions_are_listed_for_scripts_too(addon: ModuleType, tmp_path: Path) -> None:
    first, _ = two_versions(shot(), tmp_path)
    assert press("list_versions", first) == {"FINISHED"}
