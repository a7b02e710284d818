"""A finished plate -> what Blender shows: the camera's background image and the compositor's branch behind the render.

Frames   Blender shows file number `scene_frame - frame_start + 1 + frame_offset`, and holds the last file after it.
Colour   the image carries the frames' true colour space, so every user of the datablock sees the same picture.
Ours     images, backgrounds' images and the compositor's group carry `TAG`; nothing without it is replaced or removed.

View     a plate keeps its codes under any view transform: the view is applied to the render alone (`bake_view`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import bpy

from platewright.errors import CameraError, PlateError

from .plate_link import TAG, path_for_blend, remember
from .plate_read import Plate, read_plate
from .scene_view import bake_view, follow, remember_view, restore_view

GROUP = "Platewright plate"
FILM = "platewright_film"                          # custom property on our node: was the film transparent before
SPACES = {                                         # interop id -> names in Blender's and in studios' configurations
    "lin_rec709_scene": ("Linear Rec.709", "Linear Rec.709 (sRGB)", "lin_rec709", "scene_linear"),
    "srgb_rec709_scene": ("sRGB", "sRGB - Texture", "Utility - sRGB - Texture"),
    "lin_ap1_scene": ("ACEScg", "ACES - ACEScg", "lin_ap1"),
    "lin_ap0_scene": ("ACES2065-1", "ACES - ACES2065-1", "lin_ap0"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did; the notes are sentences for the panel, warnings start with their code."""

    plate: Plate
    notes: tuple[str, ...]


def import_plate(
    scene: bpy.types.Scene,
    folder: str | Path,
    *,
    camera: bpy.types.Object | None = None,        # None: the plate's camera if the scene has it, else the scene's
    background: bool = True,
    compositor: bool = False,
    frame_start: int | None = None,                # scene frame that shows the first file; None: where it was made for
) -> Imported:
    """Check the plate in `folder` and show it in the scene.

    Raises PlateError (those of `read_plate`; E_UNSAVED for a `//` path in a file never saved; E_COMPOSITOR_LINKED) and
    CameraError (E_NO_CAMERA, E_CAMERA_TYPE, E_CAMERA_LINKED), all before anything in the scene has changed.
    """
    plate = read_plate(absolute_folder(folder))
    camera = camera or camera_of(scene, plate)
    if background:
        check_camera(camera)
    if compositor:
        check_compositor(scene)
    notes = range_notes(scene, plate, frame_start)
    if background:
        notes += show_behind_camera(camera, plate, scene, frame_start=frame_start)
    if compositor:
        notes += composite_behind(scene, plate, frame_start=frame_start)
    return Imported(plate=plate, notes=tuple(notes))


# The plate as an image of Blender


def absolute_folder(folder: str | Path) -> Path:
    """Blender's `//` stands for the folder of the .blend; without one it would mean the current directory."""
    text = str(folder)
    if text.startswith("//") and not bpy.data.filepath:
        raise PlateError(
            "E_UNSAVED",
            f"{text} is relative to a .blend that has not been saved.",
            "Save the .blend first, or choose an absolute path.",
        )
    return Path(bpy.path.abspath(text))


def load_sequence(plate: Plate) -> bpy.types.Image:
    """The plate's image datablock, made once per file path and tagged as ours."""
    path = path_for_blend(plate.first_path)
    for image in bpy.data.images:
        same = image.source == "SEQUENCE" and bpy.path.abspath(image.filepath) == str(plate.first_path)
        if same and image.get(TAG) == plate.name and image.library is None:
            image.filepath = path
            remember(image, plate)
            return image
    image = bpy.data.images.load(path)
    image.name = plate.folder.name
    image.source = "SEQUENCE"
    image.alpha_mode = "NONE"
    set_space(image, plate.space)
    remember(image, plate)
    return image


