"""match.png: what is told is on the page, what is not known is not drawn, and the arrows point where they should."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from platewright.match import Match, drawing
from platewright.match.footage import Footage
from platewright.match.tracking import Tracks
from platewright.match.views import Array, Views, rotation_from_vector
from tests.core.shots import shot

WIDTH, HEIGHT, FOCAL = 320, 180, 0.9


def made(frames: int = 24, drift_deg: float = 1.0, melted: float = 0.2) -> Match:
    """Points before a dolly whose camera turns `drift_deg` away until the last frame; some tracks melt."""
    given = Views.of(shot(frames, size=(WIDTH, HEIGHT), focal=FOCAL))
    given = replace(given, world_from_camera=np.tile(given.world_from_camera[0], (frames, 1, 1)))
    turn = np.zeros((frames, 3))
    turn[:, 1] = np.radians(drift_deg) * np.linspace(0.0, 1.0, frames)
    solved = replace(given, world_from_camera=given.world_from_camera @ rotation_from_vector(turn))
    random = np.random.default_rng(7)
    count = 160
    points = np.column_stack([
        random.uniform(-9, 5, count), random.uniform(8, 30, count), random.uniform(-2, 8, count), np.ones(count)
    ])  # fmt: skip
    pixels = np.stack([drawing.projected(solved, points, index) for index in range(frames)], axis=1)
    is_melting = np.asarray(random.random(count) < melted)
    pixels[is_melting] += np.cumsum(random.normal(0, 1.5, (int(is_melting.sum()), frames, 2)), axis=1)
    inside: NDArray[np.bool_] = np.asarray(np.all((pixels > 0) & (pixels < (WIDTH, HEIGHT)), axis=2))
    track, frame = np.nonzero(inside)
    error = np.array([
        np.hypot(*(pixels[:, i] - drawing.projected(given, points, i))[inside[:, i] & ~is_melting].T).mean()
        for i in range(frames)
    ])  # fmt: skip
    return Match(
        report=report("locked" if drift_deg < 0.1 else "follows", error, drift_deg),
        frames=tuple(range(1001, 1001 + frames)),
        given=given,
        solved=solved,
        tracks=Tracks(track.astype(np.int32), frame.astype(np.int32), pixels[inside], is_melting, WIDTH, HEIGHT),
        points_world=points,
        residual_px=np.zeros(len(track)),
        is_explained=~is_melting,
        per_frame={
            "error_px": error,
            "uncertainty_px": np.full(frames, 0.1),
            "rotation_error_deg": np.degrees(np.abs(turn[:, 1])),
        },
    )


def report(verdict: str, error: Array, drift_deg: float) -> dict[str, Any]:
    """What `check --json` answers."""
    return {
        "verdict": verdict, "reason": "The camera turns away.", "frames": len(error), "frames_solved": len(error),
        "camera_error_px": {"p95": float(np.quantile(error, 0.95)), "max": float(error.max())},
        "uncertainty_px": 0.1, "jitter_px": 0.04, "rigidity": 0.8, "parallax": "strong", "world_scale": None,
        "rotation_error_deg": {"mean": drift_deg / 2, "p95": drift_deg, "max": drift_deg}, "slide_px": None,
    }  # fmt: skip


def unsolved(frames: int = 24) -> Match:
    """The same tracks, of which nothing could be made; what figures there are nobody may believe."""
    match = made(frames)
    told: dict[str, Any] = dict.fromkeys(match.report)
    told |= {"verdict": "unsolved", "reason": "Only 4 tracks last.", "frames": frames, "frames_solved": 0}
    points, explained = np.full_like(match.points_world, np.nan), np.zeros_like(match.is_explained)
    return replace(match, report=told, solved=None, points_world=points, is_explained=explained)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    """Grey pictures with a gradient."""
    folder = tmp_path_factory.mktemp("frames")
    ramp = np.tile(np.linspace(60, 160, WIDTH, dtype=np.uint8), (HEIGHT, 1))
    for frame in range(1001, 1025):
        Image.fromarray(ramp).convert("RGB").save(folder / f"bg.{frame}.png")
    return Footage.open(folder)


def drawn(path: Path, after: Match, before: Match | None, footage: Footage) -> NDArray[np.uint8]:
    """The page's pixels."""
    drawing.write_match_picture(path / "match.png", after, before, footage, title="bg_v002")
    return np.asarray(Image.open(path / "match.png"))


