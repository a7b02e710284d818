"""How the zip comes into a Blender that has never seen it: by hand, and from a repository that it subscribes to."""

from __future__ import annotations

import functools
import http.server
import ipaddress
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.gui.conftest import RUN_SECONDS, Blender
from tests.gui.upgrade import NEXT, next_release

HERE = str(ipaddress.IPv4Address(socket.INADDR_LOOPBACK))


@pytest.fixture
def fresh(blender: Blender, tmp_path: Path) -> Blender:
    """The same Blender, and nothing in its home."""
    (tmp_path / "fresh").mkdir()
    return replace(blender, home=tmp_path / "fresh")


@pytest.fixture
def repository(blender: Blender, tmp_path: Path) -> Path:
    """A folder that holds the zip and its index, as `build.py extension` writes it."""
    folder = tmp_path / "repository"
    folder.mkdir()
    publish(blender, blender.zip, folder)
    return folder


def publish(blender: Blender, release: Path, folder: Path) -> None:
    """Have the repository hold this release alone; the index is Blender's own work."""
    for old in folder.glob("*.zip"):
        old.unlink()
    shutil.copy(release, folder)
    code, out, err = blender.run("--command", "extension", "server-generate", "--repo-dir", folder, "--html")
    assert code == 0 and (folder / "index.json").is_file(), out + err


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A plain file server."""

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder's address on a server of this machine."""
    with http.server.ThreadingHTTPServer((HERE, 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{HERE}:{server.server_port}"
        server.shutdown()


def test_installed_by_hand(fresh: Blender, blend: Path, stage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PW_GUI_ZIP", str(fresh.zip))
    noted = fresh.window(blend, "by_hand", stage, "getting.py")
    assert noted["version"] in fresh.zip.name


def test_the_next_release_comes_in_the_middle_of_a_job(
    blender: Blender, blend: Path, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW_GUI_ZIP", str(next_release(blender.zip, stage)))
    noted = blender.copied(stage / "home").window(blend, "replaced", stage, "getting.py")
    assert noted["version"] == NEXT


@pytest.mark.parametrize("kind", ["server", "share"])
def test_a_subscriber_gets_it_and_then_the_next_one(
    kind: str, fresh: Blender, repository: Path, blend: Path, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(repository) as address:
        where = address if kind == "server" else repository.as_uri()
        monkeypatch.setenv("PW_GUI_INDEX", f"{where}/index.json")

        def release() -> None:
            deadline = time.monotonic() + RUN_SECONDS
            while not (stage / "ready").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            publish(fresh, next_release(fresh.zip, stage), repository)
            (stage / "newer").touch()

        threading.Thread(target=release, daemon=True).start()
        noted = replace(fresh, options=("--online-mode",)).window(blend, "subscribe", stage, "getting.py")
    assert noted["first"] in fresh.zip.name and noted["second"] == NEXT
