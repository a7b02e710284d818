"""What is read of a scene beside its camera: the ground, the depth, the sun; and the scene as it was."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import bmesh
import bpy
import pytest
from mathutils import Matrix, Vector

from blender_addon import scene_geometry, scene_read, scene_stage
from blender_addon.scene_geometry import GeometryReading, SceneGeometry, geometry_along, level_of, spread
from platewright.camera import CameraPath
from platewright.errors import CameraError
from platewright.inputs import fingerprint
from tests.blender.scenes import add, add_camera, keys, shot
from tests.blender.test_addon_command import run

Object = bpy.types.Object


def body(name: str, place: tuple[float, float, float], size: float = 2.0, kind: str = "cube") -> Object:
    """A cube of that edge, or a square of twice that edge."""
    mesh, shape = bpy.data.meshes.new(name), bmesh.new()
    (bmesh.ops.create_cube if kind == "cube" else bmesh.ops.create_grid)(shape, size=size)
    shape.to_mesh(mesh)
    shape.free()
    made = add(name, mesh)
    made.location = place
    return made


def plane(height: float, size: float = 60.0) -> Object:
    return body("Ground", (0.0, 0.0, height), size, "grid")


def read(scene: bpy.types.Scene) -> tuple[SceneGeometry, CameraPath]:
    path = scene_read.camera_path(scene)
    return geometry_along(scene, path), path


def ray(path: CameraPath, size: tuple[int, int], index: int, column: int, row: int) -> tuple[Vector, Vector]:
    """Eye and direction, one deep, of a pixel's centre: in doubles, and not by what is tested."""
    pose, (fx, fy, cx, cy) = path.camera_to_world[index], path.intrinsics[index]
    x, y = (column + 0.5) * path.width / size[0], (row + 0.5) * path.height / size[1]
    local = ((x - cx) / fx, (y - cy) / fy, 1.0)
    return Vector(pose[3::4][:3]), Vector([sum(pose[4 * i + j] * local[j] for j in range(3)) for i in range(3)])


# The ground ------------------------------------------------------------------------------------------


def test_the_ground_is_found_where_it_is() -> None:
    scene, _ = shot(1001, 1024)
    plane(1.25)
    scene.camera.location.z += 3.0
    for fcurve_height in (4.6, 5.2):
        keys(scene.camera, "location", {1001 if fcurve_height < 5 else 1024: (0.0, -8.0, fcurve_height)})
    assert read(scene)[0].ground_m == pytest.approx(1.25, abs=1e-5)


def test_the_ground_is_in_metres() -> None:
    scene, _ = shot(1, 12)
    plane(0.5)
    scene.unit_settings.scale_length = 0.01
    assert read(scene)[0].ground_m == pytest.approx(0.005, abs=1e-6)


@pytest.mark.parametrize(("tilt_deg", "is_ground"), [(0.5, True), (6.0, False), (30.0, False)])
def test_a_tilted_ground_is_none(tilt_deg: float, is_ground: bool) -> None:
    scene, _ = shot(1, 12)
    ground = plane(0.0)
    ground.rotation_euler.x = math.radians(tilt_deg)
    assert (read(scene)[0].ground_m is not None) is is_ground


def test_a_thing_under_the_way_is_not_the_ground() -> None:
    scene, _ = shot(1, 24)
    plane(0.0)
    body("Crate", (0.0, -6.5, 0.5), 1.0)
    assert read(scene)[0].ground_m == pytest.approx(0.0, abs=1e-6)


def test_a_ground_beside_the_camera_is_seen_and_none_is_never_assumed() -> None:
    scene, _ = shot(1, 12)
    stage = body("Stage", (0.0, 4.0, 0.3), 5.0, "grid")              # begins a metre before the eye can look down on it
    assert read(scene)[0].ground_m == pytest.approx(0.3, abs=1e-4)
    stage.rotation_euler.x = math.radians(20)
    assert read(scene)[0].ground_m is None                           # a ramp
    bpy.data.objects.remove(stage)
    assert read(scene)[0] == SceneGeometry(None, None, (128, 72), {})


