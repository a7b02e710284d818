"""Single pictures: colour, headers, resizing, the sheet and the preview, each against numbers from elsewhere."""

from __future__ import annotations

import struct
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from platewright import disk, frame_tags, pictures, previews, provenance
from platewright.errors import PlateError
from platewright.pictures import Picture
from tests.core.exr_reader import read_exr, read_header
from tests.core.plate_maker import CARD, job_for, picture_of
from tests.core.shots import level_pose, shot

ENCODERS = {"exr": pictures.write_exr, "png": pictures.write_png}
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def tags(frame: int = 1001, rate: Fraction = Fraction(24)) -> pictures.Tags:
    job = job_for(Path("out"))
    return pictures.Tags(
        rate=rate,
        frame=frame,
        world_from_camera=level_pose(1.0, -2.0, 1.7, heading_deg=30.0, tilt_deg=10.0),
        intrinsics=(57.6, 57.6, 32.0, 18.0),
        texts=provenance.marks(provenance.Origin.generated(job, job.request, CARD, {}, "cpu")),
    )


def flat(value: float, width: int = 32, height: int = 18) -> Picture:
    return np.full((height, width, 3), value, np.float32)


# Colour ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("display", "linear"),
    [(0.0, 0.0), (0.04045, 0.0031308), (0.5, 0.2140411), (0.46135613, 0.18), (0.21404114, 0.0376495), (1.0, 1.0)],
)
def test_the_srgb_curve(display: float, linear: float) -> None:
    """Published values of IEC 61966-2-1; 18 % grey is code 117.6."""
    assert pictures.linear_from_srgb(flat(display))[0, 0, 0] == pytest.approx(linear, abs=2e-6)
    assert pictures.srgb_from_linear(flat(linear))[0, 0, 0] == pytest.approx(display, abs=2e-5)


def test_out_of_range_is_clipped() -> None:
    wild = np.array([[[-0.5, 0.5, 1.5]]], np.float32)
    assert pictures.linear_from_srgb(wild)[0, 0].tolist() == pytest.approx([0.0, 0.2140411, 1.0])
    assert pictures.bytes_from_display(wild)[0, 0].tolist() == [0, 128, 255]


def test_every_8_bit_code_survives_both_formats(tmp_path: Path) -> None:
    codes = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    display = (codes / np.float32(255.0)).astype(np.float32)
    for suffix, encode in ENCODERS.items():
        path = tmp_path / f"codes.{suffix}"
        encode(path, display, tags())
        assert (pictures.bytes_from_display(pictures.read_picture(path)) == codes).all(), suffix


def test_a_grey_card_goes_round(tmp_path: Path) -> None:
    """O21: display 0.5 lies as linear 0.2140 in the EXR, by another reader, and comes back as 0.5."""
    path = tmp_path / "card.exr"
    pictures.write_exr(path, flat(0.5), tags())
    _, pixels = read_exr(path)
    assert pixels.astype(np.float32) == pytest.approx(0.2140, abs=2e-4)
    assert pictures.read_picture(path) == pytest.approx(0.5, abs=2e-4)


# EXR ---------------------------------------------------------------------------------------------


def test_another_reader_sees_the_same_halves(tmp_path: Path) -> None:
    camera = shot(1, size=(101, 47))               # no multiple of sixteen
    display = picture_of(camera, 0)
    path = tmp_path / "a.exr"
    pictures.write_exr(path, display, tags())
    _, pixels = read_exr(path)
    expected = pictures.linear_from_srgb(display).astype(np.float16)
    assert (pixels == expected).all()
    assert (OpenImageIO.ImageInput.open(str(path)).read_image("half") == expected).all()


def test_what_an_exr_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.exr"
    pictures.write_exr(path, flat(0.3), tags(frame=1001, rate=Fraction(24000, 1001)))
    attributes, _ = read_header(path.read_bytes())
    plain = {name: value for name, (_, value) in attributes.items()}
    assert plain["colorInteropID"] == b"lin_rec709_scene"
    chromaticities = struct.unpack("<8f", plain["chromaticities"])
    assert chromaticities == pytest.approx([0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290])
    assert struct.unpack("<iI", plain["framesPerSecond"]) == (24000, 1001)
    assert struct.unpack("<I", plain["timeCode"][:4])[0] == 0x00004117        # 1001 / 24 = 41 s 17 frames
    assert plain["dataWindow"] == plain["displayWindow"] == struct.pack("<4i", 0, 0, 31, 17)
    assert attributes["worldToCamera"][0] == "m44f"
    assert plain["platewright.model"] == b"draft" and plain["platewright.seed"] == b"0"
    assert plain["platewright.digitalSourceType"] == SOURCE.encode()
    assert len(plain["platewright.prompt_sha256"]) == 64 and b"meadow" not in path.read_bytes()
    assert plain["platewright.intrinsics"] == b"57.6 57.6 32 18"
    assert "capDate" not in plain


