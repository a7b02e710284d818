"""One frame of a scene of our own rendered into a file, while the open scene does not notice.

Blender's own operator is no good neighbour: a still of another scene takes the frame of the open one, and whatever was
rendered, the open scene is evaluated anew at its frame, which undoes all that was changed there and not keyed. So it is
an animation of one frame, called while an empty scene passes for the open one.
"""

from __future__ import annotations

from pathlib import Path

import bpy


def render_frame(scene: bpy.types.Scene, number: int, folder: Path, kind: str) -> Path:
    """Render a frame of `scene`, in the file format that it is set to, into `folder`/`kind`.1001.exr.

    The scene's own range and file path are changed. Raises RuntimeError with Blender's words, or where no file came.
    """
    file = folder / f"{kind}.{number:04d}.exr"
    path = str(folder / f"{kind}.####.exr")
    if bpy.app.version >= (5, 0):                  # braces are templates there
        path = path.replace("{", "{{").replace("}", "}}")
    scene.frame_start = scene.frame_end = number
    scene.frame_step, scene.render.use_file_extension, scene.render.filepath = 1, False, path
    blank = bpy.data.scenes.new("platewright_blank")
    try:
        with bpy.context.temp_override(scene=blank, view_layer=blank.view_layers[0]):
            bpy.ops.render.render(animation=True, scene=scene.name)
    finally:
        bpy.data.batch_remove([blank])
    if not file.is_file():
        raise RuntimeError("no file was written")
    return file
