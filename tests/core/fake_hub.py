"""A host of models on this machine: lists and gives files as the real one does, and misbehaves as it is told."""

from __future__ import annotations

import hashlib
import http.server
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy
from safetensors.numpy import save

HERE = str(ipaddress.IPv4Address(socket.INADDR_LOOPBACK))
CERTIFICATE = Path(__file__).parent.parent / "data" / "loopback.pem"
COMMIT = "c0ffee" + 34 * "0"
REPOSITORY = "Wan-AI/Wan2.1-VACE-1.3B-diffusers"

Answer = Callable[["Handler", bytes], None]


@dataclass
class Seen:
    """A request as it came."""

    path: str
    start: int
    token: str


@dataclass
class FakeHub:
    """A server; `files` of each repository, `faults` of each path: each is the answer to one request, in order."""

    is_private: bool = False
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    lists: dict[str, Callable[[list[dict[str, Any]]], list[dict[str, Any]]]] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[Answer]] = field(default_factory=lambda: defaultdict(list))
    tokens: set[str] = field(default_factory=set)      # where any: all others are sent away
    stranger: int = 401                                # the status that they get
    sends_to: FakeHub | None = None                    # where tensors are, as the real one's are
    seen: list[Seen] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> FakeHub:
        self.server = Server((HERE, 0), Handler)
        self.server.hub = self  # type: ignore[attr-defined]
        if self.is_private:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATE)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.server.shutdown()
        self.server.server_close()

    @property
    def address(self) -> str:
        return f"{'https' if self.is_private else 'http'}://{HERE}:{self.server.server_port}"

    def asked_for(self, end: str) -> list[Seen]:
        """The requests for paths that end so."""
        return [one for one in self.seen if one.path.endswith(end)]

    def listing(self, repository: str) -> dict[str, Any]:
        told = [entry_of(path, data) for path, data in self.files[repository].items()]
        change = self.lists.get(repository, lambda entries: entries)
        return {"sha": self.commits.get(repository, COMMIT), "siblings": change(told)}


def entry_of(path: str, data: bytes) -> dict[str, Any]:
    """As the real one tells of it: tensors are large files, the rest lies in git."""
    entry: dict[str, Any] = {"rfilename": path, "size": len(data)}
    if path.endswith((".safetensors", ".bin")):
        return {**entry, "lfs": {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}}
    return {**entry, "blobId": hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()}


