"""Save a shot of 24 frames with a camera that dollies and pans past a monkey: `blender -b -P make_shot.py -- FILE`."""

from __future__ import annotations

import sys

import bpy


def main(path: str) -> None:
    """The start-up file's camera and light stay; its cube gives way to something that shows which way is up."""
    scene = bpy.context.scene
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    bpy.ops.mesh.primitive_monkey_add(location=(0.0, 0.0, 1.0))
    scene.frame_start, scene.frame_end = 1001, 1024
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    camera = scene.camera
    for frame, place, turn in ((1001, (-2.0, -7.0, 1.7), 0.25), (1024, (2.0, -6.0, 2.2), -0.25)):
        camera.location, camera.rotation_euler = place, (1.45, 0.0, -turn)
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)
    bpy.ops.wm.save_as_mainfile(filepath=path)


if __name__ == "__main__":
    main(sys.argv[sys.argv.index("--") + 1])
