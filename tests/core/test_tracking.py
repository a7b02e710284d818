"""Points where there is something to hold on to, followed to a tenth of a pixel; none where there is nothing.

The pictures are views of one large painted wall: what a camera that only turns and zooms would see of it, so that every
point's place in every frame is known exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from platewright.errors import Cancelled
from platewright.match.footage import Footage, Mask
from platewright.match.tracking import Tracks, follow

Floats = NDArray[np.float64]
Picture = NDArray[np.float32]
WIDTH, HEIGHT = 320, 180


@cache
def wall() -> Picture:
    """1600x900 of grain in all sizes and of coloured shards."""
    rng = np.random.default_rng(7)
    painted = np.zeros((900, 1600, 3), np.float32)
    for size in (2, 4, 8, 16, 32, 64):
        grain = rng.normal(size=(900 // size, 1600 // size, 3)).astype(np.float32)
        painted += cv2.resize(grain, (1600, 900), interpolation=cv2.INTER_CUBIC) * size**0.5
    painted = 0.45 + 0.35 * np.tanh(painted / painted.std())
    for _ in range(500):
        corners = rng.uniform((0, 0), (1600, 900)) + rng.uniform(-40, 40, (4, 2))
        cv2.fillPoly(painted, [corners.astype(np.int32)], rng.uniform(0, 1, 3).tolist())
    return cv2.GaussianBlur(painted, (0, 0), 1.0)


def view(turn_deg: tuple[float, float, float], zoom: float = 1.0) -> Floats:
    """Wall pixels from frame pixels (edges at whole numbers), for a camera turned by pan, tilt and roll."""
    pan, tilt, roll = np.radians(turn_deg)
    turn = cv2.Rodrigues(np.array([0.0, pan, 0.0]))[0] @ cv2.Rodrigues(np.array([tilt, 0.0, 0.0]))[0]
    turn = turn @ cv2.Rodrigues(np.array([0.0, 0.0, roll]))[0]
    focal = 1.2 * WIDTH
    onto_wall = np.array([[2 * focal, 0, 800], [0, 2 * focal, 450], [0, 0, 1]])
    from_frame = np.linalg.inv([[zoom * focal, 0, WIDTH / 2], [0, zoom * focal, HEIGHT / 2], [0, 0, 1]])
    return onto_wall @ turn @ from_frame


def seen(wall_from_frame: Floats, painted: Picture | None = None) -> Picture:
    """What a frame shows: twice as fine, then averaged, as a sensor does."""
    half = np.array([[0.5, 0, 0.25], [0, 0.5, 0.25], [0, 0, 1]])               # frame edges from fine pixel centres
    centres = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]]) @ wall_from_frame @ half
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpPerspective(wall() if painted is None else painted, centres, (2 * WIDTH, 2 * HEIGHT), flags=flags)
    return cv2.resize(fine, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def shot(folder: Path, pictures: list[Picture], noise: float = 1.5) -> Footage:
    """The pictures as 8-bit PNG with the noise of a sensor, in codes."""
    folder.mkdir()
    rng = np.random.default_rng(11)
    for index, picture in enumerate(pictures):
        codes = picture * 255 + rng.normal(0, noise, picture.shape)
        cv2.imwrite(str(folder / f"f.{1001 + index}.png"), np.clip(np.rint(codes), 0, 255).astype(np.uint8))
    return Footage.open(folder)


def ignore(done: int, total: int) -> None:
    del done, total


def ages(tracks: Tracks) -> NDArray[np.int64]:
    return np.arange(len(tracks.track)) - np.searchsorted(tracks.track, tracks.track)


def errors_px(tracks: Tracks, views: list[Floats]) -> Floats:
    """How far each observation lies from where its track's first one must have gone, (N,)."""
    def through(matrices: Floats, pixels: Floats) -> Floats:
        ahead = np.einsum("nij,nj->ni", matrices, np.column_stack([pixels, np.ones(len(pixels))]))
        return ahead[:, :2] / ahead[:, 2:]

    first = np.searchsorted(tracks.track, tracks.track)
    all_views = np.array(views)
    on_wall = through(all_views[tracks.frame[first]], tracks.pixel[first])
    return np.linalg.norm(through(np.linalg.inv(all_views)[tracks.frame], on_wall) - tracks.pixel, axis=1)


