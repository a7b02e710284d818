"""A model of places of the real classes, small and untrained."""

from __future__ import annotations

from pathlib import Path

import torch

from platewright.nets.draft_decoder import DecoderConfig, DraftDecoder
from platewright.nets.draft_denoiser import DraftConfig, DraftVideo
from platewright.nets.draft_text import TextConfig, TextEncoder
from platewright.nets.patches import Patches
from training.export import export

CHANNELS = 12
WORDS = ("desert", "fog", "mountains", "night", "noon", "snow")


def write_tiny_place(folder: Path, window: int = 4) -> Path:
    """`draft.json` and its weights in a folder; returns the card's path. The same bytes every time."""
    torch.manual_seed(0)
    text = tiny_reader()
    shape = DraftConfig(latent=CHANNELS, text=text.size, outer=16, inner=16, before=1, within=1, after=1)
    network, patches = DraftVideo(shape), Patches(CHANNELS)
    decoder = DraftDecoder(DecoderConfig(text=text.size, widths=(4, 8), depth=1))
    for basis in (patches.first.basis, patches.span.basis):
        basis.copy_(torch.linalg.qr(torch.randn(basis.shape)).Q)
    for layer in (network.write, network.last, network.steer, network.spread, decoder.leave):
        torch.nn.init.normal_(layer.weight, std=0.2)
    return export(folder, network, decoder, patches, text, window, {})


def tiny_reader() -> TextEncoder:
    """A reader of six words and two attributes."""
    spellings = "\n".join(WORDS).encode()
    attributes = {"terrain": ["mountains", "dunes"], "time": ["noon", "night"]}
    reader = TextEncoder(TextConfig(len(WORDS), len(spellings), attributes, dimensions=8, hidden=8))
    reader.letters.copy_(torch.tensor(list(spellings)))
    reader.table.copy_(torch.randint(-127, 128, reader.table.shape))
    reader.scales.fill_(0.1)
    torch.nn.init.normal_(reader.say.weight, std=3.0)
    return reader
