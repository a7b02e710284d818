"""Every text of the extension's interface, found where it stands: in Blender's registry and in the source.

    told by Blender     names and tooltips of registered classes, of their properties and of the items of those
    handed to a layout  label(text=...), operator(text=...), prop(placeholder=...), row(heading=...)
    said                say(...), say_tip(...), say_report(...), draw_text(...), report(...)
    in an error         messages and hints that are written out
    elsewhere           whatever reads like words in a module that draws, such as a table of verdicts
    stages              what the core calls what it is doing

A text is (context, words): a button is looked up under "Operator", what is said under the extension's own context, and
everything else under "*".
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

import bpy

from blender_addon import translations
from tests.blender.test_addon_tooltips import INHERITED, rna_of
from tests.conftest import ROOT

ANY, OPERATOR, OWN = translations.CONTEXTS
Text = tuple[str, str]

UNSEEN = re.compile(r"german(_\w+)?|command|\w+_command|scene_child|job_details")     # or seen in English
OF_BLENDER = re.compile(                           # where words name nodes and sockets, or are sought in foreign text
    r"(scene|guide|camera|solve)_\w+|ways_(?!operators|panel)\w+|render_aside|plate_(image|link|read|told)|depth_exr"
    r"|job_(memory|record)|words|translations|__init__"
)
SAYING = {"say": 0, "say_tip": 0, "say_report": 0, "draw_text": 1, "report": 1}    # which argument is the text
LAYOUT = {"label", "prop", "menu", "row", "column", "progress", "operator", "popup_menu", "invoke_props_dialog"}
KEYWORDS = {"text", "heading", "placeholder", "title", "confirm_text"}
LOOKING = {"startswith", "endswith", "removeprefix", "compile", "search", "fullmatch", "write"}    # at foreign text
FIELD = re.compile(r"\{\w*(:[^}]*)?\}")
SENTENCE = re.compile(r".*[A-Za-z][,;:]? \(?[A-Za-z]{2,}|[A-Z][a-z]+\W*$", re.DOTALL)
WORD = re.compile(r"(?<![\w./%{}-])(?!(?:min|mm|GB)\b)[A-Za-z]{2,}(?![\w/{}-]|\.\S)")


# What Blender was told ---------------------------------------------------------------------------


def registered(package: str) -> Iterator[Text]:
    """Of every class of the extension."""
    for kind in (bpy.types.Panel, bpy.types.Menu):
        for each in subclasses(kind, package):
            yield each.bl_rna.translation_context, each.bl_label
    for kind in (bpy.types.Operator, bpy.types.PropertyGroup, bpy.types.AddonPreferences):
        for each in subclasses(kind, package):
            rna = rna_of(each)
            if kind is bpy.types.Operator:
                yield from ((rna.translation_context, rna.name), (ANY, rna.description))
            for name, value in rna.properties.items():
                if name not in INHERITED and not name.startswith("bl_"):
                    yield from of_property(value)


def subclasses(kind: type, package: str) -> list[type]:
    return [each for each in kind.__subclasses__() if each.__module__.startswith(f"{package}.") and each.is_registered]


def of_property(value: bpy.types.Property) -> Iterator[Text]:
    if value.name != value.identifier:             # of one that is never shown
        yield value.translation_context, value.name
    yield ANY, value.description
    for item in value.enum_items if value.type == "ENUM" else ():
        yield from ((value.translation_context, item.name), (ANY, item.description))


# What is written ---------------------------------------------------------------------------------


class Reader(ast.NodeVisitor):
    """Reads one module: `texts` can be translated; `torn` are those that cannot, with their lines."""

    def __init__(self, tree: ast.AST, is_drawing: bool) -> None:
        self.texts: set[Text] = set()
        self.torn: list[str] = []
        self.is_drawing = is_drawing
        self.of_errors = {name for call in calls(tree) if is_error(call) for name in names(call.args[1:])}
        self.visit(tree)

    def visit_Call(self, node: ast.Call) -> None:
        name = called(node)
        for keyword in node.keywords if name in LAYOUT else ():
            if keyword.arg in KEYWORDS:
                self.take(keyword.value, OPERATOR if name == "operator" else ANY)
        if name in SAYING:
            for each in node.args[SAYING[name] : SAYING[name] + 1]:
                self.take(each, OWN)
        if is_error(node):
            self.take_error(*node.args[1:])
        elif name not in LOOKING:
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        targets = {each.id for each in node.targets if isinstance(each, ast.Name)}
        if targets & self.of_errors:
            self.take_error(node.value)
        elif not any(each.startswith("bl_") for each in targets):      # of which Blender was told
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if self.is_drawing and isinstance(node.value, str) and reads_like_words(node.value):
            self.texts.add((OWN, node.value))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        parts = [str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values]
        if self.is_drawing and WORD.search("".join(parts)):
            self.torn.append(f"{node.lineno}: {ast.unparse(node)}")
        for each in node.values:
            if isinstance(each, ast.FormattedValue):
                self.visit(each.value)

    def visit_Compare(self, node: ast.Compare) -> None:
        """What something is held against is nobody's text."""

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit(node.value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Unless it is a property, of which Blender was told."""
        if node.value:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):           # of which one is a docstring
            self.visit(node.value)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        for each in (*node.args.defaults, *node.body):
            self.visit(each)

    def take(self, value: ast.expr, context: str = OWN) -> None:
        """The texts that this may be."""
        match value:
            case ast.Constant(value=str(text)) if text:
                self.texts.add((context, text))
            case ast.IfExp():
                self.take(value.body, context)
                self.take(value.orelse, context)
            case ast.BoolOp():
                for each in value.values:
                    self.take(each, context)
            case _:
                pass

    def take_error(self, *values: ast.expr) -> None:
        """What is written out; the rest is English, as all errors of the core are."""
        for value in values:
            self.take(value)


def reads_like_words(text: str) -> bool:
    """People are to read it: a sentence, a title, or words around what is filled in."""
    around = FIELD.sub("{}", text)
    return SENTENCE.match(text) is not None or (around != text and WORD.search(around) is not None)


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(tree) if isinstance(each, ast.Call))


def called(node: ast.Call) -> str:
    """The last part of the function's name."""
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""


def is_error(node: ast.Call) -> bool:
    """It makes one: code, message, hint."""
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Constant) and re.match(r"E_[A-Z]", str(first.value)) is not None


