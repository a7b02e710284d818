"""The artist's hand: a real pointer on the screen that Blender's window is on, moved and pressed through `xdotool`.

Blender tells nobody where its buttons are. So the pointer goes up the region line by line, and Ctrl C over each, which
copies a button's operator as Python, says what is under it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator

import bpy

LINE_PIXELS = 16                                   # a button is 20 high
HEADER_SHARE = 0.25                                # of a region's width: on a panel's name
WHEEL_TURNS = 40
UP, DOWN = 4, 5                                    # the wheel, as buttons
SEEN_SECONDS = 0.1                                 # Blender has seen what the hand did

Moves = Generator[float, None, None]
last_found = [0]                                   # pixels above the region's bottom


def hand(*words: object) -> Moves:
    """Words to the screen, while Blender runs: it is to see the pointer before it hears of the press."""
    with subprocess.Popen(["xdotool", *map(str, words)]) as moving:
        while moving.poll() is None:
            yield 0.01
    yield SEEN_SECONDS


def place(region: bpy.types.Region, share: float, y: float) -> tuple[int, int]:
    """On the screen: a share of the region's width, `y` pixels above its bottom. Blender counts from bottom left."""
    windows = bpy.context.window_manager.windows
    (own,) = (each for each in windows if any(region in area.regions[:] for area in each.screen.areas))
    told = subprocess.run(["xdotool", "getdisplaygeometry"], capture_output=True, check=True, text=True).stdout
    return round(own.x + region.x + share * region.width), round(int(told.split()[1]) - own.y - region.y - y)


def scroll(region: bpy.types.Region, button: int) -> Moves:
    """All the way."""
    yield from hand("mousemove", *place(region, 0.5, region.height / 2), "click", "--repeat", WHEEL_TURNS, button)
    yield 5 * SEEN_SECONDS


def click(region: bpy.types.Region, words: str, share: float = 0.4) -> Moves:
    """Press the button whose operator, as Python, holds `words`. AssertionError where the region shows none."""
    for direction in (None, DOWN, UP):               # where it stands, else after looking down and up
        if direction:
            yield from scroll(region, direction)
        if (yield from is_found(region, words, share)):
            yield from hand("click", 1)
            return
    raise AssertionError(f"no button {words} was under the pointer")


def is_found(region: bpy.types.Region, words: str, share: float) -> Generator[float, None, bool]:
    """Bring the pointer over the button; False where it is not in sight."""
    manager = bpy.context.window_manager
    lines = range(LINE_PIXELS, region.height, LINE_PIXELS)
    for y in sorted(lines, key=lambda y: abs(y - last_found[-1])):     # buttons stand together that are pressed so
        manager.clipboard = "nothing"
        yield from hand("mousemove", *place(region, share, y), "sleep", SEEN_SECONDS, "key", "ctrl+c")
        if words in manager.clipboard:
            last_found.append(y)
            return True
    return False


def unfold(region: bpy.types.Region, is_drawn: Callable[[], object]) -> Moves:
    """Press the headers from the bottom up until the wanted panel is drawn."""
    yield from scroll(region, DOWN)
    for y in range(LINE_PIXELS, region.height, LINE_PIXELS):
        yield from hand("mousemove", *place(region, HEADER_SHARE, y), "sleep", SEEN_SECONDS, "click", 1)
        yield 3 * SEEN_SECONDS
        if is_drawn():
            return
    raise AssertionError("the panel was not found")


def open_folder(window: bpy.types.Window, area: bpy.types.Area, name: str) -> Moves:
    """Press on the names in a file browser from the top down until the folder is chosen; then twice on that one."""
    region = next(region for region in area.regions if region.type == "WINDOW")
    for y in range(region.height - LINE_PIXELS, 0, -LINE_PIXELS):
        yield from hand("mousemove", *place(region, HEADER_SHARE, y), "sleep", SEEN_SECONDS, "click", 1)
        with bpy.context.temp_override(window=window, area=area):
            chosen = bpy.context.active_file
        if chosen and chosen.relative_path == name:
            yield from hand("sleep", 1.0, "click", "--repeat", 2, "--delay", 80, 1)
            yield 5 * SEEN_SECONDS
            return
    raise AssertionError(f"the browser does not show {name}")