def test_heights_that_do_not_agree_are_no_ground() -> None:
    assert level_of([]) is None
    assert level_of([(2.0, 0.0)] * 7 + [(2.0, 0.9)] * 3) == 0.0
    assert level_of([(2.0, 0.0)] * 5 + [(2.0, 0.9)] * 5) is None
    assert level_of([(2.0, height / 10) for height in range(10)]) is None


# The depth -------------------------------------------------------------------------------------------


def test_depth_of_a_cube_is_planar_depth_in_metres() -> None:
    scene, _ = shot(1001, 1024)
    cube = body("Cube", (0.3, 1.0, 1.0))
    cube.rotation_euler = (0.2, 0.1, 0.6)
    scene.unit_settings.scale_length = 0.5
    geometry, path = read(scene)
    assert list(geometry.depth) == list(spread(path.frames, 9)) and len(geometry.depth) == 9
    box = (Matrix.Translation(cube.location) @ cube.rotation_euler.to_matrix().to_4x4()).inverted()
    hits = 0
    for frame in (1001, 1012, 1024):
        if frame not in geometry.depth:
            continue
        for row in range(0, 72, 3):
            for column in range(0, 128, 3):
                eye, direction = ray(path, geometry.size, frame - 1001, column, row)
                truth = slab(box @ (eye / 0.5), box.to_3x3() @ direction) * 0.5
                found = geometry.depth[frame][row * 128 + column]
                assert (found == 0.0) == (truth == 0.0) or is_rim(geometry, frame, row, column)
                if found and truth:
                    hits += 1
                    assert found == pytest.approx(truth, rel=1e-4)
    assert hits > 50


def slab(eye: Vector, direction: Vector) -> float:
    """Where a ray meets the cube of edge 2 about the origin, in lengths of `direction`; 0 where it does not."""
    near, far = -math.inf, math.inf
    for place, step in zip(eye, direction, strict=True):
        ends = sorted(((-1.0 - place) / step, (1.0 - place) / step))
        near, far = max(near, ends[0]), min(far, ends[1])
    return near if 0.0 < near < far else 0.0


def is_rim(geometry: SceneGeometry, frame: int, row: int, column: int) -> bool:
    around = [geometry.depth[frame][(row + y) * 128 + column + x] for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return 0.0 in around and any(around)


def test_instances_and_what_modifiers_make_are_seen_where_they_are() -> None:
    scene, _ = shot(1, 9)
    scene.camera.animation_data_clear()
    model = body("Model", (0.0, 0.0, 0.0))
    many = bpy.data.collections.new("Many")
    many.objects.link(model)
    scene.collection.objects.unlink(model)
    stand = add("Stand")
    stand.instance_type, stand.instance_collection = "COLLECTION", many
    stand.location = (0.0, 20.0, 2.0)
    middle = 36 * 128 + 64
    depths = set()
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 2.0), (math.pi / 2, 0.0, 0.0)
    depths.add(round(read(scene)[0].depth[1][middle], 3))
    row = body("Row", (0.0, 10.0, 2.0))
    array = row.modifiers.new("Array", "ARRAY")
    array.count, array.relative_offset_displace = 3, (0.0, -1.5, 0.0)
    depths.add(round(read(scene)[0].depth[1][middle], 3))
    assert depths == {27.0, 11.0}


def test_geometry_that_nodes_have_made_is_seen() -> None:
    scene, _ = shot(1, 2)
    scene.camera.animation_data_clear()
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 0.0), (math.pi / 2, 0.0, 0.0)
    tree = bpy.data.node_groups.new("Scatter", "GeometryNodeTree")
    for direction in ("INPUT", "OUTPUT"):
        tree.interface.new_socket("Geometry", in_out=direction, socket_type="NodeSocketGeometry")
    start, end, cube, scatter = (
        tree.nodes.new(kind)
        for kind in ("NodeGroupInput", "NodeGroupOutput", "GeometryNodeMeshCube", "GeometryNodeInstanceOnPoints")
    )
    tree.links.new(start.outputs[0], scatter.inputs["Points"])
    tree.links.new(cube.outputs[0], scatter.inputs["Instance"])
    tree.links.new(scatter.outputs[0], end.inputs[0])
    mesh = bpy.data.meshes.new("Points")
    mesh.from_pydata([(0.0, 5.0, 0.0), (3.0, 7.0, 0.0)], [], [])
    add("Scattered", mesh).modifiers.new("Nodes", "NODES").node_group = tree
    assert read(scene)[0].depth[1][36 * 128 + 64] == pytest.approx(12.5, rel=1e-5)


