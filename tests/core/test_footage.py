"""What counts as a frame, and what a frame is read as."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenImageIO
import pytest
from numpy.typing import NDArray

from platewright import pictures
from platewright.errors import PlatewrightError
from platewright.match.footage import Footage, Mask

from .plate_maker import job_for, make


def write(path: Path, picture: NDArray[np.generic] | None = None, value: int = 100) -> Path:
    """A picture by OpenCV, grey 48x32 unless one is given (BGR)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((32, 48, 3), value, np.uint8) if picture is None else picture)
    return path


def write_exr(path: Path, linear: NDArray[np.float32], data: tuple[int, int, int, int] | None = None) -> None:
    """A float EXR whose display window is the whole picture and whose data window may be smaller or reach outside."""
    height, width, channels = linear.shape
    spec = OpenImageIO.ImageSpec(width, height, channels, "float")
    if data:
        spec.x, spec.y, spec.full_width, spec.full_height = data
    output = OpenImageIO.ImageOutput.create(str(path))
    assert output and output.open(str(path), spec) and output.write_image(linear) and output.close()


def refusal(path: Path, mask_of: Footage | None = None) -> str:
    with pytest.raises(PlatewrightError) as error:
        Mask.open(path, mask_of) if mask_of else Footage.open(path)
    assert (error.value.hint and path.name in error.value.message) or error.value.code.startswith("E_FRAME")
    return error.value.code


def test_numbers_come_from_the_last_digits_and_may_have_gaps(tmp_path: Path) -> None:
    for frame in (1010, 998, 1001):
        write(tmp_path / f"shot_v003.{frame:04d}.png", value=frame % 200)
    for stray in ("contact.png", "match.png", "preview.mp4", ".shot_v003.0001.png", "camera2.json", "f.1.png.part"):
        (tmp_path / stray).write_bytes(b"no picture")
    footage = Footage.open(tmp_path)
    assert footage.frames == (998, 1001, 1010)
    assert (footage.width, footage.height, len(footage)) == (48, 32, 3)
    assert [footage.grey(index)[0, 0] for index in range(3)] == [frame % 200 for frame in footage.frames]


def test_a_number_in_the_middle_and_one_frame_alone(tmp_path: Path) -> None:
    write(tmp_path / "left_0012_beauty.JPG")
    assert Footage.open(tmp_path).frames == (12,)


def test_a_plate_is_what_its_manifest_says(tmp_path: Path) -> None:
    plate = make(job_for(tmp_path))
    known = Footage.open(plate)
    write(plate / "another.0001.png")
    assert Footage.open(plate).frames == known.frames
    assert Footage.open(plate).paths == known.paths


def test_a_plate_whose_frame_is_a_link_is_refused(tmp_path: Path) -> None:
    plate = make(job_for(tmp_path))
    frame = Footage.open(plate).paths[1]
    frame.rename(tmp_path / "elsewhere.exr")
    frame.symlink_to(tmp_path / "elsewhere.exr")
    assert refusal(plate) == "E_FRAME_READ"
    frame.unlink()
    assert refusal(plate) == "E_FRAME_READ"


def test_a_plate_with_names_that_reach_outside_is_refused(tmp_path: Path) -> None:
    plate = make(job_for(tmp_path))
    name = Footage.open(plate).paths[0].name
    manifest = plate / "plate.json"
    manifest.write_text(manifest.read_text().replace(f'"{name}"', f'"../{name}"'))
    assert refusal(plate) == "E_MANIFEST"


def test_what_is_no_sequence_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "nowhere") == "E_FILE_MISSING"
    assert refusal(tmp_path) == "E_FRAMES_NONE"
    assert refusal(write(tmp_path / "contact.png")) == "E_FRAMES_NONE"
    write(tmp_path / "two" / "left.0001.png")
    write(tmp_path / "two" / "right.0002.png")
    assert refusal(tmp_path / "two") == "E_FRAMES_MIXED"
    write(tmp_path / "twins" / "shot.1.png")
    write(tmp_path / "twins" / "shot.0001.png")
    assert refusal(tmp_path / "twins") == "E_FRAMES_MIXED"
    write(tmp_path / "formats" / "shot.0001.png")
    write(tmp_path / "formats" / "shot.0001.jpg")
    assert refusal(tmp_path / "formats") == "E_FRAMES_MIXED"


def test_sizes_that_differ_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "shot.0001.png")
    write(tmp_path / "shot.0002.png", np.zeros((32, 50, 3), np.uint8))
    assert refusal(tmp_path) == "E_FRAMES_SIZE"


def test_a_frame_that_changes_later_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "shot.0001.png")
    footage = Footage.open(tmp_path)
    write(path, np.zeros((64, 96, 3), np.uint8))
    with pytest.raises(PlatewrightError, match="E_FRAMES_SIZE"):
        footage.picture(0)


