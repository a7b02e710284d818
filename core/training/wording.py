"""The reader of prompts: trained on captions in two minutes, judged by words that no caption ever held.

    python -m training.wording [OUT.safetensors]

trains it, or opens OUT, and prints what it makes of prompts of unseen words.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor
from torch.nn import functional

from platewright.nets.draft_text import LINKING, TextConfig, TextEncoder

from .captions import ATTRIBUTES, held_out_wording, wording
from .phrases import HELD_OUT, TERRAIN, TRAINED, scenery_words
from .unseen import PROMPTS
from .vectors import TABLE

CAPTIONS = 20_000
STEPS = 1_800
WHOLE = 400  # captions that it is tried on
BATCH = 128
RATE = 2e-3
DECAY = 0.1
JITTER = 0.08  # deviation added to each number of a word's unit vector: near words stand in for the word
STRANGE = 0.3  # captions with words that say nothing of a place
NEGATED = 0.08  # captions that name what is not there
DENIED = {"sky": "clear", "weather": "none"}  # what is meant where clouds or weather are denied
MEANING = 0.45  # likeness from which a word may mean scenery, and is not drawn as a strange one


def main(arguments: list[str]) -> None:
    """Train or open a reader and print how it does."""
    encoder = learned(Path(arguments[0])) if arguments else trained()
    print("\n".join(report(encoder)))


def learned(path: Path, device: str = "cpu") -> TextEncoder:
    """The frozen reader from a file; trained and written there first where there is none."""
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".part-{os.getpid()}")
        part.write_bytes(save({name: tensor.contiguous() for name, tensor in trained().state_dict().items()}))
        part.replace(path)
    encoder = blank()
    encoder.load_state_dict(load_file(path))
    return encoder.to(device).eval().requires_grad_(False)


def blank() -> TextEncoder:
    """An untrained reader that has the words of the table."""
    table = load_file(TABLE)
    words, dimensions = table["table"].shape
    attributes = {name: list(values) for name, values in ATTRIBUTES.items()}
    encoder = TextEncoder(TextConfig(words - 1, len(table["letters"]), attributes, dimensions))
    encoder.load_state_dict(encoder.state_dict() | {name: tensor.float() for name, tensor in table.items()})
    return encoder


def trained(seed: int = 0, steps: int = STEPS) -> TextEncoder:
    """A reader trained from a seed; the same numbers every time."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    encoder = blank()
    lessons = Lessons(encoder, seed)
    learner = torch.optim.AdamW(encoder.parameters(), RATE, weight_decay=DECAY)
    for step in range(steps):
        learner.param_groups[0]["lr"] = RATE * min(1.0, (step + 1) / 50, 2 * (steps - step) / steps)
        indices, targets = lessons.batch()
        jitter = JITTER * torch.randn(*indices.shape, encoder.config.dimensions, generator=generator)
        answers = zip(encoder.logits(indices, jitter), targets.T, strict=True)
        loss = torch.stack([functional.cross_entropy(logits, target) for logits, target in answers]).sum()
        learner.zero_grad()
        loss.backward()
        learner.step()
    return encoder.eval().requires_grad_(False)


class Lessons:
    """Captions as word indices, and what each says: 0 for nothing of an attribute, else the value's place from 1."""

    def __init__(self, encoder: TextEncoder, seed: int) -> None:
        self._random, generator = random.Random(seed), torch.Generator().manual_seed(seed)
        self._captions: list[tuple[list[int], list[int]]] = []
        for _ in range(CAPTIONS):
            values = {name: self._random.choice(all_of) for name, all_of in ATTRIBUTES.items()}
            text, said = wording(values, generator)
            told = [all_of.index(said[name]) + 1 if name in said else 0 for name, all_of in ATTRIBUTES.items()]
            self._captions.append((encoder.indices(text)[0], told))
        self._strange = strange_words(encoder)
        self._without = [encoder.indices(word)[0] for word in ("no", "without", "not")]
        places = [encoder.indices(phrase)[0] for phrases in TERRAIN.values() for phrase in phrases]
        self._places = [place for place in places if len(place) == 1]
        self._deniable = {name: [encoder.indices(phrase)[0] for phrase in _short_phrases(name)] for name in DENIED}

    def batch(self) -> tuple[Tensor, Tensor]:
        """Indices (B, W) and targets (B, attributes), words that say nothing strewn in."""
        chosen = self._random.choices(self._captions, k=BATCH)
        chosen = [self._disturbed(indices, told) for indices, told in chosen]
        rows = [row for row, _ in chosen]
        longest = max(map(len, rows))
        padded = [row + [0] * (longest - len(row)) for row in rows]
        return torch.tensor(padded), torch.tensor([told for _, told in chosen])

    def _disturbed(self, indices: list[int], told: list[int]) -> tuple[list[int], list[int]]:
        draw = self._random
        denied, told = self._denied(told)
        row = denied + indices if draw.random() < 0.5 else indices + denied
        if draw.random() < STRANGE:
            for _ in range(draw.randint(1, 2)):
                row.insert(draw.randint(0, len(row)), draw.choice(self._strange))
        if draw.random() < NEGATED:
            row += draw.choice(self._without) + draw.choice(self._places)
        return row, told

    def _denied(self, told: list[int]) -> tuple[list[int], list[int]]:
        """Weather or clouds that are said not to be there, for captions that leave both open; else nothing."""
        name = self._random.choice(list(DENIED))
        place = list(ATTRIBUTES).index(name)
        if told[place] or self._random.random() > 2 * NEGATED:
            return [], told
        value = ATTRIBUTES[name].index(DENIED[name]) + 1
        words = self._random.choice(self._without) + self._random.choice(self._deniable[name])
        return words, [*told[:place], value, *told[place + 1 :]]