HIDDEN: dict[str, Any] = {
    "from render": lambda thing: setattr(thing, "hide_render", True),
    "from the camera": lambda thing: setattr(thing, "visible_camera", False),
    "drawn as bounds": lambda thing: setattr(thing, "display_type", "BOUNDS"),
    "drawn as wire": lambda thing: setattr(thing, "display_type", "WIRE"),
    "on the camera": lambda thing: setattr(thing, "parent", bpy.context.scene.camera),
    "on the camera's dolly": lambda thing: on_a_dolly(thing),
    "with its collection": lambda thing: into_hidden_collection(thing, "hide_render"),
    "left out of the layer": lambda thing: into_hidden_collection(thing, "exclude"),
    "falling": lambda thing: falling(thing),
}


def on_a_dolly(thing: Object) -> None:
    dolly = add("Dolly")
    keys(dolly, "location", {1: (0.0, 0.0, 0.0), 9: (0.0, 1.0, 0.0)})
    thing.parent = bpy.context.scene.camera.parent = dolly


def into_hidden_collection(thing: Object, how: str) -> None:
    scene, hidden = bpy.context.scene, bpy.data.collections.new("Hidden")
    scene.collection.children.link(hidden)
    hidden.objects.link(thing)
    scene.collection.objects.unlink(thing)
    if how == "exclude":
        scene.view_layers[0].layer_collection.children["Hidden"].exclude = True
    else:
        hidden.hide_render = True


def falling(thing: Object) -> None:
    bpy.ops.rigidbody.world_add()
    bodies = bpy.data.collections.new("Bodies")
    bpy.context.scene.rigidbody_world.collection = bodies
    bodies.objects.link(thing)
    with bpy.context.temp_override(object=thing, active_object=thing, selected_objects=[thing]):
        bpy.ops.rigidbody.object_add(type="ACTIVE")
    assert thing.rigid_body


@pytest.mark.parametrize("how", HIDDEN)
def test_what_the_render_does_not_show_is_left_out(how: str) -> None:
    scene, _ = shot(1, 9)
    plane(0.0)
    roof = body("Roof", (0.0, -6.0, 1.0), 8.0, "grid")               # right below the camera
    scene.camera.animation_data_clear()
    scene.camera.location = (0.0, -8.0, 4.0)
    bpy.context.view_layer.update()
    assert read(scene)[0].ground_m == pytest.approx(1.0, abs=1e-5)
    HIDDEN[how](roof)
    assert read(scene)[0].ground_m == pytest.approx(0.0, abs=1e-5)


def test_what_is_hidden_in_the_viewport_alone_counts() -> None:
    scene, _ = shot(1, 2)
    ground = plane(0.5)
    ground.hide_set(True)
    assert read(scene)[0].ground_m == pytest.approx(0.5, abs=1e-5)


def test_things_that_move_are_where_they_are_in_each_frame() -> None:
    scene, _ = shot(1, 9)
    scene.camera.animation_data_clear()
    scene.camera.data.animation_data_clear()
    scene.camera.location, scene.camera.rotation_euler = (0.0, -8.0, 0.0), (math.pi / 2, 0.0, 0.0)
    wall = body("Wall", (0.0, 0.0, 0.0), 10.0)
    keys(wall, "location", {1: (0.0, 10.0, 0.0), 9: (0.0, 30.0, 0.0)})
    depth = read(scene)[0].depth
    assert [round(depth[frame][36 * 128 + 64], 3) for frame in (1, 9)] == [13.0, 33.0]


# The sun ---------------------------------------------------------------------------------------------


def lamp(name: str, energy: float, azimuth_deg: float, elevation_deg: float) -> Object:
    """A sun in that direction: turned about Y away from the zenith, then about Z."""
    made = add(name, bpy.data.lights.new(name, "SUN"))
    made.data.energy = energy
    made.rotation_euler = (0.0, math.radians(90.0 - elevation_deg), math.radians(azimuth_deg))
    return made


