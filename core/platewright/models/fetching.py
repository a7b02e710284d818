"""Files from a host over HTTP, gone on with where a cut left them. Nothing else in Platewright opens a connection.

A part file holds the first bytes of what the host has announced, never more. Whether they are the right ones, the
caller finds by their hash. A token goes to the pinned host alone, over https, and only after that host has asked for
it: not to a mirror, not along a redirect, into no message.

Errors  BackendError E_NETWORK (not reached, cut, stalled, out of order), E_TLS, E_PROXY, E_REDIRECT, E_AUTH,
        E_MODEL_SOURCE (not there), E_RATE_LIMIT, E_MODEL_CORRUPT (another length than announced), E_DISK_FULL,
        E_OUT_IO; RequestError E_OFFLINE
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import truststore

from .. import __version__
from ..errors import BackendError, RequestError
from .locks import HOST

OFFLINE = ("PLATEWRIGHT_OFFLINE", "HF_HUB_OFFLINE")
REDIRECTS_MAX = 5
CHUNK = 1 << 20
LISTING_BYTES_MAX = 32 << 20
GAIN_BYTES = 1 << 16                               # fewer than this are no progress
PAUSE_MAX = 120.0                                  # seconds; who asks for more is told to people
MOVED = (301, 302, 303, 307, 308)
BUSY = (408, 429, 500, 502, 503, 504)
AGAIN = "Run the same command again: it goes on where it stopped."

Tell = Callable[[int], None]                       # bytes of the file that are here; may raise Cancelled


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a host is waited for."""

    stall_seconds: float = 30.0                    # without one byte
    slow_seconds: float = 60.0                     # in which at least `slow_bytes` come
    slow_bytes: int = 60_000
    tries: int = 6                                 # in a row without progress
    pause_seconds: float = 1.0                     # after the first of them, twice as long after each


class _Cut(Exception):
    """Worth another try; `error` is what is said when there is none left."""

    def __init__(self, error: BackendError, wait_seconds: float = 0.0) -> None:
        super().__init__(error.message)
        self.error, self.wait_seconds = error, wait_seconds


def refuse_offline() -> None:
    """RequestError E_OFFLINE where this person, studio or Blender wants no connections."""
    for name in OFFLINE:
        if os.environ.get(name, "").lower() not in ("", "0", "no", "off", "false"):
            hint = "Name a folder with --from, or take the setting back for this one command."
            raise RequestError("E_OFFLINE", f"{name} is set: nothing is fetched from a network.", hint)


