"""A host that cuts, stalls, lies and sends away: what is here stays, what is wrong goes, a token stays at home."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from platewright.errors import Cancelled, PlatewrightError
from platewright.models import fetching, locks, pulling, shelves
from platewright.models.fetching import Host, Patience

from . import fake_hub
from .fake_hub import CERTIFICATE, REPOSITORY, FakeHub, tensors

QUICK = Patience(stall_seconds=1.5, slow_seconds=0.5, slow_bytes=1000, tries=3, pause_seconds=0.01)
DATA = tensors(250_000)                            # 1 MB
PATH = f"/{REPOSITORY}/resolve/{fake_hub.COMMIT}/w.safetensors"
SECRET = "hf_donottellanybody"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with FakeHub(files={REPOSITORY: {"w.safetensors": DATA}}) as server:
        yield server


def fetch(hub: FakeHub, part: Path, patience: Patience = QUICK, pinned: str = locks.HOST) -> bytes:
    Host(hub.address, pinned, patience).fetch(PATH, part, len(DATA), lambda _: None)
    return part.read_bytes()


def refused(hub: FakeHub, part: Path, patience: Patience = QUICK, pinned: str = locks.HOST) -> PlatewrightError:
    with pytest.raises(PlatewrightError) as caught:
        fetch(hub, part, patience, pinned)
    error = caught.value
    assert error.hint and SECRET not in f"{error.message}{error.hint}"
    return error


# Cuts --------------------------------------------------------------------------------------------


def test_a_line_that_is_cut_again_and_again_gives_the_file_in_the_end(hub: FakeHub, tmp_path: Path) -> None:
    hub.faults["w.safetensors"] = [fake_hub.cut(90_000) for _ in range(9)]
    assert fetch(hub, tmp_path / "part") == DATA
    assert [one.start for one in hub.seen] == [90_000 * n for n in range(10)]


def test_cuts_without_progress_end_in_an_error_and_keep_what_is_here(hub: FakeHub, tmp_path: Path) -> None:
    hub.faults["w.safetensors"] = [fake_hub.cut(90_000), *[fake_hub.cut(5) for _ in range(9)]]
    assert refused(hub, tmp_path / "part").code == "E_NETWORK"
    assert DATA.startswith((tmp_path / "part").read_bytes()) and (tmp_path / "part").stat().st_size >= 90_000
    hub.faults.clear()
    hub.seen.clear()
    assert fetch(hub, tmp_path / "part") == DATA and hub.seen[0].start >= 90_000


@pytest.mark.parametrize("fault", [
    fake_hub.status(416), fake_hub.from_the_start, fake_hub.elsewhere, fake_hub.stall(70_000), fake_hub.trickle,
    fake_hub.status(500), fake_hub.status(429, Retry_After="0"), fake_hub.status(503),
])  # fmt: skip
def test_one_fault_in_the_middle_is_got_over(hub: FakeHub, tmp_path: Path, fault: fake_hub.Answer) -> None:
    hub.faults["w.safetensors"] = [fake_hub.cut(300_000), fault]
    assert fetch(hub, tmp_path / "part") == DATA


@pytest.mark.parametrize(("fault", "code", "word"), [
    (fake_hub.stall(0), "E_NETWORK", "nothing came for"),
    (fake_hub.trickle, "E_NETWORK", "hardly anything came"),
    (fake_hub.status(500), "E_NETWORK", "status 500"),
    (fake_hub.status(429), "E_RATE_LIMIT", "wait"),
    (fake_hub.status(429, Retry_After="9999"), "E_RATE_LIMIT", "9999 s"),
    (fake_hub.status(404), "E_MODEL_SOURCE", "has no"),
    (fake_hub.status(407), "E_PROXY", "407"),
    (fake_hub.status(418), "E_NETWORK", "418"),
    (fake_hub.instead(DATA + b"more"), "E_MODEL_CORRUPT", f"{len(DATA)} were announced"),
    (fake_hub.instead(DATA[:-9]), "E_MODEL_CORRUPT", f"{len(DATA)} were announced"),
    (lambda handler, data: handler.give(data, Content_Type="text/html"), "E_NETWORK", "web page"),
    (fake_hub.moved("file:" + "///etc/passwd"), "E_REDIRECT", "nobody should go"),
    (fake_hub.moved("ftp://x/y"), "E_REDIRECT", "nobody should go"),
    (fake_hub.moved("http://name:word@x/y"), "E_REDIRECT", "nobody should go"),
    (fake_hub.moved(PATH), "E_REDIRECT", "without end"),
])  # fmt: skip
def test_what_does_not_get_better_is_told(
    hub: FakeHub, tmp_path: Path, fault: fake_hub.Answer, code: str, word: str
) -> None:
    hub.faults["w.safetensors"] = [fault] * 20
    error = refused(hub, tmp_path / "part")
    assert error.code == code and word in error.message


def test_a_login_page_takes_nothing_of_what_is_here(hub: FakeHub, tmp_path: Path) -> None:
    page = b"<!doctype html>" + bytes(len(DATA))
    hub.faults["w.safetensors"] = [
        fake_hub.cut(300_000), lambda handler, _: handler.say(200, page, Content_Type="text/html")
    ]  # fmt: skip
    assert refused(hub, tmp_path / "part").code == "E_NETWORK"
    assert (tmp_path / "part").read_bytes() == DATA[:300_000]


def test_a_host_that_ignores_ranges_and_cuts_is_not_asked_for_ever(hub: FakeHub, tmp_path: Path) -> None:
    def guilty(handler: fake_hub.Handler, data: bytes) -> None:
        del handler.headers["Range"]
        handler.give(data, 400_000)

    hub.faults["w.safetensors"] = [guilty] * 50
    assert refused(hub, tmp_path / "part").code == "E_NETWORK"
    assert len(hub.seen) <= 4


def test_no_more_is_written_than_was_announced(hub: FakeHub, tmp_path: Path) -> None:
    def flood(handler: fake_hub.Handler, data: bytes) -> None:
        handler.send_response(200)
        handler._end({"Content-Type": "application/octet-stream"})
        handler.wfile.write(data * 3)

    hub.faults["w.safetensors"] = [flood]
    assert len(fetch(hub, tmp_path / "part")) == len(DATA)


def test_wrong_bytes_of_the_right_length_are_thrown_away(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    hub.files[REPOSITORY] = fake_hub.tiny_vace()
    lock, name = locks.lock("wan-vace-1.3b"), fake_hub.WEIGHTS
    wrong = fake_hub.instead(tensors(12_500, 8))

    def pulled() -> dict[str, object]:
        return pulling.pull(
            lock, lambda: shelves.shelf(hub.address, lock, QUICK), tmp_path / "m", lambda _: True, lambda _: None
        )

    hub.faults[name] = [wrong, wrong]
    with pytest.raises(PlatewrightError) as caught:
        pulled()
    assert caught.value.code == "E_MODEL_CORRUPT" and "twice" in caught.value.message
    assert not (tmp_path / "m" / lock.name).exists() and not list((tmp_path / "m").rglob("parts/*"))
    hub.faults[name] = [wrong]
    assert pulled()["is_new"]
    kept = (tmp_path / "m" / lock.name / "transformer" / name).read_bytes()
    assert hashlib.sha256(kept).digest() == hashlib.sha256(hub.files[REPOSITORY]["transformer/" + name]).digest()


def test_a_wait_can_be_cancelled(hub: FakeHub, tmp_path: Path) -> None:
    hub.faults["w.safetensors"] = [fake_hub.cut(300_000), fake_hub.status(503, Retry_After="100")]

    def stop(held: int) -> None:
        if held == 300_000 and len(hub.seen) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        Host(hub.address, patience=QUICK).fetch(PATH, tmp_path / "part", len(DATA), stop)
    assert (tmp_path / "part").stat().st_size == 300_000


def test_a_list_that_is_none_is_told(hub: FakeHub) -> None:
    host, path = Host(hub.address, patience=QUICK), f"/api/models/{REPOSITORY}/revision/main"
    for fault in (fake_hub.instead(b"[1]"), fake_hub.instead(b"<html>"), fake_hub.instead(b"[" * 100_000)):
        hub.faults["main"] = [fault]
        with pytest.raises(PlatewrightError, match="something else"):
            host.document(path, lambda _: None)
    hub.faults["main"] = [fake_hub.cut(30), fake_hub.stall(30)]
    assert host.document(path, lambda _: None)["sha"] == fake_hub.COMMIT


# Nobody there, and nobody to trust ---------------------------------------------------------------


def test_a_host_that_is_not_there_is_named(tmp_path: Path) -> None:
    with FakeHub() as gone:
        pass
    error = refused(gone, tmp_path / "part")
    assert error.code == "E_NETWORK" and gone.address.removeprefix("http://") in error.message


def test_a_proxy_that_refuses_is_told(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults["w.safetensors"] = [fake_hub.status(407)]
    monkeypatch.setenv("http_proxy", hub.address)
    with pytest.raises(PlatewrightError) as caught:
        Host("http://models.example", patience=QUICK).fetch(PATH, tmp_path / "part", len(DATA), lambda _: None)
    assert caught.value.code == "E_PROXY" and "HTTPS_PROXY" in caught.value.hint


@pytest.mark.parametrize("name", fetching.OFFLINE)
def test_offline_means_offline(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    assert refused(hub, tmp_path / "part").code == "E_OFFLINE"
    assert not hub.seen
    monkeypatch.setenv(name, "0")
    assert fetch(hub, tmp_path / "part") == DATA


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


def test_who_cannot_prove_who_it_is_gets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with FakeHub(is_private=True, files={REPOSITORY: {"w.safetensors": DATA}}) as hub:
        error = refused(hub, tmp_path / "part", pinned=hub.address)
    assert error.code == "E_TLS" and "SSL_CERT_FILE" in error.hint
    assert not hub.seen


# The token ---------------------------------------------------------------------------------------


def gated(**more: object) -> FakeHub:
    return FakeHub(is_private=True, files={REPOSITORY: {"w.safetensors": DATA}}, tokens={SECRET}, **more)  # type: ignore[arg-type]


@pytest.mark.usefixtures("trusted")
def test_a_token_is_shown_to_the_pinned_host_once_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with FakeHub(is_private=True, files={REPOSITORY: {"w.safetensors": DATA}}) as elsewhere, gated() as hub:
        hub.sends_to = elsewhere
        assert fetch(hub, tmp_path / "part", pinned=hub.address) == DATA
    assert [one.token for one in hub.seen] == ["", SECRET]
    assert [one.token for one in elsewhere.seen] == [""]


@pytest.mark.usefixtures("trusted")
def test_a_token_is_not_shown_to_a_host_that_does_not_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with FakeHub(is_private=True, files={REPOSITORY: {"w.safetensors": DATA}}) as hub:
        assert fetch(hub, tmp_path / "part", pinned=hub.address) == DATA
    assert {one.token for one in hub.seen} == {""}


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize(("token", "stranger", "word"), [
    ("", 401, "HF_TOKEN"), ("hf_old", 401, "still good"), ("hf_other", 403, "your account"),
    ("two\nlines", 401, ""),
])  # fmt: skip
def test_no_entry_is_explained_with_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str, stranger: int, word: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with gated(stranger=stranger) as hub:
        error = refused(hub, tmp_path / "part", pinned=hub.address)
        assert word in error.hint and (not token or token not in error.message + error.hint)
        assert error.code == ("E_AUTH" if "\n" not in token else "E_NETWORK")
        if error.code == "E_AUTH":
            assert f"{hub.address}/{REPOSITORY} " in f"{error.hint} ".replace(",", " ")


@pytest.mark.usefixtures("trusted")
def test_a_mirror_never_sees_the_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with gated() as mirror:
        error = refused(mirror, tmp_path / "part")
    assert error.code == "E_AUTH" and "huggingface.co" in error.message
    assert {one.token for one in mirror.seen} == {""}


@pytest.mark.usefixtures("trusted")
def test_nobody_is_led_from_a_private_line_to_an_open_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    with FakeHub(files={REPOSITORY: {"w.safetensors": DATA}}) as open_one, gated() as hub:
        hub.sends_to = open_one
        assert refused(hub, tmp_path / "part", pinned=hub.address).code == "E_REDIRECT"
    assert not open_one.seen


def test_an_address_with_a_password_or_of_another_kind_is_refused() -> None:
    for address in ("ftp://x", "http://name:word@x", "https://"):
        with pytest.raises(PlatewrightError) as caught:
            Host(address)
        assert caught.value.code == "E_VALUE"