def set_space(image: bpy.types.Image, space: str) -> None:
    names = SPACES.get(space, (space,))            # a studio's own space has a name in its configuration alone
    for name in names:
        try:
            image.colorspace_settings.name = name
        except TypeError:                          # a studio's OpenColorIO configuration has other names
            continue
        return
    raise PlateError(
        "E_COLOUR_SPACE",
        f"This Blender's colour configuration knows none of {', '.join(names)}.",
        "Use a configuration that knows the plate's space.",
    )


def set_frames(user: bpy.types.ImageUser | bpy.types.Node, plate: Plate, frame_start: int | None) -> None:
    """Set the frame mapping on whatever has its properties: an image user, or the compositor's image node itself."""
    first = plate.frames[0]
    user.frame_start = plate.start if frame_start is None else frame_start
    user.frame_offset = first - 1
    user.frame_duration = len(plate.frames)
    user.use_cyclic = False
    user.use_auto_refresh = True


def range_notes(scene: bpy.types.Scene, plate: Plate, frame_start: int | None) -> list[str]:
    start = plate.start if frame_start is None else frame_start
    end = start + len(plate.frames) - 1
    if start <= scene.frame_start and scene.frame_end <= end:
        return []
    ranges = f"the plate covers frames {start}-{end}, the scene runs {scene.frame_start}-{scene.frame_end}"
    return [f"W_RANGE: {ranges}; before the plate there is nothing, after it the last frame is held."]


def discard_unused(images: set[bpy.types.Image]) -> None:
    for image in images:
        if image.users == 0:
            bpy.data.images.remove(image)


# Behind the camera


def camera_of(scene: bpy.types.Scene, plate: Plate) -> bpy.types.Object | None:
    """The camera the plate was made for, if the scene still has it by name; else the scene's own."""
    named = scene.objects.get(plate.camera)
    return named if named is not None and named.type == "CAMERA" else scene.camera


def check_camera(camera: bpy.types.Object | None) -> None:
    if camera is None:
        raise CameraError("E_NO_CAMERA", "There is no camera to stand the plate behind.", "Give the scene a camera.")
    if camera.type != "CAMERA":
        raise CameraError("E_CAMERA_TYPE", f"{camera.name} is not a camera.", "Choose a camera for the scene.")
    if camera.data.library is not None:
        raise CameraError(
            "E_CAMERA_LINKED",
            f"The camera {camera.data.name} is linked from {Path(camera.data.library.filepath).name}: "
            "a background set here would be gone after saving.",
            "Make a library override of the camera and its data, or open its own file.",
        )


def show_behind_camera(
    camera: bpy.types.Object,                      # an object whose data is a local or overridden camera
    plate: Plate,
    scene: bpy.types.Scene,
    *,
    frame_start: int | None = None,
) -> list[str]:
    """Make the plate the camera's background image in the viewport.

    An earlier version of it is replaced; our plates of other names are switched off, as they would cover each other.
    Blender never renders a camera background: `composite_behind` is for that. Raises CameraError E_NO_CAMERA,
    E_CAMERA_TYPE, E_CAMERA_LINKED. Returns notes for the panel.
    """
    check_camera(camera)
    backgrounds = camera.data.background_images
    notes = [f"{plate.folder.name} stands behind {camera.name} in the viewport.", *switch_off_others(camera, plate)]
    earlier = [each for each in backgrounds if each.image is not None and each.image.get(TAG) == plate.name]
    earlier_images = {each.image for each in earlier}
    for each in earlier:
        each.image = None                          # `remove` alone leaves the image with a user it does not have
        backgrounds.remove(each)
    background = backgrounds.new()
    background.source = "IMAGE"
    background.image = load_sequence(plate)
    background.alpha = 1.0
    background.display_depth = "BACK"
    background.frame_method = fit_for_pixels(scene)
    background.scale, background.rotation, background.offset = 1.0, 0.0, (0.0, 0.0)
    background.show_background_image = True
    set_frames(background.image_user, plate, frame_start)
    camera.data.show_background_images = True
    discard_unused(earlier_images - {background.image})
    return notes


