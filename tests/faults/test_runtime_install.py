"""Installing the worker's environment: from an index and from a bundle, interrupted, starved, lied to."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.faults import runtime_rig
from tests.faults.runtime_rig import BIG, INSTALLER, PATIENCE, Index, Rig, cut, portal, stall, status, until, versions

ALL = "1.0 2.1 3.0"
BIG_WHEEL = "three-3.0-py3-none-any.whl"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)


@pytest.fixture
def index(rig: Rig) -> Iterator[Index]:
    with Index(dict(rig.wheels)) as served:
        yield served


def home(rig: Rig) -> str:
    """The one runtime that is there, and nothing beside it."""
    (name,) = rig.left()
    assert name.startswith("rt-") and "." not in name
    return name


# As it should be


def test_a_runtime_is_made_and_works_where_it_stands(rig: Rig, index: Index) -> None:
    events = rig.install("--mirror", index.address)
    assert events[-1]["event"] == "finished", events[-1]
    assert versions(events[-1]["python"]) == ALL
    plan = next(each for each in events if each["event"] == "plan")
    assert plan["download_bytes"] == sum(map(len, rig.wheels.values())) and plan["packages"] == 3
    stages = [each["stage"] for each in events if "stage" in each]
    assert [name for n, name in enumerate(stages) if name not in stages[:n]] == [
        "python", "environment", "download", "install", "examine"
    ]
    downloads = [each for each in events if each.get("stage") == "download"]
    assert downloads[-1]["done"] == downloads[-1]["total"] == plan["download_bytes"]
    record = json.loads((rig.runtimes / home(rig) / "runtime.json").read_text(encoding="utf-8"))
    assert (record["format"], record["packages"], record["variant"]) == ("platewright.runtime", 3, "tiny")


def test_it_is_there_already(rig: Rig, index: Index) -> None:
    first = rig.install("--mirror", index.address)[-1]
    asked = list(index.seen)
    again = rig.install("--mirror", index.address)
    assert again[-1]["python"] == first["python"] and index.seen == asked


@pytest.mark.parametrize("name", ["with a space", "Zoë's plates 雪", "-dash", "x" * 60])
def test_folders_may_be_called_anything(tmp_path: Path, name: str) -> None:
    rig = Rig(tmp_path / name)
    with Index(dict(rig.wheels)) as index:
        ended = rig.install("--mirror", index.address)[-1]
    assert versions(ended["python"]) == ALL


def test_from_a_bundle_without_a_connection(rig: Rig) -> None:
    bundle = rig.folder / "a bundle"
    (bundle / "wheels").mkdir(parents=True)
    for file, data in rig.wheels.items():
        (bundle / "wheels" / file).write_bytes(data)
    shutil.copyfile(rig.lock, bundle / "lock.txt")
    with Index({}) as index:
        offline = {"PLATEWRIGHT_OFFLINE": "1"}
        ended = rig.install("--bundle", bundle, "--mirror", index.address, env=offline)[-1]
        assert ended["event"] == "finished", ended
        assert index.seen == [] and versions(ended["python"]) == ALL
    assert sorted(path.name for path in (bundle / "wheels").iterdir()) == sorted(rig.wheels), "it stays as it is"


# Interrupted


@pytest.mark.parametrize("stage", ["environment", "download", "install", "examine"])
def test_killed_at_any_stage_it_goes_on(rig: Rig, index: Index, stage: str) -> None:
    child = rig.start("--mirror", index.address)
    assert child.stdout
    for line in child.stdout:
        if json.loads(line).get("stage") == stage:
            break
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate(timeout=PATIENCE)
    assert not [name for name in rig.left() if name.startswith("rt-") and "." not in name], "nothing half under a name"
    kept = [path.name for path in rig.runtimes.glob("wheels-*/*")]
    before = index.fetched()
    ended = rig.install("--mirror", index.address)[-1]
    assert versions(ended["python"]) == ALL and home(rig)
    assert not set(kept) & set(index.fetched()[len(before):]), "what had arrived is not fetched again"
    if stage in ("install", "examine"):
        assert sorted(kept) == sorted(rig.wheels)


def test_pip_ends_with_the_installer(rig: Rig, index: Index) -> None:
    index.faults[BIG_WHEEL] = [stall]
    child = rig.start("--mirror", index.address)
    until(lambda: BIG_WHEEL in index.fetched())
    os.kill(child.pid, signal.SIGKILL)                     # the installer alone: its pip is told by nobody
    child.communicate(timeout=PATIENCE)
    group = partial(os.killpg, child.pid, 0)
    until(lambda: is_gone(group))


def is_gone(signal_group: partial[None]) -> bool:
    try:
        signal_group()
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("way", ["the host lets go", "SIGTERM"])
def test_cancelled_it_leaves_only_what_has_arrived(rig: Rig, index: Index, way: str) -> None:
    index.faults[BIG_WHEEL] = [stall]
    child = rig.start("--mirror", index.address, "--with-host")
    until(lambda: BIG_WHEEL in index.fetched())
    assert child.stdin
    if way == "SIGTERM":
        child.terminate()
        out, err = child.communicate(timeout=PATIENCE)
    else:
        out, err = child.communicate(timeout=PATIENCE)           # closes stdin
    ended = json.loads(out.splitlines()[-1])
    assert (ended["event"], ended["code"], child.returncode, err) == ("failed", "E_CANCELLED", 130, "")
    assert all(name.startswith("wheels-") for name in rig.left())
    assert rig.install("--mirror", index.address)[-1]["event"] == "finished"


def test_a_second_one_waits_and_takes_what_the_first_has_made(rig: Rig, index: Index) -> None:
    both = [rig.start("--mirror", index.address) for _ in range(2)]
    ended = [json.loads(child.communicate(timeout=PATIENCE)[0].splitlines()[-1]) for child in both]
    assert [each["event"] for each in ended] == ["finished"] * 2 and len({each["python"] for each in ended}) == 1
    assert sorted(index.fetched()) == sorted(rig.wheels), "each wheel once"


# Networks


def test_a_cut_line_is_taken_up_again(rig: Rig, index: Index) -> None:
    index.faults[BIG_WHEEL] = [cut(BIG // 3), cut(BIG // 3)]
    ended = rig.install("--mirror", index.address)[-1]
    assert ended["event"] == "finished", ended
    assert index.fetched().count(BIG_WHEEL) == 3


def test_other_bytes_are_refused_and_not_asked_for_again(rig: Rig, index: Index) -> None:
    evil = runtime_rig.wheel("three", "3.0", BIG + 1)[1]
    index.files[BIG_WHEEL] = evil
    ended = rig.install("--mirror", index.address)[-1]
    assert ended["code"] == "E_HASH" and "not the one that was locked" in ended["message"]
    assert index.fetched().count(BIG_WHEEL) == 1
    assert not list(rig.runtimes.glob("rt-*")) and not list(rig.runtimes.glob(f"wheels-*/{BIG_WHEEL}"))


def test_a_wheel_that_changed_in_the_bundle_is_refused(rig: Rig) -> None:
    bundle = rig.folder / "bundle"
    (bundle / "wheels").mkdir(parents=True)
    for file, data in rig.wheels.items():
        changed = data[:-1] + bytes([data[-1] ^ 1]) if file == BIG_WHEEL else data
        (bundle / "wheels" / file).write_bytes(changed)
    ended = rig.install("--bundle", bundle)[-1]
    assert ended["code"] == "E_HASH" and not list(rig.runtimes.glob("rt-*"))


def test_a_bundle_that_lacks_something_says_what(rig: Rig) -> None:
    (rig.folder / "bundle/wheels").mkdir(parents=True)
    ended = rig.install("--bundle", rig.folder / "bundle")[-1]
    assert ended["code"] == "E_BUNDLE" and "3 of the wheels" in ended["message"] and BIG_WHEEL in ended["message"]


def test_a_folder_that_is_no_bundle_is_said_so(tmp_path: Path) -> None:
    words = ["install", "--bundle", tmp_path, "--folder", tmp_path / "runtimes"]
    command = [sys.executable, "-I", "-B", INSTALLER, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    ended = json.loads(done.stdout)
    assert (done.returncode, ended["code"]) == (1, "E_BUNDLE") and str(tmp_path) in ended["message"]
    assert list(tmp_path.iterdir()) == []


def test_nobody_answers(rig: Rig) -> None:
    with Index({}) as index:
        address = index.address
    ended = rig.install("--mirror", address)[-1]
    assert ended["code"] == "E_NETWORK" and address in ended["message"]


@pytest.mark.parametrize(("page", "code"), [(portal, "E_SOURCE"), (status(503), "E_NETWORK"), (status(401), "E_AUTH")])
def test_somebody_else_answers(rig: Rig, index: Index, page: runtime_rig.Fault, code: str) -> None:
    index.pages = page
    assert rig.install("--mirror", index.address)[-1]["code"] == code


def test_a_password_in_the_mirrors_address_is_nowhere_to_be_read(rig: Rig, index: Index) -> None:
    index.files.clear()
    secret = index.address.replace("://", "://me:pa55word@")
    child = rig.start(env={"PLATEWRIGHT_MIRROR": secret})
    out, err = child.communicate(timeout=PATIENCE)
    assert json.loads(out.splitlines()[-1])["code"] == "E_SOURCE"
    assert "pa55word" not in out + err and "pa55word" not in (rig.runtimes / "install.log").read_text(encoding="utf-8")


def test_offline_nothing_is_asked_for(rig: Rig, index: Index) -> None:
    ended = rig.install("--mirror", index.address, "--offline")[-1]
    assert ended["code"] == "E_OFFLINE" and index.seen == [] and rig.left() == []


# Disks


def test_too_little_disk_is_found_out_first(rig: Rig, index: Index) -> None:
    rig.announced[BIG_WHEEL] = 10**15
    ended = rig.install("--mirror", index.address)[-1]
    assert ended["code"] == "E_DISK_SPACE" and "GB are needed" in ended["message"] and index.seen == []


@pytest.mark.parametrize("most", [BIG // 2, BIG * 2 // 3])
def test_a_disk_that_fills_up_leaves_no_half_runtime(rig: Rig, index: Index, most: int) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (most, most))
    ended = rig.install("--mirror", index.address, preexec_fn=limit)[-1]
    assert ended["code"] == "E_DISK_FULL", ended
    assert not list(rig.runtimes.glob("rt-*"))
    assert rig.install("--mirror", index.address)[-1]["event"] == "finished"


def test_a_folder_that_cannot_be_written_is_said_so(rig: Rig, tmp_path: Path) -> None:
    rig.folder = tmp_path / "here"
    rig.folder.mkdir()
    (rig.folder / "runtimes").write_text("a file", encoding="utf-8")
    child = rig.start()
    ended = json.loads(child.communicate(timeout=PATIENCE)[0].splitlines()[-1])
    assert ended["code"] == "E_OUT_READONLY" and "runtimes" in ended["message"]


# Broken


def test_what_does_not_work_is_never_published(rig: Rig, index: Index) -> None:
    rig.ailment = "no driver"
    ended = rig.install("--mirror", index.address)[-1]
    assert ended["code"] == "E_RUNTIME_UNFIT" and "device: no driver" in ended["message"]
    assert all(name.startswith("wheels-") for name in rig.left())
    rig.ailment = ""
    fetched = len(index.fetched())
    assert rig.install("--mirror", index.address)[-1]["event"] == "finished"
    assert len(index.fetched()) == fetched, "mending the machine is enough"


@pytest.mark.parametrize("damage", ["a byte", "a file", "a package", "the interpreter", "the record"])
def test_a_broken_runtime_is_mended_by_fetching_what_is_damaged(rig: Rig, index: Index, damage: str) -> None:
    python = Path(rig.install("--mirror", index.address)[-1]["python"])
    site = next(python.parents[1].glob("lib/python3*/site-packages"))
    every = ["one", "three", "two_b"]
    fetched = {"a byte": ["two_b"], "a file": ["two_b"], "a package": ["two_b"], "the record": every}
    if damage == "a byte":
        (site / "two_b/ballast.bin").write_bytes(b"?" * 100)
    elif damage == "a file":
        (site / "two_b/__init__.py").unlink()
    elif damage == "a package":
        shutil.rmtree(next(site.glob("two_b-*")))
    elif damage == "the interpreter":
        python.unlink()
    else:
        (python.parents[1] / "runtime.json").write_text("{", encoding="utf-8")
    before = len(index.fetched())
    ended = rig.install("--mirror", index.address, "--anew")[-1]
    assert versions(ended["python"]) == ALL and home(rig)
    assert [file.split("-")[0] for file in sorted(index.fetched()[before:])] == fetched.get(damage, [])


def test_an_update_fetches_only_what_is_new(rig: Rig, index: Index) -> None:
    old = rig.install("--mirror", index.address)[-1]["python"]
    file, data = runtime_rig.wheel("one", "1.1")
    del rig.wheels["one-1.0-py3-none-any.whl"]
    rig.wheels[file] = index.files[file] = data
    before = len(index.fetched())
    new = rig.install("--mirror", index.address)[-1]["python"]
    assert index.fetched()[before:] == [file]
    assert (versions(old), versions(new)) == (ALL, "1.1 2.1 3.0"), "whoever uses the old one is not disturbed"


def test_a_finished_one_that_has_no_name_yet_gets_it(rig: Rig, index: Index) -> None:
    python = Path(rig.install("--mirror", index.address)[-1]["python"])
    made = python.parents[1]
    made.rename(made.with_name(f"{made.name}.staging"))
    asked = len(index.seen)
    assert rig.install("--mirror", index.address)[-1]["python"] == str(python)
    assert len(index.seen) == asked and home(rig)


# This machine's own settings


def test_nothing_of_this_person_has_a_say(rig: Rig, index: Index, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.mkdir()
    for name in ("one", "two_b", "three", "sitecustomize", "usercustomize"):
        (trap / f"{name}.py").write_text("raise SystemExit('a trap')", encoding="utf-8")
    settings = tmp_path / "pip.conf"
    settings.write_text("[global]\nno-index = true\ntarget = /nowhere\n", encoding="utf-8")
    home_of_person = tmp_path / "person"
    (home_of_person / ".config/pip").mkdir(parents=True)
    shutil.copyfile(settings, home_of_person / ".config/pip/pip.conf")
    env = {"PIP_CONFIG_FILE": str(settings), "PIP_INDEX_URL": "http://nowhere.invalid/simple", "PIP_TARGET": str(trap)}
    env |= {"PYTHONPATH": str(trap), "PYTHONHOME": str(trap), "VIRTUAL_ENV": str(trap), "CONDA_PREFIX": str(trap)}
    env |= {"UV_INDEX_URL": "http://nowhere.invalid", "HOME": str(home_of_person), "LD_LIBRARY_PATH": str(trap)}
    ended = rig.install("--mirror", index.address, env=env)[-1]
    assert ended["event"] == "finished", ended
    assert versions(ended["python"]) == ALL
    assert sorted(path.name for path in trap.iterdir()) == sorted(
        f"{name}.py" for name in ("one", "two_b", "three", "sitecustomize", "usercustomize")
    )


def test_the_python_it_runs_in_stays_as_it_was(rig: Rig, index: Index) -> None:
    """Blender's own, in the end."""
    every = "import sys, pathlib; print(sorted(map(str, pathlib.Path(sys.prefix).rglob('*'))))"
    look = [sys.executable, "-I", "-c", every]
    before = subprocess.run(look, capture_output=True, check=True).stdout
    assert rig.install("--mirror", index.address)[-1]["event"] == "finished"
    assert subprocess.run(look, capture_output=True, check=True).stdout == before


def test_a_read_only_runtime_is_used_without_writing(rig: Rig, index: Index) -> None:
    python = Path(rig.install("--mirror", index.address)[-1]["python"])
    folder = python.parents[1]
    before = sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*"))
    code = "import one, two_b, three"
    subprocess.run([python, "-I", "-B", "-X", "utf8", "-c", code], check=True)
    assert sorted((str(path), path.stat().st_mtime_ns) for path in folder.rglob("*")) == before


def test_a_python_that_is_not_there_is_said_so(rig: Rig) -> None:
    ended = rig.install("--python", "/nowhere/python")[-1]
    assert ended["code"] == "E_PYTHON" and "/nowhere/python" in ended["message"]


def test_it_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys; before = set(sys.modules); sys.path.insert(0, sys.argv[1])\n"
        "import installer.main\n"
        "mine = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(sorted(mine - set(sys.stdlib_module_names)))"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, INSTALLER.parent], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "['installer']"
