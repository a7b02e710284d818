"""Schedules, steps, guidance and noise."""

from __future__ import annotations

import itertools

import pytest
import torch

from platewright.sampling import euler_step, guided, sample_step, schedule, window_noise


@pytest.mark.parametrize(("steps", "shift"), [(1, 1.0), (7, 2.0), (30, 3.0)])
def test_a_schedule_runs_from_noise_to_picture(steps: int, shift: float) -> None:
    times = schedule(steps, shift)
    assert (times[0], times[-1], len(times)) == (1.0, 0.0, steps + 1)
    assert all(a > b for a, b in itertools.pairwise(times))


def test_steps_lead_to_the_picture_when_the_guess_is_right() -> None:
    clean, noisy = torch.randn(1, 3, 2, 2, 2), torch.randn(1, 3, 2, 2, 2)
    for now, then in itertools.pairwise(schedule(5)):
        noisy = sample_step(lambda x, t: clean, noisy, 0, now, then)
    torch.testing.assert_close(noisy, clean)


def test_a_step_stays_on_the_straight_line() -> None:
    clean, noise = torch.tensor([2.0]), torch.tensor([-1.0])
    torch.testing.assert_close(euler_step(0.4 * clean + 0.6 * noise, clean, 0.6, 0.3), 0.7 * clean + 0.3 * noise)


def test_given_frames_stay_and_are_shown_as_finished() -> None:
    seen = []
    noisy = torch.randn(1, 4, 2, 2, 2)
    stepped = sample_step(lambda x, t: seen.append(t) or torch.zeros_like(x), noisy, 2, 0.8, 0.4)
    assert torch.equal(stepped[:, :2], noisy[:, :2]) and torch.equal(seen[0], torch.tensor([[0.0, 0.0, 0.8, 0.8]]))
    torch.testing.assert_close(stepped[:, 2:], noisy[:, 2:] * 0.5)


def test_guidance_one_is_the_prompt_and_more_goes_beyond() -> None:
    told, silent = torch.tensor([1.0]), torch.tensor([0.5])
    assert (guided(told, silent, 1.0).item(), guided(told, silent, 0.0).item(), guided(told, silent, 3.0).item()) == (
        1.0,
        0.5,
        2.0,
    )


def test_noise_belongs_to_seed_and_window() -> None:
    draws = [window_noise((2, 3), seed, window) for seed, window in ((5, 0), (5, 0), (5, 1), (6, 0), (2**63 - 1, 0))]
    assert torch.equal(draws[0], draws[1])
    assert all(not torch.equal(draws[0], other) for other in draws[2:])
