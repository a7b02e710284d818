"""Where a plate came from, and whether it is still what it was.

plate.json is `"format": "platewright.plate", "version": 1`. It names no absolute path and no person.

    marks      what every frame's header says
    manifest   the whole record, written last
    verify     the record against the files: every frame there, every byte right, nothing extra
    answer     what `generate --json` prints of a finished plate
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import __version__, pictures
from .camera import CameraPath
from .disk import PART, FileRecord, measure, read_json
from .errors import PlateError, RequestError
from .protocol import Job, ModelCard, PlateRequest

FORMAT = "platewright.plate"
VERSION = 1
_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_LIBRARIES = ("numpy", "torch", "diffusers", "safetensors", "cv2", "OpenImageIO", "av", "PIL")
_SCAFFOLD = {"plate.json", "journal.jsonl", "job.json", "native"}


# Writing -----------------------------------------------------------------------------------------


def source_type(card: ModelCard, is_composite: bool = False) -> str:
    """IPTC's word for how the pixels came to be: a layout is drawn by rule, anything else by a trained model.

    is_composite   painted into a plate that was given
    """
    if is_composite:
        return _IPTC + "compositeWithTrainedAlgorithmicMedia"
    return _IPTC + ("algorithmicMedia" if card.kind == "layout" else "trainedAlgorithmicMedia")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the pictures of a plate came from; None for what nobody knows of frames made elsewhere."""

    job: str
    request: dict[str, Any] | None = None
    request_sha256: str | None = None
    model: dict[str, Any] | None = None            # the card, and what the back-end says of its weights
    seed: int | None = None
    device: str | None = None
    source_type: str | None = None
    locked_from: dict[str, Any] | None = None      # the plate or the frames whose pictures these are, warped

    @classmethod
    def generated(
        cls, job: Job, request: PlateRequest, card: ModelCard, model: Mapping[str, Any], device: str
    ) -> Origin:
        """Pictures that a model made for this request."""
        facts = {**asdict(card), **model}
        source = source_type(card, request.plate is not None)
        return cls(job.id, request.identity(), request.sha256, facts, request.seed, device, source)

    @classmethod
    def locked(cls, document: Mapping[str, Any] | None, source: str) -> Origin:
        """Pictures of a plate with this manifest, or of a folder of frames without one, warped; `source` names it."""
        if document is None:
            return cls("lock", locked_from={"frames": source})
        return cls(
            job=str(document.get("job", "lock")),
            request=document["request"],
            request_sha256=document["request_sha256"],
            model=document["model"],
            seed=document["seed"],
            device=document["device"],
            source_type=(document.get("disclosure") or {}).get("digitalSourceType"),
            locked_from={"plate": source, "first_frame_sha256": document["frames"][0]["sha256"]},
        )


def marks(origin: Origin) -> dict[str, str]:
    """What each frame says of itself, ASCII. The prompt only as a hash: frames travel further than manifests."""
    request, model = origin.request or {}, origin.model or {}
    prompt = request.get("prompt")
    known = {
        "version": __version__,
        "model": model.get("name"),
        "modelRevision": model.get("revision"),
        "seed": origin.seed,
        "job": origin.job,
        "request_sha256": origin.request_sha256,
        "prompt_sha256": None if prompt is None else hashlib.sha256(str(prompt).encode("utf-8")).hexdigest(),
        "digitalSourceType": origin.source_type,
    }
    told = {name: str(value) for name, value in known.items() if value is not None}
    return {f"platewright.{name}": text.encode("ascii", "backslashreplace").decode() for name, text in told.items()}


