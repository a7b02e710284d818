"""Latents to pictures without the network that made them: a task of its own, on another machine if need be.

Only the VAE of the model is read. Latents know their plate (`latents.of_plate`): its camera, its windows, its lock.

    bundle = Bundle.open(path)                     a file of latents, or a folder of one plate's
    backend = bundle.backend(device)               in the model's place: see `base.Backend`

Errors  RequestError E_LATENTS (no latents of ours, several plates, a window that is missing, another model's), and
        what `checkpoint` raises
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import fitting, models
from ..anchors import windows_of
from ..camera import CameraPath
from ..cards import ModelCard
from ..errors import RequestError
from ..pictures import Picture
from ..protocol import Emit, PlateRequest, Progress, Stage
from . import checkpoint, device, hashes, latents

if TYPE_CHECKING:
    import torch

WAYS = ("sana_wm", "wan_fun", "wan_vace")          # modules whose VAE is enough
FIRST_STAGE = "1"                                  # of the facts' `stage`: a refiner has still to see them
AGAIN = "Run the job again: it goes on from what it has."


@dataclass(frozen=True, slots=True)
class Bundle:
    """All latents of one plate."""

    plate: dict[str, Any]                          # its job
    windows: dict[int, Path]
    sampler: dict[str, Any] | None = None          # what took the steps; None: the files do not say

    @classmethod
    def open(cls, path: Path) -> Bundle:
        """A file and what lies beside it of the same plate, or a folder that holds one plate's."""
        beside = path.parent if path.is_file() else path
        told = {file: found for file in sorted(beside.glob("*.safetensors")) if (found := _facts(file))}
        if path.is_file() and path not in told:
            raise RequestError("E_LATENTS", f"{path.name} holds no latents of a plate.", "Name a file of latents/.")
        plates = {facts["plate"] for facts in told.values()} if beside is path else {told[path]["plate"]}
        if len(plates) != 1:
            why = f"{path} holds the latents of {len(plates) or 'no'} plates."
            raise RequestError("E_LATENTS", why, "Name one file: what belongs to it is found beside it.")
        mine = {file: facts for file, facts in told.items() if facts["plate"] in plates}
        whole = {file: facts for file, facts in mine.items() if facts.get("stage") != FIRST_STAGE}
        if not whole:
            raise RequestError("E_LATENTS", f"{path.name} is the first stage's, and not refined yet.", AGAIN)
        samplers = (json.loads(facts["sampler"]) for facts in whole.values() if "sampler" in facts)
        windows = {int(facts["window"]): file for file, facts in whole.items()}
        return cls(json.loads(plates.pop()), windows, next(samplers, None))

    def backend(self, name: str, device_name: str) -> Decoder:
        """What makes the plate's pictures of them."""
        return Decoder(self, name, device.chosen(device_name))


class Decoder:
    """The model as the engine sees it, with nothing left to sample."""

    def __init__(self, bundle: Bundle, name: str, chosen: torch.device) -> None:
        self.card: ModelCard = models.card(name)
        self._bundle, self._device = bundle, chosen
        self._facts: dict[str, Any] = {"sampler": bundle.sampler}  # for the manifest: `generate` adds the windows
        self._way, self._folder = models.place_of(name)
        if self._way not in WAYS:
            raise RequestError("E_LATENTS", f"{self.card.title} cannot be decoded by itself.", AGAIN)

    @property
    def device(self) -> str:
        """Where it runs, in words."""
        return device.words(self._device)

    def provenance(self) -> dict[str, Any]:
        """The VAE's files, the latents by their hashes, and what had sampled them."""
        files = [self._bundle.windows[index] for index in sorted(self._bundle.windows)]
        decoded = [{"file": file.name, "sha256": hashes.sha256_of(file)} for file in files]
        files = checkpoint.files(self._folder, ("vae",))
        self._facts |= {"files": files, "dtype": {"vae": "float32"}, "decoded_from": decoded}
        return self._facts

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The same view in the model's own pixels."""
        return camera.scaled(*fitting.size_for(camera, self.card.sizes))

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[Picture]:
        """Yield the plate's pictures; see `base.Backend.generate`. Raises RequestError E_LATENTS."""
        native = self.native_camera(camera)
        windows = windows_of(request, self.card, native)
        self._facts["windows"] = fitting.spans(native, windows)
        missing = [window.index for window in windows if window.index not in self._bundle.windows]
        if missing:
            raise RequestError("E_LATENTS", f"The latents of window {missing[0]} of {len(windows)} are missing.", AGAIN)
        emit(Stage(job, "sampling", f"decoding {len(windows)} windows on {self.device}"))
        with device.told_plainly(self._device, self.card.title):
            for window in windows:
                made = self._decoded(self._bundle.windows[window.index])
                for picture in itertools.islice(made, window.given, window.stop - window.start):
                    if picture.shape[:2] != (native.height, native.width):
                        why = f"The latents make {picture.shape[1]}x{picture.shape[0]} pixels, not the model's size."
                        raise RequestError("E_LATENTS", why, AGAIN)
                    yield picture
                emit(Progress(job, "sampling", window.index + 1, len(windows)))

    def _decoded(self, file: Path) -> Generator[Picture]:
        """The pictures of one window, one by one."""
        import torch

        from . import ltx2_decoding, wan_running

        found = latents.kept(file)
        if found is None:
            raise RequestError("E_LATENTS", f"{file.name} is not whole.", AGAIN)
        if self._way == "sana_wm":
            from diffusers.models.autoencoders.autoencoder_kl_ltx2 import AutoencoderKLLTX2Video

            vae = checkpoint.load(AutoencoderKLLTX2Video, self._folder / "vae", torch.float32)
            vae.decoder.to(self._device)
            yield from ltx2_decoding.decoded(vae, found.to(self._device).split(1, 2))
        else:
            from diffusers.models.autoencoders.autoencoder_kl_wan import AutoencoderKLWan

            vae = checkpoint.load(AutoencoderKLWan, self._folder / "vae", torch.float32)
            yield from wan_running.pictures(vae, found, self._device)


def _facts(file: Path) -> dict[str, str]:
    """What a file of latents says of itself; nothing where it is none of a plate's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            facts: dict[str, str] = opened.metadata() or {}
    except (SafetensorError, OSError, ValueError):
        return {}
    is_ours = facts.get("format") == latents.FORMAT and facts.get("version") == latents.VERSION
    return facts if is_ours and "plate" in facts and "window" in facts else {}
