"""Whatever can be pressed, typed or chosen says what it does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType

import bpy

INHERITED = set(bpy.types.Operator.bl_rna.properties.keys()) | {"rna_type", "name"}


def silent(classes: list[type]) -> Iterator[str]:
    """Every operator and every property without a tooltip, or with one that is no sentence for a tooltip."""
    for each in classes:
        rna = rna_of(each)
        if issubclass(each, bpy.types.Operator) and not is_tooltip(rna.description):
            yield each.__name__
        for name, value in rna.properties.items():
            if name not in INHERITED and not name.startswith("bl_") and not is_tooltip(value.description):
                yield f"{each.__name__}.{name}"
            if name not in INHERITED and value.type == "ENUM":
                items = value.enum_items
                yield from (f"{name}: {item.identifier}" for item in items if not is_tooltip(item.description))


def rna_of(each: type) -> bpy.types.Struct:
    """What Blender knows of a class; of an operator its buttons know it."""
    if not issubclass(each, bpy.types.Operator):
        return each.bl_rna
    group, name = each.bl_idname.split(".") if "." in each.bl_idname else each.bl_idname.lower().split("_ot_")
    return getattr(getattr(bpy.ops, group), name).get_rna_type()


def is_tooltip(text: str) -> bool:
    """Blender adds the full stop."""
    return len(text) > 8 and not text.endswith(".") and re.match(r"[A-Z/0-9]", text) is not None


def own_classes(addon: ModuleType) -> list[type]:
    kinds = (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences)
    found = [each for kind in kinds for each in kind.__subclasses__() if each.__module__.startswith("blender_addon.")]
    return [each for each in found if each.is_registered]


def test_everything_has_a_tooltip(addon: ModuleType) -> None:
    classes = own_classes(addon)
    names = {each.__name__.removeprefix("PLATEWRIGHT_") for each in classes}
    assert {"OT_generate", "PG_scene", "AP_preferences"} <= names
    assert list(silent(classes)) == []


def test_that_check_hears_silence() -> None:
    class Silent(bpy.types.Operator):
        bl_idname = "platewright.silent"
        bl_label = "Silent"
        number: bpy.props.IntProperty(name="Number")

    bpy.utils.register_class(Silent)
    try:
        assert list(silent([Silent])) == ["Silent", "Silent.number"]
    finally:
        bpy.utils.unregister_class(Silent)
