"""What the runtime consists of, on which machine, and where it goes: the parts of the installer that start nothing."""

from __future__ import annotations

import importlib
import os
import re
import shutil
import subprocess
import sys
import threading
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_wheel_filename
from packaging.version import Version

from platewright.models import checkpoint
from tests.core.test_build import ROOT
from tools import locks as making

FOLDER = ROOT / "blender_addon/installer"
FLOORS = {"torch": "2.11", "transformers": "5.3", "diffusers": "0.42.1", "safetensors": "0.8"}    # known holes closed
SYSTEMS = {"linux-cuda": "manylinux", "linux-cpu": "manylinux", "macos": "macosx", "windows": "win_amd64"}


def part(name: str) -> Any:
    """A module of the installer, outside of the add-on, which only Blender can import."""
    package = "platewright_installer"
    if package not in sys.modules:
        spec = spec_from_file_location(package, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
        assert spec and spec.loader
        sys.modules[package] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[package])
    return importlib.import_module(f"{package}.{name}")


locks, machine, places, pip, bundle, salvage = map(part, ("locks", "machine", "places", "pip", "bundle", "salvage"))
Trouble = part("trouble").Trouble


# Locks


@pytest.mark.parametrize("variant", sorted(SYSTEMS))
def test_every_wheel_has_its_hash_its_size_and_suits_its_python(variant: str) -> None:
    lock = locks.read(locks.shipped()[variant])
    assert lock.variant == variant and lock.pythons[0] == "3.11"
    for python in lock.pythons:
        names = [canonicalize_name(wheel.name) for wheel in lock.wheels_for(python)]
        assert len(names) == len(set(names)) > 40
    for wheel in lock.wheels:
        name, version, _, tags = parse_wheel_filename(wheel.file)     # no source package among them
        assert (name, version) == (canonicalize_name(wheel.name), Version(wheel.version)) and wheel.size > 500
        assert all(tag.platform == "any" or SYSTEMS[variant] in tag.platform for tag in tags)
        for python in wheel.pythons:
            own = f"cp{python.replace('.', '')}"
            assert any(tag.interpreter in (own, "py3", "py2") or tag.abi == "abi3" for tag in tags), wheel.file


@pytest.mark.parametrize("variant", sorted(SYSTEMS))
def test_what_is_installed_is_what_is_tested(variant: str) -> None:
    """The versions of requirements/core.txt, none of them with a known hole."""
    lock = locks.read(locks.shipped()[variant])
    locked = {canonicalize_name(wheel.name): wheel.version.partition("+")[0] for wheel in lock.wheels}
    lines = (ROOT / "requirements/core.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if "==" in line)
    assert {name: locked[canonicalize_name(name)] for name in pinned} == pinned
    assert all(Version(locked[name]) >= Version(floor) for name, floor in FLOORS.items())


def test_torch_is_the_build_that_the_name_says() -> None:
    found = {
        variant: {wheel.name: wheel for wheel in locks.read(path).wheels} for variant, path in locks.shipped().items()
    }
    assert found["linux-cpu"]["torch"].version.endswith("+cpu")
    assert "nvidia-cudnn-cu13" in found["linux-cuda"]
    others = ("linux-cpu", "macos", "windows")
    assert not any(name.startswith("nvidia") for variant in others for name in found[variant])


def test_pip_reads_a_lock_as_it_is() -> None:
    """Its own parser, with hashes required: every line that it sees is a pinned requirement with hashes."""
    for path in locks.shipped().values():
        text = re.sub(r"(?m)^#.*\n|\\\n", "", path.read_text(encoding="utf-8"))
        for line in filter(None, text.splitlines()):
            requirement, *hashes = line.split("--hash=")
            assert len(Requirement(requirement.strip()).specifier) == 1 and all("sha256:" in each for each in hashes)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("--hash=sha256:", "--hash=md5:", 1),
        lambda text: re.sub(r"    --hash=sha256:[0-9a-f]{64}\n", "", text, count=1),
        lambda text: text.replace("# pythons", "# animals"),
        lambda text: text + "--find-links http://evil.invalid\n",
        lambda text: text + "evil @ http://evil.invalid/evil.whl\n",
        lambda text: re.sub(r"(?m)^# \d+ .*\n", "", text, count=1),
    ],
)
def test_a_lock_that_was_tampered_with_is_none(tmp_path: Path, change: Any) -> None:
    path = tmp_path / "lock.txt"
    path.write_text(change(locks.shipped()["windows"].read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(Trouble) as caught:
        locks.read(path)
    assert caught.value.code == "E_LOCK"


def test_the_wheel_for_this_very_python_is_taken() -> None:
    files = [
        "x-1-py3-none-any.whl", "x-1-cp37-abi3-manylinux_2_28_x86_64.whl", "x-1-cp311-cp311-manylinux_2_17_x86_64.whl",
        "x-1-cp311-cp311-manylinux_2_28_x86_64.whl",
    ]
    chosen = {n: making.best_wheel([{"url": f"a/{file}"} for file in files[:n]], "3.11")["url"] for n in (1, 2, 3, 4)}
    assert [chosen[n] for n in (1, 2, 3, 4)] == [f"a/{file}" for file in files]


# Machines

OPEN_MODULE = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release Build  (builder@host)  Tue Sep 23\n"
    "GCC version:  gcc version 13.3.0 (Ubuntu 13.3.0-6ubuntu2~24.04)\n"
)
CLOSED_MODULE = "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12 19:39:15 UTC 2024\n"
SMI = "| NVIDIA-SMI 590.48.01    Driver Version: 590.48.01    CUDA Version: 13.1     |\n"


@pytest.mark.parametrize(
    ("system", "processor", "driver", "amd", "variant", "says"),
    [
        ("linux", "x86_64", OPEN_MODULE, False, "linux-cuda", ""),
        ("linux", "x86_64", SMI, False, "linux-cuda", ""),
        ("linux", "x86_64", CLOSED_MODULE, False, "linux-cuda", "535 is too old: from 580"),
        ("linux", "x86_64", "", False, "linux-cuda", "No NVIDIA GPU"),
        ("linux", "x86_64", "", True, "linux-cuda", "AMD GPU would not be used"),
        ("linux", "aarch64", OPEN_MODULE, False, "", "no lock for a aarch64"),
        ("darwin", "arm64", "", False, "macos", ""),
        ("darwin", "x86_64", "", False, "", "no torch for this Mac"),
        ("win32", "AMD64", "", False, "windows", "does not use the GPU"),
        ("win32", "ARM64", "", False, "", "no lock"),
    ],
)
def test_a_machine_is_offered_what_runs_on_it(
    system: str, processor: str, driver: str, amd: bool, variant: str, says: str
) -> None:
    fit = machine.fit(system, processor, driver, amd)
    assert fit.variant == variant and says in fit.note and bool(fit.note) == bool(says)


def test_a_python_is_found_by_asking_it() -> None:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    found = machine.find_python((here,))
    outside = "import sys; print(sys.prefix == sys.base_prefix)"
    told = subprocess.run([found.program, "-I", "-c", outside], capture_output=True, check=True)
    assert found.version == here and told.stdout.strip() == b"True"
    with pytest.raises(Trouble, match=r"No Python 2\.7"):
        machine.find_python(("2.7",))


# Places


def test_it_lies_beside_the_fetched_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert places.runtimes_folder() == checkpoint.cache_folder() / "runtimes"
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path))
    assert places.runtimes_folder() == checkpoint.cache_folder() / "runtimes" == tmp_path / "runtimes"