def _short_phrases(name: str) -> list[str]:
    """What can be denied of an attribute in one word: all but the very values that denying means."""
    values = {value: phrases for value, phrases in TRAINED[name].items() if value != DENIED[name]}
    return [phrase for phrases in values.values() for phrase in phrases if len(phrase.split()) == 1]


def strange_words(encoder: TextEncoder) -> list[int]:
    """Indices of words that mean nothing like any word of a place."""
    vectors = encoder.table[1:].float() * encoder.scales[1:, None]
    places = encoder.dictionary()
    scenery = [places[word] - 1 for word in scenery_words() if word in places and word not in LINKING]
    nearest = (vectors @ vectors[scenery].T).amax(1)
    return [int(n) + 1 for n in torch.nonzero(nearest < MEANING)]


def held_out_shares(encoder: TextEncoder) -> dict[str, float]:
    """Per attribute: the share of kept-back phrases that are read as the value they stand for."""
    shares: dict[str, float] = {}
    for name, values in HELD_OUT.items():
        right = [_said(encoder, phrase, name) == value for value, phrases in values.items() for phrase in phrases]
        shares[name] = sum(right) / len(right)
    return shares


def caption_shares(encoder: TextEncoder, count: int = WHOLE) -> dict[str, float]:
    """Per attribute: the share of whole captions, of kept-back words in kept-back forms, that are read as meant."""
    draw = random.Random(0)
    right = dict.fromkeys(ATTRIBUTES, 0)
    for number in range(count):
        values = {name: draw.choice(all_of) for name, all_of in ATTRIBUTES.items()}
        text = held_out_wording(values, torch.Generator().manual_seed(number))
        said = encoder.understood(encoder.read([text])[0])
        for name in ATTRIBUTES:
            right[name] += said.get(name) == values[name]
    return {name: number / count for name, number in right.items()}


def prompt_shares(encoder: TextEncoder) -> dict[str, float]:
    """Per attribute: the share of the unseen prompts that speak of it and are read as meant."""
    asked = [(name, _said(encoder, text, name) in meant) for text, told in PROMPTS for name, meant in told.items()]
    answers = {name: [right for of, right in asked if of == name] for name in ATTRIBUTES}
    return {name: sum(right) / len(right) for name, right in answers.items()}


def report(encoder: TextEncoder) -> list[str]:
    """What it makes of each unseen prompt, and the shares it reads as meant."""
    lines = ["| prompt | read as | as meant |", "|---|---|---|"]
    for text, told in PROMPTS:
        said = encoder.understood(encoder.read([text])[0])
        right = sum(said.get(name) in meant for name, meant in told.items())
        lines.append(f"| {text} | {', '.join(said.values()) or 'nothing'} | {right} of {len(told)} |")
    lines += ["", "| as meant | " + " | ".join(ATTRIBUTES) + " |", "|---|" + "---|" * len(ATTRIBUTES)]
    told = {
        "kept-back words": held_out_shares(encoder),
        "whole captions of them": caption_shares(encoder),
        "unseen prompts": prompt_shares(encoder),
    }
    for what, shares in told.items():
        lines.append(f"| {what} | " + " | ".join(f"{100 * shares[name]:.0f} %" for name in ATTRIBUTES) + " |")
    chances = " | ".join(f"{100 / (1 + len(values)):.0f} %" for values in ATTRIBUTES.values())
    return [*lines, f"| chance | {chances} |"]


def _said(encoder: TextEncoder, text: str, name: str) -> str | None:
    return encoder.understood(encoder.read([text])[0]).get(name)


if __name__ == "__main__":
    main(sys.argv[1:])
