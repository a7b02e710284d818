"""Frames are encoded side by side, told in order, few at a time, and a failure leaves nothing half written."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from platewright import pictures, plates, take, versions
from platewright.errors import PlateError
from platewright.protocol import Event, FrameReady
from tests.core.shots import shot

CAMERA = shot(9, size=(64, 36))


def picture(index: int) -> pictures.Picture:
    return np.full((36, 64, 3), (index + 1) / 10, np.float32)


def written(folder: plates.PlateFolder, heard: list[Event]) -> None:
    made = (picture(index) for index in range(len(CAMERA)))
    with folder.recording():
        take.write_frames(folder, CAMERA, {}, made, lambda _, each: each, "j", heard.append, lambda _: None)


@pytest.fixture
def folder(tmp_path: Path) -> plates.PlateFolder:
    return versions.claim(tmp_path, "side", None, {"request_sha256": "0" * 64, "frame_format": "exr"})


def slowed(monkeypatch: pytest.MonkeyPatch, before: Any) -> None:
    """Every frame's file begins with `before(frame index)`."""
    write = plates.PlateFolder.write

    def slow(self: plates.PlateFolder, camera: Any, index: int, *rest: Any) -> plates.FrameRecord:
        before(index)
        return write(self, camera, index, *rest)

    monkeypatch.setattr(take, "WRITERS", 3)
    monkeypatch.setattr(plates.PlateFolder, "write", slow)


def test_they_are_told_in_order_and_shown_in_order(
    folder: plates.PlateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of every three waits until the others are there: nobody waits for it, nothing overtakes it."""
    done: list[int] = []
    turn = threading.Event()

    def last_comes_first(index: int) -> None:
        if index == 0:
            assert turn.wait(20), "two others are written meanwhile"
        done.append(index)
        if len(done) == 2:
            turn.set()

    slowed(monkeypatch, last_comes_first)
    heard: list[Event] = []
    written(folder, heard)
    assert done[0] != 0, "the test itself: the first frame was not the first"
    assert [event.frame for event in heard if isinstance(event, FrameReady)] == list(CAMERA.frames)
    for index, frame in enumerate(CAMERA.frames):
        stored = pictures.read_picture(folder.path / folder.frames[frame].file)
        assert stored == pytest.approx(picture(index), abs=2e-3)
    with av.open(str(folder.path / "preview.mp4")) as film:
        shown = [float(frame.to_ndarray(format="rgb24").mean()) for frame in film.decode(video=0)]
    assert shown == sorted(shown) and len(shown) == len(CAMERA)


def test_a_frame_that_fails_ends_it_and_leaves_nothing_half_written(
    folder: plates.PlateFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(index: int) -> None:
        if index == 4:
            raise PlateError("E_DISK_FULL", "The disk is full.", "Free some space.")

    slowed(monkeypatch, full)
    heard: list[Event] = []
    with pytest.raises(PlateError) as error:
        written(folder, heard)
    assert error.value.code == "E_DISK_FULL"
    assert [event.frame for event in heard if isinstance(event, FrameReady)] == list(CAMERA.frames[:4])
    assert not list(folder.path.glob("*.part-*")) and not (folder.path / "preview.mp4").exists()
    lines = [json.loads(line) for line in (folder.path / "journal.jsonl").read_text().splitlines()]
    assert {line["file"] for line in lines} == {path.name for path in folder.path.glob("*.exr")}


def test_few_pictures_wait_in_memory(folder: plates.PlateFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """However fast they are made: a slow disk holds the model back."""
    made, over, most = [0], [0], [0]

    def slow(index: int) -> None:
        time.sleep(0.02)
        most[0] = max(most[0], made[0] - over[0])
        over[0] += 1

    slowed(monkeypatch, slow)
    monkeypatch.setattr(take, "WAITING_MAX", 2)

    def counted() -> Any:
        for index in range(len(CAMERA)):
            made[0] += 1
            yield picture(index)

    with folder.recording():
        take.write_frames(
            folder, CAMERA, {}, counted(), lambda _, each: each, "j", lambda _: None, lambda _: None
        )
    assert over[0] == len(CAMERA) and most[0] <= 2 + 3 + 1
