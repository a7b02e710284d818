"""Pictures go to the disk as they are decoded: a long plate takes no more memory than a short one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from bench import memory
from platewright.models import wan_decoding
from tests.core.plate_maker import child_environment

GROWS = 1.2                                        # at most, from 97 frames to 961
SHORT, LONG = 7, 61                                # latents: 25 and 241 frames

PLATE = """
import json, sys
from pathlib import Path
import numpy as np
from platewright import engine
from platewright.models import grid
from platewright.protocol import Job, PlateRequest
from tests.core.shots import shot

out, frames, hoards = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "hoards"

class Fake(grid.GridBackend):
    def generate(self, request, camera, job, emit):
        made = (np.full((camera.height, camera.width, 3), 0.2 + n % 5 / 10, np.float32) for n in range(len(camera)))
        yield from list(made) if hoards else made

grid.open = lambda device: Fake()
request = PlateRequest(camera=shot(frames, size=(256, 144)), prompt="", model="grid", lock=False, frame_format="png")
engine.make_plate(Job(request=request, name="long", out=str(out), id="j", check=False), lambda event: None)
status = Path("/proc/self/status").read_text()     # its own: ru_maxrss begins with that of whoever started it
print(json.dumps(int(status.split("VmHWM:")[1].split()[0])))
"""


def peak_of_plate(out: Path, frames: int, way: str = "streams") -> float:
    command = [sys.executable, "-c", PLATE, str(out), str(frames), way]
    run = subprocess.run(command, env=child_environment(), capture_output=True, text=True, check=True)
    return float(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the peak of a process is told by Linux alone")
def test_a_plate_of_961_frames_takes_as_much_memory_as_one_of_97(tmp_path: Path) -> None:
    short = peak_of_plate(tmp_path / "short", 97)
    assert peak_of_plate(tmp_path / "long", 961) < GROWS * short
    assert peak_of_plate(tmp_path / "hoard", 961, "hoards") > GROWS * short, "a model that keeps all would be seen"


def wan_vae() -> Any:
    from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

    return memory.on_meta(lambda: AutoencoderKLWan(base_dim=8, z_dim=4, num_res_blocks=1, latents_mean=[0.0] * 4,
                                                   latents_std=[1.0] * 4), torch.float32)  # fmt: skip


def peak_of_decode(latents: int, keeps: bool) -> int:
    """Bytes of the pictures and of all that is alive while they are decoded, traced without numbers."""
    vae = wan_vae()
    given = memory.empty(1, 4, latents, 8, 12, dtype=torch.float32)
    kept: list[torch.Tensor] = []

    def pieces() -> Iterator[torch.Tensor]:
        yield from wan_decoding.decoded(vae, given)

    with memory.counted(vae) as live:
        for piece in pieces():
            kept += [piece] if keeps else []
    return live.peak_bytes


def test_wans_decoder_streams() -> None:
    short = peak_of_decode(SHORT, keeps=False)
    assert peak_of_decode(LONG, keeps=False) < GROWS * short
    assert peak_of_decode(LONG, keeps=True) > GROWS * short
