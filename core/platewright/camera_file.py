"""camera.json as other programs write it: strict reading, and the offending key in every refusal."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn

from .errors import RequestError

FORMAT = "platewright.camera"
VERSION = 1
FRAME_MAX = 1_048_574                              # Blender's last frame
SIZE_MAX = 16_384                                  # pixels
REACH_METRES = 1e7
SHUTTER_MAX = 100.0                                # frames: as long as Blender's goes
ORTHONORMAL = 1e-4                                 # what is left of a rotation written with five digits
HINT = "Write it with `platewright camera SHOT.blend -o camera.json`, or compare it with the format in the README."


def parse(text: str) -> dict[str, Any]:
    """The object in `text`; RequestError E_CAMERA_FILE for broken JSON, NaN, a key given twice, or no object."""
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise RequestError("E_CAMERA_FILE", f"The camera file is not valid JSON: {error}.", HINT) from None
    if not isinstance(document, dict):
        raise RequestError("E_CAMERA_FILE", "The camera file does not hold a JSON object.", HINT)
    return document


def fields(document: dict[str, Any]) -> dict[str, Any]:
    """The checked arguments of a CameraPath; RequestError E_CAMERA_FILE names the key that is wrong."""
    _check_format(document)
    frames = _frames(_required(document, "frames"))
    count = len(frames)
    cameras = tuple(_text("cameras", name) for name in _rows(document, "cameras", count))
    camera = _text("camera", _required(document, "camera"))
    if camera != cameras[0]:
        refuse("camera", f"is {camera!r}, but the first of 'cameras' is {cameras[0]!r}")
    distortion = document.get("lens_distortion")
    if distortion is not None and not isinstance(distortion, dict):
        refuse("lens_distortion", "is neither null nor an object")
    return {
        "camera": camera,
        "cameras": cameras,
        "fps": _positive("fps", _required(document, "fps")),
        "fps_base": _positive("fps_base", document.get("fps_base", 1.0)),
        "width": _size("width", _required(document, "width")),
        "height": _size("height", _required(document, "height")),
        "frames": frames,
        "camera_to_world": tuple(_pose(row) for row in _rows(document, "camera_to_world", count)),
        "intrinsics": tuple(_lens(row) for row in _rows(document, "intrinsics", count)),
        "scene": _text("scene", document.get("scene", "")),
        "warnings": tuple(_text("warnings", warning) for warning in _list("warnings", document.get("warnings", []))),
        "lens_distortion": distortion,
        "markers": tuple(_marker(row) for row in _list("markers", document.get("markers", []))),
        "shutter": None if document.get("shutter") is None else _shutter(document["shutter"]),
    }


def read_text(path: Path) -> str:
    """The file's text; RequestError E_FILE_MISSING where there is none, E_CAMERA_FILE where it is not text."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RequestError("E_FILE_MISSING", f"There is no file {path}.", "Check the path.") from None
    except UnicodeDecodeError:
        raise RequestError("E_CAMERA_FILE", f"{path} is not text in UTF-8.", HINT) from None
    except (OSError, ValueError) as error:
        raise RequestError("E_CAMERA_FILE", f"{path} cannot be read: {error}.", "Check the path.") from None


def layout(document: dict[str, Any]) -> str:
    """JSON that a person can read and a diff can show: one key per line, one line per frame in the long lists."""
    lines = [f"{json.dumps(key)}: {_layout_value(value)}" for key, value in document.items()]
    return "{\n  " + ",\n  ".join(lines) + "\n}\n"


def refuse(key: str, why: str) -> NoReturn:
    """RequestError E_CAMERA_FILE that names the key."""
    raise RequestError("E_CAMERA_FILE", f"The camera file is not usable: {key!r} {why}.", HINT)


def _layout_value(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], list):
        rows = ",\n    ".join(json.dumps(row, allow_nan=False) for row in value)
        return f"[\n    {rows}\n  ]"
    return json.dumps(value, allow_nan=False)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a number that JSON knows")


