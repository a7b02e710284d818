"""Where a plate came from: the record that is kept of it. It names no absolute path and no person.

    marks      what every frame's header says
    manifest   the whole record, plate.json, written last
    answer     what `generate --json` prints of a finished plate

By name also `plate_file.read_manifest`, which reads the record, and `verifying.verify`, which holds the files to it.
"""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import __version__, pictures
from .camera import CameraPath
from .colour import OF_FORMAT
from .disk import FileRecord
from .frame_tags import pixel_aspect
from .plate_file import FORMAT, VERSION
from .plate_file import read_manifest as read_manifest
from .protocol import Job, ModelCard, PlateRequest
from .verifying import verify as verify

_IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_LIBRARIES = ("numpy", "torch", "diffusers", "safetensors", "cv2", "OpenImageIO", "av", "PIL")


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
    """The record of a plate as plate.json holds it: docs/plate.schema.json."""
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
        "settings": settings(origin),
        "seed": origin.seed,
        "device": origin.device,
        "versions": versions(),
        "picture": dict(picture),
        "frames": [dict(frame) for frame in frames],
        "companions": [companion.to_dict() for companion in companions],
        "edits": list(_edits(origin, picture, inputs or {}, match or {})),
        "match": dict(match) if match else None,
        "match_reason": None if match else match_reason,
        "foresight": dict(foresight) if foresight else None,
        "disclosure": {"digitalSourceType": origin.source_type, "c2pa": False},
        "timings": {stage: round(seconds, 4) for stage, seconds in timings.items()},
        "warnings": [*camera.warnings, *warnings],
    }


def settings(origin: Origin) -> dict[str, Any] | None:
    """What the model ran with, its own defaults where the request leaves them to it; None where no model ran."""
    if origin.request is None or origin.model is None:
        return None
    asked, model = origin.request, origin.model
    return {
        "prompt": asked.get("prompt"),
        "negative": asked.get("negative"),
        "seed": origin.seed,
        "steps": asked.get("steps") or model.get("default_steps"),
        "guidance": model.get("default_guidance") if asked.get("guidance") is None else asked["guidance"],
        "sampler": model.get("sampler"),           # None: the back-end does not say
        "dtype": model.get("dtype"),
        "preset": model.get("preset"),
    }


def _edits(
    origin: Origin, picture: Mapping[str, Any], inputs: Mapping[str, Any], match: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """What Platewright did to the model's pictures because a person asked for it, in the order it was done."""
    if remake := inputs.get("remake"):
        yield {"what": "remade", **{key: remake[key] for key in ("plate", "first", "last") if key in remake}}
    if inputs.get("plate"):
        yield {"what": "painted", "plate": inputs["plate"]["name"], "sha256": inputs["plate"]["sha256"]}
    lock = match.get("lock") or {}
    if origin.locked_from or lock.get("applied"):
        yield {"what": "locked", "from": origin.locked_from, "reason": lock.get("reason")}
    if resample := picture.get("resample"):
        yield {"what": "resampled", **resample}


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
    colour: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """How the frames came from the model's pictures.

    native   width and height of those, pixels
    seen     where the plate begins in them, left and top, and their width and height, in pixels of the plate: they are
             more than the plate where there was overscan, or where the model makes another shape; None: they are it
    warp     the filter of a lock; empty where nothing was locked
    colour   how pictures became values of frames; None: as ever for the format
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
        "size": "native" if max(scale) == min(scale) == 1 else "enlarged" if max(scale) > 1 else "reduced",
        "resample": None if is_whole else {"filter": warp or pictures.RESAMPLE_FILTER, "scale": scale},
        "format": frame_format,
        "pixel_aspect": pixel_aspect(camera.intrinsics[0]),
        "distortion": "none",
        "grain": "none",
        "colour": dict(colour or OF_FORMAT[frame_format].told(frame_format, "zip")),
    }
