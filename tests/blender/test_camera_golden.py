"""The golden cameras again, live, on this Blender."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blender_addon import scene_read
from tests.blender import golden, scenes

STORED: list[dict[str, Any]] = json.loads(golden.FILE.read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("index", range(golden.COUNT))
def test_the_path_is_blenders(index: int) -> None:
    scene, _ = golden.build(index)
    path = scene_read.camera_path(scene)
    metres_per_unit = STORED[index]["scale_length"]
    assert scenes.worst_px(path, scene, metres_per_unit=metres_per_unit) < scenes.LIMIT_PX
    assert path.warnings == ()


@pytest.mark.parametrize("index", range(golden.COUNT))
def test_this_blender_says_what_is_stored(index: int) -> None:
    measured, stored = golden.measure(index), STORED[index]
    assert measured.keys() == stored.keys()
    for key, value in stored.items():
        rough = key in {"calc_matrix_camera", "world_to_camera_view"}         # pixels; the rest is input
        assert flat(measured[key]) == pytest.approx(flat(value), abs=0.02 if rough else 1e-5), key


def flat(value: Any) -> Any:
    """Numbers in a row, whatever lists they are in; words as they are."""
    if isinstance(value, list | tuple):
        return [number for entry in value for number in flat(entry)]
    return value if value is None or isinstance(value, str) else [value]
