"""What a studio's ingest check would find in a plate, before the studio does.

    files      which frames there are, what they are called, whether the version is free
    frames     one frame, read once
    judging    headers and pixels, held against what is wanted
    stillness  frozen and empty frames, by what the camera does
    findings   one thing each: code, severity, frame, what to do

What is wanted comes from whoever asks, else from the plate's own manifest and camera. Every frame is read once, one
after the other; memory holds two small pictures. Frames are never written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..camera import CameraPath
from ..errors import PlateError, RequestError
from ..plate_file import read_manifest
from ..protocol import Emit, Progress
from ..verifying import Problem, problems_of
from . import files, judging, stillness
from .findings import Finding
from .frames import Look, look, space_name
from .judging import Wanted

__all__ = ["Finding", "Report", "Wanted", "ingest", "space_name"]

JOB = "ingest"                                     # events belong to it; there is no other
_KNOWN_OTHERWISE = ("E_FRAME_MISSING",)            # of the manifest's problems, what the range says already
_HARMLESS = ("E_FILE_EXTRA",)                     # of them, what is no reason to send a plate back


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, the gravest first."""

    folder: Path
    frames: int
    findings: tuple[Finding, ...]

    @property
    def is_refused(self) -> bool:
        return any(finding.severity == "refused" for finding in self.findings)

    def words(self) -> list[str]:
        """A head line, then two lines for each finding."""
        counts = [(sum(f.severity == kind for f in self.findings), kind) for kind in ("refused", "doubtful", "told")]
        told = ", ".join(f"{count} {kind}" for count, kind in counts if count)
        verdict = "would be refused" if self.is_refused else "would be taken"
        rows = [f"{self.folder.name}: {self.frames} frames; {verdict}{f' ({told})' if told else ''}."]
        for finding in self.findings:
            rows += [f"{finding.severity:8} {finding.code}: {finding.message}", f"{'':8} {finding.mend}"]
        return rows

    def to_dict(self) -> dict[str, Any]:
        """The answer of `platewright ingest --json`; exit code 1 where it would be refused."""
        return {
            "plate": str(self.folder),
            "ok": not self.is_refused,
            "frames": self.frames,
            "findings": [finding.to_dict() for finding in self.findings],
            "words": self.words(),
            "exit_code": int(self.is_refused),
        }


def ingest(folder: Path, wanted: Wanted, emit: Emit) -> Report:
    """Look at every frame of a plate, or of a folder of numbered pictures.

    Raises RequestError E_FILE_MISSING, E_FRAMES_NONE and what reading a camera raises.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise RequestError("E_FILE_MISSING", f"{folder} is no folder.", "Give a plate, or a folder of its frames.")
    if wanted.into is not None and not wanted.into.is_dir():
        raise RequestError("E_FILE_MISSING", f"{wanted.into} is no folder.", "Give the folder it is delivered to.")
    document, found = _manifest(folder)
    strip = files.strip_of(folder, document)
    if not strip.files:
        hint = "Give a plate, or a folder with a frame number in each name: name_v001.1001.exr."
        raise RequestError("E_FRAMES_NONE", f"{folder} holds no numbered pictures.", hint)
    wanted = _filled(folder, document, wanted)
    found += files.gaps(strip, wanted.frames)
    found += files.names(folder, strip)
    found += files.version(folder, strip, wanted.into)
    found += _looked_at(strip, wanted, emit)
    found += _of_manifest(folder, document, {finding.frame for finding in found if finding.code.endswith("TRUNCATED")})
    order = ("refused", "doubtful", "told")
    found.sort(key=lambda finding: (order.index(finding.severity), finding.frame or 0))
    return Report(folder, len(strip.files), tuple(found))


def _manifest(folder: Path) -> tuple[dict[str, Any] | None, list[Finding]]:
    """plate.json, or why it is of no use; frames without one are no fault."""
    if not (folder / "plate.json").exists() and not (folder / "job.json").exists():
        return None, []
    try:
        return read_manifest(folder), []
    except PlateError as error:
        return None, [Finding(error.code, "refused", error.message, error.hint)]


def _filled(folder: Path, document: Mapping[str, Any] | None, wanted: Wanted) -> Wanted:
    """What is wanted, and where nobody says, what the plate's own camera and manifest say."""
    camera, picture = wanted.camera, (document or {}).get("picture") or {}
    if camera is None and document is not None and (folder / "camera.json").is_file():
        camera = CameraPath.read(folder / "camera.json")
    if camera is None:
        return wanted
    if wanted.camera is not None:                  # the shot's: the plate may have been given higher numbers
        camera = camera.renumbered((picture.get("delivery") or {}).get("frame_offset", 0))
    space = picture.get("colour", {}).get("space")
    # A camera that was given is the shot's: a plate may be larger or smaller than it, its own camera is as large as it.
    size = (camera.width, camera.height) if wanted.camera is None else None
    return replace(
        wanted,
        camera=camera,
        frames=wanted.frames or (camera.frames[0], camera.frames[-1]),
        size=wanted.size or size,
        rate=wanted.rate or camera.rate,
        space=wanted.space or (str(space) if space else None),
    )


def _looked_at(strip: files.Strip, wanted: Wanted, emit: Emit) -> Iterator[Finding]:
    looks: list[Look] = []
    steps: list[stillness.Step] = []
    here = {number: path for number, path in strip.files.items() if path.is_file() or path.is_symlink()}
    for number, path in here.items():
        looks.append(look(number, path))
        if len(looks) > 1:
            steps += stillness.steps_of(looks[-2:], wanted.camera)
            looks[-2] = _without_picture(looks[-2])
        emit(Progress(JOB, "checking", len(looks), len(here)))
    yield from judging.readable(looks)
    if sound := [each for each in looks if not each.fault]:
        yield from judging.headers(sound, wanted)
        yield from judging.values(sound)
        yield from stillness.frozen(steps)
        yield from stillness.empty(sound)


def _without_picture(seen: Look) -> Look:
    return replace(seen, small=None)


def _of_manifest(folder: Path, document: Mapping[str, Any] | None, told: set[int | None]) -> Iterator[Finding]:
    """What the manifest says of the files, and is not said already."""
    if document is None:
        return
    for problem in problems_of(folder, document):
        if problem.code not in _KNOWN_OTHERWISE and not (problem.frame is not None and problem.frame in told):
            yield _finding(problem)


def _finding(problem: Problem) -> Finding:
    severity = "doubtful" if problem.code in _HARMLESS else "refused"
    mend = "Take it out of the folder." if severity == "doubtful" else "Fetch the plate again from where it was made."
    return Finding(problem.code, severity, problem.message, mend, problem.frame, problem.frame)
