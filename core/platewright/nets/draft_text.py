"""What a prompt says, to the embedded model: word vectors that know more words than any caption, and a reader.

The reader is trained on captions of rendered worlds (`training.wording`). What it gives is how surely the text says
each value of each attribute of a place, so the picture network never meets a vector unlike those it learned from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

LINKING = frozenset(
    "a an the of in at on by with under over and or to from into near above below through along across behind "
    "between beside before after during toward towards for is are as it its this that there where very some all "
    "up down out s was were be been being has have had his her their our my your which who what so then than also "
    "but just while within around upon onto if any".split()
)
STYLE = frozenset(
    "cinematic photo photograph photographic wide shot film still establishing background plate landscape "
    "realistic photorealistic beautiful scenic panorama panoramic epic matte painting aerial view scene natural "
    "light vista detailed high quality movie footage video camera hdr ultra sharp angle picture stunning majestic "
    "dramatic scenery environment concept art render rendered rendering moody atmospheric masterpiece documentary "
    "drone tracking lens image style best professional vfx color colour colors graded resolution hd cgi unreal "
    "engine octane artstation trending".split()
)  # of the picture, not of the place: without effect, and no news to whoever writes them
OPEN = 1.0  # logit of an attribute being left open: what words have to overcome
FELT, SAID = 0.25, 0.5  # a word that neither changes a value so much nor says one so surely by itself is not used


@dataclass(frozen=True, slots=True)
class TextConfig:
    """Shape of the reader, as the card holds it."""

    words: int  # rows of the table, without the empty one
    letters: int  # bytes of all spellings, joined by line ends
    attributes: dict[str, list[str]]  # what a place is like: names and their values, in order
    dimensions: int = 100
    hidden: int = 192

    @property
    def size(self) -> int:
        """Numbers in the vector of a text."""
        return sum(len(values) for values in self.attributes.values())


class TextEncoder(nn.Module):
    """Prompt to vector: word vectors, each seen with its neighbours, gathered by attention of each attribute's own."""

    table: Tensor
    scales: Tensor
    letters: Tensor

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config, self.size = config, config.size
        self.register_buffer("table", torch.zeros(config.words + 1, config.dimensions, dtype=torch.int8))
        self.register_buffer("scales", torch.zeros(config.words + 1))
        self.register_buffer("letters", torch.zeros(config.letters, dtype=torch.uint8))
        self.look = nn.Linear(3 * config.dimensions, config.hidden)
        self.mix = nn.Linear(config.hidden, config.hidden)
        self.weigh = nn.Linear(config.hidden, len(config.attributes))
        self.say = nn.Linear(config.hidden, config.size)
        self._places: dict[str, int] = {}

    def forward(self, indices: Tensor) -> Tensor:
        """(B, W) word indices, 0 for none, to (B, size): how surely each value is said, 0..1; all 0 for no words.

        The values of one attribute sum to at most 1; the rest is how surely the text leaves it open.
        """
        said = torch.cat([torch.softmax(group, 1)[:, 1:] for group in self.logits(indices)], 1)
        return said * (indices > 0).any(1, keepdim=True)

    def logits(self, indices: Tensor, jitter: Tensor | None = None) -> list[Tensor]:
        """Per attribute (B, 1 + values): not said, then each value; `jitter` (B, W, dimensions) is added to words."""
        words = self.table[indices].float() * self.scales[indices][..., None].float()
        there = (indices > 0)[..., None]
        words = (words if jitter is None else words + jitter) * there
        apart = functional.pad(words, (0, 0, 1, 1))
        seen = functional.relu(self.look(torch.cat([apart[:, :-2], words, apart[:, 2:]], 2)))
        seen = seen + functional.relu(self.mix(seen))
        weights = self.weigh(seen).masked_fill(~there, -torch.inf)
        nothing = weights.new_zeros(len(indices), 1, weights.shape[2])
        weights = torch.softmax(torch.cat([nothing, weights], 1), 1)[:, 1:]  # (B, W, attributes), less than 1 in all
        counts = [len(values) for values in self.config.attributes.values()]
        groups = zip(weights.unbind(2), self.say(seen).split(counts, 2), strict=True)
        return [functional.pad((weight[..., None] * says).sum(1), (1, 0), value=OPEN) for weight, says in groups]

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> Tensor:
        """The vectors of texts (B, size), on the module's device."""
        rows = [self.indices(text)[0] for text in texts]
        longest = max([1, *map(len, rows)])
        padded = [row + [0] * (longest - len(row)) for row in rows]
        return self(torch.tensor(padded, device=self.table.device))

    def indices(self, text: str) -> tuple[list[int], list[str]]:
        """Indices of the words it knows, in order, and the words it does not; case and plain endings do not matter."""
        return word_indices(text, self.dictionary())

    def dictionary(self) -> Mapping[str, int]:
        """Index of each spelling, from 1."""
        if not self._places:
            spellings = bytes(self.letters.cpu().tolist()).decode("ascii").split("\n")
            self._places = {word: n + 1 for n, word in enumerate(spellings)}
        return self._places

    @torch.no_grad()
    def left_out(self, text: str) -> list[str]:
        """Words of a text that change nothing: unknown ones, then ones whose meaning this model has no picture for.

        Each word is judged among its neighbours. Words about style alone are not told.
        """
        places = self.dictionary()
        spoken = [word for word in spelled(text) if word not in LINKING]
        found = [known_form(word, places) for word in spoken]
        unknown = [word for word, index in zip(spoken, found, strict=True) if not index]
        known = [(word, index) for word, index in zip(spoken, found, strict=True) if index]
        around = [0, *(index for _, index in known), 0]
        threes = (
            torch.tensor([around[n : n + 3] for n in range(len(known))], dtype=torch.long)
            .reshape(-1, 3)
            .to(self.table.device)
        )
        silent = threes * torch.tensor([1, 0, 1], device=threes.device)
        alone = threes * torch.tensor([0, 1, 0], device=threes.device)
        felt = (self(threes) - self(silent)).abs().amax(1) > FELT
        felt |= self(alone).amax(1) > SAID
        idle = [word for (word, _), used in zip(known, felt.tolist(), strict=True) if not used]
        return [word for word in dict.fromkeys([*unknown, *idle]) if word not in STYLE]

    def understood(self, vector: Tensor) -> dict[str, str]:
        """What one vector (size,) says: the surest value of each attribute that it says rather than leaves open."""
        said, start = {}, 0
        for name, values in self.config.attributes.items():
            group = vector[start : start + len(values)]
            start += len(values)
            if float(group.sum()) > 0.5:
                said[name] = values[int(group.argmax())]
        return said


def spelled(text: str) -> list[str]:
    """The words of a text in small letters, without accents' case, signs or underscores."""
    return re.findall(r"[^\W_]+", text.casefold())


def word_indices(text: str, places: Mapping[str, int]) -> tuple[list[int], list[str]]:
    """Indices of the words of a text that are in a dictionary, and the words that are not, linking words aside."""
    known, unknown = [], []
    for word in spelled(text):
        if word in LINKING:
            continue
        if found := known_form(word, places):
            known.append(found)
        else:
            unknown.append(word)
    return known, unknown


def known_form(word: str, places: Mapping[str, int]) -> int:
    """The index of a word, or of what it may be a form of; 0 for none."""
    return next((places[form] for form in _forms(word) if form in places), 0)


def _forms(word: str) -> list[str]:
    """The word, then what it may be a form of: mountain, mountains; snowing, snow; forested, forest; stormy, storm."""
    stems = [
        word[: -len(ending)]
        for ending in ("s", "es", "ed", "ing", "y", "ly")
        if word.endswith(ending) and len(word) > len(ending) + 2
    ]
    return [word, word + "s", word + "y", *stems, *(stem + "e" for stem in stems), *(stem + "s" for stem in stems)]