class Host:
    """A server of files."""

    def __init__(self, base: str, pinned: str = HOST, patience: Patience | None = None) -> None:
        """base: where to ask; pinned: the one origin that a token may go to. Raises RequestError E_OFFLINE, E_VALUE."""
        refuse_offline()
        self.name = urlsplit(base).netloc.rpartition("@")[2]
        if urlsplit(base).scheme not in ("http", "https") or not self.name or "@" in urlsplit(base).netloc:
            raise RequestError("E_VALUE", f"{base[:80]!r} is no address of a host.", "Write https://HOST, or a folder.")
        self.is_private = urlsplit(base).scheme == "https"
        self._base, self._pinned, self._patience = base.rstrip("/"), pinned, patience or Patience()
        self._token, self._is_asked = os.environ.get("HF_TOKEN", "").strip(), False
        self._opener = urllib.request.OpenerDirector()
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        handlers = (urllib.request.HTTPHandler(), urllib.request.HTTPSHandler(context=context))
        for handler in (urllib.request.ProxyHandler(), *handlers):
            self._opener.add_handler(handler)

    def document(self, path: str, tell: Tell) -> dict[str, Any]:
        """A JSON object of at most 32 MB."""
        told = self._tried(lambda: 0, lambda: self._whole(path, tell), tell)
        try:
            found = json.loads(told)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            hint = "A login page of the network, perhaps: open the address in a browser, then try again."
            raise BackendError("E_NETWORK", f"{self.name} answered with something else than a list of files.", hint)
        return found

    def fetch(self, path: str, part: Path, size: int, tell: Tell) -> None:
        """Let `part` grow until it holds `size` bytes; what it holds already is kept."""
        if size == 0:
            part.touch()
        while (held := _size(part)) < size:
            self._tried(lambda: _size(part), lambda: self._more(path, part, size, tell), tell)
            tell(_size(part))
        if held > size:
            part.unlink()
            self.fetch(path, part, size, tell)

    # Trying again --------------------------------------------------------------------------------

    def _tried(self, held: Callable[[], int], attempt: Callable[[], Any], tell: Tell) -> Any:
        """What the attempt gives; after a cut another one, as long as the file grows or there is patience left."""
        failures, most = 0, held()
        while True:
            try:
                return attempt()
            except _Cut as cut:
                failures = 1 if held() >= most + GAIN_BYTES else failures + 1
                most = max(most, held())
                if failures >= self._patience.tries:
                    raise cut.error from None
                self._pause(max(cut.wait_seconds, self._patience.pause_seconds * 2 ** (failures - 1)), tell, held())

    def _pause(self, seconds: float, tell: Tell, held: int) -> None:
        end = time.monotonic() + min(seconds, PAUSE_MAX)
        while (left := end - time.monotonic()) > 0:
            tell(held)
            time.sleep(min(left, 0.2))

    # One attempt ---------------------------------------------------------------------------------

    def _whole(self, path: str, tell: Tell) -> bytes:
        found = bytearray()
        with self._answer(path, 0) as answer:
            for block in self._blocks(answer, LISTING_BYTES_MAX + 1):
                found += block
                tell(0)
            if len(found) < min(answer.length or 0, LISTING_BYTES_MAX):
                raise _Cut(self._lost("the connection was cut"))
        if len(found) > LISTING_BYTES_MAX:
            raise BackendError("E_NETWORK", f"{self.name} lists more than a model can hold.", "Do not use this source.")
        return bytes(found)

    def _more(self, path: str, part: Path, size: int, tell: Tell) -> None:
        """Append what comes until `size` is reached or the line is cut."""
        held = _size(part)
        with self._answer(path, held) as answer:
            start, whole = _span(answer)
            self._refuse_another_file(answer, path, whole, size)
            if start != held:                      # 200 for 206, 416, or another place than asked for
                _cut_back(part)
                held = 0
            if start != held:
                raise _Cut(BackendError("E_NETWORK", f"{self.name} answers out of order.", AGAIN))
            with _writing(part) as file:
                for block in self._blocks(answer, size - held):
                    _write(file, block, part)
                    held += len(block)
                    tell(held)
        if held < size:
            raise _Cut(self._lost("the connection was cut"))

    def _blocks(self, answer: http.client.HTTPResponse, most: int) -> Any:
        """What arrives, at most so many bytes, as it arrives; _Cut when it stalls or is lost."""
        patience, since, lately = self._patience, time.monotonic(), 0
        most = most if answer.length is None else min(most, answer.length)
        while most > 0:
            try:
                block = answer.read1(min(CHUNK, most))
            except TimeoutError:
                raise _Cut(self._lost(f"nothing came for {patience.stall_seconds:g} s")) from None
            except (OSError, http.client.HTTPException):
                raise _Cut(self._lost("the connection was cut")) from None
            if not block:
                return
            most, lately = most - len(block), lately + len(block)
            yield block
            if time.monotonic() - since > patience.slow_seconds:
                if lately < patience.slow_bytes:
                    raise _Cut(self._lost(f"hardly anything came for {patience.slow_seconds:g} s"))
                since, lately = time.monotonic(), 0

    def _answer(self, path: str, start: int) -> http.client.HTTPResponse:
        """The answer that carries bytes, or 416, after redirects; a token only once it is asked for."""
        answer = self._led(path, start)
        if answer.status in (401, 403) and self._token and not self._is_asked and self._may_see_token(self._base):
            answer.close()
            self._is_asked = True
            answer = self._led(path, start)
        if answer.status not in (200, 206, 416):
            with answer:
                raise self._refusal(answer, path)
        return answer

    def _led(self, path: str, start: int) -> http.client.HTTPResponse:
        url = self._base + path
        for _ in range(REDIRECTS_MAX + 1):
            answer = self._opened(url, start)
            if answer.status not in MOVED:
                return answer
            with answer:
                url = self._next(url, answer.headers.get("Location", ""))
        raise BackendError("E_REDIRECT", f"{self.name} sends from place to place without end.", "Try again later.")

    def _next(self, url: str, location: str) -> str:
        """Where a redirect leads; away from https, or to anything but a host, is nowhere to go."""
        found = urljoin(url, location)
        parts, was = urlsplit(found), urlsplit(url)
        is_sound = parts.scheme in ("http", "https") and parts.netloc and "@" not in parts.netloc
        if not location or not is_sound or (was.scheme == "https" and parts.scheme == "http"):
            why = f"{was.netloc} sends to {parts.scheme}://{parts.netloc.rpartition('@')[2]}, where nobody should go."
            raise BackendError("E_REDIRECT", why, "Do not use this network for it, or name a folder with --from.")
        return found

    def _opened(self, url: str, start: int) -> http.client.HTTPResponse:
        headers = {"User-Agent": f"platewright/{__version__}", "Accept-Encoding": "identity"}
        if start:
            headers["Range"] = f"bytes={start}-"
        if self._is_asked and self._may_see_token(url):
            headers["Authorization"] = f"Bearer {self._token}"
        try:
            answer = self._opener.open(urllib.request.Request(url, headers=headers), None, self._patience.stall_seconds)
        except (urllib.error.URLError, OSError, http.client.HTTPException, ValueError) as error:
            raise self._unreached(error, urlsplit(url).netloc) from None
        assert isinstance(answer, http.client.HTTPResponse)
        return answer

    def _may_see_token(self, url: str) -> bool:
        there, pinned = urlsplit(url), urlsplit(self._pinned)
        return there.scheme == "https" and there.netloc == pinned.netloc

    # What is said --------------------------------------------------------------------------------

    def _lost(self, what: str) -> BackendError:
        return BackendError("E_NETWORK", f"{self.name}: {what}, {self._patience.tries} times in a row.", AGAIN)

    def _unreached(self, error: Exception, where: str) -> Exception:
        """The error, or a _Cut where another try may help."""
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            hint = "A company's own certificates are trusted once SSL_CERT_FILE names them."
            return BackendError("E_TLS", f"{where} cannot prove who it is: {reason.verify_message}.", hint)
        if "407" in str(reason):
            return _proxy_refuses()
        words = str(reason) if isinstance(reason, OSError) else type(reason).__name__
        hint = f"Check the connection and the proxy's settings. {AGAIN}"
        return _Cut(BackendError("E_NETWORK", f"{where} cannot be reached: {words[:200]}.", hint))

    def _refusal(self, answer: http.client.HTTPResponse, path: str) -> Exception:
        """What a status means."""
        where = f"{self.name} (status {answer.status})"
        if answer.status in (401, 403):
            return self._no_entry(path)
        if answer.status in (404, 410):
            hint = "It was moved or taken away: name a mirror or a folder with --from, or update Platewright."
            return BackendError("E_MODEL_SOURCE", f"{where} has no {path}.", hint)
        if answer.status == 407:
            return _proxy_refuses()
        if answer.status not in BUSY:
            return BackendError("E_NETWORK", f"{where} does not give {path}.", "Try again later, or another --from.")
        wait = _seconds(answer.headers.get("Retry-After", ""))
        if answer.status != 429:
            return _Cut(BackendError("E_NETWORK", f"{where} is in trouble.", f"Try later. {AGAIN}"), wait)
        asks = f"{where} asks to wait {wait:.0f} s." if wait else f"{where} asks to wait."
        told = BackendError("E_RATE_LIMIT", asks, AGAIN)
        return told if wait > PAUSE_MAX else _Cut(told, wait)

    def _no_entry(self, path: str) -> BackendError:
        page = f"{self._base}/{'/'.join(path.removeprefix('/api/models').strip('/').split('/')[:2])}"
        if not self._may_see_token(self._base):
            why = f"{self.name} asks who you are, and a token goes to no host but {urlsplit(self._pinned).netloc}."
            return BackendError("E_AUTH", why, "Leave --from and HF_ENDPOINT out, or name a folder.")
        if not self._token:
            hint = f"Agree to the model's terms at {page}, then put an access token into HF_TOKEN."
            return BackendError("E_AUTH", f"{self.name} gives this to people it knows.", hint)
        hint = f"Check at {page} that your account may have it, and that the token is still good."
        return BackendError("E_AUTH", f"{self.name} does not take the token in HF_TOKEN for this.", hint)

    def _refuse_another_file(
        self, answer: http.client.HTTPResponse, path: str, whole: int | None, size: int
    ) -> None:
        """Who tells of another length than was announced has another file; a page is no file at all."""
        if answer.headers.get_content_type() == "text/html" and answer.status != 416:
            hint = "A login page of the network, perhaps: open the address in a browser, then try again."
            raise BackendError("E_NETWORK", f"{self.name} answered with a web page instead of {path}.", hint)
        if whole is not None and whole != size:
            why = f"{self.name}: {path} has {whole} bytes, and {size} were announced."
            raise BackendError("E_MODEL_CORRUPT", why, "Try again later, or another --from.")


