"""How good a model's clips are on worlds, wordings and cameras never trained on, asked through its back-end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy
import torch
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import Tensor

from platewright.camera import CameraPath
from platewright.layout.worlds import ATTRIBUTES
from platewright.models.base import Backend
from platewright.protocol import Event, PlateRequest

from .captions import caption
from .following import Bytes, Floats, Followed, camera_path, flicker, flow_error, followed, true_flows
from .looks import light_of
from .recogniser import Recogniser, Seen, frechet, recognised

NEAR_DEG = 1.5  # mean rotation error of a clip that follows its camera
FIRST_SEED = 1000  # of the generated clips: never the seed of the world they are held against
SIZE = (256, 144)  # at which all clips are compared


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A rendered clip that nothing was trained on."""

    frames: Bytes  # (F, H, W, 3) display sRGB
    camera: CameraPath
    kinds: tuple[int, ...]  # index of each attribute's value
    sun: tuple[float, float, float]  # unit vector towards the light, world; zeros where there is none
    light: Tensor  # (2,) the same seen from the camera: right and ahead
    flows: list[Floats]  # between every STEP-th frame, from the renderer's geometry
    prompt: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a model made of the held-out prompts and cameras, at SIZE."""

    clips: list[Bytes]
    seconds: list[float]  # that each took


@dataclass(frozen=True, slots=True)
class Figures:
    """What is measured of a set of clips."""

    near_share: float  # of the clips whose true render can be solved: rotation error at most NEAR_DEG
    rotation_deg: float  # median of the solved ones
    error_px: float  # median of the solved ones
    flow_error: float  # median over the shots that move: 0 the true motion, 1 no motion
    unsolved: int  # of the clips whose true render can be solved
    adherence: dict[str, float]  # share recognised as what was asked for
    frechet: float  # to the true renders of all held-out clips
    flicker: float  # median of the ratio to the true render of the same shot
    light_deg: float  # median error of the light's azimuth, of lit clips


def held_out(folder: Path, count: int) -> list[HeldOut]:
    """The first clips of a folder's held-out shards, each with a wording of words and a form never trained on."""
    clips: list[HeldOut] = []
    for path in sorted(folder.glob("held_out_*.safetensors")):
        with safe_open(path, "pt") as shard:
            told = {name: shard.get_tensor(name) for name in ("poses", "lenses", "kinds", "sun", "distance")}
            frames = shard.get_slice("frames")
            for n in range(min(len(told["kinds"]), count - len(clips))):
                clips.append(_clip(frames[n : n + 1][0].numpy(), {name: t[n] for name, t in told.items()}, len(clips)))
    return clips


def _clip(frames: Bytes, told: dict[str, Tensor], number: int) -> HeldOut:
    camera = camera_path(told["poses"], told["lenses"], (frames.shape[2], frames.shape[1]))
    prompt = caption(told["kinds"], torch.Generator().manual_seed(number), held_out=True)
    x, y, z = told["sun"].tolist()
    kinds = tuple(int(kind) for kind in told["kinds"])
    flows = true_flows(told["distance"].float().numpy(), told["poses"].numpy(), told["lenses"].numpy())
    return HeldOut(frames, camera, kinds, (x, y, z), light_of(told["sun"], told["poses"]), flows, prompt)


def request_of(clip: HeldOut, seed: int) -> PlateRequest:
    """What an artist with this camera, sun and ground would ask for."""
    x, y, z = clip.sun
    azimuth, elevation = numpy.degrees(numpy.arctan2(y, x)), numpy.degrees(numpy.arctan2(z, numpy.hypot(x, y)))
    sun = (float(azimuth), float(elevation)) if any(clip.sun) else None
    return PlateRequest(camera=clip.camera, prompt=clip.prompt, seed=seed, ground_m=0.0, sun=sun).checked()


def generated(backend: Backend, clip: HeldOut, seed: int) -> tuple[Bytes, float]:
    """The back-end's raw pictures of a clip's camera and prompt at SIZE, and the seconds they took."""
    started = time.monotonic()
    request = request_of(clip, seed)
    pictures = list(backend.generate(request, clip.camera, "evaluation", _unheard))
    seconds = time.monotonic() - started
    return numpy.stack([_sized(picture) for picture in pictures]), seconds


def made_by(backend: Backend, clips: Sequence[HeldOut]) -> Made:
    """A clip for each held-out one, from seeds of its own."""
    pairs = [generated(backend, clip, FIRST_SEED + n) for n, clip in enumerate(clips)]
    return Made([frames for frames, _ in pairs], [seconds for _, seconds in pairs])


def _unheard(event: Event) -> None:
    """Nobody listens."""


