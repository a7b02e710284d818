"""Pulls as a person starts them: killed in the middle, two at once, without room, without a network, unattended."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from platewright import cli

from .fake_hub import HERE, KEPT, REPOSITORY, FakeHub, inside, status, tiny_vace

CORE = Path(cli.__file__).resolve().parents[1]
NAME = "wan-vace-1.3b"
SECRET = "hf_donottellanybody"
QUEUED = "Stage(job='models', stage='queued'"
WEIGHTS = [path for path in KEPT if path.endswith(".safetensors")]

# Slow enough to be caught in the middle, and it says how far it is.
PULLER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from platewright import file_lock
from platewright.models import fetching, locks, pulling, shelves, staging
if "hollow" in sys.argv[4:]:
    staging.try_lock = file_lock.try_lock = lambda descriptor: True
if "full" in sys.argv[4:]:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
fetching.CHUNK = 10_000
lock = locks.lock("wan-vace-1.3b")
def tell(event):
    print(event, flush=True)
class Slow(shelves.Hub):
    def bring(self, source, commit, file, part, tell):
        def slowly(held):
            tell(held)
            print("held", held, flush=True)
            time.sleep(0.02 if "slow" in sys.argv[4:] else 0)
        super().bring(source, commit, file, part, slowly)
try:
    found = pulling.pull(lock, lambda: Slow(fetching.Host(sys.argv[2])), Path(sys.argv[3]), lambda _: True, tell)
    print("done", found["is_new"], flush=True)
except fetching.BackendError as error:
    print(error.code, error.hint, flush=True)
"""


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub(files={REPOSITORY: tiny_vace(400_000)}) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "models"


def puller(hub: FakeHub, home: Path, *how: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PULLER, str(CORE), hub.address, str(home), *how]
    environment = {**os.environ, "PLATEWRIGHT_CACHE": str(home.parent / "cache")}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(process: subprocess.Popen[str]) -> str:
    words, _ = process.communicate(timeout=120)
    return words


def wait_for(process: subprocess.Popen[str], *starts: str) -> None:
    """Read on until lines that begin so have come, one after the other."""
    assert process.stdout
    for start in starts:
        while not (line := process.stdout.readline()).startswith(start):
            assert line, f"ended before it said {start!r}"


