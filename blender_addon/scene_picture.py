"""One frame of the scene as a model takes its first picture: rendered as the scene is, in a scene of our own.

Engine, world, lights, materials and view transform are the scene's; what comes out is display-referred sRGB, 8 bits.
Left out    what hangs on the camera, plates on its image planes with it; compositor and sequencer, which may hold an
            earlier plate; motion blur, depth of field, stamps and borders. Behind things stands the world, also where
            the film is transparent. All view layers that render are one
Camera      as it is given: wider than the scene's where a model sees more; its numbers are written into the PNG

    render(scene, view, file)          the first frame of the path `view`, at the view's size

Errors  PlateError E_STILL_RENDER
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import bpy

from platewright.camera import CameraPath
from platewright.errors import PlateError

from . import camera_views, guide_camera, render_aside, scene_stage
from .scene_read import metres_per_unit

RESULT = "Render Result"
OFF = (
    "use_border", "use_crop_to_border", "use_compositing", "use_sequencer", "use_multiview", "use_motion_blur",
    "film_transparent", "use_file_extension", "use_placeholder", "use_single_layer", "use_freestyle",
)  # fmt: skip
HEAD = 8                                           # bytes of a PNG before its first chunk
TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf")


def render(scene: bpy.types.Scene, view: CameraPath, file: Path) -> None:
    """The scene and everything in the file are afterwards as they were, whatever happened meanwhile."""
    try:
        with camera_views.undisturbed(scene, [], None), staged(scene, view) as own:
            data = _rendered(own, view.frames[0])
        if data[12:16] != b"IHDR" or struct.unpack(">II", data[16:24]) != (view.width, view.height):
            raise _failed(file, "the picture has another size")
        file.write_bytes(tagged(data, view.texts(0)))
    except (OSError, RuntimeError) as error:
        raise _failed(file, str(error)) from None


def tagged(png: bytes, texts: Mapping[str, str]) -> bytes:
    """The PNG with these ASCII texts and no others: a renderer writes down how long it took."""
    chunks = list(_chunks(png))
    ours = [_chunk(b"tEXt", f"{name}\0{text}".encode("ascii")) for name, text in texts.items()]
    kept = [_chunk(kind, body) for kind, body in chunks[1:] if kind not in TEXTS]
    return b"".join([png[:HEAD], _chunk(*chunks[0]), *ours, *kept])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = HEAD
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        yield kind, png[place + 8 : place + 8 + size]
        place += 12 + size


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


@contextmanager
def staged(scene: bpy.types.Scene, view: CameraPath) -> Iterator[bpy.types.Scene]:
    """A copy of the scene's settings with what is rendered of it and our camera; all of it goes with the block."""
    had_result = RESULT in bpy.data.images
    camera = bpy.data.objects.new("platewright_still", bpy.data.cameras.new("platewright_still"))
    own = scene.copy()
    ours: list[bpy.types.ID] = [own, camera, camera.data]
    try:
        own.name = "platewright_still"
        _fill(own, [*shown(scene, frozenset(view.cameras)), camera])
        _set_up(own)
        own.camera = camera
        guide_camera.place(camera, own.render, view, 0, metres_per_unit(scene))
        yield own
    finally:
        if not had_result and RESULT in bpy.data.images:
            ours.append(bpy.data.images[RESULT])
        bpy.data.batch_remove(ours)


def shown(scene: bpy.types.Scene, cameras: frozenset[str]) -> list[bpy.types.Object]:
    """What of the scene is in the picture, and what lights it."""
    filming = [found for found in scene.objects if found.type == "CAMERA" and scene_stage.names_of(found) & cameras]
    rig = scene_stage.rig_of(filming)
    return [found for found in scene_stage.rendered_objects(scene) if found.type == "LIGHT" or found not in rig]


def _fill(own: bpy.types.Scene, things: list[bpy.types.Object]) -> None:
    """Nothing but these in the scene's own collection, in one view layer."""
    collection = own.collection
    for child in list(collection.children):
        collection.children.unlink(child)
    for thing in list(collection.objects):
        collection.objects.unlink(thing)
    for layer in list(own.view_layers)[1:]:
        own.view_layers.remove(layer)
    own.view_layers[0].use = True
    for thing in things:
        collection.objects.link(thing)


def _set_up(own: bpy.types.Scene) -> None:
    own.timeline_markers.clear()                   # cameras may be bound to them
    render, settings = own.render, own.render.image_settings
    stamps = (name for name in dir(render) if name.startswith("use_stamp"))
    for name in (*OFF, *stamps):                   # stamps would write clocks and paths into the file
        if hasattr(render, name):
            setattr(render, name, False)
    if hasattr(render, "compositor_device"):       # 5.2 asks for a GPU before it looks whether there is compositing
        render.compositor_device = "CPU"
    if hasattr(settings, "media_type"):            # 5.0 asks for it first
        settings.media_type = "IMAGE"
    settings.file_format, settings.color_mode, settings.color_depth = "PNG", "RGB", "8"
    settings.color_management = "FOLLOW_SCENE"
    transform, look = own.view_settings.view_transform, own.view_settings.look
    own.display_settings.display_device = "sRGB"
    try:                                           # another display may have had other ones
        own.view_settings.view_transform, own.view_settings.look = transform, look
    except TypeError:
        own.view_settings.view_transform = "Standard"


def _rendered(own: bpy.types.Scene, number: int) -> bytes:
    """A PNG of this frame. (Blender's own still of another scene would be of the open one's frame.)"""
    import tempfile  # slow to load

    with tempfile.TemporaryDirectory(prefix="platewright-still-") as folder:
        return render_aside.render_frame(own, number, Path(folder), "still").read_bytes()


def _failed(file: Path, why: str) -> PlateError:
    message = f"{file.name} could not be rendered: {why.strip()[:200]}."
    return PlateError("E_STILL_RENDER", message, "Render a frame of the scene by hand to see why.")
