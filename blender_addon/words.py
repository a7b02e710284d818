"""Text on panels: labels neither wrap nor defend themselves against names that somebody chose with care."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import bpy

from .translations import say_sentence

if TYPE_CHECKING:                                  # not at every start of Blender
    from platewright.errors import PlatewrightError

BIDI_MARKS = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
SHOWN_CHARS = 120
SENTENCE_CHARS = 480
LETTER_PX, MARGIN_LETTERS = 6.8, 11                # of the interface's font at scale 1
COLUMN_PX = 300                                    # of a sidebar, where there is no window

OPTION = r"(?<![\w-])--([a-z][a-z0-9-]*)"          # of the command line, which shares its sentences with the panel
PHRASES = (                                        # a sentence's words there, and here
    (r"Try --no-lock, or another --to\b", "Switch off Lock under Match"),
    (r"Generate with --overscan ([\d.]+\d), or let the rim be filled", r"Set Overscan under Match to \1"),
    (r"--overscan ([\d.]*\d)", r"Overscan \1 under Match"),
    (r"\b([Cc])ontinue (?:its job |this job )?with --resume", lambda found: f"{found[1]}ontinue by generating again"),
    (r"run the job again with --resume", "generate it again"),
    (r", without --resume", ""),
    (r"try --device cpu", "choose Processor as Device under Settings"),
    (r"with --frames ([-\d]+)", r"with the frame range \1"),
    (r"\(--allow-scripts, or Allow Execution in Blender\)", "(Allow Execution)"),
    (r", or name its folder with --model\b", ""),
    (r"--guide\b", "Scene Geometry"),
)


def draw_text(layout: bpy.types.UILayout, text: str, icon: str = "NONE") -> None:
    """Wrap a sentence in the interface's language into labels, which do not wrap by themselves."""
    column = layout.column(align=True)
    width_px = bpy.context.region.width if bpy.context.region else COLUMN_PX
    for line in wrapped(shown(in_panel_words(say_sentence(text)), most=SENTENCE_CHARS), columns_of(width_px)):
        column.label(text=line, icon=icon, translate=False)
        icon = "BLANK1" if icon != "NONE" else "NONE"


def told(error: PlatewrightError) -> str:
    """What happened and what to do, for people who have the panel before them."""
    return in_panel_words(f"{say_sentence(error.message)} {say_sentence(error.hint)}".strip())


def in_panel_words(text: str) -> str:
    """A sentence that speaks of the command line's options, as somebody says it who has buttons before him.

    What stands in backticks is a command to be typed, and stays.
    """
    said = text.split("`")
    return "`".join(part if index % 2 else _in_panel_words(part) for index, part in enumerate(said))


def _in_panel_words(text: str) -> str:
    for there, here in PHRASES:
        text = re.sub(there, here, text)
    return re.sub(OPTION, lambda found: found[1].replace("-", " ").title(), text)


def columns_of(width_px: int) -> int:
    """How many letters stand side by side in a region, beside the icon and the tabs."""
    scale = bpy.context.preferences.system.ui_scale or 1.0       # there is none without a window
    return max(16, int(width_px / (LETTER_PX * scale)) - MARGIN_LETTERS)


def wrapped(text: str, columns: int) -> list[str]:
    """Break at spaces; a longer word keeps its own line."""
    lines = [""]
    for word in text.split():
        fits = len(lines[-1]) + len(word) < columns
        if lines[-1] and not fits:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def shown(text: str, most: int = SHOWN_CHARS) -> str:
    """A foreign name as one honest line: marks that turn the writing around are escaped, the length is bounded."""
    safe = "".join(char if is_honest(char) else f"\\u{ord(char):04x}" for char in text[:most])
    return safe if len(text) <= most else f"{safe}..."


def is_honest(char: str) -> bool:
    """It can be seen, and leaves its neighbours where they are."""
    return char.isprintable() and char not in BIDI_MARKS


def file_of(path: str) -> str:
    """The last part of a path of any system."""
    return path.rstrip("/\\").replace("\\", "/").rpartition("/")[2]


def ending(text: str, most: int) -> str:
    """The text, or its last characters behind an ellipsis."""
    return text if len(text) <= most else f"\N{HORIZONTAL ELLIPSIS}{text[1 - most:]}"


def beside(path: str, name: str) -> str:
    """What lies beside a path under this name."""
    return str(Path(path).with_name(name))


def duration(seconds: float) -> str:
    """`8 s`, `3 min`, `1 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