def switch_off_others(camera: bpy.types.Object, plate: Plate) -> list[str]:
    """Hide our plates of other names behind this camera, and say which."""
    hidden = []
    for each in camera.data.background_images:
        image = each.image
        if image is not None and image.get(TAG, plate.name) != plate.name and each.show_background_image:
            each.show_background_image = False
            hidden.append(f"{image.name} is still there, switched off.")
    return hidden


def fit_for_pixels(scene: bpy.types.Scene) -> str:
    """The plate has the render's aspect; with pixels that are not square only STRETCH gives it the render's shape."""
    return "CROP" if scene.render.pixel_aspect_x == scene.render.pixel_aspect_y else "STRETCH"


# Behind the render


def check_compositor(scene: bpy.types.Scene) -> None:
    tree = compositor_tree(scene)
    if tree is not None and tree.library is not None:
        raise PlateError(
            "E_COMPOSITOR_LINKED",
            "The scene's compositor belongs to a linked file.",
            "Make it local, or import the plate as the camera's background only.",
        )


def composite_behind(scene: bpy.types.Scene, plate: Plate, *, frame_start: int | None = None) -> list[str]:
    """Put the plate behind whatever the scene's compositor shows, with one group node in front of the output.

    The plate's codes stay what they are in the file. The scene's view transform and exposure are applied to the render
    inside the group, and the scene itself is set to Standard; `withdraw_composite` gives the old view back. Both
    pictures are then mixed in linear light, so that half-covered edges and shadows weigh what they weigh on a display.
    Raises PlateError E_COMPOSITOR_LINKED. Returns notes for the panel.
    """
    check_compositor(scene)
    withdraw_composite(scene)
    tree, output = tree_and_output(scene)
    node = tree.nodes.new("CompositorNodeGroup")
    node.node_tree, view_notes = plate_group(scene, plate, frame_start)
    node.label = plate.folder.name
    node.width = 200.0
    node.location = output.node.location.x, output.node.location.y + 160.0
    node[TAG] = plate.name
    render = output.links[0].from_socket if output.links else render_layers(tree).outputs["Image"]
    tree.links.new(render, node.inputs[0])
    tree.links.new(node.outputs[0], output)
    node[FILM] = scene.render.film_transparent
    scene.render.film_transparent = True
    scene.render.use_compositing = True
    if bpy.app.background:
        scene.render.compositor_device = "CPU"     # without a display the GPU compositor takes the process down
    if view_notes:
        remember_view(scene, node)
    return [f"{plate.folder.name} is composited behind the render; the film is transparent.", *view_notes]


def withdraw_composite(scene: bpy.types.Scene) -> None:
    """Take our group out of the scene's compositor; film and view come back, a view that was changed since does not."""
    tree = compositor_tree(scene)
    if tree is None:
        return
    for node in [each for each in tree.nodes if TAG in each]:
        group = node.node_tree
        restore_view(scene, node)
        scene.render.film_transparent = bool(node.get(FILM, scene.render.film_transparent))
        bypass(tree, node)
        tree.nodes.remove(node)
        if group is not None and group.users == 0:
            images = {each.image for each in group.nodes if each.bl_idname == "CompositorNodeImage" and each.image}
            bpy.data.node_groups.remove(group)
            discard_unused(images)


def bypass(tree: bpy.types.NodeTree, node: bpy.types.Node) -> None:
    """What fed the node feeds its followers. Without its group it may have no sockets left."""
    sources = [link.from_socket for socket in node.inputs for link in socket.links]
    followers = [link.to_socket for socket in node.outputs for link in socket.links]
    for source in sources:
        for follower in followers:
            tree.links.new(source, follower)


def compositor_tree(scene: bpy.types.Scene) -> bpy.types.NodeTree | None:
    return scene.compositing_node_group if hasattr(scene, "compositing_node_group") else scene.node_tree


