"""A plate as a strip of the scene's sequencer: the cut shows the pictures as they lie on disk."""

from __future__ import annotations

from collections.abc import Iterable

import bpy

from .plate_image import larger, set_space
from .plate_link import TAG, path_for_blend, set_directory
from .plate_read import Plate
from .scene_composite import bake_view_alone
from .ways_marks import check_colour, check_scene, is_bent, view_notes

CHANNELS = 128
WIDTH = "platewright_width"                        # custom property of a strip: pixels of the camera's own picture
BEFORE = "platewright_use_sequencer"               # custom property of a strip: what the first one of ours has changed


def lay_strip(
    scene: bpy.types.Scene,
    plate: Plate,
    channel: int = 0,
    *,
    frame_start: int | None = None,
    keeps_codes: bool = True,
) -> list[str]:
    """Lay the plate onto the timeline, in place of an earlier version; notes.

    A sequencer with strips takes the place of the scene in renders. Where ours is the first strip, renders go on
    showing the scene. A strip has no colours of its own: to keep them the scene shows all as it is, and its view goes
    into the compositor, to the render alone. Raises PlateError E_SCENE_LINKED, E_COMPOSITOR_LINKED, before anything
    has changed.
    """
    check_scene(scene)
    check_colour(scene, keeps_codes)
    start = plate.start if frame_start is None else frame_start
    editor = scene.sequence_editor_create()
    withdraw_strips(scene, [each for each in own_strips(scene) if each[TAG] == plate.name])
    is_first = not len(strips_of(editor))
    channel = channel or free_channel(editor, start, start + len(plate.frames))
    strip = strips_of(editor).new_image(
        name=plate.folder.name, filepath=path_for_blend(plate.first_path), channel=channel, frame_start=start,
        fit_method="FIT",
    )  # fmt: skip
    for file in plate.files[1:]:
        strip.elements.append(file)
    strip[TAG] = plate.name
    enlarge(strip, max(larger(plate.view)), plate)
    set_space(strip, plate.space)
    notes = [f"{plate.folder.name} lies on channel {strip.channel} of the sequencer.", *window_notes(scene)]
    if is_first and scene.render.use_sequencer:
        strip[BEFORE] = True
        scene.render.use_sequencer = False
        notes.append("Renders go on showing the scene: Sequencer is switched off under Post Processing.")
    return notes + (bake_view_alone(scene, plate.name) if keeps_codes and is_bent(scene) else view_notes(scene))


def strips_of(owner: bpy.types.bpy_struct) -> bpy.types.bpy_prop_collection:
    """The strips of the timeline itself, or of a meta strip; called sequences up to 4.3."""
    return owner.strips if hasattr(owner, "strips") else owner.sequences


def own_strips(scene: bpy.types.Scene) -> list[bpy.types.bpy_struct]:
    """Strips that show plates of ours, those in meta strips, too."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    return [each for each in all_strips(editor) if each.type == "IMAGE" and TAG in each]


def all_strips(editor: bpy.types.SequenceEditor) -> bpy.types.bpy_prop_collection:
    """The strips of the timeline and of all meta strips."""
    return editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all


def free_channel(editor: bpy.types.SequenceEditor, start: int, end: int) -> int:
    """The lowest channel on which nothing lies between the frames."""
    spans = ((each.channel, *span_of(each)) for each in strips_of(editor))
    busy = {channel for channel, first, after in spans if first < end and start < after}
    return next(channel for channel in range(1, CHANNELS + 1) if channel not in busy or channel == CHANNELS)


def span_of(strip: bpy.types.bpy_struct) -> tuple[int, int]:
    """Its first frame, and the one after its last; the names changed in 5.1."""
    if hasattr(strip, "left_handle"):
        return strip.left_handle, strip.right_handle
    return strip.frame_final_start, strip.frame_final_end


def window_notes(scene: bpy.types.Scene) -> list[str]:
    """From 5.0 a window's sequencer shows a scene of its own choice: this one, if it has none."""
    window = bpy.context.window
    if window is None or not hasattr(window.workspace, "sequencer_scene"):
        return []
    if window.workspace.sequencer_scene is None:
        window.workspace.sequencer_scene = scene
    other = window.workspace.sequencer_scene
    return [] if other == scene else [f"W_SEQUENCER: this window's sequencer shows the scene {other.name}."]


def play(strip: bpy.types.bpy_struct, plate: Plate) -> None:
    """Let a strip show another version from the same frame on; its elements are as many as the plate's frames."""
    while len(strip.elements) > len(plate.files):
        strip.elements.pop(len(strip.elements) - 1)
    for element, file in zip(strip.elements, plate.files, strict=False):
        element.filename = file
    for file in plate.files[len(strip.elements):]:
        strip.elements.append(file)
    set_directory(strip, plate.folder)
    strip.name = plate.folder.name
    if plate.view:
        before = strip.get(WIDTH)
        enlarge(strip, before / plate.view.width if type(before) is int and before > 0 else 1.0, plate)
    set_space(strip, plate.space)


def enlarge(strip: bpy.types.bpy_struct, times: float, plate: Plate) -> None:
    """The camera's own picture fills the render, whatever shows around it; what an artist has scaled stays so."""
    strip.transform.scale_x *= times
    strip.transform.scale_y *= times
    if plate.view:
        strip[WIDTH] = plate.view.width


def withdraw_strips(scene: bpy.types.Scene, strips: Iterable[bpy.types.bpy_struct] | None = None) -> None:
    """Take our strips away; renders show the sequencer again if it was ours that had stopped that."""
    editor = scene.sequence_editor
    for strip in own_strips(scene) if strips is None else list(strips):
        if strip.get(BEFORE):
            scene.render.use_sequencer = True
        home_of(editor, strip).remove(strip)


def home_of(editor: bpy.types.SequenceEditor, strip: bpy.types.bpy_struct) -> bpy.types.bpy_prop_collection:
    """The list that holds the strip: the timeline's, or that of the meta strip it was put into."""
    metas = [each for each in all_strips(editor) if each.type == "META"]
    homes = [strips_of(editor), *map(strips_of, metas)]
    return next(home for home in homes if any(each == strip for each in home))
