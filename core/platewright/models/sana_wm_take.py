"""One request on SANA-WM: its windows, and what each goes through. See `sana_wm` for the whole."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import Tensor

from .. import fitting, models
from ..camera import CameraPath
from ..cards import FrameRule
from ..errors import BackendError
from ..pictures import Picture
from ..protocol import Emit, PlateRequest, Progress, Stage, Warned
from . import checkpoint, hashes, latents, ltx2_decoding, presets, sana_wm_prompts
from . import sana_wm_exact as exact
from . import sana_wm_refining as refining
from . import sana_wm_sampling as sampling
from .far_side import FarSide
from .first_frame import first_picture
from .sana_wm_camera import latent_frames

FPS = 16.0
CLIP = FrameRule(multiple=8, offset=1, maximum=961)
STEPS = 60
GUIDANCE = 5.0
LOOKED_AT = ("conv_k", "plucker_embedder")  # weights taken out of their layer; one that reads rays in float32


@dataclass(frozen=True, slots=True)
class Places:
    """Where the weights are and where they run."""

    stage_1: Path
    refiner: Path
    device: torch.device
    dtype: torch.dtype  # of both transformers; the VAE is float32


@dataclass(frozen=True, slots=True)
class _Words:
    """What the two stages are told."""

    prompt: sampling.Told
    negative: sampling.Told
    refiner: sampling.Told


class Take:
    """One request on one device."""

    def __init__(self, places: Places, request: PlateRequest, job: str, emit: Emit) -> None:
        self._places, self._request, self._job, self._emit = places, request, job, emit
        self._steps = request.steps or STEPS
        self._guidance = GUIDANCE if request.guidance is None else request.guidance
        self._done = self._total = 0

    def pictures(self, native: CameraPath) -> Iterator[Picture]:
        """One picture per frame of `native`, window by window, each led by the last picture of the one before."""
        first = first_picture(self._request, native, self._job, self._emit)
        speed = fitting.world_speed(native.fps, FPS)
        if not math.isclose(speed, 1.0, rel_tol=1e-3):
            self._warn("W_WORLD_SPEED", f"What moves by itself runs at {speed:.3g} times its speed: made for 16 fps.")
        windows = fitting.windows(len(native), CLIP, even=self._request.remake is not None)
        self._far_side = FarSide(self._request, native, CLIP.multiple)
        self._total = sum(self._passes(window.length) for window in windows)
        words = self._words()
        for window in windows:
            with closing(self._clip(fitting.held(native, window), window.index, first, words)) as made:
                for number, picture in enumerate(itertools.islice(made, window.stop - window.start)):
                    first = picture
                    if number >= window.given:
                        yield picture

    def _words(self) -> _Words:
        """The embeddings; no encoder is left behind."""
        self._tell("loading", "reading the prompt")
        places, request = self._places, self._request
        prompt, negative = sana_wm_prompts.for_stage_1(
            places.stage_1, request.prompt, request.negative, places.device, places.dtype
        )
        refiner = sana_wm_prompts.for_refiner(places.refiner, request.prompt, places.device, places.dtype)
        return _Words(prompt, negative, refiner)

    def _clip(self, clip: CameraPath, index: int, first: Picture, words: _Words) -> Generator[Picture]:
        """The pictures of one window, decoded while later blocks are still to be refined."""
        from diffusers.models.autoencoders.autoencoder_kl_ltx2 import AutoencoderKLLTX2Video

        vae = checkpoint.load(AutoencoderKLLTX2Video, self._places.stage_1 / "vae", torch.float32)
        origin = self._origin(clip, first)
        refiner = sorted((self._places.refiner / "transformer").glob("*.safetensors"))
        file = latents.file_for({**origin, "stage": "refined", "refiner": hashes.of_files(refiner)})
        found = latents.kept(file)
        if found is None:
            blocks = self._refined(vae, clip, index, first, words)
            yield from ltx2_decoding.decoded(vae, self._kept(blocks, file, index))
            return
        self._done += self._passes(len(clip))
        self._tell("sampling", f"refined latents of an earlier job: {file}")
        vae.decoder.to(self._places.device)
        yield from ltx2_decoding.decoded(vae, found.to(self._places.device).split(1, 2))

    def _refined(self, vae: Any, clip: CameraPath, index: int, first: Picture, words: _Words) -> Iterator[Tensor]:
        """Refined latents, block by block; the decoder comes to the device when its turn does."""
        places = self._places
        sampled = self._sampled(vae, clip, index, first, words)
        self._tell("sampling", f"refining on {places.device}")
        loaded = refining.load(places.refiner / "transformer", places.dtype)
        transformer = refining.placed(loaded, places.device)
        vae.decoder.to(places.device)
        held = self._far_side.places(clip)
        yield from refining.refined(transformer, sampled, words.refiner, FPS, self._request.seed, self._stepped, held)

    def _kept(self, blocks: Iterator[Tensor], file: Path, index: int) -> Iterator[Tensor]:
        """The blocks as they come; all of them are on disk before the last one goes on to the decoder."""
        seen: list[Tensor] = []
        for block in blocks:
            yield from seen[-1:]
            seen.append(block)
        self._keep(file, torch.cat([block.cpu() for block in seen], 2), {"window": str(index), "stage": "refined"})
        yield seen[-1]

    def _keep(self, file: Path, found: Tensor, facts: dict[str, str]) -> None:
        if why := latents.keep(file, found, {"model": "sana-wm", **facts}):
            self._warn("W_LATENTS", f"The latents could not be kept: {why}")

    def _sampled(self, vae: Any, clip: CameraPath, index: int, first: Picture, words: _Words) -> Tensor:
        """The first stage's latents (1, C, T, h, w), or those that an earlier job has left."""
        file = latents.file_for(self._origin(clip, first))
        found = latents.kept(file)
        if found is not None:
            self._done += sampling.passes(self._steps, self._guidance)
            self._tell("sampling", f"latents of an earlier job: {file}")
            return found
        self._tell("sampling", f"{len(clip)} frames on {self._places.device}")
        device, asked = self._places.device, (self._steps, self._guidance, self._request.seed)
        held = self._far_side.held(clip, lambda video: _encoded_video(vae, video, device))
        given = _encoded(vae, first, device)
        found = self._stage_1(sampling.Shot(clip, given, words.prompt, words.negative, *asked, held))
        self._keep(file, found, {"window": str(index), "stage": "1"})
        return found

    def _stage_1(self, shot: sampling.Shot) -> Tensor:
        """The transformer is read, used and gone. Raises BackendError E_NOT_FINITE."""
        from diffusers.models.transformers.transformer_sana_wm import SanaWMTransformer3DModel
        from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteScheduler

        places = self._places
        transformer = checkpoint.load(SanaWMTransformer3DModel, places.stage_1 / "transformer", places.dtype)
        scheduler = checkpoint.configured(FlowMatchEulerDiscreteScheduler, places.stage_1 / "scheduler")
        found = sampling.sampled(settled(transformer, places.device), scheduler, shot, self._stepped).cpu()
        del transformer
        models.give_memory_back()
        if not bool(found.isfinite().all()):
            message = "SANA-WM produced values that are not numbers."
            raise BackendError("E_NOT_FINITE", message, "Try another seed or device.")
        return found

    def _origin(self, clip: CameraPath, first: Picture) -> dict[str, Any]:
        """All that decides what the first stage makes."""
        request, folder = self._request, self._places.stage_1
        parts = ("transformer", "vae", "text_encoder")
        weights = [path for part in parts for path in (folder / part).glob("*.safetensors")]
        return {
            "model": "sana-wm",
            "weights": hashes.of_files(weights),
            "camera": clip.sha256,
            "first": hashlib.sha256(numpy.ascontiguousarray(first).tobytes()).hexdigest(),
            "words": [request.prompt, request.negative],
            "sampling": [self._steps, self._guidance, request.seed, str(self._places.dtype)],
            **self._far_side.origin(clip),
        }

    def _passes(self, frames: int) -> int:
        return sampling.passes(self._steps, self._guidance) + refining.passes(latent_frames(frames))

    def _stepped(self) -> None:
        self._done += 1
        self._emit(Progress(self._job, "sampling", self._done, self._total))

    def _tell(self, stage: str, detail: str) -> None:
        self._emit(Stage(self._job, stage, detail))

    def _warn(self, code: str, message: str) -> None:
        self._emit(Warned(self._job, code, message))


def settled(transformer: Any, device: torch.device) -> Any:
    """The first stage's transformer, prepared, on the device: it is small enough for any, and in 8 bits where asked."""
    presets.rested(transformer, presets.chosen(device, [transformer], offered=("full", "group-offload")), LOOKED_AT)
    exact.prepare(transformer)
    return transformer.to(device)


def _encoded(vae: Any, picture: Picture, device: torch.device) -> Tensor:
    """The normalised latent (1, C, 1, h, w) of one picture."""
    pixels = torch.from_numpy(numpy.ascontiguousarray(picture)).permute(2, 0, 1)[None, :, None] * 2 - 1
    return _encoded_video(vae, pixels, device)


@torch.no_grad()
def _encoded_video(vae: Any, video: Tensor, device: torch.device) -> Tensor:
    """Normalised latents of a video (1, 3, 8 k + 1, H, W), -1..1, float32; the encoder is on the CPU afterwards."""
    vae.encoder.to(device)
    found = vae.encode(video.to(device)).latent_dist.mode().cpu()
    vae.encoder.to("cpu")
    mean, deviation = (part.view(1, -1, 1, 1, 1) for part in (vae.latents_mean, vae.latents_std))
    return (found - mean) * vae.config["scaling_factor"] / deviation