def _span(answer: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Where in the file an answer begins, and how long the file is; -1 where it is none of the file, None unknown."""
    if answer.status == 200:
        return 0, answer.length
    unit, _, span = answer.headers.get("Content-Range", "").partition(" ")
    ends, _, whole = span.partition("/")
    first = ends.partition("-")[0]
    if answer.status != 206 or unit != "bytes" or not _is_count(first):
        return -1, None
    return int(first), int(whole) if _is_count(whole) else None


def _is_count(text: str) -> bool:
    return text.isdecimal() and len(text) < 16


def _seconds(text: str) -> float:
    return float(text) if _is_count(text) else 0.0


def _proxy_refuses() -> BackendError:
    hint = "Give HTTPS_PROXY the name and password that your network asks for."
    return BackendError("E_PROXY", "The proxy asks for a name and a password (407).", hint)


# The part file -----------------------------------------------------------------------------------


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _cut_back(part: Path) -> None:
    if part.exists():
        os.truncate(part, 0)


def _writing(part: Path) -> Any:
    try:
        return open(part, "ab", buffering=0)
    except OSError as error:
        raise full_or_broken(error, part) from error


def _write(file: Any, block: bytes, part: Path) -> None:
    try:
        if file.write(block) != len(block):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise full_or_broken(error, part) from error


def full_or_broken(error: OSError, place: Path) -> BackendError:
    """What a disk says, told plainly."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        hint = f"Free some space. {AGAIN} `platewright models remove` gives back what is half there."
        return BackendError("E_DISK_FULL", f"The disk of {place.parent} is full ({error.strerror}).", hint)
    hint = f"Check that the folder and its disk are still there. {AGAIN}"
    return BackendError("E_OUT_IO", f"{place} cannot be written ({error.strerror or error}).", hint)
