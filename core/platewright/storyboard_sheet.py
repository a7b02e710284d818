"""A storyboard as a picture: white paper, a panel per shot, below it what is to be known of the shot."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, PngImagePlugin

from .storyboard_letters import Letters
from .storyboard_letters import line as line_of

PAPER, INK, GREY, FAINT, MISSING = (252, 251, 248), (26, 26, 28), (104, 104, 108), (196, 195, 190), (232, 230, 225)
MARGIN, GAP, ROW_GAP, UNDER = 90, 54, 60, 12       # pixels
PANEL = (720, 600)                                 # largest picture
BORDER = 3
TITLE, HEAD, BODY, SMALL = 46, 30, 24, 20          # letters, pixels
HEAD_HEIGHT = line_of(HEAD) + 14                   # above a picture
WORDS_HEIGHT = 230                                 # above and below a picture, as a rule
PROMPT_LINES, TROUBLE_LINES = 4, 5
COLUMNS_MAX = 6
PAGE_SHAPE = 1.4                                   # width to height that columns are chosen for: a sheet on its side

Point = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One shot on the sheet."""

    name: str
    timing: str                                    # frames and length
    camera: str                                    # its lens, and what it does
    prompt: str
    picture: Image.Image | None = None             # of any size; None where there is none
    trouble: str = ""                              # why not


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All that stands on it."""

    title: str
    facts: str                                     # to the right of the title
    notes: str                                     # at the foot
    panels: Sequence[Panel]
    shape: float                                   # width over height of the pictures, as they are seen

    def save(self, path: Path, texts: dict[str, str]) -> None:
        """Write the sheet as a PNG that says `texts`; OSError from the system."""
        info = PngImagePlugin.PngInfo()
        for key, text in texts.items():
            info.add_itxt(key, text)
        self.drawn().save(path, "PNG", compress_level=6, pnginfo=info)

    def drawn(self) -> Image.Image:
        """The sheet, as wide and high as its panels need."""
        size, letters = self._picture_size(), Letters.for_words(self._words())
        columns = columns_for(len(self.panels), size)
        rows = [self.panels[start : start + columns] for start in range(0, len(self.panels), columns)]
        width = 2 * MARGIN + columns * (size[0] + GAP) - GAP
        tops, top = list[int](), MARGIN + line_of(TITLE) + 40
        for row in rows:
            tops.append(top)
            top += max(_height(panel, size, letters) for panel in row) + ROW_GAP
        page = Image.new("RGB", (width, top + line_of(SMALL) + MARGIN // 2), PAPER)
        pen = _Pen(page, ImageDraw.Draw(page), letters)
        pen.head(self.title, self.facts)
        for number, panel in enumerate(self.panels):
            row, column = divmod(number, columns)
            pen.panel(panel, number + 1, (MARGIN + column * (size[0] + GAP), tops[row]), size)
        pen.foot(self.notes)
        return page

    def _picture_size(self) -> tuple[int, int]:
        scale = min(PANEL[0] / self.shape, PANEL[1])
        return max(1, round(self.shape * scale)), max(1, round(scale))

    def _words(self) -> list[str]:
        told = [text for panel in self.panels for text in (panel.name, panel.camera, panel.prompt, panel.trouble)]
        return [self.title, self.facts, self.notes, *told]


def columns_for(count: int, size: tuple[int, int]) -> int:
    """As many columns as make the sheet of about PAGE_SHAPE; one fewer where that spares a row of a single panel."""
    ideal = math.sqrt(PAGE_SHAPE * count * (size[1] + WORDS_HEIGHT) / size[0])
    wanted = min(COLUMNS_MAX, count, max(1, round(ideal), min(count, 3)))
    return wanted - 1 if wanted > 3 and count % wanted == 1 else wanted


def _height(panel: Panel, size: tuple[int, int], letters: Letters) -> int:
    """Of all that belongs to a panel, pixels."""
    lines = 1 + len(letters.wrapped(panel.prompt, BODY, size[0], PROMPT_LINES))
    return HEAD_HEIGHT + size[1] + UNDER + lines * line_of(BODY)


@dataclass(frozen=True, slots=True)
class _Pen:
    page: Image.Image
    draw: ImageDraw.ImageDraw
    letters: Letters

    def write(self, at: Point, text: str, size: int, ink: tuple[int, int, int], anchor: str = "ls") -> None:
        """One line; names of shots and of the whole are a little bolder."""
        weight = 0.5 if ink == INK and size >= HEAD else 0
        self.draw.text(at, text, fill=ink, font=self.letters.font(size), anchor=anchor, stroke_width=weight)

    def head(self, title: str, facts: str) -> None:
        """The title to the left, facts to the right, a rule below."""
        right, base = self.page.width - MARGIN, MARGIN + line_of(TITLE)
        room = right - MARGIN - self.letters.width(facts, BODY) - GAP
        self.write((MARGIN, base - 14), self.letters.fitted(title, TITLE, max(200.0, room)), TITLE, INK)
        self.write((right, base - 14), facts, BODY, GREY, "rs")
        self.draw.line([(MARGIN, base + 2), (right, base + 2)], fill=INK, width=2)

    def foot(self, notes: str) -> None:
        room = self.page.width - 2 * MARGIN
        self.write((MARGIN, self.page.height - MARGIN // 2), self.letters.fitted(notes, SMALL, room), SMALL, GREY)

    def panel(self, panel: Panel, number: int, corner: Point, size: tuple[int, int]) -> None:
        """Number, name and length; the picture; the camera; the prompt."""
        left, top = corner
        base, letters = top + HEAD_HEIGHT - 14, self.letters
        indent = round(letters.width(str(number), HEAD)) + 16
        self.write((left, base), str(number), HEAD, GREY)
        room = size[0] - indent - letters.width(panel.timing, SMALL) - 20
        self.write((left + indent, base), letters.fitted(panel.name, HEAD, room), HEAD, INK)
        self.write((left + size[0], base), panel.timing, SMALL, GREY, "rs")
        self.picture(panel, (left, top + HEAD_HEIGHT), size)
        base = top + HEAD_HEIGHT + size[1] + UNDER + BODY
        self.write((left, base), letters.fitted(panel.camera, BODY, size[0]), BODY, GREY)
        for line in letters.wrapped(panel.prompt, BODY, size[0], PROMPT_LINES):
            base += line_of(BODY)
            self.write((left, base), line, BODY, INK)

    def picture(self, panel: Panel, corner: Point, size: tuple[int, int]) -> None:
        """The still in its frame, or a crossed field that says why there is none."""
        (left, top), (right, bottom) = corner, (corner[0] + size[0], corner[1] + size[1])
        if panel.picture is not None:
            self.page.paste(panel.picture.resize(size, Image.Resampling.LANCZOS), corner)
        else:
            self.draw.rectangle((left, top, right, bottom), fill=MISSING)
            self.draw.line([(left, top), (right, bottom)], fill=FAINT, width=2)
            self.draw.line([(left, bottom), (right, top)], fill=FAINT, width=2)
            lines = self.letters.wrapped(panel.trouble, SMALL, size[0] - 60, TROUBLE_LINES)
            for number, line in enumerate(lines, start=1):
                self.write((left + 30, top + 20 + number * line_of(SMALL)), line, SMALL, INK)
        frame = (left - BORDER, top - BORDER, right + BORDER - 1, bottom + BORDER - 1)
        self.draw.rectangle(frame, outline=INK, width=BORDER)