def _check_format(document: dict[str, Any]) -> None:
    if document.get("format") != FORMAT:
        refuse("format", f"is not {FORMAT!r}")
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        refuse("version", "is not a whole number from 1")
    if version > VERSION:
        why = f"The camera file has version {version}; this Platewright reads up to version {VERSION}."
        raise RequestError("E_CAMERA_FILE", why, "Update Platewright, or write the file with the older one.")


def _shutter(value: Any) -> float:
    found = _positive("shutter", value)
    if found > SHUTTER_MAX:
        refuse("shutter", f"is {found:g}; it is a share of a frame's time")
    return found


def _required(document: dict[str, Any], key: str) -> Any:
    if key not in document:
        refuse(key, "is missing")
    return document[key]


def _list(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        refuse(key, "is not a list")
    return value


def _rows(document: dict[str, Any], key: str, count: int) -> list[Any]:
    rows = _list(key, _required(document, key))
    if len(rows) != count:
        refuse(key, f"has {len(rows)} entries for {count} frames")
    return rows


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        refuse(key, "is not text")
    return value


def _whole(key: str, value: Any, low: int, high: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        refuse(key, f"holds {value!r:.40}, not a whole number from {low} to {high}")
    return value


def _size(key: str, value: Any) -> int:
    return _whole(key, value, 1, SIZE_MAX)


def _frames(value: Any) -> tuple[int, ...]:
    frames = tuple(_whole("frames", frame, 0, FRAME_MAX) for frame in _list("frames", value))
    if not frames:
        refuse("frames", "is empty")
    if any(later != frame + 1 for frame, later in pairwise(frames)):
        refuse("frames", "is not a run of whole frames with step 1")
    return frames


def _number(key: str, value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= 1e15:                                # false for NaN too
        refuse(key, f"holds {value!r:.40}, not a finite number of a usable size")
    return float(value)


def _positive(key: str, value: Any) -> float:
    number = _number(key, value)
    if number <= 0:
        refuse(key, f"is {number}, not above zero")
    return number


def _numbers(key: str, row: Any, count: int) -> tuple[float, ...]:
    numbers = _list(key, row)
    if len(numbers) != count:
        refuse(key, f"has a row of {len(numbers)} numbers instead of {count}")
    return tuple(_number(key, number) for number in numbers)


def _marker(row: Any) -> tuple[int, str]:
    frame, name = row if isinstance(row, list) and len(row) == 2 else (None, None)
    return _whole("markers", frame, -FRAME_MAX, FRAME_MAX), _text("markers", name)


def _lens(row: Any) -> tuple[float, float, float, float]:
    fx, fy, cx, cy = _numbers("intrinsics", row, 4)
    if fx <= 0 or fy <= 0:
        refuse("intrinsics", "has a focal length that is not above zero")
    return fx, fy, cx, cy


def _pose(row: Any) -> tuple[float, ...]:
    pose = _numbers("camera_to_world", row, 16)
    axes = [pose[column:12:4] for column in range(3)]
    if any(abs(_dot(axes[a], axes[b]) - (a == b)) > ORTHONORMAL for a in range(3) for b in range(a + 1)):
        refuse("camera_to_world", "has a rotation that is not orthonormal")
    if _dot(axes[0], _cross(axes[1], axes[2])) < 0:
        refuse("camera_to_world", "is mirrored: its determinant is -1")
    if pose[12:] != (0.0, 0.0, 0.0, 1.0):
        refuse("camera_to_world", "does not end with the row 0, 0, 0, 1")
    if max(map(abs, pose[3:12:4])) > REACH_METRES:
        refuse("camera_to_world", f"stands more than {REACH_METRES:g} metres from the origin")
    return pose


def _dot(a: Iterable[float], b: Iterable[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def _cross(a: tuple[float, ...], b: tuple[float, ...]) -> tuple[float, float, float]:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
