"""A runtime of tiny packages: wheels, their lock, an index that misbehaves as it is told, a core whose doctor obeys."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

HERE = str(ipaddress.IPv4Address(socket.INADDR_LOOPBACK))
INSTALLER = ROOT / "blender_addon/installer"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PATIENCE = 600.0                           # of a machine that has other things to do
BIG = 1_500_000                            # bytes of the largest package: some chunks of a download

Fault = Callable[["Handler", bytes], None]


def wheel(name: str, version: str = "1.0", size: int = 100) -> tuple[str, bytes]:
    """File name and bytes of a package with one module that knows its version and carries so much ballast."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    ballast = hashlib.shake_256(name.encode()).digest(size)
    files = {
        f"{module}/__init__.py": f"version = {version!r}\n".encode(),
        f"{module}/ballast.bin": ballast,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={digest(data)},{len(data)}" for path, data in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return f"{module}-{version}-py3-none-any.whl", buffer.getvalue()


def digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def lock_text(wheels: dict[str, bytes], announced: dict[str, int] | None = None) -> str:
    """A lock as `build.py locks` writes it; sizes as they are or as announced."""
    lines = ["# variant: tiny", "# title: Tiny", f"# pythons: {PYTHON}"]
    for file, data in wheels.items():
        name, version = file.split("-")[:2]
        size = (announced or {}).get(file, len(data))
        lines += ["", f"{name}=={version} \\", f"    --hash=sha256:{hashlib.sha256(data).hexdigest()}"]
        lines += [f"# {size} {PYTHON} {file}"]
    return "\n".join(lines) + "\n"


@dataclass
class Index:
    """A package index on this machine; `faults` of a file are the answers to requests for it, in order."""

    files: dict[str, bytes]
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    pages: Fault | None = None             # instead of every page
    seen: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Index:
        self.server = Server((HERE, 0), Handler)
        self.server.index = self  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"http://{HERE}:{self.server.server_port}/simple"

    def fetched(self) -> list[str]:
        """The wheels that were asked for, each as often as it was."""
        return [path.rpartition("/")[2] for path in self.seen if path.endswith(".whl")]


class Server(http.server.ThreadingHTTPServer):
    """Silent about those who hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        index: Index = self.server.index  # type: ignore[attr-defined]
        index.seen.append(self.path)
        if self.path.startswith("/simple/"):
            if index.pages:
                return index.pages(self, b"")
            name = self.path.split("/")[2].replace("-", "_")
            hrefs = [f'<a href="/files/{file}">{file}</a>' for file in index.files if file.split("-")[0] == name]
            return self.give("\n".join(hrefs).encode(), "text/html") if hrefs else self.say(404)
        file = self.path.rpartition("/")[2]
        if faults := index.faults.get(file):
            return faults.pop(0)(self, index.files[file])
        return self.give(index.files[file]) if file in index.files else self.say(404)

    def give(self, data: bytes, kind: str = "application/octet-stream", most: int | None = None) -> None:
        """The bytes from where they were asked for, at most so many of them before the line is cut."""
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", hashlib.sha256(data).hexdigest())
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data) - start))
        self.send_header("Content-Type", kind)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(data[start:][:most])

    def say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


def cut(most: int) -> Fault:
    return lambda handler, data: handler.give(data, most=most)


def status(code: int) -> Fault:
    return lambda handler, data: handler.say(code)


def portal(handler: Handler, data: bytes) -> None:
    """The login page of a hotel, whatever was asked for."""
    handler.give(b"<html><form>Please log in</form></html>", "text/html")


def stall(handler: Handler, data: bytes) -> None:
    """Some bytes, then nothing, and the line stays open."""
    handler.give(data, most=len(data) // 2)
    handler.wfile.flush()
    handler.server.index.is_over.wait(60)  # type: ignore[attr-defined]


@dataclass
class Rig:
    """A place for runtimes, three tiny packages, and a core that finds them well or not."""

    folder: Path
    wheels: dict[str, bytes] = field(
        default_factory=lambda: dict([wheel("one"), wheel("two-b", "2.1"), wheel("three", "3.0", BIG)])
    )
    ailment: str = ""                      # what its doctor finds
    announced: dict[str, int] = field(default_factory=dict)

    @property
    def runtimes(self) -> Path:
        return self.folder / "runtimes"

    @property
    def lock(self) -> Path:
        path = self.folder / "lock.txt"
        path.write_text(lock_text(self.wheels, self.announced), encoding="utf-8")
        return path

    @property
    def core(self) -> Path:
        """Its doctor imports what the lock promises, as the real one does."""
        package = self.folder / "core/platewright"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        modules = ", ".join(file.split("-")[0] for file in self.wheels)
        (package / "cli.py").write_text(
            f"import json, os, sys\ndef main():\n    import {modules}\n"
            f"    bad = {self.ailment!r}\n"
            "    found = {'name': 'device', 'detail': bad, 'is_well': not bad, 'is_needed': True}\n"
            "    print(json.dumps({'ok': not bad, 'findings': [found], 'path': sys.path}))\n",
            encoding="utf-8",
        )
        return self.folder / "core"

    def words(self, *more: str | Path) -> list[str]:
        own = ["--folder", self.runtimes, "--lock", self.lock, "--core", self.core]
        return [sys.executable, "-I", "-B", str(INSTALLER), "install", *map(str, [*own, *more])]

    def start(self, *more: str | Path, env: dict[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
        """The installer as Blender starts it, in its own process group."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return subprocess.Popen(
            self.words(*more), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            encoding="utf-8", env={**os.environ, **(env or {})}, start_new_session=True, **options,
        )

    def install(self, *more: str | Path, **options: Any) -> list[dict[str, Any]]:
        """Every event until it ended, the last one is how."""
        child = self.start(*more, **options)
        out, err = child.communicate(timeout=PATIENCE)
        assert not err, err
        events = [json.loads(line) for line in out.splitlines()]
        assert child.returncode == {"finished": 0}.get(events[-1]["event"], child.returncode or -1)
        return events

    def left(self) -> list[str]:
        """What lies in the folder of runtimes, but lock and log."""
        return sorted(path.name for path in self.runtimes.iterdir() if path.name not in ("lock", "install.log"))


def versions(python: str | Path) -> str:
    """What a runtime has, by its own word."""
    code = "import one, two_b, three; print(one.version, two_b.version, three.version)"
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def until(is_so: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)
