"""Rendering a scene of our own while the open one does not notice.

Blender's own operator is no good neighbour: a still of another scene takes the frame of the open one, and whatever was
rendered, the open scene is evaluated anew at its frame, which undoes all that was changed there and not keyed. So an
empty scene passes for the open one meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bpy


@contextmanager
def unnoticed(number: int) -> Iterator[None]:
    """What is rendered within is rendered at this frame, and nothing else is evaluated."""
    blank = bpy.data.scenes.new("platewright_blank")
    try:
        blank.frame_set(number)
        with bpy.context.temp_override(scene=blank, view_layer=blank.view_layers[0]):
            yield
    finally:
        bpy.data.batch_remove([blank])


def render_frame(scene: bpy.types.Scene, number: int, folder: Path, kind: str) -> Path:
    """Render a frame of `scene`, in the file format that it is set to, into `folder`/`kind`.1001.exr.

    The scene's own range and file path are changed. Raises RuntimeError with Blender's words, or where no file came.
    """
    file = folder / f"{kind}.{number:04d}.exr"
    path = str(folder / f"{kind}.####.exr")
    if bpy.app.version >= (4, 5):                  # braces are templates there
        path = path.replace("{", "{{").replace("}", "}}")
    scene.frame_start = scene.frame_end = number
    scene.frame_step, scene.render.use_file_extension, scene.render.filepath = 1, False, path
    with unnoticed(number):
        bpy.ops.render.render(animation=True, scene=scene.name)
    if not file.is_file():
        raise RuntimeError("no file was written")
    return file
