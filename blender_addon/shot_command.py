"""Shots on Blender's own command line: what markers hold goes along, and what the scene knows is read shot by shot."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.shots import FORMAT, VERSION, split

from . import shot_read
from .scene_geometry import SceneGeometry, geometry_along
from .still_command import FROM

SHOTS, LIST, JOBS = "--shots", "--shot-list", "--jobs"
BY_SHOT = ("shots", "storyboard")                  # verbs that are of shots without being told so


def is_by_shot(verb: str, words: Sequence[str]) -> bool:
    """Whether a command is about shots one by one."""
    given = {word.partition("=")[0] for word in words}
    return verb in BY_SHOT or not given.isdisjoint((SHOTS, LIST, JOBS))


def with_list(scene: bpy.types.Scene, verb: str, path: CameraPath, words: Sequence[str]) -> list[str]:
    """The words, with the prompts and seeds that markers hold where the command is about shots and names no list."""
    given = {word.partition("=")[0] for word in words}
    if not is_by_shot(verb, words) or LIST in given or "--from" in given:
        return list(words)
    told = list(_told(scene, path))
    if not told:
        return list(words)
    file = Path(bpy.app.tempdir) / "shots.json"
    file.write_text(json.dumps({"format": FORMAT, "version": VERSION, "shots": told}), encoding="ascii")
    chosen = [] if SHOTS in given else [SHOTS, "all"]      # else only those of the list would be made
    return [*words, f"{LIST}={file}", *chosen]


def lasting(words: Sequence[str]) -> Path:
    """A folder for what a command is given of the scene: beside the job files where it writes any, else our own."""
    given = dict(word.split("=", 1) for word in words if word.startswith(f"{JOBS}="))
    given |= dict(pairwise(words))
    return Path(given[JOBS], f"scene_{os.urandom(4).hex()}") if JOBS in given else Path(bpy.app.tempdir)


def refuse_passing(words: Sequence[str]) -> None:
    """RequestError E_USAGE for job files that would hold a picture which ends with this Blender."""
    given = {word.partition("=")[0] for word in words}
    if {JOBS, FROM} <= given and any(word in ("render", f"{FROM}=render") for word in words):
        hint = "Render it with `still -o FILE.png`, and give it with --first-frame."
        raise RequestError("E_USAGE", "A job file cannot hold a picture that is rendered now.", hint)


def _told(scene: bpy.types.Scene, path: CameraPath) -> Iterator[dict[str, Any]]:
    """What markers say of the path's shots; a part of the range may have given those other names."""
    there = shot_read.shots_of(scene)
    for part in split(path):
        own = (each for each in there if each.first <= part.first <= each.last)
        for shot in own:
            if shot.camera.name in (part.camera.camera, part.camera.camera.partition(" [")[0]) and shot.wishes():
                yield {"name": part.name, **shot.wishes()}


def geometry_of(scene: bpy.types.Scene, path: CameraPath, words: Sequence[str]) -> SceneGeometry:
    """What the scene knows along a path; of one that cuts, depth of key frames in every shot, or none at all."""
    whole = geometry_along(scene, path)
    parts = split(path)
    if len(parts) == 1 or not is_by_shot("", words):
        return whole
    seen = [geometry_along(scene, part.camera).depth for part in parts]
    return replace(whole, depth={number: each for depth in seen for number, each in depth.items()} if all(seen) else {})