def test_world_to_camera_puts_points_where_the_camera_sees_them() -> None:
    """Row vectors, OpenEXR's left-handed camera, +Z forward and +Y up: compared with `CameraPath.project`."""
    camera = shot(3, tilts_deg=(5.0, -3.0, 11.0))
    for index, point in ((0, (0.4, 6.0, 2.5)), (1, (-1.0, 9.0, 0.0)), (2, (0.3, 4.0, 1.0))):
        matrix = np.array(frame_tags.world_to_camera(camera.camera_to_world[index])).reshape(4, 4)
        x, y, z, w = np.array([*point, 1.0]) @ matrix
        fx, fy, cx, cy = camera.intrinsics[index]
        seen = camera.project(point, index)
        assert z > 0 and w == 1.0 and seen is not None
        assert (cx + fx * x / z, cy - fy * y / z) == pytest.approx(seen)


@pytest.mark.parametrize(
    ("frame", "rate", "code"),
    [
        (0, Fraction(24), 0x00000000),
        (1001, Fraction(25), 0x00004001),
        (24 * 3600 + 24 * 60 + 24 + 1, Fraction(24000, 1001), 0x01010101),
        (24 * 3600 * 24, Fraction(24), 0x00000000),
    ],
)
def test_time_codes(frame: int, rate: Fraction, code: int) -> None:
    assert frame_tags.time_code(frame, rate) == (code, 0)


def test_rates_without_time_codes() -> None:
    assert frame_tags.time_code(1001, Fraction(60)) is None and frame_tags.time_code(1, Fraction(1, 3)) is None


@pytest.mark.parametrize("suffix", ["exr", "png"])
def test_the_clock_is_not_written(tmp_path: Path, suffix: str) -> None:
    """Same picture, same bytes, also in the next second; another seed in the header is another file."""
    first, second, other = (tmp_path / f"{name}.{suffix}" for name in "abc")
    ENCODERS[suffix](first, flat(0.4), tags())
    time.sleep(1.1)
    ENCODERS[suffix](second, flat(0.4), tags())
    ENCODERS[suffix](other, flat(0.4), replace(tags(), texts={"platewright.seed": "1"}))
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


# PNG ---------------------------------------------------------------------------------------------


def test_what_a_png_says_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    pictures.write_png(path, flat(0.5), tags())
    with Image.open(path) as image:
        assert (image.mode, image.size, image.info["srgb"]) == ("RGB", (32, 18), 0)
        assert image.info["platewright.model"] == "draft" and image.info["platewright.rate"] == "24/1"
        assert f'DigitalSourceType="{SOURCE}"' in image.info["XML:com.adobe.xmp"]
        assert np.asarray(image)[0, 0].tolist() == [128, 128, 128]
    described = OpenImageIO.ImageInput.open(str(path)).spec()
    assert described.get_string_attribute("oiio:ColorSpace") == "srgb_rec709_scene"


@pytest.mark.parametrize("suffix", ["exr", "png"])
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.9])
def test_cut_frames_are_no_pictures(tmp_path: Path, suffix: str, keep: float) -> None:
    """O18: what has been cut is refused, not shown half."""
    path = tmp_path / f"a.{suffix}"
    ENCODERS[suffix](path, picture_of(shot(1), 0), tags())
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    with pytest.raises(PlateError) as error:
        pictures.read_picture(path)
    assert error.value.code == "E_FRAME_READ" and error.value.hint


# Sizes -------------------------------------------------------------------------------------------


def slanted_edge(width: int, height: int, at_px: float) -> Picture:
    """A soft vertical edge whose middle lies `at_px` from the picture's left edge."""
    centres = np.arange(width) + 0.5
    profile = 1.0 / (1.0 + np.exp(-(centres - at_px) / 0.8))
    return np.repeat(np.tile(profile, (height, 1))[:, :, None], 3, axis=2).astype(np.float32)


