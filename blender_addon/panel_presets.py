"""Draft, Shot and Final: what somebody wants a plate for, in settings. They set what can be set by hand, and no more.

    preset   model                                         steps               size    tries
    Draft    `draft`                                       the model's own     50 %    1
    Shot     the first for finals that can run here        half of its own     100 %   1
    Final    the same                                      the model's own     100 %   4

Where no model for finals can run, Shot and Final take `draft`, too. One whose licence forbids commercial use is never
taken by a preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import bpy

Cards = Mapping[str, Mapping[str, Any]]

DRAFT, SHOT, FINAL = "DRAFT", "SHOT", "FINAL"
PRESETS = (
    (DRAFT, "Draft", "The place and the move in a short time: the embedded model at half the size"),
    (SHOT, "Shot", "To work with: the best model that runs here at full size, with half of its steps"),
    (FINAL, "Final", "To keep: the best model that runs here at full size and with all its steps, the best of 4 tries"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The settings that a preset sets."""

    model: str
    steps: int                                     # 0: the model's own
    percent: int
    tries: int

    def apply(self, settings: bpy.types.PropertyGroup) -> None:
        """As if it were done by hand."""
        settings.model, settings.steps = self.model, self.steps
        settings.percent, settings.tries = self.percent, self.tries
        settings.check = settings.check or self.tries > 1        # nothing else tells tries apart

    def is_set(self, settings: bpy.types.PropertyGroup) -> bool:
        """The settings are just so."""
        return self == Choice(settings.model, settings.steps, settings.percent, settings.tries)


def choice(preset: str, cards: Cards) -> Choice:
    """What the preset means with the models that are known."""
    if preset == DRAFT:
        return Choice("draft", 0, 50, 1)
    model = best(cards)
    half = (int(cards.get(model, {}).get("default_steps") or 0) + 1) // 2
    return Choice(model, half, 100, 1) if preset == SHOT else Choice(model, 0, 100, 4)


def best(cards: Cards) -> str:
    """The first model for finals that can run here and may be used; `draft` where there is none."""
    usable = (name for name, card in cards.items() if card.get("kind") == "final" and is_usable(card))
    return next(usable, "draft")


def is_usable(card: Mapping[str, Any]) -> bool:
    return bool(card.get("available", True)) and card.get("commercial") != "no"