def manifest(
    *,
    origin: Origin,
    name: str,
    plate: str,                                    # name of the plate's folder
    camera: CameraPath,                            # at the plate's size
    picture: Mapping[str, Any],                    # of `picture`
    frames: Sequence[Mapping[str, Any]],           # frame, file, size, sha256; in order
    companions: Sequence[FileRecord],
    timings: Mapping[str, float],                  # seconds by stage
    match: Mapping[str, Any] | None = None,        # how well the frames follow the camera
    match_reason: str = "not measured",            # why not, where that is not known
    inputs: Mapping[str, Any] | None = None,       # what the scene told beside its camera
    foresight: Mapping[str, Any] | None = None,    # what the path asks of a model, told before any time was spent
    warnings: Sequence[str] = (),                  # "W_CODE: sentence"
) -> dict[str, Any]:
    """The record of a plate as plate.json holds it."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "plate": plate,
        "status": "done",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "job": origin.job,
        "request": origin.request,
        "request_sha256": origin.request_sha256,
        "locked_from": origin.locked_from,
        "inputs": dict(inputs or {}),
        "camera": _camera(camera, companions),
        "model": origin.model,
        "seed": origin.seed,
        "device": origin.device,
        "versions": versions(),
        "picture": dict(picture),
        "frames": [dict(frame) for frame in frames],
        "companions": [companion.to_dict() for companion in companions],
        "match": dict(match) if match else None,
        "match_reason": None if match else match_reason,
        "foresight": dict(foresight) if foresight else None,
        "disclosure": {"digitalSourceType": origin.source_type, "c2pa": False},
        "timings": {stage: round(seconds, 4) for stage, seconds in timings.items()},
        "warnings": [*camera.warnings, *warnings],
    }


def versions() -> dict[str, str]:
    """What ran, by name: Platewright, Python, the system and the libraries that this process has loaded."""
    loaded = {name: str(getattr(sys.modules[name], "__version__", "?")) for name in _LIBRARIES if name in sys.modules}
    return {"platewright": __version__, "python": platform.python_version(), "system": platform.system(), **loaded}


def answer(folder: Path) -> dict[str, Any]:
    """A finished plate in the words of `generate --json`; PlateError E_MANIFEST."""
    document = read_manifest(folder)
    return {
        "plate": str(folder.resolve()),
        "frames": len(document["frames"]),
        "seed": document["seed"],
        "model": (document["model"] or {}).get("name"),
        "device": document["device"],
        "world_speed": (document["model"] or {}).get("world_speed"),
        "seconds": round(sum(document["timings"].values()), 3),
        "match": document["match"],
        "foresight": document.get("foresight"),
        "warnings": document["warnings"],
    }


def _camera(camera: CameraPath, companions: Sequence[FileRecord]) -> dict[str, Any]:
    written = next(companion for companion in companions if companion.file == "camera.json")
    return {
        "file": written.file,
        "sha256": written.sha256,
        "camera": camera.camera,
        "first": camera.frames[0],
        "last": camera.frames[-1],
        "rate": f"{camera.rate.numerator}/{camera.rate.denominator}",
        "axes": "OpenCV: +X right, +Y down, +Z forward; metres",
    }


def picture(
    camera: CameraPath,
    native: tuple[int, int],
    frame_format: str,
    *,
    seen: tuple[int, int, int, int] | None = None,
    warp: str = "",
) -> dict[str, Any]:
    """How the frames came from the model's pictures.

    native   width and height of those, pixels
    seen     where the plate begins in them, left and top, and their width and height, in pixels of the plate: they are
             more than the plate where there was overscan, or where the model makes another shape; None: they are it
    warp     the filter of a lock; empty where nothing was locked
    """
    size = camera.width, camera.height
    left, top, width, height = seen or (0, 0, *size)
    scale = [width / native[0], height / native[1]]
    is_whole = not warp and scale == [1.0, 1.0]
    return {
        "width": size[0],
        "height": size[1],
        "native_width": native[0],
        "native_height": native[1],
        "overscan": round(width / size[0] - 1, 6),
        "seen": {"left": left, "top": top, "width": width, "height": height},
        "resample": None if is_whole else {"filter": warp or pictures.RESAMPLE_FILTER, "scale": scale},
        "format": frame_format,
        "pixel_aspect": 1.0,
        "distortion": "none",
        "colour": pictures.COLOUR[frame_format],
    }


# Reading -----------------------------------------------------------------------------------------


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
    return Report(folder, len(document["frames"]), tuple(_problems(folder, document)))


def read_manifest(folder: Path) -> dict[str, Any]:
    """plate.json after its form was checked; PlateError E_MANIFEST: missing, torn, foreign or reaching outside."""
    try:
        document = read_json(folder / "plate.json")
    except FileNotFoundError:
        raise _unusable(folder, _why_unfinished(folder)) from None
    except (OSError, ValueError) as error:
        raise _unusable(folder, f"plate.json cannot be read: {error}") from None
    for fault in _faults(document):
        raise _unusable(folder, fault)
    return document


def _unusable(folder: Path, reason: str) -> PlateError:
    hint = "Continue its job with --resume, or fetch the folder again from where it was made."
    return PlateError("E_MANIFEST", f"{folder.resolve().name}: {reason}.", hint)


def _why_unfinished(folder: Path) -> str:
    try:
        record = read_json(folder / "job.json")
    except (OSError, ValueError):
        return "there is no plate.json here"
    status = {"running": "running, or was killed"}.get(str(record.get("status")), record.get("status"))
    why = (record.get("error") or {}).get("message", "").rstrip(".")
    return f"the plate is not finished, its job is {status}{': ' if why else ''}{why}"


def _faults(document: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the manifest itself."""
    if document.get("format") != FORMAT:
        yield f'plate.json does not say "{FORMAT}"'
    if document.get("version") != VERSION:
        yield f"its version is {document.get('version')!r}; this Platewright reads {VERSION}"
    yield from _missing_keys(document)
    for entry in [*document["frames"], *document["companions"]]:
        yield from _entry_faults(entry)
    yield from _range_faults(document["frames"])
    if document["request"] is not None and _fingerprint(document["request"]) != document["request_sha256"]:
        yield "the request does not have the hash that is written beside it"


