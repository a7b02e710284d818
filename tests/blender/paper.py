"""A layout that is written down instead of drawn: what a panel says, and whether this Blender would draw it.

Every property, operator, operator's setting, menu, icon and keyword is held against what this very Blender knows.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import bpy

API = bpy.types.UILayout.bl_rna.functions
ICONS = set(API["label"].parameters["icon"].enum_items.keys())
NOT_RNA = {"row", "column"}                        # of which Python knows more keywords than RNA tells


@dataclass
class Sheet:
    """Everything that stands on one paper."""

    texts: list[str] = field(default_factory=list)
    buttons: list[Button] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    icons: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All words one after the other, as they were before they were broken into lines."""
        return " ".join(self.texts)

    def button(self, name: str, **values: Any) -> Button:
        """The one button of this operator with these settings."""
        (found,) = [each for each in self.buttons if each.name == name and values.items() <= each.values.items()]
        return found

    def has(self, name: str) -> bool:
        return any(each.name == name for each in self.buttons)


@dataclass
class Button:
    """An operator on paper."""

    name: str
    text: str
    paper: Paper
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_enabled(self) -> bool:
        return self.paper.is_enabled


class Settings:
    """What a button's operator is to be given; a name that it does not know is a mistake."""

    button: Button
    known: set[str]

    def __init__(self, button: Button) -> None:
        group, name = button.name.split(".")
        object.__setattr__(self, "button", button)
        object.__setattr__(self, "known", getattr(getattr(bpy.ops, group), name).get_rna_type().properties.keys())

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in self.known, f"{self.button.name} has no {name}"
        self.button.values[name] = value


class Paper:
    """One layout of the sheet."""

    def __init__(self, sheet: Sheet, parent: Paper | None = None, is_open: bool = True) -> None:
        self.sheet, self.parent, self.is_open = sheet, parent, is_open
        self.enabled = True

    @property
    def is_enabled(self) -> bool:
        return self.enabled and (self.parent is None or self.parent.is_enabled)

    def box(self) -> Paper:
        return Paper(self.sheet, self, self.is_open)

    def row(self, **words: Any) -> Paper:
        return self._under("row", words)

    def column(self, **words: Any) -> Paper:
        return self._under("column", words)

    def split(self, **words: Any) -> Paper:
        return self._under("split", words)

    def panel(self, idname: str, **words: Any) -> tuple[Paper, Paper | None]:
        check("panel", {"idname": idname, **words})
        return self.box(), self.box() if self.is_open else None

    def separator(self, **words: Any) -> None:
        check("separator", words)

    def label(self, **words: Any) -> None:
        check("label", words)
        self._say(words)

    def progress(self, **words: Any) -> None:
        check("progress", words)
        assert 0.0 <= words["factor"] <= 1.0
        self._say(words)

    def template_icon(self, **words: Any) -> None:
        check("template_icon", words)
        assert words["icon_value"] > 0

    def prop(self, owner: bpy.types.bpy_struct, name: str, **words: Any) -> None:
        check("prop", {"data": owner, "property": name, **words})
        assert name in owner.bl_rna.properties, f"{owner} has no {name}"
        self.sheet.properties.append(name)
        self._say(words)

    def menu(self, name: str, **words: Any) -> None:
        check("menu", {"menu": name, **words})
        assert hasattr(bpy.types, name), f"there is no menu {name}"
        self._say(words)

    def operator(self, name: str, **words: Any) -> Settings:
        check("operator", {"operator": name, **words})
        group, _, last = name.partition(".")
        assert last in dir(getattr(bpy.ops, group)), f"there is no {name}"
        button = Button(name, words.get("text", ""), self)
        self.sheet.buttons.append(button)
        self._say(words)
        return Settings(button)

    def _under(self, kind: str, words: dict[str, Any]) -> Paper:
        check(kind, words)
        return Paper(self.sheet, self, self.is_open)

    def _say(self, words: dict[str, Any]) -> None:
        self.sheet.texts.append(words.get("text", ""))
        self.sheet.icons.append(words.get("icon", "NONE"))


def check(function: str, words: dict[str, Any]) -> None:
    """This Blender's own layout would take it."""
    known = API[function].parameters.keys()
    assert set(words) <= set(known), f"{function} takes no {set(words) - set(known)}"
    assert words.get("icon", "NONE") in ICONS, f"{words.get('icon')} is no icon"
    assert isinstance(words.get("text", ""), str)


def drawn(panel: type, is_open: bool = True) -> Sheet:
    """The panel or menu as it would be drawn now; with `is_open` what can be folded out is."""
    sheet = Sheet()
    stand: Any = type("Stand", (), {"draw": vars(panel)["draw"], "layout": Paper(sheet, is_open=is_open)})()
    stand.draw(bpy.context)
    return sheet


def tab(addon: ModuleType, is_open: bool = True) -> Sheet:
    """The main panel."""
    return drawn(addon.panels.PlatePanel, is_open)