MOVES: dict[str, Callable[[float], Floats]] = {
    "pan": lambda share: view((16 * share - 8, 4 * share - 2, 0)),
    "roll": lambda share: view((2 * share, 0, 24 * share)),
    "zoom": lambda share: view((1 * share, 0, 0), 1.0 + 0.8 * share),
}


@pytest.mark.parametrize("move", MOVES)
def test_points_stay_on_what_they_were_put_on(tmp_path: Path, move: str) -> None:
    views = [MOVES[move](index / 23) for index in range(24)]
    tracks = follow(shot(tmp_path / move, [seen(matrix) for matrix in views]), None, ignore)
    errors, age = errors_px(tracks, views), ages(tracks)
    for frames in (1, 10, 20):
        assert np.median(errors[age == frames]) < 0.2, (frames, np.median(errors[age == frames]))
        assert np.percentile(errors[age == frames], 95) < 0.75
    assert tracks.was_lost.mean() < 0.1
    per_frame = np.bincount(tracks.frame, minlength=24)
    assert per_frame.min() > 150 and per_frame.max() < 900
    quarters = tracks.pixel[tracks.frame == 12] // (WIDTH / 4, HEIGHT / 4)
    assert min(np.unique(quarters, axis=0, return_counts=True)[1]) >= 5        # all sixteen parts of the picture
    assert len(np.unique(quarters, axis=0)) == 16


def test_the_form_of_tracks(tmp_path: Path) -> None:
    views = [MOVES["pan"](index / 11) for index in range(12)]
    footage = shot(tmp_path / "pan", [seen(matrix) for matrix in views])
    told: list[tuple[int, int]] = []
    tracks = follow(footage, None, lambda done, total: told.append((done, total)))
    assert told == [(done, 12) for done in range(1, 13)]
    assert (tracks.width, tracks.height) == (WIDTH, HEIGHT)
    assert (tracks.track.dtype, tracks.frame.dtype, tracks.pixel.dtype) == (np.int32, np.int32, np.float64)
    steps = np.diff(tracks.track)
    assert set(np.unique(steps)) == {0, 1} and tracks.track[0] == 0 and tracks.track[-1] == len(tracks.was_lost) - 1
    assert (np.diff(tracks.frame)[steps == 0] == 1).all()                      # consecutive pictures
    assert np.bincount(tracks.track).min() >= 2
    assert (tracks.pixel > 0).all() and (tracks.pixel < (WIDTH, HEIGHT)).all()
    again = follow(footage, None, ignore)
    assert (again.pixel == tracks.pixel).all() and (again.track == tracks.track).all()


def test_a_camera_that_stands_still_has_tracks_that_do(tmp_path: Path) -> None:
    views = [view((3, 1, 0))] * 15
    tracks = follow(shot(tmp_path / "still", [seen(matrix) for matrix in views], noise=3.0), None, ignore)
    assert len(tracks.was_lost) > 150 and tracks.was_lost.mean() < 0.05
    assert np.median(np.bincount(tracks.track)) == 15
    per_track = [tracks.pixel[tracks.track == name] for name in range(len(tracks.was_lost))]
    drift = np.array([pixels[-5:].mean(axis=0) - pixels[1:6].mean(axis=0) for pixels in per_track if len(pixels) == 15])
    assert np.linalg.norm(np.median(drift, axis=0)) < 0.01
    assert np.median(np.linalg.norm(drift, axis=1)) < 0.1


def test_what_leaves_the_picture_is_not_lost(tmp_path: Path) -> None:
    views = [view((3.0 * index - 18, 0, 0)) for index in range(13)]
    tracks = follow(shot(tmp_path / "fast", [seen(matrix) for matrix in views]), None, ignore)
    ended = np.bincount(tracks.track, minlength=len(tracks.was_lost)).cumsum() - 1
    assert (tracks.frame[ended] < 12).sum() > 100
    assert tracks.was_lost.mean() < 0.05


def test_exposure_may_change_and_pictures_may_be_dark_or_foggy(tmp_path: Path) -> None:
    views = [MOVES["pan"](index / 23) for index in range(12)]
    looks: dict[str, Callable[[Picture, int], Picture]] = {
        "flicker": lambda picture, index: picture * np.float32(0.8 + 0.2 * np.sin(1.7 * index)),
        "night": lambda picture, index: picture * np.float32(0.12),
        "fog": lambda picture, index: np.float32(0.6) + np.float32(0.1) * picture,
    }
    for name, look in looks.items():
        pictures = [look(seen(matrix), index) for index, matrix in enumerate(views)]
        tracks = follow(shot(tmp_path / name, pictures, noise=0.3), None, ignore)
        assert np.bincount(tracks.frame).min() > 100, name
        assert np.median(errors_px(tracks, views)[ages(tracks) == 10]) < 0.2, name