def count_of(page: NDArray[np.uint8], colour: tuple[int, int, int]) -> int:
    """How many pixels are of about this colour."""
    return int((np.abs(page.astype(int) - colour).max(axis=-1) < 24).sum())


def test_the_page_tells_before_and_after(tmp_path: Path, footage: Footage) -> None:
    page = drawn(tmp_path, made(drift_deg=0.02), made(), footage)
    chart = page[drawing.HEAD : drawing.HEAD + drawing.BAND, 560:]
    assert page.shape[1] == drawing.WIDTH
    assert count_of(chart, drawing.ORANGE) > 300 and count_of(chart, drawing.BLUE) > 300


def test_one_measurement_has_one_curve(tmp_path: Path, footage: Footage) -> None:
    chart = drawn(tmp_path, made(), None, footage)[drawing.HEAD : drawing.HEAD + drawing.BAND, 560:]
    assert count_of(chart, drawing.ORANGE) == 0 and count_of(chart, drawing.BLUE) > 300


def test_what_is_unsolved_has_words_and_no_chart(tmp_path: Path, footage: Footage) -> None:
    page = drawn(tmp_path, unsolved(), None, footage)
    chart = page[drawing.HEAD : drawing.HEAD + drawing.BAND, 560:]
    assert count_of(chart, drawing.BLUE) == 0 and count_of(chart, drawing.FAINT) > 100
    assert count_of(page, drawing.YELLOW) < 200, "no arrow but the one that explains arrows"


def test_a_locked_plate_is_told_by_its_colour_and_a_lost_one_is_not(tmp_path: Path, footage: Footage) -> None:
    colours = []
    for match in (made(drift_deg=0.02), made()):
        head = drawn(tmp_path, match, None, footage)[: drawing.HEAD]
        colours.append(count_of(head, drawing.GREEN))
    assert colours[0] > 200 and colours[1] == 0


def test_unexplained_tracks_have_a_colour_of_their_own(tmp_path: Path, footage: Footage) -> None:
    counts = [count_of(drawn(tmp_path, made(melted=share), None, footage), drawing.VERMILLION) for share in (0.0, 0.4)]
    assert counts[1] > 5 * counts[0]


def test_the_worst_frames_lie_apart() -> None:
    chosen = drawing.worst_frames(made())
    assert chosen[0] == 23 and len(chosen) == 3
    assert min(abs(a - b) for a in chosen for b in chosen if a != b) > 2
    assert drawing.worst_frames(unsolved()) == [0, 12, 23]


def test_arrows_lead_from_the_given_camera_to_the_picture() -> None:
    match = made(melted=0.0)
    tips, errors = drawing.point_errors(match, 23)
    assert len(tips) > 50
    expected = [drawing.projected(match.given, match.points_world, 23)]
    distances = np.linalg.norm((tips - errors)[:, None] - expected[0][None], axis=2).min(axis=1)
    assert distances.max() < 1e-9
    assert np.median(np.hypot(*errors.T)) == pytest.approx(FOCAL * WIDTH * np.tan(np.radians(1.0)), rel=0.2)


@pytest.mark.parametrize(("error", "factor"), [(40.0, 1), (18.0, 1), (3.0, 10), (0.2, 100), (0.0, 1000)])
def test_small_errors_are_magnified(error: float, factor: int) -> None:
    assert drawing.magnification(np.full((5, 2), [error, 0.0])) == factor


def test_points_at_infinity_and_behind() -> None:
    views = Views.of(shot(1, size=(WIDTH, HEIGHT), focal=FOCAL))
    points = np.array([[0.0, 1.0, 0.0, 0.0], [0.0, 5.0, 1.7, 1.0], [0.0, -5.0, 1.7, 1.0]])
    pixels = drawing.projected(views, points, 0)
    assert pixels[:2] == pytest.approx(np.full((2, 2), [WIDTH / 2, HEIGHT / 2]))
    assert np.isnan(pixels[2]).all()


def test_short_and_tall_footage(tmp_path: Path) -> None:
    """One frame, higher than wide."""
    folder = tmp_path / "frames"
    folder.mkdir()
    Image.new("RGB", (WIDTH, HEIGHT), (90, 90, 90)).save(folder / "bg.1001.png")
    match = made(24)
    first = replace(
        match,
        frames=match.frames[:1],
        per_frame={name: values[:1] for name, values in match.per_frame.items()},
    )
    page = drawn(tmp_path, first, None, Footage.open(folder))
    assert page.shape[1] == drawing.WIDTH
