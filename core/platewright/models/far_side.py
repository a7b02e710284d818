"""The far side of a part that is made anew, for models that start from a picture and take no last one.

A latent that lies wholly within frames that are kept is known before it is sampled. After every step it is put in its
place, as noisy as the others are by then, with the noise that the clip began with:

    x[place] = (1 - sigma) known + sigma noise

So it stays on its own straight path from noise to picture, where the model sees it at every step and makes what leads
up to it; at the end it is the known latent itself. A model that looks both ways in time needs to have learned nothing
for it. (RePaint, Lugmayr et al. 2022, section 4.1; one noise for all steps, as diffusers' inpainting pipelines of
models with straight paths have it.)

A causal encoder knows the pictures before: each latent is encoded after the sixteen that the plate had there, by
itself, so that memory does not grow with the handles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .. import anchors
from ..camera import CameraPath
from ..pictures import Picture
from ..protocol import PlateRequest
from .first_frame import recut
from .guided import box_of

BEFORE = 16  # pictures that are encoded before those of a latent: whole latents of 4 and of 8
StepEnd = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]  # diffusers' `callback_on_step_end`


@dataclass(frozen=True, slots=True)
class Held:
    """The known latents of one clip."""

    places: Sequence[int]
    known: Tensor  # (1, C, len(places), h, w), normalised, float32

    def noise(self, latents: int, generator: torch.Generator) -> Tensor:
        """What a clip of so many latents begins with: the same numbers that the pipeline itself would draw."""
        count, channels, _, height, width = self.known.shape
        return torch.randn((count, channels, latents, height, width), generator=generator)

    def after(self, step: StepEnd, noise: Tensor) -> StepEnd:
        """A pipeline's step with the known latents in their places at its end."""

        def held(pipeline: Any, number: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
            told, sigma = step(pipeline, number, time, given), float(pipeline.scheduler.sigmas[number + 1])
            return {**told, "latents": put(told["latents"], self.known, noise, self.places, sigma)}

        return held


def put(latents: Tensor, known: Tensor, noise: Tensor, places: Sequence[int], sigma: float) -> Tensor:
    """Latents (1, C, T, h, w) at the noise level `sigma`, with the known ones (1, C, len(places), h, w) at `places`.

    noise   of all (1, C, T, h, w)
    """
    found, here = latents.clone(), list(places)
    found[:, :, here] = (1.0 - sigma) * known.to(latents) + sigma * noise.to(latents)[:, :, here]
    return found


class FarSide:
    """The kept frames after the part, through the model's camera; nothing where a request makes a whole plate."""

    def __init__(self, request: PlateRequest, native: CameraPath, group: int) -> None:
        """`native` is the part's path at the model's size, `group` the frames to a latent. Raises as `Parent.open`."""
        self._native, self._group = native, group
        self._anchors = anchors.Anchors.of(request, native)
        self._plate = request.remake.plate.sha256 if request.remake else ""

    def places(self, clip: CameraPath) -> list[int]:
        """Which latents of a clip are known."""
        if self._anchors is None:
            return []
        return anchors.latents_within(clip, self._native.frames[-1], self._anchors.after, self._group)

    def origin(self, clip: CameraPath) -> dict[str, Any]:
        """What the clip's latents are made from besides all else; empty where nothing is held."""
        places = self.places(clip)
        return {"held": [self._plate, places]} if places else {}

    @torch.no_grad()
    def held(self, clip: CameraPath, encoded: Callable[[Tensor], Tensor]) -> Held | None:
        """The known latents of a clip; None where there are none. Raises PlateError E_FRAME_READ.

        encoded   from a video (1, 3, group k + 1, H, W) in -1..1 to normalised latents (1, C, k + 1, h, w)
        """
        places = self.places(clip)
        if not places:
            return None
        known = [encoded(self._video(clip, place))[:, :, -1:].float().cpu() for place in places]
        return Held(places, torch.cat(known, 2))

    def _video(self, clip: CameraPath, place: int) -> Tensor:
        """The pictures of a latent, those before them, and the one that a causal encoder takes by itself."""
        stop = place * self._group
        start = max(0, stop - self._group - BEFORE)
        shown = np.stack([self._picture(frame) for frame in clip.frames[start : stop + 1]])
        return torch.from_numpy(shown).permute(3, 0, 1, 2)[None] * 2 - 1

    def _picture(self, frame: int) -> Picture:
        """As the plate has it; beyond either end of the plate, the picture at that end."""
        assert self._anchors is not None
        parent, native = self._anchors.parent, self._native
        frame = max(min(frame, native.frames[-1]), min(parent.files))
        picture = parent.picture(frame)
        box = box_of(native, parent.camera, frame, picture.shape)
        return recut(picture, box, native.width, native.height)