class Server(http.server.ThreadingHTTPServer):
    """Silent about those who hang up."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        del request, client_address


class Handler(http.server.BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub: FakeHub = self.server.hub  # type: ignore[attr-defined]
        self.path = unquote(urlsplit(self.path).path)
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        hub.seen.append(Seen(self.path, self.start, token))
        if hub.tokens and token not in hub.tokens:
            return self.say(hub.stranger, b"no")
        data = self._found(hub)
        if faults := hub.faults.get(self.path.rpartition("/")[2]):
            return faults.pop(0)(self, data or b"")
        if data is not None and hub.sends_to and self.path.endswith(".safetensors"):
            return self.say(302, b"", Location=hub.sends_to.address + self.path)
        return self.say(404, b"no") if data is None else self.give(data)

    @property
    def start(self) -> int:
        return int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])

    def _found(self, hub: FakeHub) -> bytes | None:
        words = self.path.strip("/").split("/")
        if words[:2] == ["api", "models"]:
            repository = "/".join(words[2:4])
            return json.dumps(hub.listing(repository)).encode() if repository in hub.files else None
        return hub.files.get("/".join(words[:2]), {}).get("/".join(words[4:]))

    def give(self, data: bytes, most: int | None = None, **headers: str) -> None:
        """The file from where it was asked for; at most so many bytes of it before the line is cut."""
        start = self.start
        self.send_response(206 if start else 200)
        told = {"Content-Length": str(len(data) - start), "Content-Type": "application/octet-stream"}
        if start:
            told["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._end(told | {name.replace("_", "-"): value for name, value in headers.items()})
        self.wfile.write(data[start:][:most])

    def say(self, status: int, data: bytes, **headers: str) -> None:
        self.send_response(status)
        told = {"Content-Length": str(len(data)), "Content-Type": "text/plain"}
        self._end(told | {name.replace("_", "-"): value for name, value in headers.items()})
        self.wfile.write(data)

    def _end(self, headers: dict[str, str]) -> None:
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


# What can be wrong -------------------------------------------------------------------------------


def cut(most: int) -> Answer:
    return lambda handler, data: handler.give(data, most)


def stall(most: int) -> Answer:
    """Some bytes, then nothing, and the line stays open."""

    def answer(handler: Handler, data: bytes) -> None:
        handler.give(data, most)
        handler.wfile.flush()
        handler.server.hub.is_over.wait(20)  # type: ignore[attr-defined]

    return answer


def trickle(handler: Handler, data: bytes) -> None:
    """A byte now and then, for ever."""
    handler.give(data, 0)
    rest = data[handler.start :]
    for n in range(200):
        handler.wfile.write(rest[n : n + 1])
        handler.wfile.flush()
        time.sleep(0.05)


def status(code: int, **headers: str) -> Answer:
    return lambda handler, data: handler.say(code, b"no", **headers)


def instead(other: bytes) -> Answer:
    """Other bytes of the same length, or of another."""
    return lambda handler, data: handler.give(other)


def from_the_start(handler: Handler, data: bytes) -> None:
    """200 for 206."""
    handler.say(200, data)


def elsewhere(handler: Handler, data: bytes) -> None:
    """206 of another place than asked for."""
    handler.send_response(206)
    headers = {"Content-Length": "10", "Content-Range": f"bytes 5-14/{len(data)}"}
    handler._end(headers)
    handler.wfile.write(data[5:15])


def moved(url: str) -> Answer:
    return lambda handler, data: handler.say(302, b"", Location=url)


# A model -----------------------------------------------------------------------------------------


def tensors(count: int, seed: int = 0) -> bytes:
    """A safetensors file of about 4 * count bytes."""
    return save({"weight": numpy.random.default_rng(seed).random(count, numpy.float32)})


def tiny_vace(size: int = 50_000) -> dict[str, bytes]:
    """A repository laid out as the published one, with what nobody needs in it."""
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = {"metadata": {}, "weight_map": names}
    shards = [save({name: numpy.full(size // 8, n, numpy.float32)}) for n, name in enumerate("ab")]
    return {
        "model_index.json": b'{"_class_name": "WanVACEPipeline", "vae": ["diffusers", "AutoencoderKLWan"]}',
        "LICENSE.txt": b"Use it well.",
        "README.md": b"words",
        "assets/a picture (1).png": b"png",
        "pipeline.py": b"import os",
        "vae/pytorch_model.bin": b"\x80\x04",
        "transformer/config.json": b'{"_class_name": "WanVACETransformer3DModel", "num_layers": 30}',
        "transformer/diffusion_pytorch_model.safetensors": tensors(size // 4),
        "vae/config.json": b'{"_class_name": "AutoencoderKLWan"}',
        "vae/diffusion_pytorch_model.safetensors": tensors(size // 8, 1),
        "text_encoder/config.json": b'{"architectures": ["UMT5EncoderModel"]}',
        "text_encoder/model.safetensors.index.json": json.dumps(index).encode(),
        "text_encoder/model-00001-of-00002.safetensors": shards[0],
        "text_encoder/model-00002-of-00002.safetensors": shards[1],
        "tokenizer/tokenizer.json": b"{}",
        "scheduler/scheduler_config.json": b"{}",
    }


WEIGHTS = "diffusion_pytorch_model.safetensors"
KEPT = sorted(
    ["licences/Wan-AI--Wan2.1-VACE-1.3B-diffusers/LICENSE.txt", ".platewright.json"]
    + [name for name in tiny_vace(64) if name not in ("README.md", "LICENSE.txt", "pipeline.py")]
)
KEPT = [name for name in KEPT if not name.endswith((".png", ".bin"))]


def inside(folder: Path) -> list[str]:
    """Every file in a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
