"""The scene's view, applied to the render alone: how a plate keeps its codes under AgX.

A view transform acts on the whole picture, and AgX would move white from 255 to 196. So the view goes into the
compositor, on the render's side only, and the scene is set to show the sum as it is.
"""

from __future__ import annotations

from collections.abc import Mapping

import bpy

REMEMBERED = "platewright_view"                    # custom property on our node: the view before the plate came
NEUTRAL = {                                        # the view that shows display codes unchanged
    "view_transform": "Standard",
    "look": "None",
    "exposure": 0.0,
    "gamma": 1.0,
    "use_curve_mapping": False,
    "use_white_balance": False,                    # from 4.3
}


def bake_view(
    group: bpy.types.NodeTree, scene: bpy.types.Scene, render: bpy.types.NodeSocket
) -> tuple[bpy.types.NodeSocket, list[str]]:
    """Apply the scene's view to the render inside the group, so that the scene itself can show the plate's codes.

    Exposure, to straight alpha, view transform, then the inverse of Standard: the scene's Standard view brings back
    exactly the codes that the old view gave. Straight, because a view transform bends premultiplied edges. A scene
    that is neutral already needs nothing: the render itself comes back, and no notes.
    """
    view = scene.view_settings
    if is_neutral(view):
        return render, []
    exposure = group.nodes.new("CompositorNodeExposure")
    exposure.inputs["Exposure"].default_value = view.exposure
    straight = group.nodes.new("CompositorNodePremulKey")
    if hasattr(straight, "mapping"):                             # up to 4.5
        straight.mapping = "PREMUL_TO_STRAIGHT"
    else:
        straight.inputs["Type"].default_value = "To Straight"
    socket = follow(group, follow(group, render, exposure), straight)
    to_display, from_display, lost = view_nodes(group, scene)
    socket = follow(group, follow(group, socket, to_display), from_display)
    notes = [f"View transform set to Standard for the plate; the compositor gives {view.view_transform} to the render."]
    if lost:
        notes.append(f"W_VIEW: the compositor cannot keep the view's {', '.join(lost)}; the render is shown without.")
    return socket, notes


def view_nodes(
    group: bpy.types.NodeTree, scene: bpy.types.Scene
) -> tuple[bpy.types.Node, bpy.types.Node, list[str]]:
    """Two nodes, scene-linear to the view's display codes and Standard's way back, and what they cannot express."""
    view = scene.view_settings
    lost = [name for name, is_lost in (
        ("gamma", view.gamma != 1.0),
        ("curves", view.use_curve_mapping),
        ("white balance", getattr(view, "use_white_balance", False)),
    ) if is_lost]
    if not hasattr(bpy.types, "CompositorNodeConvertToDisplay"): # up to 4.5: by the display's colour space
        forward, back = (group.nodes.new("CompositorNodeConvertColorSpace") for _ in range(2))
        forward.from_color_space, back.to_color_space = "Linear Rec.709", "Linear Rec.709"
        back.from_color_space = "sRGB"
        if not set_display_space(forward, view.view_transform):
            lost.append(f"transform {view.view_transform}")
        return forward, back, lost + (["look"] if view.look != "None" else [])
    forward, back = (group.nodes.new("CompositorNodeConvertToDisplay") for _ in range(2))
    for node in (forward, back):
        node.display_settings.display_device = scene.display_settings.display_device
    forward.view_settings.view_transform, forward.view_settings.look = view.view_transform, view.look
    back.view_settings.view_transform, back.view_settings.look = NEUTRAL["view_transform"], NEUTRAL["look"]
    back.inputs["Invert"].default_value = True
    return forward, back, lost


def set_display_space(node: bpy.types.Node, view_transform: str) -> bool:
    """Name the colour space that holds this view's codes on an sRGB display; False if the configuration has none."""
    spaces = ("sRGB",) if view_transform == "Standard" else (f"{view_transform} sRGB", f"{view_transform} Base sRGB")
    for space in spaces:
        try:
            node.to_color_space = space
        except TypeError:
            continue
        return True
    node.to_color_space = "sRGB"
    return False


def is_neutral(view: bpy.types.ColorManagedViewSettings) -> bool:
    return all(getattr(view, name, value) == value for name, value in NEUTRAL.items())


def remember_view(scene: bpy.types.Scene, node: bpy.types.Node) -> None:
    """Keep the scene's view on our node, then set the scene to the neutral one."""
    view = scene.view_settings
    node[REMEMBERED] = {name: getattr(view, name) for name in NEUTRAL if hasattr(view, name)}
    set_view(view, NEUTRAL)


def restore_view(scene: bpy.types.Scene, node: bpy.types.Node) -> None:
    """Give the remembered view back, unless somebody has chosen another since."""
    if REMEMBERED in node and is_neutral(scene.view_settings):
        set_view(scene.view_settings, node[REMEMBERED].to_dict())


def set_view(view: bpy.types.ColorManagedViewSettings, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        if hasattr(view, name):
            setattr(view, name, value)


def follow(group: bpy.types.NodeTree, socket: bpy.types.NodeSocket, node: bpy.types.Node) -> bpy.types.NodeSocket:
    """Feed the socket into the node's first input; what the node gives comes back."""
    group.links.new(socket, node.inputs[0])
    return node.outputs[0]
