"""Where weights may come from: the host they are published on or a mirror of it, a folder, an offline cache.

All three list a source's files and bring one of them into a part file. A folder is copied, not linked: whoever wants
no second copy names the folder itself with --model.

Errors  those of `fetching`; BackendError E_MODEL_MISSING (not in this folder), E_MODEL_CHANGED (the host has another
        commit than asked for), E_MODEL_SOURCE (a list that cannot be understood), E_MODEL_UNSAFE (a path leading out)
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from ..errors import BackendError, RequestError
from .checkpoint import DEEPEST
from .fetching import Host, Patience, Tell, full_or_broken
from .locks import HOST, File, Lock, Source, is_commit, plain_path, safe_path

FILES_MAX = 20_000
BYTES_MAX = 1 << 42                                # of one file
CHUNK = 1 << 23


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source holds: the files of a commit; an empty commit where nobody can tell."""

    commit: str
    files: tuple[File, ...]


class Shelf(Protocol):
    """Something that has weights."""

    @property
    def words(self) -> str:
        """Where that is, for people and for the record."""
        ...

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can change what it tells."""
        ...

    def listing(self, source: Source, commit: str, tell: Tell) -> Listing:
        """The source's files at this commit; at its branch's latest where that is empty."""
        ...

    def bring(self, source: Source, commit: str, file: File, part: Path, tell: Tell) -> None:
        """Let `part` hold the file."""
        ...


def shelf(given: str | None, lock: Lock, patience: Patience | None = None) -> Shelf:
    """What `--from` means: an address, a folder, or nothing: then HF_ENDPOINT, else the host of publication."""
    if given and not given.startswith(("http://", "https://")):
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise RequestError("E_FILE_MISSING", f"There is no folder {folder}.", "Check the path behind --from.")
        named = [_cached(source) for source in lock.sources]
        caches = [place for place in (folder, folder / "hub") if any((place / name).is_dir() for name in named)]
        return Cache(caches[0]) if caches else Folder(folder)
    return Hub(Host(given or os.environ.get("HF_ENDPOINT") or HOST, patience=patience))


# A host ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hub:
    """A host that speaks as huggingface.co does: `/api/models/...` lists, `.../resolve/...` gives."""

    host: Host

    @property
    def words(self) -> str:
        return self.host.name

    @property
    def is_private(self) -> bool:
        return self.host.is_private

    def listing(self, source: Source, commit: str, tell: Tell) -> Listing:
        at = quote(commit or source.branch, safe="")
        told = self.host.document(f"/api/models/{source.repository}/revision/{at}?blobs=true", tell)
        found, files = told.get("sha"), told.get("siblings")
        if not is_commit(found) or not isinstance(files, list) or len(files) > FILES_MAX:
            why = f"{self.words} does not say which commit and files {source.repository} has."
            raise BackendError("E_MODEL_SOURCE", why, "Try again later, or another --from.")
        if commit and found != commit:
            why = f"{self.words} answers for {source.repository} with commit {found}, not {commit} as asked for."
            raise BackendError("E_MODEL_CHANGED", why, "Do not use this source.")
        return Listing(str(found), tuple(_file(entry) for entry in files if source.takes(_named(entry))))

    def bring(self, source: Source, commit: str, file: File, part: Path, tell: Tell) -> None:
        self.host.fetch(f"/{source.repository}/resolve/{commit}/{quote(file.path)}", part, file.size, tell)


def _named(entry: Any) -> str:
    return plain_path(entry.get("rfilename") if isinstance(entry, dict) else None)


def _file(facts: dict[str, Any]) -> File:
    """One entry of the host's list; a large file's sha256 is told, a small one's hash as a git blob."""
    large: dict[str, Any] = facts["lfs"] if isinstance(facts.get("lfs"), dict) else {}
    path, size = safe_path(_named(facts)), large.get("size", facts.get("size", -1))
    sha256, git = large.get("sha256", ""), "" if large else facts.get("blobId", "")
    is_sound = isinstance(size, int) and 0 <= size < BYTES_MAX and isinstance(sha256, str) and len(sha256) in (0, 64)
    if not is_sound or not isinstance(git, str) or (git and not is_commit(git)):
        raise BackendError("E_MODEL_SOURCE", f"The host tells nonsense of {path}.", "Try again later.")
    return File(path, size, sha256, git)


