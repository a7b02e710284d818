"""Colour spaces against OpenColorIO's own configuration and published matrices; headers as OpenImageIO reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO
import PyOpenColorIO
import pytest

from platewright import colour, frame_files, frame_tags, pictures
from platewright.colour import SPACES
from tests.core.shots import shot
from tests.core.test_pictures import tags

OCIO_NAMES = {
    "srgb": "sRGB Encoded Rec.709 (sRGB)",
    "linear-rec709": "Linear Rec.709 (sRGB)",
    "acescg": "ACEScg",
    "aces2065-1": "ACES2065-1",
}
AP1_FROM_709 = [                                   # as OpenColorIO's ACES configurations have it
    [0.613097429, 0.339523137, 0.047379453], [0.070193723, 0.916353881, 0.013452399],
    [0.020615593, 0.109569773, 0.869814634],
]  # fmt: skip


def colours() -> colour.Picture:
    """Display values: a coarse cube of all colours, and blacks where the curve is straight."""
    steps = np.concatenate([[0.0, 0.01, 0.04045, 0.05], np.linspace(0.1, 1.0, 8)]).astype(np.float32)
    return np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(12, 144, 3)


def by_opencolorio(picture: colour.Picture, source: str, target: str) -> colour.Picture:
    config = PyOpenColorIO.Config.CreateFromFile("ocio://default")
    processor = config.getProcessor(OCIO_NAMES[source], OCIO_NAMES[target])
    pixels = np.ascontiguousarray(picture, np.float32).copy()
    # Without its fast approximation of the power, which is off by 1e-4.
    flags = PyOpenColorIO.OPTIMIZATION_LOSSLESS
    processor.getOptimizedCPUProcessor(flags).applyRGB(pixels.reshape(-1, 3))
    return pixels


@pytest.mark.parametrize("name", SPACES)
def test_values_are_those_of_opencolorio(name: str) -> None:
    picture = colours()
    stored = SPACES[name].stored(picture)
    assert np.abs(stored - by_opencolorio(picture, "srgb", name)).max() < 2e-6
    assert np.abs(SPACES[name].shown(stored) - picture).max() < 2e-5


def test_the_judge_of_values_tells_spaces_apart() -> None:
    picture = colours()
    for name in ("linear-rec709", "aces2065-1", "srgb"):
        assert np.abs(SPACES[name].stored(picture) - by_opencolorio(picture, "srgb", "acescg")).max() > 0.1


def test_matrices_keep_grey() -> None:
    assert colour.ACESCG.from_rec709 == pytest.approx(np.array(AP1_FROM_709), abs=1e-6)
    for space in (colour.ACESCG, colour.ACES):
        assert space.from_rec709.sum(axis=1) == pytest.approx([1.0, 1.0, 1.0], abs=1e-12)
    there, back = (colour.matrix_between(*pair) for pair in ((colour.AP0, colour.AP1), (colour.AP1, colour.AP0)))
    assert there @ back == pytest.approx(np.eye(3), abs=1e-12)


@pytest.mark.parametrize("compression", ["zip", "piz"])
@pytest.mark.parametrize("name", SPACES)
def test_openimageio_reads_the_space_and_the_values(tmp_path: Path, name: str, compression: str) -> None:
    path, space, picture = tmp_path / "a.exr", SPACES[name], colours()
    form = frame_files.ExrForm(encoding=space, compression=compression)
    frame_files.write_exr(path, picture, tags(), form)
    source = OpenImageIO.ImageInput.open(str(path))
    spec = source.spec()
    assert spec.get_string_attribute("oiio:ColorSpace") == space.interop_id
    assert spec.get_string_attribute("compression") == compression
    assert spec.getattribute("chromaticities") == pytest.approx(space.primaries)
    assert (source.read_image("half") == space.stored(picture).astype(np.float16)).all()
    assert np.abs(pictures.read_picture(path) - picture).max() < 1e-2         # dark beside bright, in halves of AP0


def test_chromaticities_alone_name_a_space() -> None:
    """Other programs write no interop id; what nobody knows is taken for Linear Rec.709, as ever."""
    assert colour.space_of("", colour.AP1) is colour.ACESCG
    assert colour.space_of("scene_linear", colour.AP0) is colour.ACES
    assert colour.space_of("", None) is colour.space_of("", (0.1,) * 8) is colour.LINEAR


def test_the_camera_in_the_header_is_the_camera_of_the_path(tmp_path: Path) -> None:
    """worldToCamera and worldToNDC, read by OpenImageIO, put points where `CameraPath.project` does."""
    camera = shot(3, size=(64, 36), tilts_deg=(5.0, -3.0, 11.0))
    for index, point in ((0, (0.4, 6.0, 2.5)), (1, (-1.0, 9.0, 0.0)), (2, (0.3, 4.0, 1.0))):
        pose, lens = camera.camera_to_world[index], camera.intrinsics[index]
        path = tmp_path / f"{index}.exr"
        picture = np.zeros((36, 64, 3), np.float32)
        frame_files.write_exr(path, picture, replace(tags(), world_from_camera=pose, intrinsics=lens))
        spec = OpenImageIO.ImageInput.open(str(path)).spec()
        x, y, _, w = np.array([*point, 1.0]) @ np.reshape(spec.getattribute("worldToNDC"), (4, 4))
        seen = camera.project(point, index)
        assert seen is not None
        assert (x / w * 64, y / w * 36) == pytest.approx(seen, abs=1e-3)
        right, up, ahead, _ = np.array([*point, 1.0]) @ np.reshape(spec.getattribute("worldToCamera"), (4, 4))
        focal_mm, sensor_mm = spec.getattribute("effectiveFocalLength"), spec.getattribute("sensorOverallDimensions")
        fx, fy, cx, cy = lens
        assert ahead > 0
        assert (cx + right / ahead * fx, cy - up / ahead * fy) == pytest.approx(seen, abs=1e-3)
        assert (focal_mm / sensor_mm[0] * 64, focal_mm / sensor_mm[1] * 36) == pytest.approx((fx, fy), rel=1e-5)


def test_a_film_back_follows_squeezed_pixels() -> None:
    focal_mm, (width_mm, height_mm) = frame_tags.film_back((100.0, 50.0, 0.0, 0.0), 200, 100)
    assert (focal_mm, width_mm, height_mm) == pytest.approx((18.0, 36.0, 36.0))


def test_a_data_window_lies_around_the_display_window(tmp_path: Path) -> None:
    """What is shown is the display window, by OpenImageIO and by us; the rest is in the file."""
    path = tmp_path / "wide.exr"
    wide = np.linspace(0, 1, 48 * 80 * 3, dtype=np.float32).reshape(48, 80, 3)
    frame_files.write_exr(path, wide, tags(), frame_files.ExrForm(window=(8, 6, 64, 36)))
    spec = OpenImageIO.ImageInput.open(str(path)).spec()
    assert (spec.x, spec.y, spec.width, spec.height) == (-8, -6, 80, 48)
    assert (spec.full_x, spec.full_y, spec.full_width, spec.full_height) == (0, 0, 64, 36)
    assert pictures.read_size(path) == (64, 36)
    assert np.abs(pictures.read_picture(path) - wide[6:42, 8:72]).max() < 2e-3
