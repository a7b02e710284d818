"""A model's weights fetched: `platewright models pull`, the one thing that goes to a network, when somebody types it.

    lock -> what the source lists -> hashes that must hold -> terms accepted -> room on the disk
         -> small files, and a look at them -> tensors, each proven -> the folder looked through -> one rename

What is known of a file's content is, in this order: what we ship, what was recorded at first use, what the host itself
tells. Where two of them differ nothing is fetched.

Errors  those of `fetching`, `shelves`, `staging`, `checkpoint`; BackendError E_MODEL_CHANGED, E_MODEL_CORRUPT,
        E_MODEL_UNSAFE, E_MODEL_MISSING, E_DISK_SPACE; RequestError E_LICENCE, E_MODEL_THERE, E_VALUE
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from .. import disk, weights
from ..errors import BackendError, RequestError
from ..protocol import Emit, Progress, Stage, Warned
from . import checkpoint, hashes, records, staging, upkeep
from .fetching import full_or_broken
from .locks import LEGAL, LEGAL_FOLDER, File, Lock, Source
from .shelves import Listing, Shelf
from .staging import JOB, Staging

SPACE_MARGIN = 1.02                                # blocks are larger than files
TELL_SECONDS = 0.25
MEGABYTE = 1_000_000
LEGAL_BYTES_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class Terms:
    """What somebody agrees to: our words, and the texts that lie beside the weights."""

    name: str
    words: str
    territory: str
    texts: tuple[Path, ...]
    sha256: str


Consent = Callable[[Terms], bool]                  # asked at most once for the same terms


@dataclass(frozen=True, slots=True)
class Item:
    """One file to come."""

    source: Source
    commit: str
    file: File                                     # its path is the one in the model's folder
    origin: str                                    # its path in the repository

    @property
    def is_tensors(self) -> bool:
        return self.file.path.endswith(".safetensors")

    @property
    def is_legal(self) -> bool:
        return self.file.path.startswith(f"{LEGAL_FOLDER}/")


def pull(lock: Lock, opened: Callable[[], Shelf], home: Path, consent: Consent, emit: Emit) -> dict[str, Any]:
    """Fetch the model into `home/<name>`; what is there and whole stays. Returns the folder's record and its place.

    opened opens the shelf, once it is needed
    emit   hears the stages, how far each is and W_MODEL_UNPINNED; may raise Cancelled: what is here already stays
           hidden for the next time
    """
    if not lock.sources:
        raise RequestError("E_VALUE", f"'{lock.name}' comes with Platewright.", "There is nothing to fetch.")
    disk.check_folder(home)
    with staging.turn(home, lock.name, emit) as stage:
        target = home / lock.name
        sound = _sound(target, emit)
        if (record := records.of_folder(target)) and sound >= record["files"].keys() and _is_current(lock, record):
            stage.clear()
            return {**record, "folder": str(target), "is_new": False}
        return _Pull(lock, opened(), stage, target, emit).done(sound, consent)


def _is_current(lock: Lock, record: dict[str, Any]) -> bool:
    """Whether a folder holds what this version ships the hashes of."""
    shipped = {file.path: file.sha256 for source in lock.sources for file in source.files}
    return all(record["files"].get(path, {}).get("sha256") == sha256 for path, sha256 in shipped.items())


def _sound(target: Path, emit: Emit) -> set[str]:
    """The files of a fetched folder that are as they were; RequestError E_MODEL_THERE for somebody else's folder."""
    if not target.exists():
        return set()
    record = records.of_folder(target)
    if record is None:
        hint = "Take it away, or fetch into another folder with --to."
        raise RequestError("E_MODEL_THERE", f"{target} is there, and was not put there by `models pull`.", hint)
    emit(Stage(JOB, "verifying", f"{target} is there already"))
    return record["files"].keys() - upkeep.damaged(target, record, emit).keys()