# A folder ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _OnDisk:
    """What lies on this machine."""

    folder: Path

    @property
    def words(self) -> str:
        return str(self.folder)

    @property
    def is_private(self) -> bool:
        return True


class Folder(_OnDisk):
    """A model's folder as somebody else's `pull` has left it, or as it was published."""

    def listing(self, source: Source, commit: str, tell: Tell) -> Listing:
        del commit
        tell(0)
        paths = [safe_path(path) for path in _files(self.folder) if source.takes(path)]
        if not paths:
            why = f"{self.folder} holds nothing of {source.repository}: {', '.join(source.take)}."
            hint = "Name the model's own folder, or a cache that holds models--owner--name."
            raise BackendError("E_MODEL_MISSING", why, hint)
        return Listing("", tuple(File(path, (self.folder / path).stat().st_size) for path in paths))

    def bring(self, source: Source, commit: str, file: File, part: Path, tell: Tell) -> None:
        del source, commit
        _copy(self.folder / file.path, part, tell)


class Cache(_OnDisk):
    """The offline cache of huggingface_hub: models--owner--name/snapshots/COMMIT/..., linked to blobs/HASH."""

    def listing(self, source: Source, commit: str, tell: Tell) -> Listing:
        tell(0)
        home = self.folder / _cached(source)
        found = commit or _latest(home, source.branch)
        snapshot = home / "snapshots" / found
        if not is_commit(found) or not snapshot.is_dir():
            at = f" at {commit}" if commit else ""
            hint = "Fetch it into the cache on a machine that has a connection, or name another --from."
            raise BackendError("E_MODEL_MISSING", f"{home} does not hold {source.repository}{at}.", hint)
        paths = [safe_path(path) for path in _files(snapshot) if source.takes(path)]
        return Listing(found, tuple(_blob(home, snapshot, path) for path in paths))

    def bring(self, source: Source, commit: str, file: File, part: Path, tell: Tell) -> None:
        _copy(self.folder / _cached(source) / "snapshots" / commit / file.path, part, tell)


def _cached(source: Source) -> str:
    return f"models--{source.slug}"


def _latest(home: Path, branch: str) -> str:
    """The commit that the cache knows as the branch's, else its only one."""
    try:
        return (home / "refs" / branch).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        kept = [entry.name for entry in (home / "snapshots").glob("*")]
        return kept[0] if len(kept) == 1 else ""


def _blob(home: Path, snapshot: Path, path: str) -> File:
    """A file of a snapshot; its blob is named by its sha256, or by its hash in git where it is small."""
    target = (snapshot / path).resolve()
    if not target.is_relative_to(home.resolve()):
        raise BackendError("E_MODEL_UNSAFE", f"{snapshot / path} points out of its cache.", "Do not use this cache.")
    name, size = target.name if target.parent.name == "blobs" else "", target.stat().st_size
    return File(path, size, name if len(name) == 64 else "", name if is_commit(name) else "")


def _files(folder: Path) -> list[str]:
    """Everything in a folder that may be a model's, as relative paths, sorted."""
    found: list[str] = []
    for place, inner, names in os.walk(folder):
        here = Path(place).relative_to(folder)
        inner[:] = [name for name in inner if not name.startswith(".") and len(here.parts) < DEEPEST]
        found += [(here / name).as_posix() for name in names if (Path(place) / name).is_file()]
    return sorted(found)


def _copy(given: Path, part: Path, tell: Tell) -> None:
    """The file's bytes; what is there of an earlier try is written anew."""
    held = 0
    try:
        with given.open("rb") as source, open(part, "wb") as target:
            while block := source.read(CHUNK):
                target.write(block)
                held += len(block)
                tell(held)
    except FileNotFoundError:
        raise BackendError("E_MODEL_MISSING", f"{given} has gone.", "Run the same command again.") from None
    except OSError as error:
        raise full_or_broken(error, part) from error
