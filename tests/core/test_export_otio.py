"""The timeline as OpenTimelineIO itself reads it, down to the files it names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import opentimelineio as otio
import pytest

from platewright.exports import otio as export
from platewright.exports.shot import Numbered, Shot

from .export_shots import wandering


def shot_in(folder: Path, frames: int = 5) -> Shot:
    """A shot whose frames lie in a folder with a name that a URL has to spell."""
    camera = wandering(frames)
    plate = folder / "plates ä#1" / "sh010_v001"
    plate.mkdir(parents=True)
    numbered = Numbered(plate, "sh010_v001.", ".exr", 4, camera.frames[0], camera.frames[-1])
    for frame in camera.frames:
        (plate / numbered.name(frame)).touch()
    return Shot("sh010_v001", camera, numbered, None)


def test_opentimelineio_reads_the_sequence(tmp_path: Path) -> None:
    shot = shot_in(tmp_path)
    folder = tmp_path / "edit"
    folder.mkdir()
    export.write(shot, folder / "sh010.otio", folder)
    timeline = otio.adapters.read_from_file(str(folder / "sh010.otio"))
    clips = list(timeline.find_clips())
    assert len(clips) == 1 and [track.kind for track in timeline.tracks] == ["Video"]
    media = clips[0].media_reference
    assert isinstance(media, otio.schema.ImageSequenceReference)
    rate = 24000 / 1001
    start = otio.opentime.RationalTime(1001, rate)
    assert timeline.global_start_time == start and media.available_range.start_time == start
    assert clips[0].source_range == media.available_range
    assert media.available_range.duration == otio.opentime.RationalTime(5, rate)
    assert media.rate == pytest.approx(rate, abs=1e-12)
    assert (media.start_frame, media.end_frame(), media.frame_step) == (1001, 1005, 1)
    assert media.number_of_images_in_sequence() == 5
    urls = [media.target_url_for_image_number(number) for number in range(5)]
    files = [folder / unquote(url) for url in urls]
    assert [file.name for file in files] == [f"sh010_v001.{frame}.exr" for frame in range(1001, 1006)]
    assert all(file.is_file() for file in files)
    assert media.frame_for_time(start) == 1001
    assert media.metadata["platewright"]["rate"] == "24000/1001"
    assert clips[0].visible_range().duration.value == 5


def test_start_is_the_time_code_of_the_first_frame(tmp_path: Path) -> None:
    """Frame 1001 at 24 counted is 00:00:41:17, as the frames' headers say."""
    shot = shot_in(tmp_path)
    export.write(shot, tmp_path / "sh010.otio", tmp_path)
    start = otio.adapters.read_from_file(str(tmp_path / "sh010.otio")).global_start_time
    assert otio.opentime.RationalTime(start.value, 24).to_timecode() == "00:00:41:17"


def test_nothing_is_lost_when_opentimelineio_writes_it_again(tmp_path: Path) -> None:
    shot = shot_in(tmp_path)
    export.write(shot, tmp_path / "a.otio", tmp_path)
    first = otio.adapters.read_from_file(str(tmp_path / "a.otio"))
    otio.adapters.write_to_file(first, str(tmp_path / "b.otio"))
    assert otio.adapters.read_from_file(str(tmp_path / "b.otio")).is_equivalent_to(first)