def test_windows_is_told_of_long_names_before_it_meets_them() -> None:
    assert places.path_trouble(r"C:\pw\runtimes", True) is None
    trouble = places.path_trouble("C:\\Users\\" + "x" * 60, True)
    assert trouble.code == "E_PATH_LENGTH" and "PLATEWRIGHT_CACHE" in trouble.hint
    assert places.path_trouble("/home/me/" + "x" * 200, False) is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "platewright.runtime", "version": 2}', '{"version": 1}'])
def test_a_folder_that_only_looks_like_a_runtime_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "rt-00000000-311").mkdir()
    (tmp_path / "rt-00000000-311/runtime.json").write_text(text, encoding="utf-8")
    assert places.managed(tmp_path) == [] == places.managed(tmp_path / "nowhere")


def test_a_record_cannot_point_out_of_its_runtime(tmp_path: Path) -> None:
    info = tmp_path / "runtime/lib/x-1.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "secret").write_text("x", encoding="utf-8")
    (info / "RECORD").write_text(f"../../secret,{salvage.digest_of(tmp_path / 'secret')},1\n", encoding="utf-8")
    assert not salvage.is_whole(info, tmp_path / "runtime") and salvage.is_whole(info, tmp_path)


# pip


def test_a_bundle_for_another_machine_asks_for_its_tags() -> None:
    lock = locks.read(locks.shipped()["windows"])
    words = " ".join(bundle.target(lock.wheels_for("3.13"), "3.13"))
    assert words.startswith("--python-version 3.13 --implementation cp")
    assert all(f" {word}" in words for word in ("--abi abi3", "--abi cp313", "--abi none", "--platform win_amd64"))


def test_only_proxies_certificates_and_gpus_get_through() -> None:
    foreign = {"PYTHONHOME": "x", "PIP_TARGET": "x", "UV_INDEX_URL": "x", "LD_PRELOAD": "x", "CONDA_PREFIX": "x"}
    kept = {"HTTPS_PROXY": "p", "SSL_CERT_FILE": "/c", "CUDA_VISIBLE_DEVICES": "1", "HF_HOME": "/h", "TMPDIR": "/t"}
    told = pip.pip_environment(foreign | kept, "https://mirror.invalid/simple")
    assert kept.items() <= told.items() and told["PIP_CERT"] == "/c"
    assert {name for name in told if name.startswith("PIP_")} & foreign.keys() == set()
    assert told["PIP_INDEX_URL"] == "https://mirror.invalid/simple"
    assert "PIP_INDEX_URL" not in pip.pip_environment({}, "")


# What has arrived


def test_folders_that_vanish_while_they_are_counted_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip deletes its scratch folders while their bytes are counted: that was said to be a Python that cannot run."""
    (tmp_path / "stays").mkdir()
    (tmp_path / "stays/wheel").write_bytes(b"12345")
    gone, look = tmp_path / "gone", os.scandir

    def late(path: Any) -> Any:
        if path in (gone, str(gone)):                      # shutil asks by number
            shutil.rmtree(gone, ignore_errors=True)
        return look(path)

    monkeypatch.setattr(os, "scandir", late)
    gone.mkdir()
    assert part("fetch").bytes_below(tmp_path, tmp_path / "never") == 5
    gone.mkdir()
    with pytest.raises(FileNotFoundError):                 # guilty: who walks by pathlib is told
        list(tmp_path.rglob("*"))


def test_what_a_look_raises_is_no_word_about_the_program() -> None:
    def look() -> None:
        raise FileNotFoundError("of its own")

    run, stop = part("pip").run_until, threading.Event()
    with pytest.raises(FileNotFoundError, match="of its own"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], os.environ, subprocess.DEVNULL, stop, look)
    with pytest.raises(Trouble, match="nobody cannot be run") as refused:
        run(["/nobody"], os.environ, subprocess.DEVNULL, stop, lambda: None)
    assert refused.value.code == "E_PYTHON"
