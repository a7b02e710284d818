"""The command line as a farm sees it: real processes, JSON on stdout, exit codes, kills and retries."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from platewright import cli, provenance

from .shots import shot

CORE = Path(cli.__file__).resolve().parents[1]


def platewright(*words: str, cwd: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON object on stdout, and stderr."""
    run = subprocess.run(_command(*words), cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=120)
    return run.returncode, json.loads(run.stdout), run.stderr


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "platewright", *words, "--json"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(CORE)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shot(frames=4).write(tmp_path / "camera.json")
    return tmp_path


def write_job(folder: Path, frames: int, size: tuple[int, int] = (64, 36)) -> Path:
    """A job file as a person writes it: the camera by name, the plates beside it."""
    shot(frames=frames, size=size).write(folder / "camera.json")
    request = {"format": "platewright.request", "version": 1, "camera": "camera.json", "prompt": "", "model": "grid"}
    job = {"format": "platewright.job", "version": 1, "name": "sh010_BG01", "out": "plates", "request": request}
    path = folder / "job.json"
    path.write_text(json.dumps(job))
    return path


def test_generate_answers_with_the_plate(folder: Path) -> None:
    words = ("generate", "--camera", "camera.json", "--model", "grid", "--frames", "1002-1003")
    code, answer, told = platewright(*words, cwd=folder)
    assert code == 0
    assert {"plate", "frames", "seed", "model", "seconds", "match"} <= set(answer)
    assert Path(answer["plate"]) == folder / "Camera_v001" and answer["frames"] == 2
    assert "signing" in told
    code, verdict, _ = platewright("verify", answer["plate"], cwd=folder)
    assert code == 0 and verdict["ok"]

    frame = Path(answer["plate"]) / "Camera_v001.1002.exr"
    data = bytearray(frame.read_bytes())
    data[len(data) // 2] ^= 1
    frame.write_bytes(data)
    code, verdict, _ = platewright("verify", answer["plate"], cwd=folder)
    assert code == 1 and verdict["problems"][0]["code"] == "E_FRAME_CORRUPT" and verdict["problems"][0]["frame"] == 1002


def test_check_measures_a_plate_and_lock_makes_the_next_version(folder: Path) -> None:
    words = ("generate", "--camera", "camera.json", "--model", "grid", "--no-check", "--format", "png")
    code, made, _ = platewright(*words, cwd=folder)
    assert code == 0 and made["match"] is None
    before = {path.name: path.read_bytes() for path in Path(made["plate"]).iterdir()}
    code, report, told = platewright("check", "Camera_v001", cwd=folder)
    assert code == 0 and report["verdict"] in ("locked", "follows", "lost", "unsolved") and report["frames"] == 4
    assert "tracking 4/4" in told
    code, locked, _ = platewright("lock", "Camera_v001", "--out", ".", "--size", "128x72", cwd=folder)
    assert code == 0 and Path(locked["plate"]) == folder / "Camera_v002"
    assert {path.name: path.read_bytes() for path in Path(made["plate"]).iterdir()} == before
    code, verdict, _ = platewright("verify", locked["plate"], cwd=folder)
    assert code == 0 and verdict["ok"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["generate", "--camera", "nowhere.json"], "E_FILE_MISSING"),
        (["generate", "--camera", "camera.json", "--model", "nope"], "E_MODEL_UNKNOWN"),
        (["generate", "--camera", "camera.json", "--model", "draft"], "E_PROMPT_EMPTY"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--frames", "900-901"], "E_RANGE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--size", "4x4"], "E_SIZE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--steps", "0"], "E_VALUE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--guidance", "nan"], "E_VALUE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--name", "..."], "E_NAME"),
        (["generate", "--camera", "camera.json", "--tries", "x"], "E_USAGE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--overscan", "2"], "E_VALUE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--no-check", "--require", "locked"], "E_VALUE"),
        (["generate", "--camera", "camera.json", "--model", "grid", "--require", "perfect"], "E_USAGE"),
        (["check", "nowhere"], "E_FILE_MISSING"),
        (["check", ".", "--camera", "camera.json"], "E_FRAMES_NONE"),
        (["lock", "nowhere", "--out", "out"], "E_FILE_MISSING"),
        (["lock", "."], "E_USAGE"),
        (["run", "nowhere.json"], "E_FILE_MISSING"),
        (["camera", "nowhere.blend", "-o", "c.json"], "E_FILE_MISSING"),
        (["conditioning", "--camera", "camera.json", "--model", "nope", "-o", "t.safetensors"], "E_MODEL_UNKNOWN"),
        (["sing"], "E_USAGE"),
        ([], "E_USAGE"),
    ],
)
def test_a_bad_request_is_exit_code_2_with_a_code_and_a_hint(
    folder: Path, words: list[str], code: str, capsys: Any
) -> None:
    here = Path.cwd()
    os.chdir(folder)
    try:
        assert cli.main([*words, "--json"]) == 2
    finally:
        os.chdir(here)
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == code and error["message"] and error["hint"]
    assert sorted(path.name for path in folder.iterdir()) == ["camera.json"]


