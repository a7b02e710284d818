"""What the committed weights show: the camera's horizon, the prompt's light and place, a world without a seam."""

from __future__ import annotations

from collections.abc import Iterator

import numpy
import pytest
import torch

from platewright.models import draft
from platewright.models.base import Backend
from platewright.models.draft_place import drawn_place, prospect
from platewright.models.draft_scene import Told
from platewright.sights import sun_direction
from tests.core.test_draft import make
from tests.core.tiny_draft import horizon_row, level_path

Pictures = numpy.ndarray
STEPS = 6


@pytest.fixture(scope="module")
def embedded() -> Iterator[Backend]:
    """The draft back-end with the weights that are committed, on a quarter of its pixels."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(draft, "CELLS", draft.CELLS // 4)
        yield draft.open("cpu")


def still(backend: Backend, prompt: str, seed: int = 1, **angles: float) -> Pictures:
    """One picture (H, W, 3)."""
    return make(backend, level_path(1, **angles), prompt, seed=seed, steps=STEPS)[0][0]


def sky_line(picture: Pictures) -> int:
    """The row under which a picture turns from blue to brown fastest."""
    blueness = (picture[:, :, 2] - picture[:, :, 0]).mean(1)
    smooth = numpy.convolve(numpy.pad(blueness, 3, mode="edge"), numpy.ones(7) / 7, mode="valid")
    return int(numpy.argmax(smooth[:-6] - smooth[6:])) + 3


@pytest.mark.parametrize("pitch", [-8.0, 8.0])
def test_the_horizon_is_where_the_camera_puts_it(embedded: Backend, pitch: float) -> None:
    pictures = [still(embedded, "plains at noon under a clear blue sky", seed, pitch=pitch) for seed in (1, 2, 3)]
    height = len(pictures[0])
    off = numpy.median([sky_line(some) for some in pictures]) - horizon_row(level_path(1, pitch=pitch), height)
    assert abs(off) < height / 12


def test_a_tilt_moves_the_horizon_through_the_shot(embedded: Backend) -> None:
    camera = level_path(13, pitch=-6.0, rise=1.0)
    pictures, _ = make(embedded, camera, "plains at noon under a clear blue sky", seed=2, steps=STEPS)
    moved, height = sky_line(pictures[-1]) - sky_line(pictures[0]), pictures.shape[1]
    wanted = horizon_row(level_path(1, pitch=6.0), height) - horizon_row(camera, height)
    assert 0.7 * wanted < moved < 1.3 * wanted


@pytest.mark.parametrize("place", ["mountains", "dunes", "a lake"])
def test_noon_is_brighter_than_night(embedded: Backend, place: str) -> None:
    noon, night = (still(embedded, f"{place} at {time}, clear sky").mean() for time in ("noon", "night"))
    assert noon > night + 0.12


def test_the_ground_is_what_the_prompt_says(embedded: Backend) -> None:
    """The lower third of four places at noon: snow is the lightest, the sea bluer than dunes, forest greener."""
    found = {
        place: still(embedded, f"{place} at noon", pitch=-12.0)[-48:].mean((0, 1))
        for place in ("snowfield", "sea", "sand dunes", "plains")
    }
    assert found["snowfield"].mean() == max(colour.mean() for colour in found.values())
    blue = {place: colour[2] - colour[0] for place, colour in found.items()}
    assert blue["sea"] > blue["sand dunes"] + 0.1
    green = {place: colour[1] - colour[[0, 2]].mean() for place, colour in found.items()}
    assert green["plains"] > green["snowfield"] + 0.02


def test_words_outside_the_captions_are_understood(embedded: Backend) -> None:
    peaks, sea = (still(embedded, prompt, pitch=-12.0)[-48:].mean((0, 1)) for prompt in ("icy wastes", "brine"))
    assert peaks.mean() > sea.mean() + 0.1


def test_seeds_are_worlds(embedded: Backend) -> None:
    first, again, other = (still(embedded, "mountains at noon", seed) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() and float(numpy.abs(first - other).mean()) > 0.02


def test_windows_go_on_from_each_other(embedded: Backend) -> None:
    pictures, _ = make(embedded, level_path(41, turn=0.3), "mountains at noon, clear sky", seed=3, steps=STEPS)
    change = numpy.abs(numpy.diff(pictures, axis=0)).mean((1, 2, 3))
    joints = [23, 24, 39]
    assert change[joints].max() < 2.0 * numpy.median(numpy.delete(change, joints)) + 0.004


def test_a_cut_would_be_found() -> None:
    pictures = numpy.stack([numpy.full((8, 8, 3), value) for value in (0.1, 0.11, 0.12, 0.7, 0.71)])
    change = numpy.abs(numpy.diff(pictures, axis=0)).mean((1, 2, 3))
    assert change[2] > 2.0 * numpy.median(numpy.delete(change, 2)) + 0.004


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "azimuth_deg"), [(1, 40.0), (2, -100.0), (3, 170.0)])
def test_shadows_fall_as_the_scenes_sun_casts_them(embedded: Backend, seed: int, azimuth_deg: float) -> None:
    """Of suns all around, the one whose light explains the picture best is the one that the scene has told."""
    camera, prompt = level_path(1, pitch=-4.0), "desert dunes at noon, clear sky"
    picture = make(embedded, camera, prompt, seed=seed, sun=(azimuth_deg, 30.0), steps=STEPS)[0][0]
    brightness = torch.from_numpy(picture).mean(-1).flatten()
    size = picture.shape[1], picture.shape[0]
    misfits = {turn: misfit(brightness, size, seed, azimuth_deg + turn) for turn in range(-180, 180, 10)}
    assert abs(min(misfits, key=lambda turn: misfits[turn])) <= 10


def misfit(brightness: torch.Tensor, size: tuple[int, int], seed: int, azimuth_deg: float) -> float:
    """What is left of a picture's brightness (N,) after the best sum of skylight and light from this sun."""
    native = level_path(1, pitch=-4.0).scaled(*size)
    told = Told(seed, 0.0, sun_direction(azimuth_deg, 30.0))
    place = drawn_place(seed, {"terrain": "dunes", "time": "noon", "sky": "clear"}, native, told)
    paints = prospect(native, torch.tensor([0]), told, place).paints
    assert paints is not None
    paints = paints[0].flatten(1)
    shade, sun = paints[1:4].mean(0), paints[4:7].mean(0)
    is_land = shade > 0.02
    columns = torch.stack([shade, sun, torch.ones_like(sun)], 1)[is_land]
    wanted = brightness[is_land, None]
    return float((columns @ torch.linalg.lstsq(columns, wanted).solution - wanted).square().mean())


@pytest.mark.slow
def test_colours_do_not_drift_over_240_frames(embedded: Backend) -> None:
    camera = level_path(240, pitch=-6.0, forward=0.05)
    pictures, _ = make(embedded, camera, "plains at noon, clear sky", seed=5, steps=STEPS)
    half = pictures.shape[1] // 2
    colours = numpy.stack([pictures[:, :half].mean((1, 2)), pictures[:, half:].mean((1, 2))], 1)  # sky and ground
    late, early = (numpy.stack([colours[n : n + 24].mean(0) for n in part]) for part in ((192, 216), (0, 24)))
    assert float(numpy.abs(late.mean(0) - early.mean(0)).max()) < 0.08
    assert float(numpy.abs(numpy.diff(pictures.mean((1, 2)), axis=0)).max()) < 0.05
