"""Painting into a plate with Wan-VACE: what the model is shown, what bare diffusers makes of it, what frames keep."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from platewright import engine, fitting, keeping, pictures, provenance
from platewright.errors import Cancelled, RequestError
from platewright.match import footage
from platewright.models import guided, wan_keeping, wan_vace
from platewright.protocol import Event, Input, Job, Progress
from platewright.relock import Subject, Wish, lock
from tests.core import test_wan_vace as vace
from tests.core.shots import shot
from tests.core.test_keeping import raw, write_exr, write_png

COUNT = 12                                         # two windows of nine
SIZE = (130, 64)                                   # not quite the model's shape: it sees a little more
CAMERA = shot(COUNT, size=SIZE)
folder, own_cache = vace.folder, vace.own_cache    # fixtures


@pytest.fixture
def given(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A request to paint the upper part of a plate in half floats, whose colours go beyond white."""
    monkeypatch.setitem(wan_vace.VARIANTS, vace.KIND.name, vace.KIND)
    noise = np.random.default_rng(9)
    (tmp_path / "fg").mkdir()
    (tmp_path / "mask").mkdir()
    for index, frame in enumerate(CAMERA.frames):
        write_exr(tmp_path / "fg" / f"fg.{frame}.exr", noise.normal(0.4, 0.6, (SIZE[1], SIZE[0], 3)), "half")
        codes = np.zeros((SIZE[1], SIZE[0], 1), np.uint8)
        codes[: 30 + index] = 255
        codes[28 + index : 30 + index] = 90        # a soft edge
        write_png(tmp_path / "mask" / f"mask.{frame}.png", codes)
    inputs = {"plate": Input.of(tmp_path / "fg"), "mask": Input.of(tmp_path / "mask")}
    yield vace.request(CAMERA, model=str(folder), lock=False, steps=1, **inputs)


def job(given: Any, out: Path) -> Job:
    return Job(request=given, name="ext", out=str(out), check=False)


def is_kept(index: int) -> Any:
    return np.arange(SIZE[1]) >= 30 + index


def lost(plate: Path, given: Any) -> int:
    """How many kept pixels of the frames are not the given plate's, bit for bit."""
    count = 0
    for index, frame in enumerate(CAMERA.frames):
        before = raw(Path(given.plate.path) / f"fg.{frame}.exr")
        after = raw(plate / f"{plate.name}.{frame}.exr")
        count += int((before != after)[is_kept(index)].sum())
    return count


def test_a_plate_is_painted_into(given: Any, folder: Path, tmp_path: Path) -> None:
    seen: list[Event] = []

    def stop_late(event: Event) -> None:
        seen.append(event)
        if isinstance(event, Progress) and event.stage == "sampling" and event.done == 2:
            raise Cancelled()

    with pytest.raises(Cancelled):
        engine.make_plate(job(given, tmp_path / "out"), stop_late)           # in the second window
    plate = Path(engine.make_plate(job(given, tmp_path / "out"), seen.append, resume=True)["plate"])
    whole = Path(engine.make_plate(job(given, tmp_path / "again"), seen.append)["plate"])
    for frame in CAMERA.frames:
        name = f"{plate.name}.{frame}.exr"
        assert (plate / name).read_bytes() == (whole / name).read_bytes()
    assert plate.name == "ext_v001" and lost(plate, given) == 0
    assert provenance.verify(plate).is_sound

    manifest = json.loads((plate / "plate.json").read_text())
    assert {name: manifest["inputs"][name]["sha256"] for name in ("plate", "mask")} == {
        "plate": given.plate.sha256, "mask": given.mask.sha256,
    }  # fmt: skip
    assert manifest["picture"]["kept"]["written"] == "half"
    assert manifest["settings"]["sampler"] == {
        "scheduler": "UniPCMultistepScheduler", "shift": 3.0, "steps": 1, "guidance": vace.GUIDANCE,
    }  # fmt: skip
    assert manifest["disclosure"]["digitalSourceType"].endswith("compositeWithTrainedAlgorithmicMedia")
    assert str(tmp_path) not in (plate / "plate.json").read_text()

    backend = vace.KIND.open("cpu", folder)        # painted pixels are the model's, one resample away
    view = engine.seen_camera(given, CAMERA, 0.0, vace.KIND.sizes)
    made = list(backend.generate(given, view, "job", seen.append))
    left, top = round(view.intrinsics[0][2] - 65), round(view.intrinsics[0][3] - 32)
    x, y = made[3].shape[1] / view.width, made[3].shape[0] / view.height
    box = left * x, top * y, (left + SIZE[0]) * x, (top + SIZE[1]) * y
    painted = pictures.linear_from_srgb(pictures.resize(made[3], *SIZE, box))[:30].astype(np.float16)
    assert np.array_equal(raw(plate / f"{plate.name}.1004.exr").view(np.float16)[:30], painted)
    with pytest.raises(RequestError, match="E_PLATE_LOCK"):
        lock(Subject(frames=plate), Wish(out=tmp_path / "locked"), seen.append)
    assert footage.Footage.open(plate).frames == CAMERA.frames


