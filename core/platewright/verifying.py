"""Whether a plate is still what its manifest says: every frame there, every byte right, nothing extra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .disk import PART, FileRecord, measure
from .errors import PlateError, RequestError
from .plate_file import is_as_sealed, proxies, read_manifest

PROXY = "proxy"                                    # folder of smaller pictures
CREDENTIALS = "plate.c2pa"                         # signed over plate.json
UNSIGNED = ("E_FRAME_UNSIGNED", "E_FILE_UNSIGNED", "E_CREDENTIALS_MISSING")   # signing it again mends them
_SCAFFOLD = {"plate.json", "journal.jsonl", "job.json", "native", CREDENTIALS}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is not as the manifest says."""

    code: str
    message: str
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What `verify` found: sentences for people, the same as data for programs."""

    folder: Path
    frames: int
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        return not self.problems

    def words(self) -> list[str]:
        """One line per finding, or one that all is well."""
        name = self.folder.name
        if self.is_sound:
            return [f"{name}: {self.frames} frames, all present, every byte as it was written."]
        count = "one problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return [f"{name}: {count}.", *(f"{problem.code}: {problem.message}" for problem in self.problems)]

    def to_dict(self) -> dict[str, Any]:
        """The answer of `platewright verify --json`; exit code 1 with problems."""
        problems = [asdict(problem) for problem in self.problems]
        exit_code = 0 if self.is_sound else 1
        return {
            "plate": str(self.folder), "ok": self.is_sound, "frames": self.frames,
            "problems": problems, "words": self.words(), "exit_code": exit_code,
        }  # fmt: skip


def verify(folder: Path) -> Report:
    """Compare a plate with its manifest, byte by byte; a manifest that cannot be used is a finding, too.

    RequestError E_FILE_MISSING where there is no folder at all.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise RequestError("E_FILE_MISSING", f"{folder} is not there.", "Give the folder of a plate: name_v001.")
    try:
        document = read_manifest(folder)
    except PlateError as error:
        return Report(folder, 0, (Problem(error.code, error.for_people()),))
    return Report(folder, len(document["frames"]), tuple(problems_of(folder, document)))


def problems_of(folder: Path, document: Mapping[str, Any]) -> Iterator[Problem]:
    """Where a manifest that was read is not as it was written, and the files of a folder not what it says of them."""
    if not is_as_sealed(document):
        yield Problem("E_MANIFEST_CHANGED", "plate.json is not what was written: what it says has changed.")
    for entry in document["frames"]:
        yield from _file_problems(folder, entry, f"Frame {entry['frame']}", "E_FRAME", entry["frame"])
    for entry in document["companions"]:
        yield from _file_problems(folder, entry, entry["file"], "E_FILE", None)
    for entry in proxies(document):
        yield from _file_problems(folder / PROXY, entry, f"{PROXY}/{entry['file']}", "E_FILE", None)
    yield from _camera_problems(folder, document)
    if (document.get("disclosure") or {}).get("c2pa") and not (folder / CREDENTIALS).is_file():
        yield Problem("E_CREDENTIALS_MISSING", f"{CREDENTIALS} is missing: the plate was signed once.")
    known = {entry["file"] for entry in (*document["frames"], *document["companions"])} | _SCAFFOLD
    known |= {PROXY} if proxies(document) else set()
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            kind = "an unfinished file" if PART in path.name else "not in the manifest"
            yield Problem("E_FILE_EXTRA", f"{path.name} is {kind}.")


def _file_problems(folder: Path, entry: dict[str, Any], what: str, code: str, frame: int | None) -> Iterator[Problem]:
    path = folder / entry["file"]
    if path.is_symlink():
        yield Problem(f"{code}_CORRUPT", f"{what} is a link, not a file.", frame)
    elif not path.is_file():
        yield Problem(f"{code}_MISSING", f"{what} is missing.", frame)
    elif (found := measure(path)) != FileRecord(entry["file"], entry["size"], entry["sha256"]):
        unsigned = entry.get("unsigned") or {}
        if {"size": found.size, "sha256": found.sha256} == unsigned:
            why = f"{what} is as it was made, without the credentials it was signed with: sign the plate again."
            yield Problem(f"{code}_UNSIGNED", why, frame)
        else:
            yield Problem(f"{code}_CORRUPT", f"{what} is not the file that was written: its bytes have changed.", frame)


def _camera_problems(folder: Path, document: Mapping[str, Any]) -> Iterator[Problem]:
    """The camera of the manifest, of the request and of the frames must be one camera."""
    camera, frames = document["camera"], [entry["frame"] for entry in document["frames"]]
    listed = {entry["file"]: entry["sha256"] for entry in document["companions"]}
    if camera.get("sha256") != listed.get("camera.json"):
        yield Problem("E_MANIFEST", "The camera's hash and the hash of camera.json differ in the manifest.")
    if [camera.get("first"), camera.get("last")] != [frames[0], frames[-1]]:
        yield Problem("E_MANIFEST", "The camera's range is not the range of the frames.")
    request = document["request"]
    if request is not None and request.get("camera", {}).get("frames") != frames:
        yield Problem("E_MANIFEST", "The request asked for other frames than those listed.")
