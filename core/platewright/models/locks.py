"""What we ship about weights we do not: where they are published, under which terms, which of their files we read.

`locked/<name>.json` is one model. Where a revision or a hash is not known to us it is left out, never made up: it is
then recorded at first use (`records`), and a later difference is an error.

Errors  RequestError E_MODEL_UNKNOWN; BackendError E_MODEL_REVISION (a branch in a commit's place), E_MODEL_UNSAFE (a
        path that leads out of the folder)
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ..cards import ModelCard
from ..errors import BackendError, RequestError

if TYPE_CHECKING:
    from pathlib import Path

HOST = "https://huggingface.co"                    # where all of these are published; a token goes nowhere else
FORMAT = "platewright.model-lock"
DEEPEST = 4                                        # segments of a path
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SEGMENT = re.compile(r"[A-Za-z0-9._+-]{1,128}")
LEGAL = ("LICENSE*", "LICENCE*", "NOTICE*")       # beside the weights in every repository: what people agree to
LEGAL_FOLDER = "licences"                          # where they lie in a model's folder, a folder for each repository
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a repository; what nobody has told of it is empty."""

    path: str                                      # in the repository, and in the model's folder
    size: int                                      # bytes
    sha256: str = ""
    git_sha1: str = ""                             # as a git blob: how small files are known on the host


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A repository, and which of its files are read."""

    repository: str                                # owner/name
    take: tuple[str, ...]                          # patterns; a star stays within its segment
    branch: str = "main"                           # asked for its commit where none is pinned
    revision: str = ""                             # the pinned commit; empty: not known to us
    files: tuple[File, ...] = ()                   # empty: not known to us
    host: str = HOST

    def takes(self, path: str) -> bool:
        """Whether one of the patterns is this path's, or it is a legal text."""
        return any(_fits(path, pattern) for pattern in (*self.take, *LEGAL, f"{LEGAL_FOLDER}/{self.slug}/*"))

    @property
    def slug(self) -> str:
        """The repository's name as part of a file's."""
        return self.repository.replace("/", "--")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """What we ship about one model's weights."""

    name: str
    terms: str                                     # the licences in words
    terms_from: str                                # how we know
    territory: str = ""                            # where it may not be used; empty: no such limit is known
    disk_gb: float | None = None                   # as published, of what is fetched or more; None: nobody told us
    sources: tuple[Source, ...] = ()               # empty: it comes with Platewright
    weights: tuple[str, ...] = ()                  # folders that hold tensors
    also: tuple[str, ...] = ()                     # fetched with it, each into a folder of its own
    notes: str = ""


def names() -> list[str]:
    """Every model, and every part that is fetched by itself."""
    return sorted(entry.name.removesuffix(".json") for entry in _shipped().iterdir() if entry.name.endswith(".json"))


@cache
def lock(name: str) -> Lock:
    """What we ship about this model. Raises RequestError E_MODEL_UNKNOWN."""
    if name not in names():
        raise RequestError("E_MODEL_UNKNOWN", f"There is no model called {name!r}.", f"Known: {', '.join(names())}.")
    return read(json.loads((_shipped() / f"{name}.json").read_text(encoding="utf-8")))


def read(plain: dict[str, Any]) -> Lock:
    """A lock from its JSON. Raises BackendError E_MODEL_REVISION, E_MODEL_UNSAFE, ValueError for another format."""
    facts: dict[str, Any] = dict(plain)
    if (facts.pop("format"), facts.pop("version")) != (FORMAT, 1):
        raise ValueError("not a lock of a model")
    facts["sources"] = tuple(_source(entry) for entry in facts["sources"])
    facts |= {name: tuple(facts[name]) for name in ("weights", "also")}
    return Lock(**facts)


def told(card: ModelCard, folder: Path | None = None) -> ModelCard:
    """The card with what is known of its weights: terms, size, source; the commits once they are fetched or pinned."""
    from . import records

    if card.name not in names():
        return card
    known = lock(card.name)
    parts = [known, *(lock(name) for name in known.also)]
    sources = [source for part in parts for source in part.sources]
    pinned = [source.revision for source in sources if source.revision]
    return replace(
        card,
        terms=known.terms,
        territory=known.territory,
        disk_gb=known.disk_gb,
        sources=tuple(dict.fromkeys(source.repository for source in sources)),
        revision=card.revision or " ".join(records.commits(card.name, folder) or pinned),
    )


def plain_path(path: Any) -> str:
    """The path itself, unless it tries to lead somewhere else: BackendError E_MODEL_UNSAFE."""
    if not isinstance(path, str) or ".." in path.split("/") or path[:1] in ("", "/", "~") or not path.isprintable():
        raise _unsafe(path)
    if "\\" in path or ":" in path:
        raise _unsafe(path)
    return path


def safe_path(path: str) -> str:
    """The path itself, if every system can hold it and it stays where it is put; BackendError E_MODEL_UNSAFE."""
    segments = plain_path(path).split("/")
    plain = [one for one in segments if _SEGMENT.fullmatch(one) and not _RESERVED.fullmatch(one) and one[-1] != "."]
    if len(plain) < len(segments) or len(segments) > DEEPEST or len(path) > 200:
        raise _unsafe(path)
    return path


def _unsafe(path: Any) -> BackendError:
    why = f"The source lists a file called {str(path)[:80]!r}, which no model needs."
    return BackendError("E_MODEL_UNSAFE", why, "Do not use this source.")


def is_commit(text: Any) -> bool:
    """40 hex digits: a state that nobody can change, where a branch is whatever it is today."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None


def _source(plain: dict[str, Any]) -> Source:
    facts: dict[str, Any] = dict(plain)
    revision = facts["revision"] or ""
    if revision and not is_commit(revision):
        why = f"{facts['repository']} is to be read at {revision!r}, which is no commit: it may change any day."
        raise BackendError("E_MODEL_REVISION", why, "Pin the 40 digits of a commit.")
    files = tuple(File(safe_path(entry["path"]), entry["size"], entry["sha256"]) for entry in facts["files"] or ())
    facts |= {"take": tuple(facts["take"]), "revision": revision, "files": files}
    return Source(**facts)


def _fits(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


def _shipped() -> Any:
    """The folder of locks: inside the wheel, which may be read as a zip."""
    return resources.files("platewright.models") / "locked"