def edge_position(picture: Picture) -> float:
    """Where the edge's middle lies, from the left picture edge: the centroid of its steps."""
    row = picture[picture.shape[0] // 2, :, 1].astype(np.float64)
    steps = np.diff(row)
    return float((steps * np.arange(1, len(row))).sum() / steps.sum())


@pytest.mark.parametrize("size", [(128, 72), (113, 63), (160, 45), (43, 24), (64, 72)])
@pytest.mark.parametrize("at_px", [20.0, 31.37, 40.8])
def test_resizing_keeps_the_camera(size: tuple[int, int], at_px: float) -> None:
    """A picture at another size shows an edge exactly where the scaled K puts it, both ways, within 0.02 px."""
    source = slanted_edge(64, 36, at_px)
    assert edge_position(source) == pytest.approx(at_px, abs=0.005)
    width, height = size
    wide = pictures.resize(source, width, height)
    assert wide.shape == (height, width, 3) and wide.dtype == np.float32
    assert edge_position(wide) == pytest.approx(at_px * width / 64, abs=0.02)
    tall = pictures.resize(np.ascontiguousarray(source.transpose(1, 0, 2)), height, width).transpose(1, 0, 2)
    assert edge_position(np.ascontiguousarray(tall)) == pytest.approx(at_px * width / 64, abs=0.02)


def test_the_judge_of_edges_sees_aligned_corners() -> None:
    """Corner-aligned sampling, which moves the lens, is caught."""
    source = slanted_edge(64, 36, 20.0)
    row = np.interp(np.linspace(0, 63, 128), np.arange(64), source[0, :, 0])
    corners = np.repeat(np.tile(row, (72, 1))[:, :, None], 3, axis=2).astype(np.float32)
    assert abs(edge_position(corners) - 40.0) > 0.1


def test_resizing_stays_in_range_and_keeps_flats() -> None:
    step = np.zeros((36, 64, 3), np.float32)
    step[:, 32:] = 1.0
    wide = pictures.resize(step, 200, 100)
    assert wide.min() >= 0.0 and wide.max() <= 1.0
    assert pictures.resize(flat(0.37), 97, 51) == pytest.approx(0.37, abs=1e-6)
    assert np.shares_memory(pictures.resize(step, 64, 36), step)


def test_a_box_is_cut_and_resized_at_once() -> None:
    """Whole pixels at their own size are cut out as they are; an edge stays where the box's own K puts it."""
    source = slanted_edge(64, 36, 31.37)
    cut = pictures.resize(source, 32, 18, (16.0, 9.0, 48.0, 27.0))
    assert np.shares_memory(cut, source) and edge_position(cut) == pytest.approx(15.37, abs=0.01)
    odd = pictures.resize(source, 90, 54, (10.5, 4.5, 55.5, 31.5))
    assert odd.shape == (54, 90, 3) and edge_position(odd) == pytest.approx(2 * (31.37 - 10.5), abs=0.05)


# A look at the whole -----------------------------------------------------------------------------


def test_the_preview_is_tagged_and_true(tmp_path: Path) -> None:
    """H.264, yuv420p, BT.709 and tagged so, exact rate, sides divisible by 4; colours come back."""
    path = tmp_path / "preview.mp4"
    colours = [(0.8, 0.1, 0.1), (0.1, 0.7, 0.2), (0.15, 0.2, 0.9), (0.5, 0.5, 0.5)]
    with previews.Preview(path, Fraction(24000, 1001), 130, 70, {"platewright.model": "draft"}) as preview:
        for colour in colours:
            preview.add(flat(1.0, 130, 70) * np.array(colour, np.float32))
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", 128, 72)
        assert stream.average_rate == Fraction(24000, 1001) and stream.frames == 4
        assert (context.color_primaries, context.color_trc, context.colorspace, context.color_range) == (1, 1, 1, 1)
        assert file.metadata["platewright.model"] == "draft"
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(stream)]
    for frame, colour in zip(frames, colours, strict=True):
        assert frame[36, 64] / 255 == pytest.approx(colour, abs=0.025)


def test_wide_previews_are_reduced(tmp_path: Path) -> None:
    with previews.Preview(tmp_path / "p.mp4", Fraction(24), 4096, 1716, {}) as preview:
        assert (preview.width, preview.height) == (1920, 804)
        preview.add(flat(0.5, 4096, 1716))


@pytest.mark.parametrize(("count", "cells"), [(1, 1), (5, 5), (12, 12), (48, 12)])
def test_the_sheet_takes_a_dozen(count: int, cells: int) -> None:
    frames = range(1001, 1001 + count)
    chosen = previews.ContactSheet.chosen(frames)
    assert len(chosen) == cells and {frames[0], frames[-1]} <= chosen <= set(frames)


def test_the_sheet_shows_its_frames_on_grey(tmp_path: Path) -> None:
    sheet = previews.ContactSheet("shot_v001", 1280, 720)
    for place in range(12):
        sheet.add(1001 + place, flat(place / 11, 1280, 720))
    sheet.save(tmp_path / "contact.png")
    pixels = np.asarray(Image.open(tmp_path / "contact.png"))
    assert pixels[0, 0].tolist() == [28, 28, 28]
    assert pixels[54 + 100, 20 + 200].tolist() == [0, 0, 0]
    assert pixels[54 + 2 * 271 + 100, 20 + 3 * 420 + 200].tolist() == [255, 255, 255]


def test_files_are_measured_as_written(tmp_path: Path) -> None:
    record = disk.write_bytes(tmp_path / "a", b"abc")
    assert record == disk.measure(tmp_path / "a") and record.sha256.startswith("ba7816bf8f01cfea")