def test_a_sky_and_noise_give_nothing_to_follow(tmp_path: Path) -> None:
    ramp = np.linspace(0.45, 0.8, HEIGHT, dtype=np.float32)[:, None, None] * np.array([1.0, 0.8, 0.6], np.float32)
    sky = np.broadcast_to(ramp, (HEIGHT, WIDTH, 3))
    for name, picture, noise in (("sky", sky, 0.0), ("grainy", sky, 3.0), ("noise", sky * 0 + 0.5, 40.0)):
        tracks = follow(shot(tmp_path / name, [picture] * 8, noise), None, ignore)
        assert len(tracks.was_lost) <= 3, name
        assert len(tracks.track) == 0 or np.bincount(tracks.track).max() <= 3, name


def test_a_sky_above_a_wall_stays_empty(tmp_path: Path) -> None:
    pictures = [seen(MOVES["pan"](index / 23)) for index in range(8)]
    for picture in pictures:
        picture[:90] = np.linspace(0.5, 0.8, 90, dtype=np.float32)[:, None, None]
    tracks = follow(shot(tmp_path / "half", pictures), None, ignore)
    assert (tracks.pixel[:, 1] > 84).all() and np.bincount(tracks.frame).min() > 80


def melting(frames: int) -> list[Picture]:
    """A wall that becomes another one, and another: each picture resembles the one before, none the one long before."""
    walls = [seen(view((turn_deg, 0, 0))) for turn_deg in (-18, -6, 6, 18)]
    places = np.linspace(0, 3 - 1e-6, frames)
    return [walls[int(at)] * np.float32(1 - at % 1) + walls[int(at) + 1] * np.float32(at % 1) for at in places]


def test_what_melts_is_lost(tmp_path: Path) -> None:
    tracks = follow(shot(tmp_path / "melting", melting(24)), None, ignore)
    rigid = follow(shot(tmp_path / "rigid", [melting(24)[0]] * 24), None, ignore)
    assert len(tracks.was_lost) > 100 and tracks.was_lost.mean() > 0.6
    assert np.median(np.bincount(tracks.track)) < 12
    assert rigid.was_lost.mean() < 0.05 and np.median(np.bincount(rigid.track)) == 24


def test_masked_areas_hold_no_points(tmp_path: Path) -> None:
    footage = shot(tmp_path / "pan", [seen(MOVES["pan"](index / 11)) for index in range(12)])
    drawn = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    drawn[40:120, 100:220] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), drawn)
    tracks = follow(footage, Mask.open(tmp_path / "mask.png", footage), ignore)
    x, y = tracks.pixel.T
    is_masked = (x > 101) & (x < 219) & (y > 41) & (y < 119)
    assert len(tracks.track) > 1000 and not is_masked.any()
    assert tracks.was_lost.mean() < 0.1                                        # walking into a mask is no loss
    unmasked = follow(footage, None, ignore).pixel
    assert ((unmasked > (101, 41)) & (unmasked < (219, 119))).all(axis=1).sum() > 200


def test_tiny_pictures_and_single_ones(tmp_path: Path) -> None:
    views = [MOVES["pan"](index / 11) for index in range(6)]
    tiny = [cv2.resize(seen(matrix), (112, 64), interpolation=cv2.INTER_AREA) for matrix in views]
    tracks = follow(shot(tmp_path / "tiny", tiny, noise=0.5), None, ignore)
    assert np.bincount(tracks.frame).min() > 40
    scale = np.diag([WIDTH / 112, HEIGHT / 64, 1])
    errors = errors_px(tracks, [matrix @ scale for matrix in views])
    assert np.median(errors[ages(tracks) == 4]) < 0.2
    assert len(follow(shot(tmp_path / "one", tiny[:1]), None, ignore).track) == 0


def test_a_job_that_is_cancelled_stops(tmp_path: Path) -> None:
    footage = shot(tmp_path / "still", [seen(view((0, 0, 0)))] * 4)

    def tell(done: int, total: int) -> None:
        del total
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        follow(footage, None, tell)
