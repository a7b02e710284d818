"""What the core says in the command line's words is said in the panel's words inside Blender."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from blender_addon import words
from tests.conftest import ROOT

FOLDERS = ("core/platewright", "blender_addon")
OWN = {"command.py", "cli.py", "scene_child.py"}   # the command line itself, which nobody reads in a panel


def sentences() -> Iterator[str]:
    """Every text in the code that names an option; what is filled in stands as a number."""
    for folder in FOLDERS:
        for file in (ROOT / folder).rglob("*.py"):
            if file.name not in OWN:
                yield from filter(names_option, texts(ast.parse(file.read_text(encoding="utf-8"))))


def texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "12" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def names_option(text: str) -> bool:
    spoken = "".join(text.split("`")[::2])         # a command in backticks is to be typed, options and all
    return re.search(r"(?<![\w-])--[a-z]", spoken) is not None


def test_no_option_of_the_command_line_is_shown() -> None:
    found = list(sentences())
    assert len(found) > 10 and any("--no-lock" in text for text in found)
    assert [text for text in found if names_option(words.in_panel_words(text))] == []


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ("The lock did not help: 3 px. Try --no-lock, or another --to.",
         "The lock did not help: 3 px. Switch off Lock under Match."),
        ("Generate with --overscan 0.12, or let the rim be filled.", "Set Overscan under Match to 0.12."),
        ("Ask for less overscan (--overscan 0).", "Ask for less overscan (Overscan 0 under Match)."),
        ("Free some space, then continue with --resume.", "Free some space, then continue by generating again."),
        ("Continue its job with --resume, or fetch it.", "Continue by generating again, or fetch it."),
        ("on a GPU try --device cpu.", "on a GPU choose Processor as Device under Settings."),
        ("One plate per shot, the first with --frames 1-9.", "One plate per shot, the first with the frame range 1-9."),
        ("Give --first-frame.", "Give First Frame."),
        ("Run `pip install --upgrade x`, or give --seed.", "Run `pip install --upgrade x`, or give Seed."),
        ("The camera cam--left is fine -- as it is.", "The camera cam--left is fine -- as it is."),
    ],
)  # fmt: skip
def test_it_is_said_in_the_panels_words(there: str, here: str) -> None:
    assert words.in_panel_words(there) == here