def test_the_sun_is_the_strongest_lamp_that_is_rendered() -> None:
    scene, _ = shot(1, 5)
    lamp("Fill", 1.0, 10.0, 60.0)
    lamp("Key", 5.0, 123.0, 34.0)
    dark, hidden = lamp("Dark", 9.0, 200.0, 10.0), lamp("Hidden", 50.0, 300.0, 70.0)
    dark.data.color, hidden.hide_render = (0.01, 0.01, 0.01), True
    add("Point", bpy.data.lights.new("Point", "POINT")).data.energy = 1e6
    assert read(scene)[0].sun == pytest.approx((123.0, 34.0), abs=1e-3)


def test_a_sun_below_a_parent_and_an_animation_is_where_it_is() -> None:
    scene, _ = shot(1, 5)
    turned = lamp("Sun", 1.0, 0.0, 30.0)
    turned.parent = add("Turn")
    keys(turned.parent, "rotation_euler", {1: (0.0, 0.0, math.radians(40.0)), 5: (0.0, 0.0, math.radians(90.0))})
    assert read(scene)[0].sun == pytest.approx((40.0, 30.0), abs=1e-3)


def sky_world(kind: str) -> bpy.types.ShaderNode:
    world = bpy.data.worlds.new("Sky")
    bpy.context.scene.world = world
    if bpy.app.version < (5, 0):
        world.use_nodes = True
    tree = world.node_tree
    tree.nodes.clear()
    sky, back, out = (
        tree.nodes.new(f"ShaderNode{name}") for name in ("TexSky", "Background", "OutputWorld")
    )
    tree.links.new(sky.outputs[0], back.inputs[0])
    tree.links.new(back.outputs[0], out.inputs[0])
    sky.sky_type = kind
    return sky


PHYSICAL_SKY = "NISHITA" if bpy.app.version < (5, 0) else "MULTIPLE_SCATTERING"


def test_the_sun_of_a_sky_is_where_cycles_paints_it(tmp_path: Path) -> None:
    scene, _ = shot(1, 5)
    sky = sky_world(PHYSICAL_SKY)
    sky.sun_elevation, sky.sun_rotation, sky.sun_size = math.radians(30.0), math.radians(40.0), math.radians(6.0)
    azimuth, elevation = read(scene)[0].sun
    assert (azimuth, elevation) == pytest.approx((50.0, 30.0), abs=1e-3)
    assert brightest(scene, tmp_path) == pytest.approx((azimuth, elevation), abs=4.0)
    lamp("Sun", 1.0, 200.0, 5.0)
    assert read(scene)[0].sun == pytest.approx((200.0, 5.0), abs=1e-3)       # a lamp is what the artist has set