def tree_and_output(scene: bpy.types.Scene) -> tuple[bpy.types.NodeTree, bpy.types.NodeSocket]:
    """The scene's compositor, made if there is none, and the socket whose picture is the render result."""
    if not hasattr(scene, "compositing_node_group"):             # up to 4.5
        scene.use_nodes = True
        tree = scene.node_tree
        return tree, node_of(tree, "CompositorNodeComposite").inputs["Image"]
    tree = scene.compositing_node_group
    if tree is None:
        tree = scene.compositing_node_group = bpy.data.node_groups.new("Compositor", "CompositorNodeTree")
    if not any(item.item_type == "SOCKET" and item.in_out == "OUTPUT" for item in tree.interface.items_tree):
        tree.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    return tree, node_of(tree, "NodeGroupOutput").inputs[0]


def node_of(tree: bpy.types.NodeTree, kind: str) -> bpy.types.Node:
    """The tree's node of this kind, the active one first; a new one if there is none."""
    there = sorted(
        (node for node in tree.nodes if node.bl_idname == kind),
        key=lambda node: not getattr(node, "is_active_output", False),
    )
    return there[0] if there else tree.nodes.new(kind)


def render_layers(tree: bpy.types.NodeTree) -> bpy.types.Node:
    node = node_of(tree, "CompositorNodeRLayers")
    node.location = node.location.x - 400.0, node.location.y
    return node


def plate_group(
    scene: bpy.types.Scene, plate: Plate, frame_start: int | None
) -> tuple[bpy.types.NodeTree, list[str]]:
    """A group that takes the render and gives it back over the plate; notes say what became of the view."""
    group = bpy.data.node_groups.new(GROUP, "CompositorNodeTree")
    group.interface.new_socket(name="Image", in_out="INPUT", socket_type="NodeSocketColor")
    group.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    render = group.nodes.new("NodeGroupInput").outputs[0]
    front, notes = bake_view(group, scene, render)
    over = group.nodes.new("CompositorNodeAlphaOver")
    named = "Background" in over.inputs                          # 5.0 named and reordered the sockets
    back_input, front_input = (over.inputs[name] for name in (("Background", "Foreground") if named else (1, 2)))
    if front != render:
        take_straight(over)
    group.links.new(plate_picture(group, scene, plate, frame_start), back_input)
    group.links.new(front, front_input)
    group.links.new(over.outputs[0], group.nodes.new("NodeGroupOutput").inputs[0])
    lay_out(group)
    return group, notes


def plate_picture(
    group: bpy.types.NodeTree, scene: bpy.types.Scene, plate: Plate, frame_start: int | None
) -> bpy.types.NodeSocket:
    """The plate's frame, fitted to the render's size and opaque up to its rim."""
    picture = group.nodes.new("CompositorNodeImage")
    picture.image = load_sequence(plate)
    set_frames(picture, plate, frame_start)
    scale = group.nodes.new("CompositorNodeScale")
    fitted = follow(group, picture.outputs["Image"], scale)
    fit = fit_for_pixels(scene)
    if not hasattr(scale, "space"):                              # from 5.0
        choices = {"Type": "Render Size", "Frame Type": fit.title(), "Extension X": "Extend", "Extension Y": "Extend"}
        for name, choice in choices.items():
            scale.inputs[name].default_value = choice
        return fitted
    scale.space, scale.frame_method = "RENDER_SIZE", fit
    straight = group.nodes.new("CompositorNodePremulKey")        # up to 4.5 an enlarged picture fades out at its rim
    straight.mapping = "PREMUL_TO_STRAIGHT"
    opaque = group.nodes.new("CompositorNodeSetAlpha")
    opaque.mode = "REPLACE_ALPHA"
    return follow(group, follow(group, fitted, straight), opaque)


def take_straight(over: bpy.types.Node) -> None:
    if "Straight Alpha" in over.inputs:                          # from 4.5
        over.inputs["Straight Alpha"].default_value = True
    else:
        over.use_premultiply = True


def lay_out(group: bpy.types.NodeTree) -> None:
    for column, node in enumerate(group.nodes):
        node.location = 200.0 * column, 0.0
