"""A draft model of the real classes, small and untrained, and cameras to try it on."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from platewright.camera import CameraPath
from platewright.nets.draft_decoder import DecoderConfig, DraftDecoder
from platewright.nets.draft_denoiser import DraftConfig, DraftVideo
from platewright.nets.draft_text import TextConfig, TextEncoder
from platewright.nets.patches import Patches
from training.export import export
from training.moves import path_from

CHANNELS = 12
WORDS = ("desert", "fog", "mountains", "night", "noon", "snow")


def write_tiny_model(folder: Path, window: int = 4) -> Path:
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


def level_path(frames: int, width: int = 1920, height: int = 1080, **angles: float) -> CameraPath:
    """Eye height, 30 mm; `pitch` and `heading` in degrees, `turn` and `rise` per frame, `forward` in metres too."""
    clock = torch.arange(frames, dtype=torch.float64)
    place = torch.stack([angles.get("forward", 0.0) * clock, 0 * clock, 1.7 + 0 * clock], 1)
    heading = torch.deg2rad(angles.get("heading", 0.0) + angles.get("turn", 0.0) * clock)
    pitch = torch.deg2rad(angles.get("pitch", 0.0) + angles.get("rise", 0.0) * clock)
    return path_from(place, heading, pitch, 0 * clock, 0 * clock + 30 / 36 * width, width, height)


def horizon_row(camera: CameraPath, height: int) -> float:
    """The row of a picture `height` pixels high at which the first frame of a camera without roll sees the horizon."""
    pose, (_, fy, _, cy) = camera.camera_to_world[0], camera.intrinsics[0]
    pitch = math.asin(pose[10])
    return (cy + fy * math.tan(pitch)) * height / camera.height