def test_the_model_is_shown_what_is_kept_and_bare_diffusers_agrees(given: Any, folder: Path) -> None:
    """Window by window: grey with a white mask where it paints, the plate with a black one where it keeps."""
    native = CAMERA.scaled(*vace.NATIVE)
    kept = keeping.opened(given)
    assert kept is not None
    keeper, grey = wan_keeping.Keeper(native, kept), wan_keeping.Blank(native)
    first, second = (fitting.held(native, window) for window in fitting.windows(COUNT, vace.KIND.clip))
    shown, mask = wan_vace.conditions(grey, first, None, keeper)
    for index in range(9):
        rows = mask[index, :, 0, 0]
        assert np.array_equal(rows, np.arange(32) < np.ceil((30 + index + 1) / 2))      # any part of a soft pixel
        assert (shown[index][rows == 1] == 0.5).all()
        whole = pictures.read_picture(Path(given.plate.path) / f"fg.{CAMERA.frames[index]}.exr")
        expected = pictures.resize(whole, *vace.NATIVE)
        assert np.abs(shown[index][rows == 0] - expected[rows == 0]).max() < 1e-6

    given = replace(given, steps=vace.STEPS)
    made = np.stack(list(vace.KIND.open("cpu", folder).generate(given, CAMERA, "job", lambda event: None)))
    assert np.array_equal(made[:9], vace.bare(folder, shown, mask))
    shown, mask = wan_vace.conditions(grey, second, made[8], keeper)
    assert mask[0].max() == 0 and mask[1:].max() == 1
    rows = np.arange(32) >= 20                     # kept in the picture that leads, too: the plate's, not the decoder's
    lead = keeper.seen(second.frames[0])
    assert lead is not None and np.array_equal(shown[0][rows], lead[0][rows])
    assert np.array_equal(shown[0][:19], made[8][:19])
    assert np.array_equal(made[9:], vace.bare(folder, shown, mask, window=1)[1:4])
    late = wan_vace.conditions(grey, first, None, wan_keeping.Keeper(native, replace(kept, masks=shifted(kept.masks))))
    assert not np.array_equal(late[1], wan_vace.conditions(grey, first, None, keeper)[1])


def shifted(masks: Any) -> Any:
    """Each frame with the mask of the one after it."""
    frames = list(masks)
    return {frame: masks[frames[min(place + 1, len(frames) - 1)]] for place, frame in enumerate(frames)}


def test_a_guide_tells_what_is_painted(given: Any) -> None:
    native = CAMERA.scaled(*vace.NATIVE)
    kept = keeping.opened(given)
    assert kept is not None
    shown, mask = wan_vace.conditions(guided.Guide(native), native, None, wan_keeping.Keeper(native, kept))
    white = mask[4] == 1
    assert np.array_equal(shown[4][white], guided.Guide(native).picture(CAMERA.frames[4])[white])


def test_a_pixel_of_the_models_is_painted_where_it_covers_a_painted_one() -> None:
    paint = np.random.default_rng(2).random((30, 50)) > 0.97
    box = -1.4, 2.3, 47.9, 31.2
    found = wan_keeping.touched(paint, box, 16, 9)
    for row in range(9):
        for column in range(16):
            left, top = box[0] + column * (box[2] - box[0]) / 16, box[1] + row * (box[3] - box[1]) / 9
            right, bottom = left + (box[2] - box[0]) / 16, top + (box[3] - box[1]) / 9
            ys, xs = (np.arange(int(np.floor(a)), int(np.ceil(b))) for a, b in ((top, bottom), (left, right)))
            inside = ((ys >= 0) & (ys < 30))[:, None] & ((xs >= 0) & (xs < 50))
            covered = np.where(inside, paint[np.clip(ys, 0, 29)[:, None], np.clip(xs, 0, 49)], True)
            assert found[row, column] or not covered.any()
    assert not wan_keeping.touched(np.zeros((30, 50), bool), (0, 0, 50, 30), 16, 9).any()
