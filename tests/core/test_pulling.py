"""Weights are fetched whole and proven, or not at all: what is kept, what is left, what is recorded, what is agreed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platewright import models
from platewright.errors import BackendError, Cancelled, PlatewrightError, RequestError
from platewright.models import checkpoint, locks, pulling, records, shelves, staging, upkeep
from platewright.models.fetching import Patience
from platewright.protocol import Emit, Event, Progress, Stage, Warned

from .fake_hub import COMMIT, KEPT, REPOSITORY, WEIGHTS, FakeHub, inside, tensors, tiny_vace

QUICK = Patience(stall_seconds=2.0, slow_seconds=1.0, slow_bytes=1000, tries=3, pause_seconds=0.01)
NAME = "wan-vace-1.3b"
LOCK = locks.lock(NAME)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with FakeHub(files={REPOSITORY: tiny_vace()}) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path / "cache" / "models"


def unheard(event: Event) -> None:
    del event


def pull(
    given: FakeHub | Path, home: Path, lock: locks.Lock = LOCK, emit: Emit = unheard, yes: bool = True
) -> dict[str, Any]:
    where = given.address if isinstance(given, FakeHub) else str(given)
    return pulling.pull(lock, lambda: shelves.shelf(where, lock, QUICK), home, lambda _: yes, emit)


def code_of(action: Callable[[], object]) -> str:
    with pytest.raises(PlatewrightError) as caught:
        action()
    assert caught.value.hint
    return caught.value.code


def shipped(*entries: tuple[str, bytes], revision: str = COMMIT) -> locks.Lock:
    """The lock with hashes that we would ship."""
    hashed = [(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in entries]
    facts = [{"path": path, "size": size, "sha256": sha256} for path, size, sha256 in hashed]
    take = LOCK.sources[0].take
    source = {"repository": REPOSITORY, "branch": "main", "revision": revision, "take": take, "files": facts}
    plain = {"format": locks.FORMAT, "version": 1, "name": NAME, "terms": "free", "terms_from": "us", "territory": ""}
    return locks.read({**plain, "disk_gb": None, "sources": [source], "weights": LOCK.weights, "also": [], "notes": ""})


def test_what_a_model_needs_is_fetched_and_nothing_else(hub: FakeHub, home: Path) -> None:
    told: list[Event] = []
    answer = pull(hub, home, emit=told.append)
    folder = Path(answer["folder"])
    assert folder == home / NAME == checkpoint.find(NAME)
    assert inside(folder) == KEPT
    files = hub.files[REPOSITORY]
    assert all((folder / path).read_bytes() == files[path] for path in KEPT if path in files)
    assert not [one for one in hub.seen if one.path.endswith((".bin", ".py", ".png", ".md"))]
    assert not (home / staging.FOLDER / NAME).exists()
    stages = [event.stage for event in told if isinstance(event, Stage)]
    assert stages == ["listing", "downloading", "downloading", "downloading", "verifying"]
    assert [event.code for event in told if isinstance(event, Warned)] == ["W_MODEL_UNPINNED"]
    assert [event for event in told if isinstance(event, Progress) and event.done == event.total > 0]
    checkpoint.examine(folder, LOCK.weights)


def test_the_commit_and_the_hashes_are_recorded(hub: FakeHub, home: Path) -> None:
    assert models.card(NAME).revision == ""
    pull(hub, home)
    record = records.of_folder(home / NAME)
    assert record and record["sources"] == [{"repository": REPOSITORY, "commit": COMMIT}]
    assert record["accepted"]["who"] and record["accepted"]["when"] and len(record["accepted"]["terms_sha256"]) == 64
    assert {"size", "sha256"} == record["files"]["vae/" + WEIGHTS].keys()
    card = models.card(NAME)
    assert (card.revision, card.sources, card.available) == (COMMIT, (REPOSITORY,), True)
    assert upkeep.verify(NAME, lambda _: None)["files"] == len(KEPT) - 1


def test_a_second_pull_looks_and_fetches_nothing(hub: FakeHub, home: Path) -> None:
    pull(hub, home)
    hub.seen.clear()
    assert pull(hub, home)["is_new"] is False
    assert hub.seen == []


def test_only_what_is_damaged_is_fetched_again(hub: FakeHub, home: Path) -> None:
    pull(hub, home)
    spoiled = home / NAME / "vae" / WEIGHTS
    spoiled.write_bytes(spoiled.read_bytes()[:-400])
    assert code_of(lambda: checkpoint.examine(home / NAME, LOCK.weights)) == "E_MODEL_CORRUPT"
    assert code_of(lambda: upkeep.verify(NAME, lambda _: None)) == "E_MODEL_CORRUPT"
    hub.seen.clear()
    assert pull(hub, home)["is_new"]
    assert [one.path.rpartition("/")[2] for one in hub.seen if "/resolve/" in one.path] == [WEIGHTS]
    assert inside(home) == [f".staging/{NAME}.lock", *(f"{NAME}/{path}" for path in KEPT)]
    upkeep.verify(NAME, lambda _: None)


@pytest.mark.parametrize(("change", "code", "word"), [
    (lambda path: path.unlink(), "E_MODEL_MISSING", "bytes) is missing"),
    (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\x01"), "E_MODEL_CHANGED", "sha256"),
    (lambda path: path.write_bytes(b"\x80\x04\x95" + 600 * b"x"), "E_MODEL_UNSAFE", "safetensors"),
    (lambda path: path.write_text("<!doctype html>" + 600 * "x"), "E_MODEL_CORRUPT", "web page"),
    (lambda path: path.write_text("version https://git-lfs.x/spec/v1"), "E_MODEL_CORRUPT", "pointer"),
])  # fmt: skip
def test_a_fetched_folder_that_is_not_what_was_fetched_is_refused(
    hub: FakeHub, home: Path, change: Callable[[Path], object], code: str, word: str
) -> None:
    pull(hub, home)
    change(home / NAME / "text_encoder" / "model-00002-of-00002.safetensors")
    for looks in (lambda: checkpoint.examine(home / NAME, LOCK.weights), lambda: upkeep.verify(NAME, lambda _: None)):
        with pytest.raises(BackendError) as caught:
            looks()
        assert caught.value.code == code and word in caught.value.message and "pull" in caught.value.hint


def test_without_a_word_it_is_the_host_of_publication(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    del home
    assert (shelves.shelf(None, LOCK).words, shelves.shelf(None, LOCK).is_private) == ("huggingface.co", True)
    monkeypatch.setenv("HF_ENDPOINT", "http://mirror.example:8000")
    assert (shelves.shelf(None, LOCK).words, shelves.shelf(None, LOCK).is_private) == ("mirror.example:8000", False)


# Hashes that must hold ---------------------------------------------------------------------------


def test_what_was_recorded_at_first_use_stays_true(hub: FakeHub, home: Path) -> None:
    pull(hub, home)
    upkeep.remove(NAME, False, lambda _: None)
    hub.files[REPOSITORY]["vae/" + WEIGHTS] = tensors(6250, 9)
    hub.commits[REPOSITORY] = "d" * 40
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_CHANGED"          # the recorded commit is asked for
    assert hub.seen[-1].path.endswith(f"/revision/{COMMIT}")
    hub.commits[REPOSITORY] = COMMIT
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_CHANGED"          # the same commit with another file
    assert not (home / NAME).exists()
    upkeep.remove(NAME, True, lambda _: None)
    assert pull(hub, home)["is_new"]


def test_a_file_more_or_less_than_recorded_is_refused(hub: FakeHub, home: Path) -> None:
    pull(hub, home)
    upkeep.remove(NAME, False, lambda _: None)
    hub.files[REPOSITORY]["vae/more.json"] = b"{}"
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_CHANGED"
    del hub.files[REPOSITORY]["vae/more.json"], hub.files[REPOSITORY]["vae/config.json"]
    with pytest.raises(BackendError, match=r"vae/config.json \(\d+ bytes\)") as caught:
        pull(hub, home)
    assert caught.value.code == "E_MODEL_MISSING"


def test_shipped_hashes_rule(hub: FakeHub, home: Path) -> None:
    files = hub.files[REPOSITORY]
    needed = [(path, files[path]) for path in KEPT if path in files]
    told: list[Event] = []
    pull(hub, home, shipped(*needed), told.append)
    assert not [event for event in told if isinstance(event, Warned)]
    upkeep.remove(NAME, True, lambda _: None)
    other = [(path, tensors(len(data) // 4, 7) if path == "vae/" + WEIGHTS else data) for path, data in needed]
    assert code_of(lambda: pull(hub, home, shipped(*other))) == "E_MODEL_CHANGED"
    assert code_of(lambda: pull(hub, home, shipped(*needed[1:]))) == "E_MODEL_CHANGED"
    assert code_of(lambda: pull(hub, home, shipped(*needed, ("vae/x.json", b"{}")))) == "E_MODEL_MISSING"
    assert len(hub.asked_for(".safetensors")) == 4


def test_a_branch_is_no_revision_and_another_commit_is_another_model(hub: FakeHub, home: Path) -> None:
    assert code_of(lambda: shipped(revision="main")) == "E_MODEL_REVISION"
    pinned = replace(LOCK, sources=(replace(LOCK.sources[0], revision="e" * 40),))
    assert code_of(lambda: pull(hub, home, pinned)) == "E_MODEL_CHANGED"


# What a source may not bring ---------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.json", "vae/..", "vae/../../x.json", "vae\\x.json", "C:x.json",
                                  "vae/CON.json", "vae/a\n.json", "~/x.json", "", None])  # fmt: skip
def test_a_path_that_leads_away_is_refused(hub: FakeHub, home: Path, path: str | None) -> None:
    hub.lists[REPOSITORY] = lambda entries: [*entries, {"rfilename": path, "size": 2, "blobId": "a" * 40}]
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_UNSAFE"
    assert not hub.asked_for(".safetensors") and not (home / NAME).exists()


@pytest.mark.parametrize(("file", "text"), [
    ("model_index.json", '{"vae": ["os", "system"]}'),
    ("model_index.json", '{"vae": ["subprocess", "Popen"]}'),
    ("text_encoder/config.json", '{"auto_map": {"AutoModel": "evil.Model"}}'),
    ("text_encoder/config.json", '{"text_config": {"_attn_implementation_internal": "evil/kernel"}}'),
])  # fmt: skip
def test_settings_that_run_code_are_seen_before_weights_come(hub: FakeHub, home: Path, file: str, text: str) -> None:
    hub.files[REPOSITORY][file] = text.encode()
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_CODE"
    assert not hub.asked_for(".safetensors") and not (home / NAME).exists()


def test_a_part_that_is_only_pickled_is_refused(hub: FakeHub, home: Path) -> None:
    del hub.files[REPOSITORY]["vae/" + WEIGHTS]
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_UNSAFE"
    del hub.files[REPOSITORY]["vae/pytorch_model.bin"]
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_MISSING"
    assert not hub.asked_for(".bin")


def test_a_shard_that_nobody_has_is_missed_before_the_weights_come(hub: FakeHub, home: Path) -> None:
    index = "text_encoder/model.safetensors.index.json"
    sound = hub.files[REPOSITORY][index]
    hub.files[REPOSITORY][index] = b'{"weight_map": {"a": "../../x.safetensors", "b": 5}}'
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_MISSING"
    hub.files[REPOSITORY][index] = sound
    del hub.files[REPOSITORY]["text_encoder/model-00002-of-00002.safetensors"]
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_MISSING"
    assert not hub.asked_for(".safetensors")


def test_a_pickle_under_a_good_name_is_not_published(hub: FakeHub, home: Path) -> None:
    hub.files[REPOSITORY]["vae/" + WEIGHTS] = b"\x80\x04\x95" + 700 * b"x"
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_UNSAFE"
    assert not (home / NAME).exists()


# Terms, room, cancelling -------------------------------------------------------------------------


def test_terms_are_asked_for_once_and_again_when_they_change(hub: FakeHub, home: Path) -> None:
    asked: list[pulling.Terms] = []

    def consent(terms: pulling.Terms) -> bool:
        assert [text.read_bytes() for text in terms.texts] == [hub.files[REPOSITORY]["LICENSE.txt"]]
        asked.append(terms)
        return True

    assert code_of(lambda: pull(hub, home, yes=False)) == "E_LICENCE"
    assert not hub.asked_for(".safetensors") and records.remembered(NAME) == {}
    for words in (b"Use it well.", b"Use it well.", b"Pay for it."):
        hub.files[REPOSITORY]["LICENSE.txt"] = words
        if (home / NAME).exists():
            shutil.rmtree(home / NAME)
        records_of_files = records.remembered(NAME).get("files", {})
        if words == b"Pay for it.":
            assert records_of_files
            records.forget(NAME)
        pulling.pull(LOCK, lambda: shelves.shelf(hub.address, LOCK, QUICK), home, consent, lambda _: None)
    assert len(asked) == 2 and asked[0].sha256 != asked[1].sha256


def test_too_little_room_is_said_before_the_weights_come(
    hub: FakeHub, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = shutil.disk_usage(home.parent.parent)._replace(free=100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    assert code_of(lambda: pull(hub, home)) == "E_DISK_SPACE"
    assert not hub.asked_for(".safetensors")


def test_a_cancelled_pull_goes_on_later(hub: FakeHub, home: Path) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Stage) and "weights" in event.detail:
            raise Cancelled

    with pytest.raises(Cancelled):
        pull(hub, home, emit=stop)
    assert not (home / NAME).exists()
    hub.seen.clear()
    pull(hub, home)
    assert {one.path.rpartition(".")[2] for one in hub.seen if "/resolve/" in one.path} == {"safetensors"}


# Folders and caches ------------------------------------------------------------------------------


def test_a_folder_is_copied_and_proven_against_what_was_recorded(
    hub: FakeHub, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(hub, home)
    shutil.copytree(home / NAME, tmp_path / "stick")
    upkeep.remove(NAME, False, lambda _: None)
    monkeypatch.setenv("PLATEWRIGHT_OFFLINE", "1")
    assert code_of(lambda: pull(hub, home)) == "E_OFFLINE"
    answer = pull(tmp_path / "stick", home)
    assert inside(home / NAME) == KEPT and answer["sources"][0]["commit"] == COMMIT
    upkeep.remove(NAME, False, lambda _: None)
    spoiled = tmp_path / "stick" / "vae" / WEIGHTS
    spoiled.write_bytes(tensors(6250, 3))
    assert code_of(lambda: pull(tmp_path / "stick", home)) in ("E_MODEL_CHANGED", "E_MODEL_CORRUPT")
    assert not (home / NAME).exists()
    assert code_of(lambda: pull(tmp_path / "none", home)) == "E_FILE_MISSING"
    (tmp_path / "empty").mkdir()
    assert code_of(lambda: pull(tmp_path / "empty", home)) == "E_MODEL_MISSING"


def write_cache(folder: Path, files: dict[str, bytes]) -> Path:
    """What huggingface_hub leaves: blobs by their hashes, snapshots of links."""
    from .fake_hub import entry_of

    place = folder / "hub" / f"models--{REPOSITORY.replace('/', '--')}"
    for path, data in files.items():
        entry = entry_of(path, data)
        blob = place / "blobs" / (entry["lfs"]["sha256"] if "lfs" in entry else entry["blobId"])
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(data)
        link = place / "snapshots" / COMMIT / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(Path(*[".."] * (2 + path.count("/")), "blobs", blob.name))
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    return place


def test_an_offline_cache_is_read_and_its_blobs_proven(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLATEWRIGHT_OFFLINE", "1")
    place = write_cache(tmp_path / "hf", tiny_vace())
    answer = pull(tmp_path / "hf", home)
    assert answer["sources"] == [{"repository": REPOSITORY, "commit": COMMIT}]
    assert inside(home / NAME) == KEPT and not any(path.is_symlink() for path in (home / NAME).rglob("*"))
    upkeep.remove(NAME, True, lambda _: None)
    link = place / "snapshots" / COMMIT / "vae" / WEIGHTS
    link.resolve().write_bytes(tensors(6250, 5))
    assert code_of(lambda: pull(tmp_path / "hf", home)) == "E_MODEL_CORRUPT"
    link.unlink()
    link.symlink_to(tmp_path / "outside.safetensors")
    (tmp_path / "outside.safetensors").write_bytes(tensors(6250))
    assert code_of(lambda: pull(tmp_path / "hf", home)) == "E_MODEL_UNSAFE"
    assert not (home / NAME).exists()


def test_a_folder_of_somebody_else_is_left_alone(hub: FakeHub, home: Path) -> None:
    (home / NAME).mkdir(parents=True)
    (home / NAME / "mine.json").write_text("{}")
    assert code_of(lambda: pull(hub, home)) == "E_MODEL_THERE"
    assert code_of(lambda: upkeep.remove(NAME, False, lambda _: None)) == "E_MODEL_THERE"
    assert code_of(lambda: upkeep.verify(NAME, lambda _: None)) == "E_MODEL_UNRECORDED"
    assert (home / NAME / "mine.json").exists()


# What we ship ------------------------------------------------------------------------------------


def test_every_model_has_a_lock_and_no_lock_makes_anything_up() -> None:
    known = {card.name: card for card in (*models.cards(), *models.still_cards())}
    assert known.keys() <= set(locks.names())
    for name in locks.names():
        lock = locks.lock(name)
        assert lock.name == name and lock.terms and lock.terms_from
        assert not [other for other in lock.also if other not in locks.names()]
        assert bool(lock.sources) == bool(lock.weights)
        for source in lock.sources:
            assert source.host == locks.HOST and source.repository.count("/") == 1
            assert not source.files or source.revision
    for name, card in known.items():
        assert card.terms and (card.kind != "final" or card.sources), name


def test_what_comes_with_platewright_is_not_fetched(home: Path) -> None:
    with pytest.raises(RequestError, match="comes with Platewright"):
        pull(home, home, locks.lock("draft"))
    assert code_of(lambda: locks.lock("no-such")) == "E_MODEL_UNKNOWN"


def test_a_record_that_cannot_be_read_is_told(hub: FakeHub, home: Path) -> None:
    pull(hub, home)
    (home / NAME / records.RECORD).write_text(json.dumps({"format": "other"}))
    assert code_of(lambda: checkpoint.examine(home / NAME, ())) == "E_MODEL_CORRUPT"
