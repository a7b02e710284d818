"""A draft model of the real classes, small and untrained, and cameras to try it on."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import save

from platewright.camera import CameraPath
from platewright.nets.decoder import PatchBasis, SeamHealer
from platewright.nets.draft_video import DraftConfig, DraftVideo
from platewright.weights import FORMAT, VERSION
from training.moves import path_from

CHANNELS = 24
WORDS = ("clear", "desert", "fog", "lake", "mountains", "night", "noon", "sandy", "sky", "snow")


def write_tiny_model(folder: Path, window: int = 4) -> Path:
    """`draft.json` and `draft.safetensors` in a folder; returns the card's path. The same bytes every time."""
    torch.manual_seed(0)
    healer_shape = {"width": 8, "depth": 1}
    network = DraftVideo(DraftConfig(latent=CHANNELS, width=32, depth=1, heads=2, words=len(WORDS) + 1))
    basis, healer = PatchBasis(CHANNELS), SeamHealer(**healer_shape)
    basis.basis.copy_(torch.linalg.qr(torch.randn(basis.basis.shape)).Q)
    for layer in (network.write, network.last, network.steer):
        torch.nn.init.normal_(layer.weight, std=0.2)
    parts = {"network.": network, "basis.": basis, "healer.": healer}
    tensors = {p + name: t.half().contiguous() for p, part in parts.items() for name, t in part.state_dict().items()}
    packed = save(tensors)
    (folder / "draft.safetensors").write_bytes(packed)
    facts = {"format": FORMAT, "version": VERSION, "name": "draft", "file": "draft.safetensors"}
    facts |= {"sha256": hashlib.sha256(packed).hexdigest(), "network": asdict(network.config), "healer": healer_shape}
    path = folder / "draft.json"
    path.write_text(json.dumps(facts | {"window": window, "words": WORDS}))
    return path


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
