"""What a camera sees of the scene, rendered along its path by Cycles in a scene of our own: the user's stays as it is.

depth   planar, by one sample through the middle of each pixel, in a multilayer EXR of floats: Blender units along the
        camera's axis, 1e10 where nothing is. With the scene's own materials, so what they cut out or displace is right
clay    linear, in an EXR of half floats whose alpha is 0 where nothing is; nothing is cut out, as there is one material

Counted is what Blender would render, modifiers as the render has them, hair, instances and what nodes make; left out is
what `scene_stage` leaves out. Cycles on the processor needs no graphics, and the file stays as it is:

    render(scene, view, kinds, folder)         folder/depth.1001.exr ..., folder/clay.1001.exr ...

Errors  RequestError E_NO_CYCLES, PlateError E_GUIDE_RENDER
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import bpy

from platewright.camera import CameraPath
from platewright.errors import PlateError, RequestError

from . import camera_views, guide_camera, guide_clay, scene_stage
from .render_aside import render_frame
from .scene_read import metres_per_unit

DRAWN = scene_stage.SURFACES | {"META", "CURVES", "POINTCLOUD"}
SIMPLIFIED = ("use_simplify", "simplify_subdivision_render", "simplify_child_particles_render")
SUBDIVIDED = ("feature_set", "dicing_rate", "max_subdivisions", "offscreen_dicing_scale")
SAMPLES = {"depth": 1, "clay": 4}
FILTER_PX = {"depth": 0.01, "clay": 1.0}           # width of the box that a pixel's samples fall into
RESULT = "Render Result"

OnFrame = Callable[[int, int], object]             # done, total; may raise Cancelled


@dataclass(frozen=True, slots=True)
class Set:
    """The scene of our own and what else in it is ours."""

    scene: bpy.types.Scene
    camera: bpy.types.Object
    own: list[bpy.types.ID]


def render(
    scene: bpy.types.Scene, view: CameraPath, kinds: Sequence[str], folder: Path, on_frame: OnFrame | None = None
) -> None:
    """Render each kind (depth, clay) in every frame of the view into `folder`, which is there.

    The scene, its objects and all settings are afterwards as they were, whatever happened meanwhile.
    """
    total, done = len(kinds) * len(view), 0
    with camera_views.undisturbed(scene, [], None), staged(scene, frozenset(view.cameras)) as own:
        for kind in kinds:
            _set_up(own, kind)
            if kind == "clay":
                _light(own, guide_clay.sun_lamp(scene))
            for index, number in enumerate(view.frames):
                guide_camera.place(own.camera, own.scene.render, view, index, metres_per_unit(scene))
                _render(own.scene, kind, number, folder)
                done += 1
                if on_frame:
                    on_frame(done, total)


@contextmanager
def staged(scene: bpy.types.Scene, cameras: frozenset[str]) -> Iterator[Set]:
    """A scene with what is rendered of the user's, and a camera; everything that is ours goes with the block."""
    had_result = RESULT in bpy.data.images
    probe = bpy.data.scenes.new("platewright_guide")
    camera = bpy.data.objects.new("platewright_guide", bpy.data.cameras.new("platewright_guide"))
    own: list[bpy.types.ID] = [probe, camera, camera.data]
    try:
        for found in drawn(scene, cameras):
            probe.collection.objects.link(found)
        probe.collection.objects.link(camera)
        probe.camera = camera
        _copy_settings(scene, probe)
        yield Set(probe, camera, own)
    finally:
        if not had_result and RESULT in bpy.data.images:
            own.append(bpy.data.images[RESULT])
        bpy.data.batch_remove(own)


def drawn(scene: bpy.types.Scene, cameras: frozenset[str]) -> list[bpy.types.Object]:
    """What of the scene the guides show."""
    rig = scene_stage.rig_of(
        [found for found in scene.objects if found.type == "CAMERA" and scene_stage.names_of(found) & cameras]
    )
    rendered = scene_stage.rendered_objects(scene)
    return [found for found in rendered if found not in rig and _is_drawn(found)]


def _is_drawn(thing: bpy.types.Object) -> bool:
    is_more = thing.type in DRAWN and thing.rigid_body is None and scene_stage.is_seen(thing)
    return scene_stage.is_surface(thing) or is_more


def _copy_settings(scene: bpy.types.Scene, probe: bpy.types.Scene) -> None:
    for name in (*camera_views.COPIED, *SIMPLIFIED):
        setattr(probe.render, name, getattr(scene.render, name))
    render = probe.render
    try:
        render.engine = "CYCLES"
    except TypeError:
        hint = "Enable the add-on Cycles Render Engine, or use another build of Blender."
        raise RequestError("E_NO_CYCLES", "This Blender has no Cycles to render guides with.", hint) from None
    for name in SUBDIVIDED:
        if hasattr(scene.cycles, name):
            setattr(probe.cycles, name, getattr(scene.cycles, name))
    cycles = probe.cycles
    cycles.device, cycles.use_adaptive_sampling, cycles.use_denoising, cycles.max_bounces = "CPU", False, False, 0
    cycles.pixel_filter_type, cycles.seed, cycles.use_animated_seed = "BOX", 0, False
    render.film_transparent, render.use_persistent_data, render.use_motion_blur = True, True, False
    render.use_compositing, render.use_sequencer = False, False
    if hasattr(render, "compositor_device"):       # 5.2 asks for a GPU before it looks whether there is compositing
        render.compositor_device = "CPU"


def _light(own: Set, sun: bpy.types.Object | None) -> None:
    """Everything of clay, under the sun if there is one."""
    if sun is not None:
        own.own.extend([sun, sun.data])
        own.scene.collection.objects.link(sun)
    clay = guide_clay.material(sun is not None)
    own.own.append(clay)
    own.scene.view_layers[0].material_override = clay


def _set_up(own: Set, kind: str) -> None:
    """Passes, samples and the file for a kind."""
    scene, layer, settings = own.scene, own.scene.view_layers[0], own.scene.render.image_settings
    scene.cycles.samples, scene.cycles.filter_width = SAMPLES[kind], FILTER_PX[kind]
    layer.use_pass_z = kind == "depth"
    if hasattr(settings, "media_type"):            # 5.0 asks for it first
        settings.media_type = "MULTI_LAYER_IMAGE" if kind == "depth" else "IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER" if kind == "depth" else "OPEN_EXR"
    settings.color_depth, settings.exr_codec = ("32" if kind == "depth" else "16"), "ZIP"
    if kind == "clay":
        settings.color_mode = "RGBA"
    elif hasattr(settings, "use_exr_interleave"):  # else 5.x writes a file of parts
        settings.use_exr_interleave = True


def _render(scene: bpy.types.Scene, kind: str, number: int, folder: Path) -> None:
    try:
        render_frame(scene, number, folder, kind)
    except RuntimeError as error:
        raise _failed(f"{kind} of frame {number}", str(error)) from None


def _failed(what: str, why: str) -> PlateError:
    message = f"The {what} could not be rendered: {why.strip()[:200]}."
    return PlateError("E_GUIDE_RENDER", message, "Render a frame of the scene with Cycles by hand to see why.")
