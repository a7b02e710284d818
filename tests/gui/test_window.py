"""The panel in a window: an artist works on while a plate is made, cancels, undoes, leaves, is killed."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.gui.conftest import RUN_SECONDS, SHOTS, Blender, window_words


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def seconds_until_gone(pid: int) -> float:
    started = time.monotonic()
    while not is_gone(pid) and time.monotonic() - started < RUN_SECONDS:
        time.sleep(0.02)
    assert is_gone(pid)
    return time.monotonic() - started


def test_a_plate_arrives_while_the_artist_works_on(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "plate", stage)
    assert len(noted["headlines"]) > 3, "the interface ran while the worker did"
    assert noted["idle"], "no timer is left"
    assert noted["verdict"] in {"locked", "follows"}, "a grid drawn with the very camera follows it"


def test_another_try_is_picked_and_its_own_figures_are_seen(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "tries", stage)
    assert noted["tries"] == 3 and noted["picked"]["verdict"] == "Does not follow the camera"
    assert noted["picked"]["Off by"] == "44.4 px, worst 55.5 px" != noted["proposed"]["Off by"]
    (opened,) = (blender.home / "opened").read_text(encoding="utf-8").splitlines()
    assert Path(opened).is_file() and Path(opened).name == "contact.png"
    shutil.copy(opened, SHOTS / "contact sheet of tries.png")


OUTCOME = r"\{'(FINISHED|CANCELLED|RUNNING_MODAL)'\}"
FINE = re.compile(rf"greyed|{OUTCOME}|Error: E_[A-Z_]+: [^ ].*\. \S.*\.\n$")     # what is wrong, then what to do
ENDS_WELL = (
    "cancel", "undo_and_load", "other_file", "kill_worker", "long_camera", "render", "no_camera_no_runtime", "disable",
)  # fmt: skip


@pytest.mark.parametrize("scenario", ENDS_WELL)
def test_it_goes_well(blender: Blender, blend: Path, stage: Path, scenario: str) -> None:
    blender.window(blend, scenario, stage)


def test_ways_in_under_a_real_pointer(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "ways", stage, "clicking.py")
    assert {"background", "plane", "world", "strip", "projection", "compositor"} == set(noted["standing"])


def test_jobs_and_ways_go_by_their_crosses(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "crosses", stage, "clicking.py")
    assert (noted["plate"], noted["standing"]) == ("Camera_v002", ["background"])


def test_a_version_is_used_and_one_is_brought_back_by_hand(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "versions", stage, "clicking.py")
    assert (noted["first"], noted["second"]) == ("Camera_v001", "Camera_v002")


def test_a_job_goes_on_while_no_window_is_on_the_screen(blender: Blender, blend: Path, stage: Path) -> None:
    assert blender.window(blend, "hidden", stage, "clicking.py")["frames"] == 60


def test_no_button_breaks(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "buttons", stage, "pressing.py")
    for state in ("shot", "plate", "bare"):
        print(json.dumps(noted[state], indent=1))
        assert len(noted[state]) > 30
        assert [said for said in noted[state].values() if not FINE.match(said)] == []
    assert "E_NO_PLATE" in noted["bare"]["image_plane"] and "FINISHED" in noted["plate"]["image_plane"]


def test_shots_have_a_storyboard_and_a_plate_each(blender: Blender, blend: Path, stage: Path) -> None:
    assert len(set(blender.window(blend, "shots", stage, "clicking.py")["plates"])) == 2


def test_jobs_queue_up_with_their_pictures(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "queue", stage, "queueing.py")
    assert noted["thumbs"] >= 1, "a frame was seen before its plate was there"
    print(f"a tick takes {1000 * noted['tick_seconds']:.1f} ms of the window's time")
    assert "E_CANCELLED" in noted["clipboard"] and "coast" not in noted["clipboard"]


def test_the_next_start_offers_what_was_left(blender: Blender, blend: Path, stage: Path) -> None:
    first = blender.window(blend, "leave", stage, "queueing.py")
    (stage / "noted.json").unlink()
    second = blender.window(blend, "come_back", stage, "queueing.py")
    assert second["job"] == first["job"] and second["frames"] == 80 and second["versions"] == ["Camera_v001"]


def test_check_finds_the_workers_python(blender: Blender, blend: Path, stage: Path) -> None:
    findings = blender.window(blend, "check", stage)["findings"]
    assert {"python", "library torch"} <= {finding["name"] for finding in findings}


def test_quitting_in_the_middle_of_a_job_ends_the_worker(blender: Blender, blend: Path, stage: Path) -> None:
    noted = blender.window(blend, "busy", stage)
    seconds_until_gone(noted["worker"])


def test_killing_blender_ends_the_worker_and_damages_nothing(
    blender: Blender, blend: Path, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW_GUI_STAY", "1")
    child = blender.start(*window_words(blend, "busy", stage))
    deadline = time.monotonic() + RUN_SECONDS
    while not (stage / "noted.json").is_file():
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    noted = json.loads((stage / "noted.json").read_text(encoding="utf-8"))
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    print(f"worker gone after {seconds_until_gone(noted['worker']):.2f} s")
    plate = next((stage / "plates").iterdir())
    assert not (plate / "plate.json").exists() and list(plate.glob("*.exr"))
    assert json.loads((Path(noted["record"]) / "job.json").read_text(encoding="utf-8"))["name"] == "Camera"