def brightest(scene: bpy.types.Scene, folder: Path) -> tuple[float, float]:
    """Azimuth and elevation of the brightest pixel of a small panorama, in degrees."""
    camera = add_camera("Panorama", (0.0, 0.0, 1.0))
    camera.rotation_euler = (math.pi / 2, 0.0, 0.0)                  # towards +Y
    camera.data.type = "PANO"
    owner = camera.data if hasattr(camera.data, "panorama_type") else camera.data.cycles
    owner.panorama_type = "EQUIRECTANGULAR"
    scene.camera, scene.render.engine = camera, "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 1, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = 180, 90, 100
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.filepath = str(folder / "panorama.exr")
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = list(image.pixels)
    best = max(range(180 * 90), key=lambda place: sum(pixels[4 * place : 4 * place + 3]))
    scene.camera = bpy.data.objects["Camera"]
    return (90.0 - ((best % 180 + 0.5) * 2.0 - 180.0)) % 360.0, (best // 180 + 0.5) * 2.0 - 90.0


def test_other_skies_and_skies_that_are_turned() -> None:
    scene, _ = shot(1, 5)
    sky = sky_world("PREETHAM")
    sky.sun_direction = (0.0, -1.0, 1.0)
    assert read(scene)[0].sun == pytest.approx((270.0, 45.0), abs=1e-3)
    tree = scene.world.node_tree
    tree.links.new(tree.nodes.new("ShaderNodeMapping").outputs[0], sky.inputs[0])
    assert read(scene)[0].sun is None              # where to, no field tells
    scene.world.node_tree.nodes.remove(sky)
    assert read(scene)[0].sun is None


# The scene as it was ---------------------------------------------------------------------------------


def everything(scene: bpy.types.Scene) -> tuple[Any, ...]:
    things = [(thing.name, thing.matrix_world.copy(), thing.location.copy(), thing.users) for thing in bpy.data.objects]
    chosen = scene.view_layers[0].objects.active, [thing for thing in scene.objects if thing.select_get()]
    return scene.frame_current, scene.frame_subframe, scene.camera, list(bpy.data.scenes), things, chosen


def full_scene() -> bpy.types.Scene:
    scene, _ = shot(1, 24)
    plane(0.0)
    wall = body("Wall", (0.0, 10.0, 0.0), 4.0)
    keys(wall, "location", {1: (0.0, 10.0, 0.0), 24: (5.0, 10.0, 0.0)})
    lamp("Sun", 1.0, 30.0, 30.0)
    scene.frame_set(7, subframe=0.25)
    wall.location = (1.0, 2.0, 3.0)                # not keyed: another frame would undo it
    bpy.context.view_layer.update()
    return scene


def test_the_scene_is_as_it_was_at_every_pause() -> None:
    scene = full_scene()
    path = scene_read.camera_path(scene)
    bpy.data.objects["Wall"].location = (1.0, 2.0, 3.0)
    bpy.context.view_layer.update()
    before = everything(scene)
    reading, helpings = GeometryReading(scene).along(path), 0
    while not reading.look(lambda done, total: True):
        helpings += 1
        assert everything(scene) == before
    assert helpings > 9 and everything(scene) == before
    assert reading.geometry() == geometry_along(scene, path)


def test_a_scene_that_goes_away_ends_the_reading() -> None:
    scene = full_scene()
    reading = GeometryReading(scene).along(scene_read.camera_path(scene))
    assert not reading.look(lambda done, total: True)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with pytest.raises(CameraError) as caught:
        while not reading.look():
            continue
    assert caught.value.code == "E_CAMERA_GONE"


def test_a_heavy_scene_gets_fewer_key_frames_in_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scene_geometry, "LOOKS_SECONDS", 1e-6)
    scene = full_scene()
    path = scene_read.camera_path(scene)
    reading = GeometryReading(scene, is_hurried=True).along(path)
    while not reading.look(lambda done, total: True):
        continue
    geometry = reading.geometry()
    assert [1, *{4} & set(geometry.depth), 24] == list(geometry.depth)       # 4 may have been begun already
    assert geometry.ground_m == pytest.approx(0.0, abs=1e-5)
    assert len(geometry_along(scene, path).depth) == 9     # in background nobody waits


def test_nothing_is_evaluated_where_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, _ = shot(1, 24)
    path = scene_read.camera_path(scene)
    monkeypatch.setattr(scene_stage.camera_views, "undisturbed", lambda *words: pytest.fail("evaluated"))
    assert geometry_along(scene, path).depth == {}


def test_frames_are_spread_from_the_first_to_the_last() -> None:
    assert spread(tuple(range(10)), 4) == (0, 3, 6, 9) and spread((5, 6), 9) == (5, 6)
    assert spread((1, 2, 3), 1) == (3,)


# Handed on -------------------------------------------------------------------------------------------


def test_the_panels_job_holds_what_the_scene_knows(addon: ModuleType, tmp_path: Path) -> None:
    scene = full_scene()
    scene.platewright.prompt, scene.platewright.out = "a moor", str(tmp_path)
    request = addon.operators.job_of(scene).request
    assert request.ground_m == pytest.approx(0.0, abs=1e-5) and request.sun == pytest.approx((30.0, 30.0), abs=1e-3)
    assert request.guide is not None and request.guide.sha256 == fingerprint(Path(request.guide.path))
    assert len(list(Path(request.guide.path).glob("depth.*.exr"))) == 9
    assert addon.operators.job_of(scene).request.sha256 == request.sha256     # read twice, the same
    scene.platewright.use_scene = False
    plain = addon.operators.job_of(scene).request
    assert (plain.ground_m, plain.sun, plain.guide) == (None, None, None)


