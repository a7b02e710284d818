"""Reads a .nk strictly, as Nuke's Tcl does, runs its stack, and projects points through its cameras.

Words are bare, in quotes with backslashes, or in braces that nest. A node takes its inputs from the stack: what is on
top is input 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache

import numpy as np

BARE = re.compile(r"[^\s{}\"\[\];$\\]+")


@dataclass
class Node:
    kind: str
    knobs: dict[str, str]
    inputs: list[Node] = field(default_factory=list)

    def number(self, knob: str, frame: int) -> list[float]:
        """All numbers of a knob at a frame, row after row."""
        return _numbers(self.knobs[knob], frame)


def read(text: str) -> dict[str, Node]:
    """The nodes by name; ValueError for anything that is not understood."""
    stack: list[Node] = []
    names: dict[str, Node] = {}
    variables: dict[str, Node] = {}
    lines = iter(_commands(text))
    for words in lines:
        match words:
            case ["set", variable, "[stack 0]"]:
                variables[variable] = stack[-1]
            case ["push", variable] if variable.startswith("$"):
                stack.append(variables[variable[1:]])
            case [kind, body] if re.fullmatch(r"[A-Z][A-Za-z0-9]*", kind):
                node = Node(kind, _knobs(body))
                count = int(node.knobs.pop("inputs", "1"))
                node.inputs = [stack.pop() for _ in range(count)]
                stack.append(node)
                called = node.knobs.get("name", kind)
                if called in names:
                    raise ValueError(f"two nodes are called {called}")
                names[called] = node
            case _:
                raise ValueError(f"not understood: {words}")
    return names


def project(camera: Node, picture: str, frame: int, point: np.ndarray) -> tuple[float, float]:
    """Pixels from the top-left corner of a `format`, as nukescripts.snap3d.cameraProjectionMatrix projects.

    The window is moved and scaled after the projection. `point` is in a Z-up world, the camera in a Y-up one.
    """
    width, height, aspect = (float(word) for word in np.array(picture.split())[[0, 1, 6]])
    world = np.array(camera.number("matrix", frame)).reshape(4, 4)
    assert camera.knobs["useMatrix"] == "true"
    x, y, z, _ = np.linalg.inv(world) @ [point[0], point[2], -point[1], 1.0]
    zoom = 2 * camera.number("focal", frame)[0] / camera.number("haperture", frame)[0]
    shift, scale = camera.number("win_translate", frame), camera.number("win_scale", frame)
    across, up = ((zoom * side / -z - move) / size for side, move, size in zip((x, y), shift, scale, strict=True))
    u = width / 2 * (1 + across)
    v = width / 2 * aspect * (height / width / aspect + up)
    return u, height - v


def _numbers(value: str, frame: int) -> list[float]:
    return [number if isinstance(number, float) else number[frame] for number in _channels(value)]


@cache
def _channels(value: str) -> list[float | dict[int, float]]:
    """A number or the keys of a curve for each, row after row."""
    found: list[float | dict[int, float]] = []
    for word in _words(value):
        inner = _words(word)
        if inner and inner[0] == "curve":
            found.append(_keys(inner[1:]))
        elif len(inner) > 1 or word != value:
            found += _channels(word)
        else:
            found.append(float(word))
    return found


def _keys(words: list[str]) -> dict[int, float]:
    keys: dict[int, float] = {}
    frame = 0
    for word in words:
        if word.startswith("x"):
            frame = int(word[1:])
        else:
            keys[frame] = float(word)
            frame += 1
    return keys


def _knobs(body: str) -> dict[str, str]:
    words = _words(body)
    if len(words) % 2:
        raise ValueError(f"a knob without a value in {words}")
    knobs = dict(zip(words[::2], words[1::2], strict=True))
    if 2 * len(knobs) != len(words):
        raise ValueError(f"a knob twice in {words}")
    return knobs


def _commands(text: str) -> list[list[str]]:
    """Words line by line; a brace goes on over lines."""
    found: list[list[str]] = []
    at = 0
    while at < len(text):
        if text[at] in " \n":
            at += 1
        elif text[at] == "#":
            at = text.index("\n", at)
        else:
            words: list[str] = []
            while at < len(text) and text[at] != "\n":
                if text[at] == " ":
                    at += 1
                    continue
                word, at = _word(text, at)
                words.append(word)
            found.append(words)
    return found


def _words(text: str) -> list[str]:
    words: list[str] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word, at = _word(text, at)
        words.append(word)
    return words


def _word(text: str, at: int) -> tuple[str, int]:
    if text[at] == "{":
        return _braced(text, at)
    if text[at] == '"':
        return _in_quotes(text, at)
    if text[at] == "[":
        end = text.index("]", at) + 1
        return text[at:end], end
    bare = BARE.match(text, at + (text[at] == "$"))
    if not bare:
        raise ValueError(f"no word at {text[at : at + 20]!r}")
    return text[at : bare.end()], bare.end()


def _braced(text: str, at: int) -> tuple[str, int]:
    deep = 0
    end = at
    while end < len(text):
        deep += {"{": 1, "}": -1}.get(text[end], 0)
        if deep == 0:
            return text[at + 1 : end], end + 1
        end += 2 if text[end] == "\\" else 1         # a brace behind a backslash does not count
    raise ValueError("a brace is never closed")


def _in_quotes(text: str, at: int) -> tuple[str, int]:
    found = ""
    at += 1
    while text[at] != '"':
        if text[at] in "[$":
            raise ValueError(f"Tcl would run {text[at : at + 30]!r}")
        if text[at] == "\\":
            at += 1
        found += text[at]
        at += 1
    return found, at + 1