def test_conditioning_saves_the_tensors(folder: Path) -> None:
    from safetensors.numpy import load_file

    words = ("conditioning", "--camera", "camera.json", "--model", "grid", "--size", "32x18", "-o", "t.safetensors")
    code, answer, _ = platewright(*words, cwd=folder)
    assert code == 0
    tensors = load_file(folder / "t.safetensors")
    assert answer["tensors"] == {name: list(tensor.shape) for name, tensor in tensors.items()}
    assert all(tensor.dtype == "float32" for tensor in tensors.values())


def test_a_guide_of_one_kind_is_asked_for_by_either_word(folder: Path) -> None:
    for number, words in enumerate([("--kinds", "grid", "-o"), ("--kind", "grid", "--out")]):
        code, answer, _ = platewright("guide", "--camera", "camera.json", *words, f"guide{number}", cwd=folder)
        assert (code, answer.get("kinds")) == (0, ["grid"])
        assert (folder / f"guide{number}" / "grid.1001.png").is_file()


def test_the_doctor_names_the_command_that_fetches_what_is_missing(folder: Path) -> None:
    code, answer, _ = platewright("doctor", cwd=folder)
    mends = {found["name"]: found["mend"] for found in answer["findings"] if not found["is_well"]}
    assert (code, answer["ok"]) == (0, True)
    assert mends["model sana-wm"] == "platewright models pull sana-wm"


def test_the_example_job_is_a_job(folder: Path) -> None:
    job = json.loads((CORE.parent / "examples" / "job.json").read_text())
    job["request"] |= {"model": "grid"}
    (folder / "job.json").write_text(json.dumps(job))
    code, answer, _ = platewright("run", "job.json", cwd=folder)
    assert code == 0 and answer["seed"] == 7 and Path(answer["plate"]) == folder / "plates" / "sh010_BG01_v001"


def test_a_job_file_needs_a_seed_of_its_own(folder: Path) -> None:
    job = write_job(folder, frames=3)
    job.write_text(job.read_text().replace('"model"', '"seed": -1, "model"'))
    code, refused, _ = platewright("run", str(job), cwd=folder)
    assert code == 2 and refused["error"]["code"] == "E_VALUE"


def test_run_is_safe_to_retry(folder: Path) -> None:
    job = write_job(folder, frames=3)
    code, first, _ = platewright("run", str(job), "--resume", "--result", "result.json", cwd=folder)
    assert code == 0 and Path(first["plate"]) == folder / "plates" / "sh010_BG01_v001"
    assert json.loads((folder / "result.json").read_text()) == first
    for words in [("--resume",), (), ("--version", "1")]:
        code, again, _ = platewright("run", str(job), *words, cwd=folder)
        assert code == 0 and again["plate"] == first["plate"]

    job.write_text(job.read_text().replace('"seed": 0', '"seed": 1').replace('"prompt": ""', '"prompt": "another"'))
    words = ("run", str(job), "--resume", "--version", "1", "--result", "result.json")
    code, refused, _ = platewright(*words, cwd=folder)
    assert code == 2 and refused["error"]["code"] == "E_JOB_DIFFERS"
    assert json.loads((folder / "result.json").read_text())["error"]["code"] == "E_JOB_DIFFERS"
    code, refused, _ = platewright("run", str(job), "--version", "1", cwd=folder)
    assert code == 2 and refused["error"]["code"] == "E_VERSION_TAKEN"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sign", "exit_code", "status"),
    [(signal.SIGKILL, -9, "running"), (signal.SIGTERM, 130, "cancelled"), (signal.SIGINT, 130, "cancelled")],
)
def test_a_job_that_was_stopped_is_finished_by_resume(
    folder: Path, sign: signal.Signals, exit_code: int, status: str
) -> None:
    job = write_job(folder, frames=12, size=(640, 360))
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(_command("run", str(job)), cwd=folder, env=_environment(), **quiet)
    plate = folder / "plates" / "sh010_BG01_v001"
    wait_until(lambda: len(list(plate.glob("*.exr"))) >= 3)
    process.send_signal(sign)
    assert process.wait(60) == exit_code
    whole = sorted(plate.glob("*.exr"))
    assert 3 <= len(whole) < 12
    assert json.loads((plate / "job.json").read_text())["status"] == status

    code, answer, _ = platewright("run", str(job), "--resume", cwd=folder)
    assert code == 0 and Path(answer["plate"]) == plate and answer["frames"] == 12
    assert provenance.verify(plate).is_sound
    assert not list(plate.glob("*.part-*"))


def wait_until(condition: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)
