"""Patience: every limit of time, under a clock that moves only when told to, with a worker that does as it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from platewright.client import JobHandle, Limits, Worker
from platewright.errors import WorkerMismatch
from platewright.protocol import PROTOCOL, Failed, Finished, Hello, Progress
from platewright.wire.lines import Beat, Message

from .rig import Clock, Puppet, eventually, job, pump_until


@dataclass
class Stage:
    """A worker on strings, a clock, and the host between them."""

    worker: Worker
    clock: Clock
    folder: Path
    puppets: list[Puppet]

    @property
    def puppet(self) -> Puppet:
        return self.puppets[-1]

    def submit(self, name: str = "a") -> JobHandle:
        return self.worker.submit(job(self.folder, id=name), self.folder / name)

    def hear(self, message: Message) -> None:
        """Have the puppet say it, and the host take it in."""
        link = self.worker._service.link  # type: ignore[union-attr]
        before = link.heard
        self.puppet.say(message)
        assert eventually(lambda: link.heard > before)
        self.worker.poll()

    def start(self, name: str = "a") -> JobHandle:
        """A job that runs."""
        handle = self.submit(name)
        self.hear(Hello(PROTOCOL, "0", 1))
        assert handle.state == "running" and self.puppet.orders(1)[0].job == name
        return handle

    def live(self, seconds: float, beats: bool = False) -> None:
        """Time passes, with the host looking twice a second."""
        for tick in range(int(seconds * 2)):
            self.clock.now += 0.5
            if beats and tick % 10 == 0:
                self.hear(Beat(tick + 1))
            self.worker.poll()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    clock, puppets = Clock(), []

    def start_child() -> Puppet:
        puppets.append(Puppet(tmp_path / "log"))
        return puppets[-1]

    worker = Worker("python", "core", tmp_path, clock=clock, start_child=start_child)
    yield Stage(worker, clock, tmp_path, puppets)
    for puppet in puppets:
        puppet.end(0)
    worker.close()


def test_a_slow_start_is_tolerated(stage: Stage) -> None:
    handle = stage.submit()
    stage.live(170)
    assert stage.worker.state == "starting"
    stage.hear(Hello(PROTOCOL, "0", 1))
    assert handle.state == "running"


def test_no_hello_is_the_end_and_the_log_is_quoted(stage: Stage) -> None:
    (stage.folder / "log").write_text("ImportError: libcuda.so.1\n")
    handle = stage.submit()
    stage.live(182)
    assert handle.failure and handle.failure.code == "E_WORKER_SILENT"
    assert "libcuda" in handle.failure.hint and handle.state == "lost"
    assert stage.puppet.signals == ["kill"]


@pytest.mark.parametrize(("protocol", "to_update"), [(PROTOCOL + 1, "extension"), (PROTOCOL - 1, "runtime")])
def test_another_protocol_says_which_side_to_update(stage: Stage, protocol: int, to_update: str) -> None:
    first, second = stage.submit("a"), stage.submit("b")
    stage.hear(Hello(protocol, "9.9.9", 1))
    stage.live(2)
    assert isinstance(stage.worker.failure, WorkerMismatch)
    for handle in (first, second):
        assert handle.failure and handle.failure.code == "E_WORKER_MISMATCH" and to_update in handle.failure.hint
    assert len(stage.puppets) == 1 and stage.worker.state == "failed"


def test_beats_keep_it_alive(stage: Stage) -> None:
    handle = stage.start()
    stage.live(600, beats=True)
    assert stage.worker.state == "busy" and not handle.ended


def test_silence_is_shown_then_forgiven(stage: Stage) -> None:
    stage.start()
    stage.live(14)
    assert stage.worker.state == "busy"
    stage.live(2)
    assert stage.worker.state == "not responding"
    stage.hear(Beat(1))
    assert stage.worker.state == "busy"


def test_silence_for_two_minutes_is_the_end(stage: Stage) -> None:
    handle = stage.start()
    stage.live(119)
    assert not handle.ended
    stage.live(3)
    assert handle.failure and handle.failure.code == "E_WORKER_STALLED" and handle.state == "lost"


def test_zero_waits_for_ever(tmp_path: Path) -> None:
    clock, puppet = Clock(), Puppet(tmp_path / "log")
    worker = Worker("", "", tmp_path, clock=clock, limits=Limits(stalled=0), start_child=lambda: puppet)
    patient = Stage(worker, clock, tmp_path, [puppet])
    handle = patient.start()
    patient.live(3600)
    assert not handle.ended and worker.state == "not responding"
    puppet.end(0)
    worker.close()


def test_a_suspended_host_does_not_blame_its_worker(stage: Stage) -> None:
    """Ten minutes pass between two looks, as when Blender is stopped or its window hidden: silence is not counted."""
    handle = stage.start()
    stage.clock.now += 600
    stage.worker.poll()
    assert stage.worker.state == "busy" and not handle.ended
    stage.worker.cancel("a")
    stage.clock.now += 600
    stage.worker.poll()
    assert stage.puppet.signals == [], "the grace time is the host's own, too"


def test_cancel_asks_then_terminates_then_kills(stage: Stage) -> None:
    handle = stage.start()
    stage.worker.cancel("a")
    stage.worker.cancel("a")
    assert handle.cancelling and not handle.ended
    assert [(order.verb, order.job) for order in stage.puppet.orders(1)] == [("cancel", "a")]
    stage.live(5)
    assert stage.puppet.signals == []
    stage.live(0.5)
    assert stage.puppet.signals == ["terminate"]
    stage.live(0.5)
    assert stage.puppet.signals == ["terminate", "kill"]
    stage.live(2)
    assert handle.state == "cancelled" and handle.failure and handle.failure.exit_code == 130


def test_a_worker_stuck_in_a_driver_is_given_up(stage: Stage) -> None:
    stage.start()
    stage.puppet.dies_of.clear()
    stage.worker.cancel("a")
    stage.live(11)
    assert stage.worker.jobs["a"].state == "cancelled"
    stage.puppet.end(-9)


def test_cancel_of_a_job_that_obeys_keeps_the_worker(stage: Stage) -> None:
    stage.start("a")
    stage.worker.cancel("a")
    stage.hear(Failed("a", "E_CANCELLED", "", "", 130))
    second = stage.submit("b")
    stage.live(20, beats=True)
    assert stage.worker.jobs["a"].state == "cancelled" and second.state == "running"
    assert stage.puppet.signals == [], "the grace time of one job is not held against the next"


def test_cancel_of_a_queued_job_disturbs_nobody(stage: Stage) -> None:
    first, second = stage.start("a"), stage.submit("b")
    stage.worker.cancel("b")
    assert second.state == "cancelled" and first.state == "running"
    stage.hear(Finished("a", {}))
    assert first.state == "done"
    assert stage.worker.state == "idle"


def test_what_arrives_after_the_end_changes_nothing(stage: Stage) -> None:
    handle = stage.start()
    stage.hear(Finished("a", {"plate": "/p"}))
    for message in (Finished("a", {"plate": "/other"}), Failed("a", "E_X", "x"), Progress("a", "sampling", 1, 2)):
        stage.hear(message)
    stage.worker.cancel("a")
    stage.worker.cancel("never heard of")
    assert handle.state == "done" and handle.answer == {"plate": "/p"} and stage.worker.ignored == 3
    assert not handle.cancelling


@pytest.mark.parametrize(
    "message", [Progress("b", "sampling", 1, 2), Progress("a", "s", 3, 2), Progress("a", "s", -1, 2)]
)
def test_progress_that_makes_no_sense_is_passed_over(stage: Stage, message: Progress) -> None:
    handle = stage.start()
    stage.hear(Progress("a", "sampling", 1, 5))
    stage.hear(message)
    assert (handle.stage, handle.done, handle.total, stage.worker.ignored) == ("sampling", 1, 5, 1)


def test_three_crashes_in_a_minute_end_the_restarting(stage: Stage) -> None:
    handles = [stage.submit(name) for name in "abcde"]
    for count in range(1, 4):
        stage.puppet.end(-11)
        assert pump_until(stage.worker, lambda count=count: handles[count - 1].ended)
        stage.live(1)
    assert len(stage.puppets) == 3
    assert [handle.state for handle in handles] == ["lost"] * 3 + ["failed"] * 2
    assert handles[4].failure and handles[4].failure.code == "E_WORKER_CRASHES"
    stage.submit("f")
    assert len(stage.puppets) == 4, "a person may try again"


def test_three_crashes_in_an_hour_do_not(stage: Stage) -> None:
    handles = [stage.submit(name) for name in "abcde"]
    for count in range(1, 5):
        stage.puppet.end(-11)
        assert pump_until(stage.worker, lambda count=count: len(stage.puppets) > count)
        stage.clock.now += 1200
    assert [handle.state for handle in handles] == ["lost"] * 4 + ["queued"]


def test_a_worker_that_ends_while_idle_is_replaced_when_needed(stage: Stage) -> None:
    stage.start("a")
    stage.hear(Finished("a", {}))
    stage.puppet.end(-9)
    second = stage.submit("b")                     # nobody has looked since
    stage.hear(Hello(PROTOCOL, "0", 2))
    assert second.state == "running" and len(stage.puppets) == 2