def names(values: list[ast.expr]) -> Iterator[str]:
    return (each.id for each in values if isinstance(each, ast.Name))


def modules() -> list[Path]:
    """Of the extension, all whose words somebody may see."""
    return [path for path in sorted((ROOT / "blender_addon").glob("*.py")) if not UNSEEN.fullmatch(path.stem)]


@cache
def read(path: Path) -> Reader:
    return Reader(ast.parse(path.read_text(encoding="utf-8")), is_drawing=not OF_BLENDER.fullmatch(path.stem))


def stages() -> Iterator[Text]:
    """What the core says it is doing, in the places that say it."""
    for path in sorted((ROOT / "core" / "platewright").rglob("*.py")):
        for call in calls(ast.parse(path.read_text(encoding="utf-8"))):
            place = {"Stage": 1, "Progress": 1, "stage": 0}.get(called(call), 99)
            for each in call.args[place : place + 1]:
                if is_text(each):
                    yield OWN, each.value


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def elsewhere() -> set[str]:
    """What is written out where no panel is drawn, and what is filled in anywhere, with `{}` in its places.

    All of it may have its German, or be shown as it is.
    """
    titles, found = re.compile("^# title: (.+)$", re.MULTILINE), set[str]()
    for path in (ROOT / "blender_addon/installer/locks").glob("*.txt"):
        found |= set(titles.findall(path.read_text(encoding="utf-8")))
    for path in [*(ROOT / "core/platewright").rglob("*.py"), *(ROOT / "blender_addon").rglob("*.py")]:
        if not UNSEEN.fullmatch(path.stem):
            is_drawing = path.parent.name == "blender_addon" and not OF_BLENDER.fullmatch(path.stem)
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            written = (as_template(each) for each in nodes if isinstance(each, ast.JoinedStr) or not is_drawing)
            found |= {FIELD.sub("{}", each) for each in written}
    return found


def as_template(node: ast.AST) -> str:
    """A text as it is written; empty for what is none."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
    return str(node.value) if is_text(node) else ""


def all_texts(package: str) -> set[Text]:
    """Everything that a dictionary must have."""
    return {each for each in {*in_source(), *registered(package)} if re.search("[A-Za-z]{2}", each[1])}


@cache
def in_source() -> frozenset[Text]:
    """What is written, and the stages."""
    return frozenset({*stages(), *(text for path in modules() for text in read(path).texts)})
