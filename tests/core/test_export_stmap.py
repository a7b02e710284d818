"""ST maps of a clip's lens: against the formulas worked out point by point, and through OpenImageIO's own st_warp.

That the formulas are Blender's is held by tests/blender/test_export_lens.py, with Blender's node.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest

from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.exports import stmap, working
from platewright.exports.lens import ClipLens
from platewright.exports.shot import Shot

from .export_shots import clip_lens, filmed, wandering

SIZE = 320, 180
LIMIT_PX = 0.1
LENSES = {
    "barrel": clip_lens("POLYNOMIAL", SIZE, k1=-0.12, k2=0.02),
    "division": clip_lens("DIVISION", SIZE, division_k1=0.1),
    "nuke": clip_lens("NUKE", SIZE, nuke_k1=0.06, nuke_p1=0.02, nuke_p2=-0.01),
    "brown": clip_lens("BROWN", SIZE, brown_k1=-0.1, brown_k4=0.01, brown_p1=0.01, brown_p2=-0.006),
}


def plate_and_clip(lens: dict[str, Any], scale: float = 1.5) -> tuple[CameraPath, ClipLens]:
    """A plate of another size than the clip, with overscan that is not even."""
    camera = filmed(SIZE, lens).scaled(int(SIZE[0] * scale), int(SIZE[1] * scale)).cropped(-31, -22, 540, 318)
    return camera, ClipLens.of(lens)


def barrel_px(lens: dict[str, Any], ray: tuple[float, float]) -> tuple[float, float]:
    """The polynomial by hand: y up, from the principal point, which Blender counts from the bottom."""
    x, y = ray[0], -ray[1]
    r2 = x * x + y * y
    bend = 1 + lens["coefficients"]["k1"] * r2 + lens["coefficients"]["k2"] * r2**2
    right, up = (lens["focal_length_px"] * bend * side for side in (x, y))
    return lens["principal_point_px"][0] + right, SIZE[1] - lens["principal_point_px"][1] - up


def sampled(place: np.ndarray, pixel: tuple[float, float], other: tuple[int, int]) -> np.ndarray:
    """Where a map leads from a pixel between its own, in pixels of the other picture from the top-left corner."""
    left, top = (int(np.floor(side - 0.5)) for side in pixel)
    x, y = pixel[0] - 0.5 - left, pixel[1] - 0.5 - top
    corner = place[top : top + 2, left : left + 2, :2].astype(float)
    share = (corner[0, 0] * (1 - x) + corner[0, 1] * x) * (1 - y) + (corner[1, 0] * (1 - x) + corner[1, 1] * x) * y
    return np.array([share[0], 1 - share[1]]) * other


def test_both_maps_lead_a_world_point_from_plate_to_clip_and_back() -> None:
    lens = LENSES["barrel"]
    camera, solved = plate_and_clip(lens)
    bends, straightens = stmap.redistort(camera, solved), stmap.undistort(camera, solved)
    assert bends.shape == (180, 320, 3) and straightens.shape == (318, 540, 3)
    fx, fy, cx, cy = camera.intrinsics[0]
    for ray in [(0.0, 0.0), (0.4, 0.2), (-0.45, 0.25), (0.3, -0.24), (-0.5, -0.1)]:
        on_plate, on_clip = (fx * ray[0] + cx, fy * ray[1] + cy), barrel_px(lens, ray)
        assert np.abs(sampled(bends, on_clip, (540, 318)) - on_plate).max() < LIMIT_PX / 10
        assert np.abs(sampled(straightens, on_plate, SIZE) - on_clip).max() < LIMIT_PX / 10
        if any(ray):
            assert np.abs(sampled(straightens, on_plate, SIZE) - np.array(on_plate) / 1.5).max() > LIMIT_PX


@pytest.mark.parametrize("name", LENSES)
def test_maps_are_exact_between_the_points_that_are_worked_out(name: str) -> None:
    """1280 wide, where not every pixel is."""
    size = 1280, 720
    lens = {**LENSES[name], "size": list(size), "focal_length_px": 1150.0, "principal_point_px": [652.0, 349.0]}
    camera, solved = filmed(size, lens), ClipLens.of(lens)
    fx, fy, cx, cy = camera.intrinsics[0]
    pixels = np.random.default_rng(1).integers((0, 0), size, (500, 2))
    rays = (pixels + 0.5 - (cx, cy)) / (fx, fy)
    bent, straight = solved.pixels(rays), solved.rays(pixels + 0.5) * (fx, fy) + (cx, cy)
    for place, exact in ((stmap.undistort(camera, solved), bent), (stmap.redistort(camera, solved), straight)):
        shares = place[pixels[:, 1], pixels[:, 0], :2].astype(float)
        led = np.stack([shares[:, 0], 1 - shares[:, 1]], axis=-1) * size
        assert np.abs(led - exact).max() < 0.001


@pytest.mark.parametrize("name", LENSES)
def test_openimageio_bends_and_straightens_with_them(tmp_path: Path, name: str) -> None:
    """A picture of smooth waves, straightened and bent again by another program, is what it was."""
    lens = LENSES[name]
    camera, _ = plate_and_clip(lens)
    shot = Shot("sh010", camera, None, None)
    stmap.write_redistort(shot, tmp_path / "redistort.exr", tmp_path)
    stmap.write_undistort(shot, tmp_path / "undistort.exr", tmp_path)
    clip = waves(*SIZE)
    straight = warped(clip, tmp_path / "undistort.exr")
    again = warped(straight, tmp_path / "redistort.exr")
    assert (straight.spec().width, straight.spec().height) == (540, 318)
    inside = np.s_[6:-6, 6:-6]
    before, after = (np.asarray(image.get_pixels("float"))[inside] for image in (clip, again))
    assert np.abs(before - after).max() < 0.02
    moved = np.abs(before - np.roll(after, 1, axis=1)).max()
    assert moved > 0.05                            # one pixel off would show
    stretched = np.asarray(OpenImageIO.ImageBufAlgo.resize(straight, roi=clip.roi).get_pixels("float"))[inside]
    assert np.abs(before - stretched).max() > 0.1


def waves(width: int, height: int) -> OpenImageIO.ImageBuf:
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    image = np.stack([np.sin(x / 9), np.cos(y / 7), np.sin((x + y) / 11)], axis=-1) / 2 + 0.5
    return OpenImageIO.ImageBuf(np.ascontiguousarray(image, np.float32))


def warped(source: OpenImageIO.ImageBuf, place: Path) -> OpenImageIO.ImageBuf:
    st = OpenImageIO.ImageBuf(str(place))
    assert str(st.spec().format) == "float" and st.spec().nchannels == 3
    found = OpenImageIO.ImageBufAlgo.st_warp(source, st, "cubic", 0.0, 0, 1, False, True, st.roi)
    assert not found.has_error, found.geterror()
    return found


def test_a_plate_made_for_the_working_format_covers_the_clip(tmp_path: Path) -> None:
    camera = filmed(SIZE, LENSES["barrel"])
    narrow = Shot("sh010", camera, None, None)
    told = stmap.warnings(narrow)
    assert told[0].startswith("W_LENS_UNCOVERED:") and all(side in told[0] for side in ("left", "right", "top"))
    working.write(narrow, tmp_path / "working.camera.json", tmp_path)
    wide = CameraPath.read(tmp_path / "working.camera.json")
    assert (wide.width % 2, wide.height % 2) == (0, 0) and wide.width > SIZE[0] and wide.height > SIZE[1]
    assert stmap.warnings(Shot("sh010", wide, None, None)) == ()
    place = stmap.redistort(wide, ClipLens.of(LENSES["barrel"]))[..., :2]
    assert place.min() > 0 and place.max() < 1
    left, top, right, bottom = stmap.needed(wide, ClipLens.of(LENSES["barrel"]))
    assert min(left, top, wide.width - right, wide.height - bottom) > 1
    assert max(left, top, wide.width - right, wide.height - bottom) < 5        # and no more than it must
    assert wide.project((1.0, 30.0, 2.0), 0) == pytest.approx(
        np.add(camera.project((1.0, 30.0, 2.0), 0) or (), (wide.intrinsics[0][2] - camera.intrinsics[0][2],
                                                            wide.intrinsics[0][3] - camera.intrinsics[0][3]))
    )  # fmt: skip


def test_a_pincushion_needs_no_more_than_the_camera_sees() -> None:
    lens = clip_lens("POLYNOMIAL", SIZE, k1=0.1)
    seen = working.camera(filmed(SIZE, lens))
    assert (seen.width, seen.height) == SIZE


def test_anamorphic_clips_are_bent_on_their_own_grid() -> None:
    """Pixels twice as wide as tall: a clip of half the width, the plate unsqueezed, and the other way round."""
    wide = {**clip_lens("POLYNOMIAL", (640, 360), k1=-0.12), "pixel_aspect": 1.0}
    squeezed = {**wide, "size": [320, 360], "pixel_aspect": 2.0, "focal_length_px": wide["focal_length_px"] / 2,
                "principal_point_px": [wide["principal_point_px"][0] / 2, wide["principal_point_px"][1]]}  # fmt: skip
    camera = filmed((640, 360), wide)
    one = stmap.redistort(camera, ClipLens.of(wide))
    other = stmap.redistort(camera, ClipLens.of(squeezed))
    assert other.shape == (360, 320, 3)
    middle = (one[:, 0::2] + one[:, 1::2]) / 2     # a wide pixel's centre lies between two
    assert np.abs((middle - other)[..., :2] * (640, 360)).max() < LIMIT_PX / 5


def test_beyond_the_fold_there_is_no_picture() -> None:
    """A plate far wider than the clip sees rays that the model would bend back into the picture."""
    lens = clip_lens("POLYNOMIAL", SIZE, k1=-0.3)
    camera = filmed(SIZE, lens).cropped(-400, -300, 1120, 780)
    place = stmap.undistort(camera, ClipLens.of(lens))
    assert (place[0, 0, :2] == stmap.NOWHERE).all() and (place[390, 560, :2] > 0).all()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"coefficients": {"k1": -1.5}}, "E_LENS_FOLDS"),
        ({"model": "FISHEYE"}, "E_LENS"),
        ({"coefficients": {"k9": 1.0}}, "E_LENS"),
        ({"coefficients": {"k1": float("nan")}}, "E_LENS"),
        ({"coefficients": 5}, "E_LENS"),
        ({"size": [320]}, "E_LENS"),
        ({"focal_length_px": 0.0}, "E_LENS"),
        ({"pixel_aspect": None}, "E_LENS"),
    ],
)
def test_a_lens_that_cannot_be_used_is_refused(change: dict[str, Any], code: str) -> None:
    camera = filmed(SIZE, {**LENSES["barrel"], **change})
    with pytest.raises(RequestError) as refused:
        stmap.redistort(camera, stmap.lens_of(camera))
    assert refused.value.code == code


def test_no_lens_and_a_zoom_are_refused() -> None:
    for camera, code in ((replace(filmed(SIZE), lens_distortion=None), "E_LENS_NONE"),
                         (wandering(3, SIZE, lens=LENSES["barrel"]), "E_LENS_ZOOM")):  # fmt: skip
        with pytest.raises(RequestError) as refused:
            stmap.lens_of(camera)
        assert refused.value.code == code
