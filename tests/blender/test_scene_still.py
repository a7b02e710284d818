"""What stands still is read in the viewport's own scene, in small helpings, and gives what a scene of our own gives."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any

import bpy
import pytest

from blender_addon import preparing, scene_geometry, scene_read, scene_still
from blender_addon.scene_geometry import GeometryReading, SceneGeometry
from blender_addon.scene_still import Sorting
from tests.blender.placed import Object, body, full_scene, lamp, plane
from tests.blender.scenes import add, drive, keys, shot
from tests.blender.test_scene_handed import everything


def crowd(size: int) -> bpy.types.Scene:
    """Crates that share one mesh, on a ground, under a sun; nothing but the camera moves."""
    scene, _ = shot(1, 24)
    plane(0.5)
    lamp("Sun", 1.0, 30.0, 30.0)
    model, places = body("Crate", (0.0, 5.0, 1.0)), random.Random(1)
    model.modifiers.new("Bevel", "BEVEL")
    for number in range(size):
        crate = add(f"Crate {number}", model.data)
        crate.location = places.uniform(-30.0, 30.0), places.uniform(0.0, 60.0), places.uniform(0.5, 3.0)
        crate.scale = [places.uniform(0.1, 0.4)] * 3
    scene.frame_set(3)
    return scene


def in_crumbs(scene: bpy.types.Scene) -> tuple[SceneGeometry, int]:
    """Read in very small helpings, and how many these were."""
    reading, helpings, asked = GeometryReading(scene).along(scene_read.camera_path(scene)), 1, count()
    while not reading.look(lambda done, total: next(asked) % 5 == 0):
        helpings += 1
    return reading.geometry(), helpings


def staged(scene: bpy.types.Scene, monkeypatch: pytest.MonkeyPatch) -> SceneGeometry:
    """Everything read in a scene of our own, in one go."""
    with monkeypatch.context() as patch:
        patch.setattr(scene_still.Viewport, "has", lambda self, thing: False)
        return scene_geometry.geometry_along(scene, scene_read.camera_path(scene))


def test_a_crowd_that_stands_is_read_without_a_scene_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = crowd(60)
    expected = staged(scene, monkeypatch)
    bpy.context.view_layer.update()
    monkeypatch.setattr(scene_geometry, "staged", lambda *words: pytest.fail("set up"))
    found, helpings = in_crumbs(scene)
    assert found == expected and len(found.depth) == 9 and helpings > 9 * 72
    assert found.ground_m == pytest.approx(0.5, abs=1e-5) and found.sun == pytest.approx((30.0, 30.0), abs=1e-3)


def test_what_moves_among_what_stands_is_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = full_scene()
    for number in range(12):
        body(f"Post {number}", (number - 6.0, 4.0 + number % 3, 0.5), 0.3)
    bpy.context.view_layer.update()
    expected = staged(scene, monkeypatch)
    bpy.context.view_layer.update()
    assert in_crumbs(scene)[0] == expected


MOVING: dict[str, Callable[[Object], Any]] = {
    "keyed": lambda thing: keys(thing, "location", {1: (0, 0, 0), 9: (1, 0, 0)}),
    "driven": lambda thing: drive(thing, "location", "frame", 0),
    "constrained": lambda thing: thing.constraints.new("COPY_LOCATION"),
    "carried": lambda thing: setattr(thing, "parent", carrier()),
    "keyed in its mesh": lambda thing: thing.data.animation_data_create(),
    "keyed in its shape": lambda thing: keyed_shape(thing),
    "waving": lambda thing: thing.modifiers.new("Wave", "WAVE"),
    "hidden in the viewport": lambda thing: thing.hide_set(True),
}


def carrier() -> Object:
    mover, between = add("Mover"), add("Between")
    keys(mover, "location", {1: (0, 0, 0), 9: (1, 0, 0)})
    between.parent = mover
    return between


def keyed_shape(thing: Object) -> None:
    thing.shape_key_add(name="Basis")
    keys(thing.shape_key_add(name="Raised"), "value", {1: 0.0, 9: 1.0})


@pytest.mark.parametrize("how", ["not at all", *MOVING])
def test_what_may_be_otherwise_on_another_frame_is_staged(how: str) -> None:
    scene, _ = shot(1, 9)
    thing = body("Thing", (0.0, 5.0, 1.0))
    MOVING.get(how, lambda _: None)(thing)
    bpy.context.view_layer.update()
    sorting = Sorting(scene.session_uid, frozenset({"Camera"}))
    assert sorting.sort(lambda: False)
    still = {ball.uid for ball in sorting.balls}
    expected = (set(), {thing.session_uid}) if how in MOVING else ({thing.session_uid}, set())
    assert (still, sorting.staged) == expected


def test_where_somebodys_code_runs_at_every_frame_nothing_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = crowd(3)
    bpy.app.handlers.frame_change_pre.append(print)
    try:
        sorting = Sorting(scene.session_uid, frozenset({"Camera"}))
        assert sorting.sort(lambda: False) and not sorting.balls and len(sorting.staged) == 6
    finally:
        bpy.app.handlers.frame_change_pre.remove(print)


def test_what_goes_away_half_way_is_missed_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = crowd(10)
    reading = GeometryReading(scene).along(scene_read.camera_path(scene))
    for _ in range(100):
        assert not reading.look(lambda done, total: True)
    for number in range(10):
        bpy.data.objects.remove(bpy.data.objects[f"Crate {number}"])
    while not reading.look(lambda done, total: True):
        continue
    assert reading.geometry().ground_m == pytest.approx(0.5, abs=1e-5)


def test_cancel_half_way_leaves_nothing(addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = addon.jobs
    monkeypatch.setattr(jobs, "follow", lambda: None)
    for limit in ("LOOK_SECONDS", "LOOK_SECONDS_MAX", "STILL_SECONDS_MAX"):
        monkeypatch.setattr(preparing, limit, 0.0)
    monkeypatch.setattr(scene_geometry, "LOOKS_SECONDS", math.inf)
    monkeypatch.setattr(scene_geometry, "PIECE", scene_geometry.WIDTH)
    scene, records = crowd(20), addon.runtime.own_folder()
    scene.platewright.prompt, scene.platewright.out = "a moor", str(tmp_path / "plates")
    before, written = everything(scene), set(records.rglob("*"))
    jobs.prepare(scene, addon.operators.job_maker(scene), addon.preferences.own_runtime(), is_scene_read=True)
    while "the scene 5/" not in jobs.state.preparation.headline():
        jobs.tick()
        assert everything(scene) == before
    assert bpy.ops.platewright.cancel() == {"FINISHED"}
    assert jobs.tick() is None and jobs.state.preparation is None and jobs.state.refusal.code == "E_CANCELLED"
    assert everything(scene) == before and set(records.rglob("*")) == written and not (tmp_path / "plates").exists()
