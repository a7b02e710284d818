"""What must be undone, told from the solver's noise: each smoothing is held against a truth."""

from __future__ import annotations

import numpy as np
import pytest

from platewright.match.correction import Difference, pinned, sensitivity, smoothed, steadied
from platewright.match.views import Array, Views
from tests.core import painted_world as world

FRAMES = 48


def noise(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def plain_trust(sigma: Array, columns: int) -> Array:
    """(F, C, C): every column known to `sigma`, so that their sum of squares is."""
    return np.eye(columns)[None] / (sigma**2 * columns)[:, None, None]


# The smoother ------------------------------------------------------------------------------------


def test_the_smoother_solves_whittakers_equations() -> None:
    from platewright.match import correction

    values, trust = noise((9, 2)), np.zeros((9, 2, 2))
    for index in range(9):
        root = noise((2, 2), index)
        trust[index] = root @ root.T
    second = np.diff(np.eye(9), 2, axis=0)
    whole = np.zeros((9, 2, 9, 2))
    whole[np.arange(9), :, np.arange(9), :] = trust
    whole += 7.0 * np.einsum("fg,ab->fagb", second.T @ second, np.eye(2))
    answer = np.linalg.solve(whole.reshape(18, 18), np.einsum("fab,fb->fa", trust, values).ravel()).reshape(9, 2)
    assert correction._whittaker(values, trust, 7.0) == pytest.approx(answer, abs=1e-4)


def test_what_the_uncertainty_explains_is_smoothed_away_and_no_more() -> None:
    sigma = np.full(FRAMES, 0.3)
    bend = 4 * np.linspace(0, 1, FRAMES)[:, None] ** 2
    noisy = bend + 0.3 * noise((FRAMES, 1))
    steady = smoothed(noisy, plain_trust(sigma, 1))
    assert np.sqrt(np.mean((steady - bend) ** 2)) < 0.15
    assert np.std(np.diff(steady - bend, axis=0)) < 0.1 * np.std(np.diff(noisy - bend, axis=0))


def test_trembling_beyond_the_uncertainty_stays_in_the_correction() -> None:
    trembling = noise((FRAMES, 1))
    steady = smoothed(trembling, plain_trust(np.full(FRAMES, 0.1), 1))
    assert np.sqrt(np.mean((steady - trembling) ** 2)) < 0.11
    blunt = smoothed(trembling, plain_trust(np.full(FRAMES, 2.0), 1))       # guilty: told that it knows nothing
    assert np.sqrt(np.mean((blunt - trembling) ** 2)) > 0.5


def test_an_unknown_frame_takes_its_neighbours() -> None:
    line = np.linspace(0, 5, FRAMES)[:, None]
    trust = plain_trust(np.full(FRAMES, 0.05), 1)
    broken, trust[20:24] = line.copy(), 0.0
    broken[20:24] = 1e3
    assert smoothed(broken, trust) == pytest.approx(line, abs=0.02)


def test_a_turn_that_only_a_shift_makes_up_for_is_noise() -> None:
    """Seen at one depth, a turn to one side and a step to the other cancel: a solver cannot tell them apart."""
    camera = world.path([world.level_pose(0, 0, 1.7)] * FRAMES)
    views = Views.of(camera)
    points = np.column_stack([noise((200, 1)) * 3, np.full(200, 10.0), 1.7 + noise((200, 1), 1), np.ones(200)])
    metric = sensitivity(np.tile(points, (FRAMES, 1)), np.repeat(np.arange(FRAMES), 200), views)
    wobble = 0.01 * noise((FRAMES,))
    columns = np.zeros((FRAMES, 7))
    columns[:, 1], columns[:, 4] = wobble, -10 * wobble
    columns[:, 0] = 0.02 * np.linspace(0, 1, FRAMES)
    steady = steadied(Difference.of_columns(columns), metric, np.full(FRAMES, 0.3))
    assert np.std(np.diff(steady.turn[:, 1])) < 0.1 * np.std(np.diff(wobble))
    assert steady.turn[-1, 0] == pytest.approx(0.02, rel=0.1)


# The difference ----------------------------------------------------------------------------------


def test_the_difference_leads_back_to_the_pictured_camera() -> None:
    camera = world.dolly(FRAMES)
    wanted, given = Views.of(camera), Views.of(camera.scaled(640, 360))
    shown = world.drifted(given, world.growing(FRAMES, (1, 2, 3), 12.0), 0.1, world.growing(FRAMES, (1, 1, 0), 0.5))
    back = Difference.between(shown, given, wanted).pictured(given, wanted)
    assert back.world_from_camera == pytest.approx(shown.world_from_camera, abs=1e-12)
    assert back.centre == pytest.approx(shown.centre)
    assert back.lens == pytest.approx(shown.lens)
    assert (back.width, back.height) == (640, 360)


def test_noise_alone_asks_for_nothing_and_a_drift_for_its_own_size() -> None:
    camera = world.pan(FRAMES)
    views = Views.of(camera)
    points = np.column_stack([0.8 * noise((300, 3)) + [0, 4, 0], np.zeros(300)])
    metric = sensitivity(np.tile(points, (FRAMES, 1)), np.repeat(np.arange(FRAMES), 300), views)
    wobble = np.degrees(0.07 / views.lens[0, 0]) * noise((FRAMES, 3)) / np.sqrt(3)
    sigma = np.full(FRAMES, 0.1)
    innocent = Difference.between(world.drifted(views, wobble), views, views)
    assert not steadied(innocent, metric, sigma).columns().any()
    drift = world.growing(FRAMES, (0, 1, 0), 2.0)
    guilty = steadied(Difference.between(world.drifted(views, wobble + drift), views, views), metric, sigma)
    assert np.degrees(guilty.turn) == pytest.approx(-drift, abs=0.06)
    assert not guilty.shift.any()


def test_frames_that_no_one_solved_leave_no_nan() -> None:
    camera = world.pan(FRAMES)
    views = Views.of(camera)
    shown = world.drifted(views, world.growing(FRAMES, (0, 1, 0), 3.0))
    truth = Difference.between(shown, views, views).turn
    shown.world_from_camera[10:13], shown.centre[10:13] = np.nan, np.nan
    points = np.column_stack([0.8 * noise((300, 3)) + [0, 4, 0], np.zeros(300)])
    metric = sensitivity(np.tile(points, (FRAMES, 1)), np.repeat(np.arange(FRAMES), 300), views)
    sigma = np.full(FRAMES, 0.05)
    sigma[10:13] = np.nan
    steady = steadied(Difference.between(shown, views, views), metric, sigma)
    assert np.degrees(steady.turn - truth) == pytest.approx(np.zeros_like(truth), abs=0.05)


# Pins --------------------------------------------------------------------------------------------


def pin_case(outliers: int = 0) -> tuple[Difference, Difference, Array]:
    """A camera turned and zoomed, the pins it is seen by, and what the pins make of it."""
    camera = world.pan(6)
    views = Views.of(camera)
    shown = world.drifted(views, world.growing(6, (1, 1, 2), 3.0), 0.02)
    rays = np.tile(np.column_stack([noise((40, 2)) * 0.1, np.ones(40)]), (6, 1))
    frame = np.repeat(np.arange(6), 40).astype(np.int32)
    world_rays = np.einsum("nij,nj->ni", views.world_from_camera[frame], rays)
    pixel = shown.pixels(np.einsum("nji,nj->ni", shown.world_from_camera[frame], world_rays), frame)
    pixel[:outliers] += 40.0
    truth = Difference.between(shown, views, views)
    fitted, sigma = pinned(Difference.nothing(6), views, views, rays, pixel, frame)
    return truth, fitted, sigma


def test_pins_find_turn_and_zoom() -> None:
    truth, fitted, sigma = pin_case()
    assert np.degrees(fitted.turn - truth.turn) == pytest.approx(np.zeros((6, 3)), abs=0.05)
    assert fitted.zoom == pytest.approx(truth.zoom, abs=0.002)
    assert np.all(sigma < 0.1)


def test_a_few_wrong_pins_do_not_pull() -> None:
    truth, fitted, _ = pin_case(outliers=5)
    assert np.degrees(fitted.turn - truth.turn)[0] == pytest.approx(np.zeros(3), abs=0.1)


def test_a_frame_without_pins_keeps_its_start_and_is_unknown() -> None:
    views = Views.of(world.pan(2))
    start = Difference(np.full((2, 3), 0.01), np.zeros(2), np.zeros((2, 3)))
    none = np.zeros((0, 3)), np.zeros((0, 2)), np.zeros(0, dtype=np.int32)
    fitted, sigma = pinned(start, views, views, *none)
    assert fitted.turn == pytest.approx(start.turn)
    assert np.isnan(sigma).all()
