"""How much work a plate is, of a job as of the settings that would become one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import bpy

from .job_memory import Work

if TYPE_CHECKING:                                  # not at every start of Blender
    from platewright.protocol import Job

Cards = Mapping[str, Mapping[str, Any]]


def work_of(job: Job, cards: Cards) -> Work:
    """Of a job that was submitted."""
    request, camera = job.request, job.request.camera
    width, height = request.size or (camera.width, camera.height)
    return Work(
        model=request.model,
        device=request.device,
        frames=len(camera.frames),
        steps=request.steps or steps_of(request.model, cards),
        megapixels=width * height / 1e6,
        tries=job.tries,
    )


def work_ahead(scene: bpy.types.Scene, size: tuple[int, int], cards: Cards) -> Work:
    """Of the settings as they are, at this size of the plate."""
    settings = scene.platewright
    return Work(
        model=settings.model,
        device=settings.device or "auto",
        frames=max(1, scene.frame_end - scene.frame_start + 1),
        steps=settings.steps or steps_of(settings.model, cards),
        megapixels=size[0] * size[1] / 1e6,
        tries=settings.tries if settings.check else 1,
    )


def steps_of(model: str, cards: Cards) -> int:
    """What the model recommends; 0 where nobody has asked it yet."""
    return int(cards.get(model, {}).get("default_steps") or 0)
