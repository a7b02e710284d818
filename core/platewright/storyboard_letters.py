"""Letters for a storyboard: the ones that come with Pillow, or the system's where words have more than those know."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from PIL import Image, ImageDraw, ImageFont

LINE = 1.32                                        # a line's height in those of its letters
KNOWN = frozenset(map(chr, range(32, 127))) | set("\u00b7\u2026\u00b0")           # of what comes with Pillow
SYSTEM = (                                         # by file name, wherever the system keeps its fonts
    "DejaVuSans.ttf", "NotoSans-Regular.ttf", "arial.ttf", "Arial.ttf", "segoeui.ttf", "Arial Unicode.ttf",
    "NotoSansCJK-Regular.ttc", "msgothic.ttc", "msyh.ttc", "malgun.ttf", "Hiragino Sans GB.ttc",
)  # fmt: skip
NO_GLYPH = "\uffff"

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Letters:
    """One font for all the words of a sheet."""

    file: str = ""                                 # of the system; empty: what comes with Pillow

    @classmethod
    def for_words(cls, texts: Iterable[str]) -> Letters:
        """The font that knows most of them, the one that comes along first."""
        letters = {letter for text in texts for letter in text if not letter.isspace()}
        if letters <= KNOWN:
            return cls()
        return min((cls(), *map(cls, filter(_is_there, SYSTEM))), key=lambda each: len(each.unknown(letters)))

    def unknown(self, letters: Iterable[str]) -> set[str]:
        """Those that it would draw as an empty box."""
        if not self.file:
            return set(letters) - KNOWN
        missing = _drawn(self.file, NO_GLYPH)
        return {letter for letter in letters if letter not in KNOWN and _drawn(self.file, letter) == missing}

    def font(self, size: int) -> Font:
        """At so many pixels."""
        return _font(self.file, size)

    def shown(self, text: str) -> str:
        """The text as it can be drawn: letters without the accents that the font lacks, else a question mark."""
        strange = self.unknown(set(text) - {" "})
        return "".join(self._plain(letter) if letter in strange else letter for letter in text)

    def _plain(self, letter: str) -> str:
        if letter.isspace():
            return " "
        base = "".join(each for each in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(each))
        return "?" if not base or self.unknown(base) else base

    def width(self, text: str, size: int) -> float:
        """Of one line, pixels."""
        return self.font(size).getlength(text)

    def fitted(self, text: str, size: int, width: float) -> str:
        """The text, or as much of its beginning as fits, with dots."""
        kept = self.shown(text)
        if self.width(kept, size) <= width:
            return kept
        while kept and self.width(f"{kept}\u2026", size) > width:
            kept = kept[: -max(1, len(kept) // 50)]
        return f"{kept.rstrip()}\u2026"

    def wrapped(self, text: str, size: int, width: float, lines_max: int) -> list[str]:
        """The text in lines of at most `width` pixels, broken at spaces where it can be; the last may end in dots."""
        lines = list[str]()
        for word in (piece for each in self.shown(text).split() for piece in self._pieces(each, size, width)):
            longer = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(longer, size) <= width:
                lines[-1] = longer
            elif len(lines) > lines_max:
                break                              # what no line is left for need not be measured
            else:
                lines.append(word)
        if len(lines) > lines_max:
            lines[lines_max - 1] = self.fitted(" ".join(lines[lines_max - 1 :]), size, width)
        return lines[:lines_max]

    def _pieces(self, word: str, size: int, width: float) -> list[str]:
        """A word, or the parts of one that is wider than a line: scripts without spaces, long names."""
        if self.width(word[:1000], size) <= width:
            return [word[:1000]]
        pieces = [""]
        for letter in word[:1000]:
            if pieces[-1] and self.width(pieces[-1] + letter, size) > width:
                pieces.append(letter)
            else:
                pieces[-1] += letter
        return pieces


def line(size: int) -> int:
    """A line's height, pixels."""
    return round(size * LINE)


@cache
def _font(file: str, size: int) -> Font:
    return ImageFont.truetype(file, size) if file else ImageFont.load_default(size)


@cache
def _is_there(file: str) -> bool:
    try:
        _font(file, 24)
    except OSError:
        return False
    return True


@cache
def _drawn(file: str, letter: str) -> bytes:
    """What the letter looks like."""
    page = Image.new("L", (48, 48))
    ImageDraw.Draw(page).text((4, 4), letter, fill=255, font=_font(file, 24))
    return page.tobytes()