def _sized(picture: numpy.ndarray) -> Bytes:
    how = cv2.INTER_AREA if picture.shape[1] > SIZE[0] else cv2.INTER_CUBIC
    sized = picture if picture.shape[1::-1] == SIZE else cv2.resize(picture, SIZE, interpolation=how)
    return (numpy.clip(sized, 0, 1) * 255 + 0.5).astype(numpy.uint8)


def save_made(path: Path, made: Made, told: dict[str, str]) -> None:
    """Keep clips, to be measured beside others later."""
    save_file({"clips": numpy.stack(made.clips), "seconds": numpy.array(made.seconds)}, path, told)


def load_made(path: Path, count: int) -> Made:
    """Clips kept by `save_made`, at most so many."""
    kept = load_file(path)
    return Made(list(kept["clips"][:count]), kept["seconds"][:count].tolist())


class Yardstick:
    """The held-out clips with everything that is measured of them once."""

    def __init__(self, clips: Sequence[HeldOut], judge: Recogniser) -> None:
        self.clips, self._judge = clips, judge
        self.truth = [clip.frames for clip in clips]
        self.followed = [followed(clip.frames, clip.camera) for clip in clips]
        self._flicker = [flicker(frames) for frames in self.truth]
        self._seen = self.seen(self.truth)

    def seen(self, clips: Sequence[Bytes]) -> Seen:
        """What the recogniser makes of clips."""
        return recognised(self._judge, [torch.from_numpy(frames) for frames in clips])

    def figures(self, clips: Sequence[Bytes], follows: bool = True) -> Figures:
        """All figures of clips that stand for the held-out ones, in their order."""
        seen = self.seen(clips)
        solved = [followed(made, clip.camera) for made, clip in zip(clips, self.clips, strict=True)] if follows else []
        near, rotation, error, unsolved = self._followed(solved)
        pairs = zip(clips, self._flicker, strict=True)
        return Figures(
            near_share=near,
            rotation_deg=rotation,
            error_px=error,
            flow_error=self._flow_error(clips),
            unsolved=unsolved,
            adherence=self._adherence(seen),
            frechet=frechet(seen.features, self._seen.features),
            flicker=float(numpy.median([flicker(made) / max(true, 1e-4) for made, true in pairs])),
            light_deg=self._light(seen),
        )

    def _followed(self, solved: list[Followed]) -> tuple[float, float, float, int]:
        """Of the clips whose true render can be solved: share near, medians, and how many are not solved."""
        asked = [made for made, true in zip(solved, self.followed, strict=False) if true.is_solved]
        turns = [made.rotation_deg for made in asked if made.rotation_deg is not None]
        errors = [made.error_px for made in asked if made.error_px is not None]
        near = sum(turn <= NEAR_DEG for turn in turns) / max(len(asked), 1)
        return near, _median(turns), _median(errors), len(asked) - len(turns)

    def _flow_error(self, clips: Sequence[Bytes]) -> float:
        found = [flow_error(made, clip.flows) for made, clip in zip(clips, self.clips, strict=True)]
        return _median([error for error in found if error is not None])

    def _adherence(self, seen: Seen) -> dict[str, float]:
        asked = torch.tensor([clip.kinds for clip in self.clips])
        right = (seen.kinds == asked).float().mean(0)
        return {name: float(share) for name, share in zip(ATTRIBUTES, right, strict=True)}

    def shown_as_read(self, clips: Sequence[Bytes], read: Sequence[Mapping[str, str]]) -> dict[str, tuple[int, int]]:
        """Per attribute: how many clips show what a reader read out of their prompts, of those it read something of."""
        seen = self.seen(clips).kinds.tolist()
        pairs = {
            name: [(said[name], values[kinds[place]]) for said, kinds in zip(read, seen, strict=True) if name in said]
            for place, (name, values) in enumerate(ATTRIBUTES.items())
        }
        return {name: (sum(said == shown for said, shown in told), len(told)) for name, told in pairs.items()}

    def _light(self, seen: Seen) -> float:
        """Median error in degrees over clips that have a light; 90 is chance."""
        off = []
        for clip, found in zip(self.clips, seen.light_rad.tolist(), strict=True):
            if float(clip.light.norm()) > 0.5:
                true = float(torch.atan2(clip.light[0], clip.light[1]))
                off.append(abs((found - true + numpy.pi) % (2 * numpy.pi) - numpy.pi))
        return float(numpy.degrees(_median(off)))


def _median(values: Sequence[float]) -> float:
    return float(numpy.median(values)) if values else float("nan")


def as_json(figures: dict[str, Figures]) -> str:
    """Rows of figures by their names, to be kept."""
    return json.dumps(
        {name: {key: getattr(row, key) for key in row.__slots__} for name, row in figures.items()}, indent=1
    )


def frames_of(path: Path) -> list[Bytes]:
    """The clips of a shard, pictures alone."""
    with safe_open(path, "numpy") as shard:
        return list(shard.get_tensor("frames"))