def platewright(*words: str, home: Path, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON on stdout, and stderr."""
    own = {**os.environ, "PYTHONPATH": str(CORE), "PLATEWRIGHT_CACHE": str(home.parent / "cache"), **environment}
    command = [sys.executable, "-m", "platewright", "models", *words, "--json"]
    done = subprocess.run(
        command, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    return done.returncode, json.loads(done.stdout), done.stderr


# Killed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 15, 60])
def test_a_killed_pull_shows_nothing_and_goes_on(hub: FakeHub, home: Path, after: int) -> None:
    process = puller(hub, home, "slow")
    wait_for(process, *["held"] * after)
    process.kill()
    said(process)
    assert not (home / NAME).exists()
    size = sum(map(len, hub.files[REPOSITORY].values()))
    assert sum(path.stat().st_size for path in home.rglob("*") if path.is_file()) <= size
    before, sent = len(hub.seen), held_in(home)
    assert "done True" in said(puller(hub, home))
    assert inside(home) == sorted([f".staging/{NAME}.lock", *(f"{NAME}/{path}" for path in KEPT)])
    starts = [one.start for one in hub.seen[before:] if one.path.endswith(".safetensors")]
    assert sent < 20_000 or max(starts) > 0 or len(starts) < len(WEIGHTS)


def held_in(home: Path) -> int:
    """Bytes of tensors that are here."""
    files = [path for path in (home / ".staging").rglob("*") if path.is_file()]
    return sum(path.stat().st_size for path in files if path.stat().st_size > 2000)


def test_kills_at_random_leave_a_whole_model_in_the_end(hub: FakeHub, home: Path) -> None:
    for round_number in range(6):
        process = puller(hub, home, "slow")
        wait_for(process, *["held"] * (3 + 5 * round_number))
        process.send_signal(signal.SIGKILL)
        said(process)
        assert not (home / NAME).exists()
    assert "done True" in said(puller(hub, home))
    assert sorted(inside(home / NAME)) == KEPT
    assert platewright("verify", NAME, home=home, PLATEWRIGHT_MODELS=str(home))[0] == 0


def test_ctrl_c_is_told_and_the_pull_goes_on_later(hub: FakeHub, home: Path) -> None:
    hub.faults["diffusion_pytorch_model.safetensors"] = [status(503, Retry_After="60")]
    own = {**os.environ, "PYTHONPATH": str(CORE), "PLATEWRIGHT_CACHE": str(home.parent / "cache")}
    command = [sys.executable, "-m", "platewright", "models", "pull", NAME, "--from", hub.address]
    command += ["--accept-licence", "--to", str(home), "--json"]
    process = subprocess.Popen(command, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not hub.asked_for("diffusion_pytorch_model.safetensors"):
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    words, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and json.loads(words)["error"]["code"] == "E_CANCELLED"
    assert not (home / NAME).exists()
    code, answer, _ = platewright("pull", NAME, "--from", hub.address, "--to", str(home), home=home)
    assert code == 0 and answer["models"][0]["is_new"]                 # the terms were agreed to before


# Side by side ------------------------------------------------------------------------------------


def test_two_at_once_take_turns(hub: FakeHub, home: Path) -> None:
    first = puller(hub, home, "slow")
    wait_for(first, "held", "held")
    first.send_signal(signal.SIGSTOP)
    second = puller(hub, home)
    wait_for(second, QUEUED)
    first.send_signal(signal.SIGCONT)
    words = sorted(said(process).split("done ")[1].strip() for process in (first, second))
    assert words == ["False", "True"]
    assert len(hub.asked_for(".safetensors")) == len(WEIGHTS)


def test_whoever_waits_goes_on_where_a_killed_one_was(hub: FakeHub, home: Path) -> None:
    first = puller(hub, home, "slow")
    wait_for(first, *["held"] * 20)
    first.send_signal(signal.SIGSTOP)
    second = puller(hub, home)
    wait_for(second, QUEUED)
    first.kill()
    assert "done True" in said(second)
    said(first)
    assert inside(home / NAME) == KEPT


def test_without_locks_both_finish_and_share_nothing(hub: FakeHub, home: Path) -> None:
    both = [puller(hub, home, "slow", "hollow") for _ in range(2)]
    for process in both:
        words = said(process)
        assert "W_NO_LOCK" in words and "done" in words
    assert inside(home) == sorted([f".staging/{NAME}.lock", *(f"{NAME}/{path}" for path in KEPT)])


# No room, no network, nobody ---------------------------------------------------------------------


def test_a_disk_that_fills_up_is_told_and_what_is_half_there_can_go(hub: FakeHub, home: Path) -> None:
    words = said(puller(hub, home, "full"))
    assert "E_DISK_FULL" in words and "platewright models remove" in words
    assert not (home / NAME).exists() and held_in(home)
    assert platewright("remove", NAME, home=home, PLATEWRIGHT_MODELS=str(home))[0] == 0
    assert inside(home) == [f".staging/{NAME}.lock"]
    assert "done True" in said(puller(hub, home))


AUDITED = """
import sys
sys.path.insert(0, sys.argv[1])
seen = []
told = {"socket.connect": 1, "socket.getaddrinfo": 0}
sys.addaudithook(lambda event, given: seen.append(given[told[event]]) if event in told else None)
from platewright import cli
code = cli.main(sys.argv[2:])
print("connections", seen, code, flush=True)
"""


def audited(*words: str, home: Path, **environment: str) -> str:
    own = {**os.environ, "PLATEWRIGHT_CACHE": str(home.parent / "cache"), **environment}
    command = [sys.executable, "-c", AUDITED, str(CORE), "models", *words]
    done = subprocess.run(
        command, env=own, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout.rpartition("connections ")[2].strip()


def test_only_a_pull_goes_to_a_network_and_only_to_its_host(hub: FakeHub, home: Path) -> None:
    words = ("pull", NAME, "--from", hub.address, "--accept-licence")
    assert audited(*words, home=home, PLATEWRIGHT_OFFLINE="1") == "[] 2"
    for quiet in ((), ("show", NAME), ("verify", NAME), ("remove", NAME)):
        assert audited(*quiet, home=home).startswith("[] ")
    port = hub.server.server_port
    told, _, code = audited(*words, home=home).rpartition(" ")
    assert code == "0" and set(ast.literal_eval(told)) == {HERE, (HERE, port)}, told


def test_nobody_to_ask_is_an_error_and_yes_is_recorded(hub: FakeHub, home: Path) -> None:
    words = ("pull", NAME, "--from", hub.address)
    code, answer, told = platewright(*words, home=home, HF_TOKEN=SECRET)
    assert (code, answer["error"]["code"]) == (2, "E_LICENCE")
    assert "--accept-licence" in answer["error"]["hint"] and "The terms of" in told
    code, answer, told = platewright(*words, "--accept-licence", home=home, HF_TOKEN=SECRET)
    assert code == 0 and answer["bytes"] > 0 and answer["is_found"]
    assert "W_MODEL_UNPINNED" in told and "downloading" in told
    folder = Path(answer["models"][0]["folder"])
    kept = "".join(path.read_text() for path in (*folder.rglob("*.json"), *(home.parent / "cache").rglob("records/*")))
    assert SECRET not in told + json.dumps(answer) + kept
    code, answer, _ = platewright("show", NAME, home=home)
    assert code == 0 and answer["accepted"]["who"] and answer["files"]
    code, answer, _ = platewright(home=home)
    card = next(card for card in answer["models"] if card["name"] == NAME)
    assert card["available"] and card["sources"] == [REPOSITORY] and card["revision"] and card["terms"]


def test_what_is_mistyped_is_told(home: Path) -> None:
    for words, expected in ((("pull", "no-such"), "E_MODEL_UNKNOWN"), (("pull", "draft"), "E_VALUE"),
                            (("pull",), "E_USAGE"), (("pull", NAME, "--from", "/no/such"), "E_FILE_MISSING"),
                            (("verify", NAME), "E_MODEL_MISSING")):  # fmt: skip
        code, answer, _ = platewright(*words, home=home)
        assert (code, answer["error"]["code"]) == (1 if expected == "E_MODEL_MISSING" else 2, expected)
        assert answer["error"]["hint"]