def _missing_keys(document: dict[str, Any]) -> Iterator[str]:
    kinds: dict[str, type | tuple[type, ...]] = {
        "frames": list, "companions": list, "camera": dict, "timings": dict, "warnings": list, "status": str,
        "request": (dict, type(None)), "model": (dict, type(None)), "match": (dict, type(None)),
    }  # fmt: skip
    for key, kind in kinds.items():
        if not isinstance(document.get(key, ...), kind):
            yield f"{key!r} is missing or of the wrong kind"
    for key in ("request_sha256", "seed", "device"):
        if key not in document:
            yield f"{key!r} is missing"
    if document.get("status") != "done":
        yield f"its status is {document.get('status')!r}"


def _entry_faults(entry: Any) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield "an entry is no object"
    file, size, sha256 = (entry.get(key) for key in ("file", "size", "sha256"))
    if not (isinstance(file, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", file)):
        yield f"{str(file)[:80]!r} is not a plain name inside the folder"
    if not (isinstance(sha256, str) and re.fullmatch(r"[0-9a-f]{64}", sha256) and type(size) is int and size >= 0):
        yield f"{file} has no size or no SHA-256"


def _range_faults(frames: list[dict[str, Any]]) -> Iterator[str]:
    numbers: list[int] = [entry["frame"] for entry in frames if type(entry.get("frame")) is int]
    if not numbers or len(numbers) < len(frames):
        yield "its list of frames is empty or has no numbers"
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        yield "its frames are not contiguous"
    for number, entry in zip(numbers, frames, strict=True):
        if not re.fullmatch(rf".*\.{number:04d}\.(exr|png)", entry["file"]):
            yield f"frame {number} is called {entry['file']}"


def _problems(folder: Path, document: dict[str, Any]) -> Iterator[Problem]:
    for entry in document["frames"]:
        yield from _file_problems(folder, entry, f"Frame {entry['frame']}", "E_FRAME", entry["frame"])
    for entry in document["companions"]:
        yield from _file_problems(folder, entry, entry["file"], "E_FILE", None)
    yield from _camera_problems(folder, document)
    known = {entry["file"] for entry in (*document["frames"], *document["companions"])} | _SCAFFOLD
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
    elif measure(path) != FileRecord(entry["file"], entry["size"], entry["sha256"]):
        yield Problem(f"{code}_CORRUPT", f"{what} is not the file that was written: its bytes have changed.", frame)


def _camera_problems(folder: Path, document: dict[str, Any]) -> Iterator[Problem]:
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


def _fingerprint(document: dict[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
