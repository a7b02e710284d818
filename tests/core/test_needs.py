"""What cards say of memory is what the real networks leave when they are traced, and presets are chosen by it."""

from __future__ import annotations

import pytest
import torch

from bench import memory, memory_wan
from platewright import models
from platewright.models import needs, presets
from platewright.models.needs import SANA, TRACED, Traced

SMALL = "wan-fun-camera-1.3b"


@pytest.mark.filterwarnings("ignore")              # of libraries, on networks without numbers
def test_the_table_is_what_is_traced() -> None:
    row = TRACED[SMALL]
    assert isinstance(row, Traced)
    net, adapter, a_pass = memory_wan.passed(SMALL)
    assert (net, a_pass) == pytest.approx((row.nets, row.a_pass), rel=0.01)
    assert row.stays == pytest.approx(needs.VAE + adapter + needs.CLIP, rel=0.01)
    decoding = memory.decoder(161, "stream", torch.float32)
    assert decoding == pytest.approx(SANA.decoding, rel=0.01), "the stream's peak, whatever the length"
    assert memory.decoder(161, "whole", torch.float32) > 8 * decoding, "the guilty: what the stock way takes"


def test_a_card_says_what_is_needed_at_least_and_at_once() -> None:
    for name, traced in TRACED.items():
        card = models.still_card(name) if name in models.STILLS else models.card(name)
        assert card.full_gb is not None and traced.least < card.memory_gb < card.full_gb
        assert card.memory_gb == pytest.approx(traced.least * 1.15 + 0.7, abs=0.1)
    assert models.card("sana-wm").memory_gb < 12.88, "a card of 12 GiB holds 961 frames, one block at a time"
    assert {card.name for card in models.cards() if card.full_gb is None} == {"grid", "draft"}


@pytest.mark.parametrize(("free", "name"), [(16e9, "full"), (12.5e9, "model-offload"), (11e9, "group-offload")])
def test_the_decoder_counts_when_a_preset_is_chosen(free: float, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """5 GB of weights in 11 GB free would be `full` by the weights alone; the decoder takes 7.8 beside them."""
    parts = [torch.nn.Linear(1000, count, False, "meta", torch.bfloat16) for count in (1_600_000, 900_000)]
    monkeypatch.setattr(presets, "free_bytes", lambda device: free)
    beside = needs.beside_bytes(SMALL)
    assert presets.chosen(torch.device("cuda"), parts, beside_bytes=beside, room=1.0) == name
    assert presets.chosen(torch.device("cuda"), parts) == "full", "the guilty"
