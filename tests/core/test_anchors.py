"""A part of a plate made anew by Wan-VACE meets the frames that stay on both sides, and bare diffusers agrees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from platewright import anchors, engine, fitting, model_commands, models, pictures, provenance, remaking
from platewright.camera import CameraPath
from platewright.cards import FrameRule
from platewright.models import guided, wan_vace
from platewright.protocol import Event, Input, Job, Remake, Warned
from tests.core import test_wan_vace as vace
from tests.core.shots import level_pose, shot

CAMERA = shot(12, size=vace.NATIVE)                 # as large as the model's pictures: no resample between them
FIRST, LAST, HANDLES = 1005, 1007, 2
PART = CAMERA.window(FIRST - HANDLES, LAST + HANDLES)                     # seven frames, made as nine
folder, own_cache = vace.folder, vace.own_cache    # fixtures


@pytest.fixture
def parent(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A plate of the small model's, one step away from noise: no two frames are alike."""
    monkeypatch.setitem(wan_vace.VARIANTS, vace.KIND.name, vace.KIND)
    request = vace.request(CAMERA, model=str(folder), lock=False, steps=1, frame_format="png", prompt=vace.PROMPT)
    plate = made(Job(request=request.checked(), name="sh010", out=str(tmp_path), id="j1", check=False))
    yield plate


def made(job: Job, hear: Any = lambda event: None) -> Path:
    return Path(engine.make_plate(job, hear)["plate"])


def remake(parent: Path, camera: CameraPath | None = None, **fields: Any) -> Job:
    told = {"steps": vace.STEPS, **fields}
    request = remaking.request_from(parent, (FIRST, LAST), HANDLES, camera, told)
    return Job(request=request, name="sh010", out=str(parent.parent), id="j2", check=False)


def frame(plate: Path, number: int) -> Any:
    return pictures.read_picture(plate / f"{plate.name}.{number}.png")


def told(plate: Path) -> dict[str, Any]:
    return provenance.read_manifest(plate)["inputs"]["remake"]


def by_hand(parent: Path, held: tuple[int, ...]) -> tuple[Any, Any]:
    """What the model should be shown: the layout in white where it paints, the plate in black where it is held."""
    numbers = [*PART.frames, PART.frames[-1], PART.frames[-1]]
    layout = guided.Guide(CAMERA.scaled(*vace.NATIVE))
    shown = np.stack([frame(parent, n) if n in held else layout.picture(n) for n in numbers])
    mask = np.ones_like(shown)
    mask[[n in held for n in numbers]] = 0
    return shown, mask


def test_both_ends_hold_it(parent: Path, folder: Path) -> None:
    heard: list[Event] = []
    plate = made(remake(parent), heard.append)
    assert provenance.verify(plate).is_sound and told(plate)["lead"] is None
    assert not [event for event in heard if isinstance(event, Warned) and event.code == "W_ONE_END"]
    assert told(plate)["anchors"] == {"before": [1003, 1004], "after": [1008, 1009]}
    assert "mean over pixels" in told(plate)["measured"] and len(told(plate)["joins"]) == 2
    held = 1003, 1004, 1008, 1009
    stock = vace.bare(folder, *by_hand(parent, held))
    for number in range(FIRST, LAST + 1):
        there = np.round(stock[number - 1003] * 255)
        assert np.array_equal(np.round(frame(plate, number) * 255), there)
    one_sided = vace.bare(folder, *by_hand(parent, (1003, 1004)))
    assert np.abs(stock - one_sided)[2:5].max() > 2 / 255, "without the far side the part is another"
    for number in (*range(1001, FIRST), *range(LAST + 1, 1013)):
        name = f"{number}.png"
        assert (plate / f"{plate.name}.{name}").read_bytes() == (parent / f"{parent.name}.{name}").read_bytes()
    assert not [event for event in heard if isinstance(event, Warned) and event.code == "W_FRAMES_STALE"]


def turned(frames: range) -> CameraPath:
    """The camera of the plate, turned by 9 degrees in these frames."""
    poses = [level_pose(0, 0.1 * n, 1.7, 2.0 * n + (9 if 1001 + n in frames else 0)) for n in range(12)]
    return replace(CAMERA, camera_to_world=tuple(poses))


def test_a_frame_of_another_camera_holds_nothing(parent: Path) -> None:
    heard: list[Event] = []
    plate = made(remake(parent, turned(range(1008, 1013))), heard.append)
    assert told(plate)["anchors"] == {"before": [1003, 1004], "after": []}
    assert told(plate)["stale"] == [1008, 1009, 1010, 1011, 1012]
    assert [event.message for event in heard if isinstance(event, Warned) and "1008-1012" in event.message]
    moved = remake(parent, turned(range(FIRST, LAST + 1)))
    assert told(made(moved))["anchors"] == {"before": [1003, 1004], "after": [1008, 1009]}, "these are as they were"


def test_a_picture_given_by_hand_leads_and_the_far_side_still_holds(parent: Path, tmp_path: Path) -> None:
    Image.new("RGB", vace.NATIVE, (80, 90, 100)).save(tmp_path / "first.png")
    plate = made(remake(parent, first_frame=Input.of(tmp_path / "first.png")))
    assert told(plate)["made"] == [FIRST, 1009] and told(plate)["lead"] is None
    assert told(plate)["anchors"] == {"before": [], "after": [1008, 1009]}


def test_every_model_says_what_holds_it() -> None:
    held = {card.name: card.anchors for card in models.cards()}
    assert {name for name, anchors in held.items() if anchors == "start"} == {"cosmos-transfer2.5"}
    assert {name for name, anchors in held.items() if anchors == "none"} == {"grid", "draft"}
    rows = model_commands.say_listed({"models": [asdict(card) for card in models.cards()], "stills": []})
    assert rows.count("held by the frames on both sides") == 7 and rows.count("by the frame before it alone") == 1


def test_handles_leave_room_for_what_they_hold() -> None:
    rule, long = FrameRule(multiple=4, offset=1, maximum=81), Remake(Input("plate.json", "0" * 64), 1, 2, 100)
    paints = replace(vace.KIND.card(), clip=rule)
    assert [anchors.handles_for(replace(long, handles=asked), paints) for asked in (100, 8, 1, 0)] == [20, 8, 1, 0]
    starts = replace(paints, takes_plate=False)
    assert [anchors.handles_for(replace(long, handles=asked), starts) for asked in (100, 8, 1, 0)] == [20, 8, 4, 0]
    for count in (81, 89, 161, 170, 400):
        covered = fitting.windows(count, rule, even=True)
        assert len(covered) == len(fitting.windows(count, rule))
        assert [window.start + window.given for window in covered[1:]] == [window.stop for window in covered[:-1]]
        assert covered[-1].stop == count and max(window.length for window in covered) <= 81
        assert len(covered) == 1 or covered[-1].stop - covered[-1].start > 36
    uneven = fitting.windows(89, rule)[-1]
    assert uneven.stop - uneven.start == 9, "all of which would be handles"