@dataclass(slots=True)
class _Pull:
    lock: Lock
    shelf: Shelf
    stage: Staging
    target: Path
    emit: Emit
    told_at: float = 0.0
    proven: dict[str, str] = field(default_factory=dict)       # sha256 of what is in the tree

    def done(self, sound: set[str], consent: Consent) -> dict[str, Any]:
        self.emit(Stage(JOB, "listing", f"{self.lock.name} at {self.shelf.words}"))
        known = records.remembered(self.lock.name).get("files", {})
        items = [replace(item, file=self._agreed(item, known)) for item in self._items()]
        self._refuse_gaps(items, known)
        self._prepare(items, sound)
        accepted = self._agree([item for item in items if item.is_legal], consent)
        self._refuse_full(items)
        small = [item for item in items if not item.is_tensors and not item.is_legal]
        self._gather(small, "settings and tokenizer")
        self._look(items)
        self._gather([item for item in items if item.is_tensors], "weights")
        self._warn_unknown(items, known)
        return self._published(items, accepted)

    # What there is -------------------------------------------------------------------------------

    def _items(self) -> list[Item]:
        """What the source lists of this model, by where it goes; what cannot be a model's is left where it is."""
        known = records.remembered(self.lock.name).get("sources", [])
        before = {source["repository"]: source["commit"] for source in known}
        found: dict[str, Item] = {}
        for source in self.lock.sources:
            commit = source.revision or before.get(source.repository, "")
            listing = self.shelf.listing(source, commit, lambda _: self._beat())
            for file in self._readable(source, listing):
                placed = replace(file, path=_place(source, file.path))
                found[placed.path] = Item(source, listing.commit or commit, placed, file.path)
        return sorted(found.values(), key=lambda item: (item.is_tensors, item.file.path))

    def _readable(self, source: Source, listing: Listing) -> Iterator[File]:
        for file in listing.files:
            if checkpoint.is_model_file(PurePosixPath(file.path).name):
                yield file
        for part in self.lock.weights:
            kept = [file.path for file in listing.files if str(PurePosixPath(file.path).parent) == part]
            pickled = [path for path in kept if PurePosixPath(path).suffix in weights.UNSAFE]
            if pickled and not any(path.endswith(".safetensors") for path in kept):
                why = f"{source.repository} has {pickled[0]} and no safetensors: such files can run code."
                raise BackendError("E_MODEL_UNSAFE", why, "Name a source that has safetensors with --from.")

    def _shipped(self, item: Item) -> File | None:
        return next((file for file in item.source.files if file.path == item.origin), None)

    def _agreed(self, item: Item, known: dict[str, Any]) -> File:
        """What the file must be, by all who know of it. Raises BackendError E_MODEL_CHANGED where they differ."""
        told, shipped, recorded = item.file, self._shipped(item), known.get(item.file.path)
        claims = [("we ship", shipped.size, shipped.sha256)] if shipped else []
        claims += [("was recorded", recorded["size"], recorded["sha256"])] if recorded else []
        for whose, size, sha256 in claims:
            if size != told.size or told.sha256 not in ("", sha256):
                why = f"{item.origin} of {item.source.repository} is not the file whose hash {whose}."
                raise BackendError("E_MODEL_CHANGED", why, _forget(self.lock))
            told = replace(told, sha256=sha256)
        return told

    def _refuse_gaps(self, items: list[Item], known: dict[str, Any]) -> None:
        """Every part has tensors, and what we ship or have recorded is all there and no more."""
        there = {item.file.path: item.file.size for item in items if not item.is_legal}
        bare = [part for part in self.lock.weights if not any(_lies_in(path, part) for path in there)]
        if bare:
            why = f"{self.shelf.words} holds no safetensors for {', '.join(bare)} of {self.lock.name}."
            raise BackendError("E_MODEL_MISSING", why, "Try another --from.")
        shipped = {file.path: file.size for source in self.lock.sources for file in source.files}
        recorded = {path: entry["size"] for path, entry in known.items() if not path.startswith(LEGAL_FOLDER)}
        hint = _forget(self.lock)
        for wanted, whose in ((shipped, "we ship the hash of"), (recorded, "was recorded")):
            if gone := sorted(wanted.keys() - there.keys()):
                listed = ", ".join(f"{path} ({wanted[path]:,} bytes)" for path in gone[:5])
                raise BackendError("E_MODEL_MISSING", f"{self.shelf.words} lacks {listed}, which {whose}.", hint)
            if wanted and (new := sorted(there.keys() - wanted.keys())):
                raise BackendError("E_MODEL_CHANGED", f"{self.shelf.words} has {new[0]}, which is new.", hint)

    # Terms and room ------------------------------------------------------------------------------

    def _agree(self, legal: list[Item], consent: Consent) -> dict[str, str]:
        """Somebody's acceptance of our words and of the texts beside the weights. Raises RequestError E_LICENCE."""
        if large := [item.file.path for item in legal if item.file.size > LEGAL_BYTES_MAX]:
            raise BackendError("E_MODEL_UNSAFE", f"{large[0]} is no licence's text.", "Do not use this source.")
        self._gather(legal, "the licences' texts")
        told = f"{self.lock.name}\n{self.lock.terms}\n{self.lock.territory}\n"
        proven = sorted(self.proven[item.file.path] for item in legal)
        sha256 = hashlib.sha256("".join([told, *proven]).encode()).hexdigest()
        if before := records.acceptance(self.lock.name, sha256):
            return before
        texts = tuple(self.stage.place(item.file) for item in legal)
        if not consent(Terms(self.lock.name, self.lock.terms, self.lock.territory, texts, sha256)):
            hint = f"`platewright models show {self.lock.name}` tells them; --accept-licence says yes to them."
            raise RequestError("E_LICENCE", f"The terms of {self.lock.name} are not accepted.", hint)
        return records.accept(self.lock.name, sha256)

    def _refuse_full(self, items: list[Item]) -> None:
        parts = (self.stage.part(item.commit, item.file) for item in items if item.file.path not in self.proven)
        need = sum(item.file.size for item in items if item.file.path not in self.proven)
        need -= sum(part.stat().st_size for part in parts if part.exists())
        have = shutil.disk_usage(self.stage.folder).free
        if have < need * SPACE_MARGIN:
            why = f"{need / 1e9:,.1f} GB are still to come, and {have / 1e9:,.1f} GB are free in {self.target.parent}."
            raise BackendError("E_DISK_SPACE", why, "Free some space, or choose another disk with --to.")

    # Files ---------------------------------------------------------------------------------------

    def _prepare(self, items: list[Item], sound: set[str]) -> None:
        """Take over what an earlier try or the model's own folder has whole; drop what no plan needs."""
        try:
            for folder in (self.stage.tree, self.stage.folder / "parts"):
                folder.mkdir(parents=True, exist_ok=True)
            places = {self.stage.place(item.file) for item in items}
            self.stage.keep_only({self.stage.part(item.commit, item.file) for item in items}, places)
            disk.check_length(max(places, key=lambda path: len(str(path))))
            for item in items:
                place = self.stage.place(item.file)
                place.parent.mkdir(parents=True, exist_ok=True)
                if item.file.path in sound and not place.exists():
                    _link(self.target / item.file.path, place)
                if place.exists():
                    self._take_over(item, place)
        except OSError as error:
            raise full_or_broken(error, self.stage.tree) from error

    def _take_over(self, item: Item, place: Path) -> None:
        found = staging.digests(place, self.emit)
        if found.are(item.file) and (item.file.sha256 or item.file.git_sha1):
            self.proven[item.file.path] = found.sha256
        else:
            place.unlink()

    def _gather(self, items: Iterable[Item], what: str) -> None:
        missing = [item for item in items if item.file.path not in self.proven]
        if not missing:
            return
        total, before = sum(item.file.size for item in missing), 0
        self.emit(Stage(JOB, "downloading", f"{what}: {len(missing)} files, {total / 1e9:.2f} GB"))
        for item in missing:
            self._fetch(item, before, total)
            before += item.file.size
        self._count(total, total)

    def _fetch(self, item: Item, before: int, total: int) -> None:
        """The file in the tree, proven; wrong bytes are thrown away and asked for once more."""
        part = self.stage.part(item.commit, item.file)
        for is_last in (False, True):
            asked = replace(item.file, path=item.origin)
            self.shelf.bring(item.source, item.commit, asked, part, lambda held: self._beat(before + held, total))
            found = staging.digests(part, self.emit)
            if found.are(item.file):
                break
            wrong = weights.disguise(part) if item.is_tensors else None
            part.unlink()
            if is_last:
                why = f"{self.shelf.words} gave other bytes for {item.origin} than its sha256 says, twice."
                hint = "Something on the way changes them: try another network, or another --from."
                raise wrong or BackendError("E_MODEL_CORRUPT", why, hint)
        self.proven[item.file.path] = found.sha256
        try:
            with part.open("r+b") as file:
                os.fsync(file.fileno())
            os.replace(part, self.stage.place(item.file))
        except OSError as error:
            raise full_or_broken(error, part) from error

    def _look(self, items: list[Item]) -> None:
        """Before a hundred gigabytes follow: no setting runs code, and no index names a shard that nobody has."""
        checkpoint.examine(self.stage.tree, ())
        there = {item.file.path for item in items}
        for index in (item.file.path for item in items if item.file.path.endswith(".safetensors.index.json")):
            listed = checkpoint.read_json(self.stage.tree / index).get("weight_map")
            shards = {str(name) for name in listed.values()} if isinstance(listed, dict) else set[str]()
            if gone := sorted(name for name in shards if str(PurePosixPath(index).parent / name) not in there):
                why = f"{index} names {', '.join(gone[:5])}, and {self.shelf.words} has no such file."
                raise BackendError("E_MODEL_MISSING", why, "Try another --from.")

    def _warn_unknown(self, items: list[Item], known: dict[str, Any]) -> None:
        ours = [item for item in items if not item.is_legal]
        fresh = [item for item in ours if self._shipped(item) is None and item.file.path not in known]
        if fresh:
            words = (
                f"We ship no hash of {len(fresh)} of {len(ours)} files of {self.lock.name}: what {self.shelf.words} "
                "gives today is recorded, and anything else is an error from now on."
            )
            told = words if self.shelf.is_private else f"{words} The connection was open to whoever stands on it."
            self.emit(Warned(JOB, "W_MODEL_UNPINNED", told))

    def _published(self, items: list[Item], accepted: dict[str, str]) -> dict[str, Any]:
        """Look through the whole tree, leave the record in it, give it its name."""
        self.emit(Stage(JOB, "verifying", "every tensor file's header"))
        checkpoint.examine(self.stage.tree, [part for part in self.lock.weights if part != "."])
        for part in self.lock.weights:
            checkpoint.weight_files(self.stage.tree / part)
        commits = {item.source.repository: item.commit for item in items}
        record = {
            "name": self.lock.name,
            "sources": [{"repository": name, "commit": commit} for name, commit in commits.items()],
            "files": {
                item.file.path: {"size": item.file.size, "sha256": self.proven[item.file.path]} for item in items
            },
            "from": self.shelf.words,
            "accepted": accepted,
        }
        records.write(self.stage.tree, record)
        staging.publish(self.stage, self.target)
        for path, sha256 in self.proven.items():
            hashes.remember(self.target / path, sha256)
        return {**record, "folder": str(self.target), "is_new": True}

    # How far it is -------------------------------------------------------------------------------

    def _beat(self, done: int = 0, total: int = 0) -> None:
        if time.monotonic() - self.told_at > TELL_SECONDS:
            self.told_at = time.monotonic()
            self._count(done, total)

    def _count(self, done: int, total: int) -> None:
        """In megabytes begun."""
        self.emit(Progress(JOB, "downloading", -(-done // MEGABYTE), -(-total // MEGABYTE)))


def _forget(lock: Lock) -> str:
    return f"If the new one is wanted: `platewright models remove {lock.name} --forget`, then fetch it anew."


def _place(source: Source, path: str) -> str:
    """Where a file of a repository lies in the model's folder: where it lay, legal texts together."""
    is_legal = "/" not in path and any(PurePosixPath(path).match(pattern) for pattern in LEGAL)
    return f"{LEGAL_FOLDER}/{source.slug}/{path}" if is_legal else path


def _lies_in(path: str, part: str) -> bool:
    return path.endswith(".safetensors") and str(PurePosixPath(path).parent) == part


def _link(given: Path, place: Path) -> None:
    """The same file under a second name; a copy where the disk knows no such thing."""
    try:
        os.link(given, place)
    except OSError:
        shutil.copyfile(given, place)