def test_the_button_reads_camera_and_scene_between_the_ticks(
    addon: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs, sent, headlines = addon.jobs, [], []
    monkeypatch.setattr(jobs, "follow", lambda: None)
    monkeypatch.setattr(jobs, "submit", lambda job, text, **words: sent.append((job, text)))
    for limit in ("LOOK_SECONDS", "LOOK_SECONDS_MAX"):
        monkeypatch.setattr(addon.preparing, limit, 0.0)
    monkeypatch.setattr(addon.scene_geometry, "LOOKS_SECONDS", math.inf)
    scene = full_scene()
    scene.platewright.prompt, scene.platewright.out = "a moor", str(tmp_path)
    jobs.prepare(scene, addon.operators.job_maker(scene), addon.preferences.own_runtime(), is_scene_read=True)
    while preparation := jobs.state.preparation:
        headlines.append(preparation.headline())
        assert 0.0 <= preparation.fraction <= 1.0 and list(bpy.data.scenes) == [scene]
        jobs.tick()
    [(job, text)] = sent
    whole = addon.operators.job_of(scene).request
    assert job.request.sha256 == whole.sha256 and json.loads(text)["request"]["guide"]["sha256"] == whole.guide.sha256
    assert headlines[0] == "reading the camera 1/24" and "reading the scene 4/9" in headlines


@pytest.fixture
def filmed(tmp_path: Path) -> Iterator[Path]:
    """A shot over a painted ground at 1.25 m, saved, and its own pictures."""
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1001, 1010
    camera = add_camera()
    keys(camera, "location", {1001: (-1.0, -8.0, 3.0), 1010: (1.0, -6.5, 3.2)})
    camera.rotation_euler = (1.2, 0.0, 0.05)
    for thing in (plane(1.25), body("Crate", (1.0, 0.0, 1.75), 1.0), body("Box", (-2.0, 2.0, 2.25))):
        thing.data.materials.append(painted())
    scene.render.engine, scene.cycles.samples, scene.cycles.device = "CYCLES", 8, "CPU"
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 320, 180
    scene.render.image_settings.file_format = "PNG"
    scene.render.filepath = str(tmp_path / "frames" / "shot.####")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.render.render(animation=True)
    yield tmp_path


def painted() -> bpy.types.Material:
    """Noise that shines by itself, coarse and fine."""
    material = bpy.data.materials.new("Painted")
    if bpy.app.version < (5, 0):
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    place, noise, shine, out = (
        tree.nodes.new(f"ShaderNode{name}") for name in ("NewGeometry", "TexNoise", "Emission", "OutputMaterial")
    )
    noise.inputs["Scale"].default_value, noise.inputs["Detail"].default_value = 1.5, 6.0
    tree.links.new(place.outputs["Position"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Color"], shine.inputs["Color"])
    tree.links.new(shine.outputs[0], out.inputs["Surface"])
    return material


def test_the_command_checks_against_the_scene_by_itself(filmed: Path) -> None:
    words = (filmed / "shot.blend", "--command", "platewright", "check", filmed / "frames", "--json")
    code, out, err = run(*words)
    assert code == 0, err
    by_depth = json.loads(out)
    assert by_depth["verdict"] == "locked" and by_depth["world_against"] == "the scene's depth"
    assert by_depth["world_scale"] == pytest.approx(1.0, abs=0.02) and by_depth["slide_px"]["p95"] < 1.0
    assert "the ground at 1.25 m" in err and "depth of 9 frames" in err
    code, out, _ = run(*words, "--no-scene")
    assert code == 0 and json.loads(out)["world_scale"] is None
    code, out, _ = run(*words, "--scene-depth", filmed / "nowhere")
    assert code == 2 and json.loads(out)["error"]["code"] == "E_FILE_MISSING"      # the hand wins


def test_the_command_generates_with_what_the_scene_knows(filmed: Path) -> None:
    words = ("generate", "--model", "grid", "--no-check", "--ground", "-3.5", "--json", "--out", filmed)
    code, out, err = run(filmed / "shot.blend", "--command", "platewright", *words)
    assert code == 0, err
    inputs = json.loads((Path(json.loads(out)["plate"]) / "plate.json").read_text())["inputs"]
    assert inputs["ground_m"] == -3.5 and inputs["sun"] is None
    assert len(inputs["guide"]["frames"]) == 9 and inputs["guide"]["name"] == "depth"
