"""Windows over a path: every frame once, every length the model's own, nothing blended."""

from __future__ import annotations

import pytest

from platewright import fitting
from platewright.camera import CameraPath
from platewright.errors import RequestError
from platewright.fitting import Window
from platewright.protocol import FrameRule
from tests.core.shots import shot

RULES = [
    FrameRule(multiple=4, offset=1, maximum=81),
    FrameRule(multiple=8, offset=1, maximum=961),
    FrameRule(multiple=4, offset=0, maximum=16),
    FrameRule(multiple=4, offset=1, maximum=8),
    FrameRule(multiple=1, offset=0, maximum=3),
]


def complaints(planned: list[Window], count: int, rule: FrameRule, overlap: int) -> list[str]:
    """What is wrong with a plan."""
    found: list[str] = []
    new = [window.start + place for window in planned for place in range(window.length)[window.new]]
    if new != list(range(count)):
        found.append("frames are not made exactly once and in order")
    for window in planned:
        groups, rest = divmod(window.length - rule.offset, rule.multiple)
        if rest or groups < 1 or window.length > rule.maximum:
            found.append(f"{window.length} is no length of the model's")
        if window.given != (overlap if window.index else 0):
            found.append("a window does not start on what is there")
        if not 0 <= window.held < max(rule.multiple, rule.multiple + rule.offset):
            found.append("more is held than must be")
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.multiple}k+{rule.offset}<={rule.maximum}")
@pytest.mark.parametrize("overlap", [0, 1, 2])
def test_every_length_is_covered_exactly_once(rule: FrameRule, overlap: int) -> None:
    for count in (*range(1, 200), 481, 960, 961, 962, 1500):
        assert not complaints(fitting.windows(count, rule, overlap), count, rule, overlap), count


def test_the_test_sees_a_guilty_plan() -> None:
    rule = RULES[3]
    sound = fitting.windows(12, rule)
    assert not complaints(sound, 12, rule, 1)
    gap = [sound[0], Window(1, sound[1].start + 1, sound[1].stop, 1, sound[1].length), *sound[2:]]
    assert "frames are not made exactly once and in order" in complaints(gap, 12, rule, 1)
    odd = [*sound[:-1], Window(2, sound[-1].start, sound[-1].stop, 1, 6)]
    assert "6 is no length of the model's" in complaints(odd, 12, rule, 1)
    assert complaints(fitting.windows(12, rule, 0), 12, rule, 1) == ["a window does not start on what is there"] * 2


def test_the_drawing_in_the_module_is_true() -> None:
    assert fitting.windows(12, FrameRule(multiple=4, offset=1, maximum=9)) == [
        Window(0, 0, 9, 0, 9),
        Window(1, 8, 12, 1, 5),
    ]


def test_a_manifest_can_say_which_frames_a_window_made() -> None:
    plan = fitting.windows(12, FrameRule(multiple=4, offset=1, maximum=9))
    assert fitting.spans(shot(12), plan) == [[1001, 1009], [1010, 1012]]


def test_the_last_pose_is_held_and_the_rest_untouched() -> None:
    camera = shot(12)
    window = Window(1, 8, 11, 1, 5)
    seen = fitting.held(camera, window)
    assert len(seen) == 5
    assert seen.frames == (1009, 1010, 1011, 1012, 1013)
    assert seen.camera_to_world[:3] == camera.camera_to_world[8:11]
    assert seen.camera_to_world[3:] == (camera.camera_to_world[10],) * 2
    assert seen.intrinsics == camera.intrinsics[8:11] + (camera.intrinsics[10],) * 2
    assert CameraPath.from_json(seen.to_json()) == seen
    assert fitting.held(camera, Window(0, 0, 12, 0, 12)) == camera
    with pytest.raises(RequestError, match="not within"):
        fitting.held(camera, Window(0, 8, 13, 0, 5))


NO_ROOM = FrameRule(multiple=8, offset=1, maximum=8)


@pytest.mark.parametrize("guilty", [(0, RULES[0], 1), (5, RULES[4], 3), (5, NO_ROOM, 1)])
def test_what_cannot_be_planned_is_refused(guilty: tuple[int, FrameRule, int]) -> None:
    with pytest.raises(RequestError):
        fitting.windows(*guilty)


def test_the_world_runs_faster_where_the_scene_has_more_frames() -> None:
    assert fitting.world_speed(24.0, 16.0) == 1.5
    assert fitting.world_speed(24.0, None) == 1.0


def test_the_reach_of_a_path() -> None:
    assert fitting.reach(shot(11)) == pytest.approx(1.0)
    assert fitting.reach(shot(1)) == 0.0
