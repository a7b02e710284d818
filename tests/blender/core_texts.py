"""What the core says where something goes wrong, found where it stands: code, message and hint of each error.

A text may be written out, chosen, put together, or named: a name stands for whatever the function, else its module,
else the core assigns to it. What is filled in is `{}`; what cannot be followed is nothing.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from tests.blender.interface_texts import FIELD
from tests.conftest import ROOT

CORE = ROOT / "core/platewright"
CODE = re.compile(r"[EW]_[A-Z0-9_]+")
Names = Mapping[str, list[ast.expr]]

OF_COMMANDS = re.compile(                          # modules that only the command line comes to
    r"__main__|cli|host|doctor|guiding|narration|relock|(\w+_)?commands|\w+_options|world_noise|wedge|retime\w*"
    r"|decoding|exports|ingest"
)
OF_WRITERS = {                                     # codes of what somebody has written by hand: a job, a list, a call
    "E_CAMERA_FILE", "E_JOB", "E_JOB_ID", "E_KEY_EXISTS", "E_RECORD", "E_SHOT_LIST", "E_TEMPLATE", "E_THREAD",
    "E_TIMEOUT", "E_USAGE", "E_VALUE", "E_SHOT_UNKNOWN",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Told:
    """One way of one error, with `{}` where something is filled in."""

    code: str
    message: str
    hint: str
    place: str                                     # module and line


@cache
def trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(CORE.rglob("*.py"))}


def reach_the_panel() -> list[Told]:
    """All that an artist may come to see."""
    parts = {path: path.relative_to(CORE).with_suffix("").parts for path in trees()}
    shown = [path for path in trees() if not any(map(OF_COMMANDS.fullmatch, parts[path]))]
    named = [each for path in shown for each in errors_of(trees()[path], everywhere(), path.stem)]
    return [each for each in named if each.code not in OF_WRITERS]


@cache
def everywhere() -> Names:
    """Names of constants, wherever they are."""
    found: defaultdict[str, list[ast.expr]] = defaultdict(list)
    for tree in trees().values():
        for name, value in assigned(tree.body):
            found[name].append(value)
    return found


def errors_of(tree: ast.Module, beyond: Names, place: str) -> Iterator[Told]:
    """Of one module."""
    here = gathered(tree.body)
    inside = {node: function for function in functions(tree) for node in ast.walk(function)}
    for node in ast.walk(tree):
        values = node.args if isinstance(node, ast.Call) else node.elts if isinstance(node, ast.Tuple) else []
        at = next((index for index, each in enumerate(values) if is_code(each)), None)
        if at is None:
            continue
        names = {**beyond, **here, **gathered(list(ast.walk(inside[node])) if node in inside else [])}
        message, hint = ([*values[at + 1 :], None, None])[:2]
        for words, advice in product(texts(message, names), texts(hint, names)):
            if CODE.fullmatch(words):              # a list of codes
                continue
            yield Told(str(getattr(values[at], "value", "")), words, advice, f"{place}:{values[at].lineno}")


def is_code(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and CODE.fullmatch(str(node.value)) is not None


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """The outer before the inner."""
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def gathered(nodes: list[ast.stmt] | list[ast.AST]) -> Names:
    found: defaultdict[str, list[ast.expr]] = defaultdict(list)
    for name, value in assigned(nodes):
        found[name].append(value)
    return found


def assigned(nodes: list[ast.stmt] | list[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    """Each name that gets a value, with it."""
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=False)
                yield from ((each.id, value) for each, value in pairs if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case ast.NamedExpr(target=ast.Name(id=name), value=value):
                yield name, value
            case _:
                pass


def texts(node: ast.expr | None, names: Names) -> list[str]:
    """Everything that this may say; one empty text where there is none or it cannot be followed."""
    match node:
        case ast.Constant(value=str(text)):
            return [FIELD.sub("{}", text)]
        case ast.JoinedStr(values=parts):
            return ["".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in parts)]
        case ast.IfExp(body=first, orelse=second):
            return texts(first, names) + texts(second, names)
        case ast.BinOp(left=first, right=second, op=ast.Add()):
            return [before + after for before, after in product(texts(first, names), texts(second, names))]
        case ast.Call(func=ast.Attribute(value=text, attr="format")):
            return texts(text, names)
        case ast.Name(id=name) if names.get(name):
            return [text for value in names[name] for text in texts(value, {**names, name: []})]
        case _:
            return [""]
