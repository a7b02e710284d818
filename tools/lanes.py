"""The lanes of the suite: which tests run in which environment, side by side, and what came of it."""

from __future__ import annotations

import os
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from . import environments
from .environments import ROOT, Environment, SetupFailed, Unavailable

LOGS = ROOT / "out" / "test-logs"
SIDE_BY_SIDE = 2
LANE_SECONDS = 40 * 60                     # a lane that takes this long hangs
NOTHING_CHOSEN = 5                         # pytest's exit code when -k leaves no test
LOG_LINES = 60


@dataclass(frozen=True, slots=True)
class Lane:
    """Some tests in some environment."""

    name: str
    tests: str
    environment: Environment
    blender: bool = False                  # leaves through run.py
    also: tuple[Environment, ...] = ()     # which its tests start

    def command(self, report: Path, choose: str | None) -> list[str]:
        """The lane's pytest, its counts left in `report`."""
        start = [str(ROOT / "tests/blender/run.py")] if self.blender else ["-m", "pytest"]
        chosen = ["-k", choose] if choose else []
        options = ["-p", "no:cacheprovider", "--durations=5", "-ra", f"--junitxml={report}"]
        return [str(self.environment.python), *start, self.tests, *options, *chosen]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a lane."""

    lane: str
    state: str                             # passed, failed, cannot run, nothing chosen
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    reason: str = ""                       # why it cannot run, or the end of the log of one that failed


def lanes() -> list[Lane]:
    """All of them, the longest first."""
    core = environments.core()
    host = [Lane("core", "tests/core", core), Lane("faults", "tests/faults", core)]
    series = ("5.0", "4.2", "4.5", "5.1", "5.2")
    host.append(Lane("match", "tests/match", core, also=(environments.blender("5.0"),)))
    return host + [Lane(f"blender-{one}", "tests/blender", environments.blender(one), blender=True) for one in series]


def run_all(chosen: Sequence[Lane], choose: str | None, tell: Callable[[str], None]) -> list[Outcome]:
    """Run the lanes, a few at a time; tell one line as each ends."""
    LOGS.mkdir(parents=True, exist_ok=True)

    def run_and_tell(lane: Lane) -> Outcome:
        outcome = run_lane(lane, choose)
        tell(row(outcome))
        return outcome

    pool = ThreadPoolExecutor(SIDE_BY_SIDE)
    try:
        return list(pool.map(run_and_tell, chosen))
    finally:
        pool.shutdown(cancel_futures=True)                 # an interrupt ends what runs and starts nothing more


def run_lane(lane: Lane, choose: str | None) -> Outcome:
    """One lane from setting up to counting."""
    try:
        for needed in (lane.environment, *lane.also):
            environments.ensure(needed)
    except Unavailable as reason:
        return Outcome(lane.name, "cannot run", reason=str(reason))
    except SetupFailed as reason:
        return Outcome(lane.name, "failed", failed=1, reason=str(reason))
    report, log = LOGS / f"{lane.name}.xml", LOGS / f"{lane.name}.log"
    report.unlink(missing_ok=True)
    started = time.monotonic()
    code = run_logged(lane.command(report, choose), log)
    return judge(lane.name, code, report, log, time.monotonic() - started)


def run_logged(command: list[str], log: Path, seconds: float = LANE_SECONDS) -> int:
    """Run it with its output in a file; end it if it hangs (then the code is 124)."""
    env = {**os.environ, "OMP_NUM_THREADS": "1"}           # two lanes share the cores
    with log.open("wb") as out:
        try:
            return subprocess.run(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=seconds,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            out.write(f"\nstill running after {seconds:.0f} s: ended\n".encode())
            return 124


def judge(name: str, code: int, report: Path, log: Path, seconds: float) -> Outcome:
    """Counts from the report. A lane that ended without one counts as one failure, whatever its exit code."""
    passed, failed, skipped = counts(report) if report.exists() else (0, 1, 0)
    if code == NOTHING_CHOSEN and not failed:
        return Outcome(name, "nothing chosen", seconds=seconds)
    if code == 0 and not failed:
        return Outcome(name, "passed", passed, failed, skipped, seconds)
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    tail = "\n".join([f"exit code {code}; the end of {log}:", *lines[-LOG_LINES:]])
    return Outcome(name, "failed", passed, max(failed, 1), skipped, seconds, tail)


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed and skipped tests in pytest's own JUnit report."""
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    tests = failed = skipped = 0
    for suite in suites:
        tests += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return tests - failed - skipped, failed, skipped


def row(outcome: Outcome) -> str:
    """A lane as one line of the table."""
    if outcome.state == "cannot run":
        return f"  {outcome.lane:12} cannot run: {outcome.reason}"
    skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
    result = f"{outcome.passed} passed, {outcome.failed} failed{skipped}"
    return f"  {outcome.lane:12} {outcome.state:14} {result:32} {outcome.seconds:6.0f} s"


def table(outcomes: Sequence[Outcome]) -> str:
    """All lanes, then the sum alone on the last line."""
    details = [f"\n--- {one.lane} ---\n{one.reason}\n" for one in outcomes if one.failed]
    passed, failed = sum(one.passed for one in outcomes), sum(one.failed for one in outcomes)
    return "\n".join([*details, "", *map(row, outcomes), "", f"{passed} passed, {failed} failed"])