def test_torn_frames_are_refused_when_they_are_read(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (32, 48, 3), np.uint8)
    path = write(tmp_path / "shot.0001.png", noise)
    path.write_bytes(path.read_bytes()[:900])
    footage = Footage.open(tmp_path)
    with pytest.raises(PlatewrightError, match="E_FRAME_READ"):
        footage.picture(0)
    path.write_bytes(b"words")
    assert refusal(tmp_path) == "E_FRAME_READ"


def test_every_format_is_the_same_picture(tmp_path: Path) -> None:
    codes = np.random.default_rng(2).integers(0, 256, (32, 48, 3), np.uint8)
    write(tmp_path / "8" / "f.1.png", codes)
    write(tmp_path / "16" / "f.1.png", codes.astype(np.uint16) * 257)
    write(tmp_path / "alpha" / "f.1.png", np.dstack([codes, np.full((32, 48), 255, np.uint8)]))
    (tmp_path / "exr").mkdir()
    write_exr(tmp_path / "exr" / "f.1.EXR", pictures.linear_from_srgb(codes[:, :, ::-1].astype(np.float32) / 255))
    for folder in ("8", "16", "alpha", "exr"):
        picture = Footage.open(tmp_path / folder).picture(0)
        assert picture.dtype == np.float32 and picture.shape == (32, 48, 3)
        assert np.abs(picture - codes[:, :, ::-1] / 255).max() < 1e-5, folder


def test_grey_pictures_and_luma(tmp_path: Path) -> None:
    write(tmp_path / "grey" / "f.1.png", np.full((32, 48), 77, np.uint8))
    assert (Footage.open(tmp_path / "grey").grey(0) == 77).all()
    write(tmp_path / "green" / "f.1.png", np.full((32, 48, 3), (0, 255, 0), np.uint8))
    assert Footage.open(tmp_path / "green").luma(0) == pytest.approx(0.7152, abs=1e-6)


def test_what_a_renderer_leaves_behind_is_black_or_white(tmp_path: Path) -> None:
    linear = np.full((32, 48, 3), np.nan, np.float32)
    linear[0], linear[1], linear[2] = np.inf, -3.0, 900.0
    write_exr(tmp_path / "f.1.exr", linear)
    picture = Footage.open(tmp_path).picture(0)
    assert picture[[0, 1, 2, 3], 0, 0] == pytest.approx([1.0, 0.0, 1.0, 0.0])


def test_a_cropped_data_window_keeps_its_place(tmp_path: Path) -> None:
    write_exr(tmp_path / "f.1.exr", np.ones((32, 48, 3), np.float32), (10, -4, 64, 40))
    footage = Footage.open(tmp_path)
    assert (footage.width, footage.height) == (64, 40)
    ys, xs = np.nonzero(footage.grey(0))
    assert (xs.min(), xs.max(), ys.min(), ys.max()) == (10, 57, 0, 27)


def test_pictures_beyond_any_size_are_not_read(tmp_path: Path) -> None:
    write(tmp_path / "f.1.png", np.zeros((1, 16_500), np.uint8))
    assert refusal(tmp_path) == "E_FRAME_READ"


def mask_picture(path: Path, width: int, height: int, white_from: float = 0.5) -> Path:
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:, int(width * white_from) :] = 255
    return write(path, picture)


def test_a_mask_is_one_picture_or_one_per_frame(tmp_path: Path) -> None:
    for frame in (5, 7):
        write(tmp_path / "frames" / f"f.{frame}.png")
    footage = Footage.open(tmp_path / "frames")
    still = Mask.open(mask_picture(tmp_path / "mask.png", 96, 64), footage)
    assert still.is_free(0).shape == (32, 48)
    assert still.is_free(1)[:, :24].all() and not still.is_free(1)[:, 24:].any()

    for frame, share in ((5, 0.5), (6, 0.1), (7, 0.75)):
        mask_picture(tmp_path / "masks" / f"m_{frame}.png", 48, 32, share)
    moving = Mask.open(tmp_path / "masks", footage)
    assert [moving.is_free(index)[0].sum() for index in (0, 1)] == [24, 36]


def test_masks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    for frame in (5, 7):
        write(tmp_path / "frames" / f"f.{frame}.png")
    footage = Footage.open(tmp_path / "frames")
    assert refusal(mask_picture(tmp_path / "wide.png", 96, 32), footage) == "E_FRAMES_SIZE"
    mask_picture(tmp_path / "masks" / "m.5.png", 48, 32)
    assert refusal(tmp_path / "masks", footage) == "E_MASK_FRAMES"
    assert refusal(tmp_path / "nowhere", footage) == "E_FILE_MISSING"
