"""A Nuke script (.nk): the plate, bent like the clip where there is a lens, under the keyed foreground; and its camera.

    Read Plate -> STMap (redistort) -> Merge2 B        Read or NoOp Foreground -> Merge2 A        Camera2 PlateCamera

Nothing in it is of one release: classic nodes, no version line, numbers instead of expressions. Files are named from
where the script lies. The camera is its world matrix in a Y-up world, a key per frame, on a film back of 36 mm. Of a
point (x, y, z) before the camera, which looks along -Z, Nuke shows in a picture of width x height pixels of aspect a,
from the bottom-left corner,

    u = width / 2 + width / 2 (2 focal / haperture x / -z - win_translate.u) / win_scale.u
    v = height / 2 + a width / 2 (2 focal / haperture y / -z - win_translate.v) / win_scale.v

(nukescripts.snap3d.cameraProjectionMatrix, with the window moved after the projection): both sides of a window count
in half widths, and vaperture is for the eye alone. So  win_translate = (1 - 2 cx / width, s (2 cy - height) / (a
width))  with  win_scale.v = s = a fx / fy, which is 1 but for what rounding a size to whole pixels leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..errors import RequestError
from . import stmap
from .lens import ClipLens
from .shot import Numbered, Shot, relative
from .turning import constant, y_up_camera

APERTURE_MM = 36.0
CLIPPING_METRES = (0.1, 10_000.0)
HERE = "[file dirname [value root.name]]"
FILE_TYPES = {"jpg": "jpeg"}
Knobs = dict[str, str]


def name(shot: Shot) -> str:
    """What the file is called."""
    return f"{shot.name}.nk"


def text(shot: Shot, folder: Path) -> str:
    """The script as it is to lie in `folder`.

    RequestError E_EXPORT_NAME for a file name that Nuke would take for a pattern, and those of `stmap.lens_of`.
    """
    assert shot.frames, "asked for frames before"
    lens = stmap.lens_of(shot.camera) if shot.camera.lens_distortion else None
    camera = shot.camera
    size = _format(camera.width, camera.height, shot.pixel_aspect, shot.name)
    plate = _read("Plate", shot.frames, folder, size, -220, 0) | {"label": _quoted(_told(shot))}
    bends = _bend(shot, lens) if lens else _fit(shot)
    maps = [_node("Read", _map(shot, lens))] if lens else []
    nodes = [
        f"# Platewright {__version__}",
        _node("Root", _root(shot, size)),
        *maps,
        _node("Read", plate),
        *bends,
        "set Nplate [stack 0]",
        _foreground(shot, lens, folder),
        "push $Nplate",
        _node("Merge2", {"inputs": "2", "operation": "over", "name": "PlateUnderForeground"} | _at(0, 320)),
        _node("Camera2", _camera(shot)),
    ]
    return "\n".join(nodes) + "\n"


def write(shot: Shot, part: Path, folder: Path) -> None:
    """Fill the file; RequestError as above, OSError."""
    part.write_text(text(shot, folder), encoding="utf-8", newline="\n")


# Nodes -------------------------------------------------------------------------------------------


def _root(shot: Shot, size: str) -> Knobs:
    first, last = shot.camera.frames[0], shot.camera.frames[-1]
    rate = f"{float(shot.camera.rate):.12g}"
    span = {"frame": str(first), "first_frame": str(first), "last_frame": str(last), "lock_range": "true"}
    return {"inputs": "0", **span, "fps": rate, "format": size}


def _read(called: str, frames: Numbered, folder: Path, size: str, x: int, y: int) -> Knobs:
    path = _from_here(frames.folder / "x", folder).removesuffix("x") + _harmless(frames)
    first, last = str(frames.first), str(frames.last)
    span = {"first": first, "last": last, "origfirst": first, "origlast": last, "origset": "true"}
    kind = FILE_TYPES.get(frames.kind, frames.kind)
    return {"inputs": "0", "file_type": kind, "file": _quoted(path), "format": size, **span, "name": called} | _at(x, y)


def _map(shot: Shot, lens: ClipLens) -> Knobs:
    """The ST map beside the script: numbers, not colours."""
    size = _format(*lens.size, lens.pixel_aspect, f"{shot.name}_clip")
    file = _quoted(f"{HERE}/{stmap.redistort_name(shot)}")
    return {
        "inputs": "0", "file_type": "exr", "file": file, "format": size, "origset": "true", "raw": "true",
        "name": "RedistortMap",
    } | _at(-380, 0)  # fmt: skip


def _bend(shot: Shot, lens: ClipLens) -> list[str]:
    """Input 0 is the picture, input 1 the map, whose format the result has."""
    label = f"{shot.camera.width}x{shot.camera.height} to the clip's {lens.size[0]}x{lens.size[1]}"
    knobs = {"inputs": "2", "channels": "rgba", "uv": "rgb", "name": "Redistort", "label": _quoted(label)}
    return [_node("STMap", knobs | _at(-220, 160))]


def _fit(shot: Shot) -> list[str]:
    """Without a lens the plate only has to have the foreground's size."""
    if shot.foreground is None or shot.foreground_size == (shot.camera.width, shot.camera.height):
        return []
    size = _format(*shot.foreground_size, shot.pixel_aspect, f"{shot.name}_foreground")
    return [_node("Reformat", {"format": size, "name": "FitForeground"} | _at(-220, 160))]


def _foreground(shot: Shot, lens: ClipLens | None, folder: Path) -> str:
    if shot.foreground is None:
        label = _quoted("connect the keyed foreground here")
        return _node("NoOp", {"inputs": "0", "name": "Foreground", "label": label} | _at(0, 0))
    aspect = lens.pixel_aspect if lens else shot.pixel_aspect
    size = _format(*shot.foreground_size, aspect, f"{shot.name}_foreground")
    return _node("Read", _read("Foreground", shot.foreground, folder, size, 0, 0))


def _camera(shot: Shot) -> Knobs:
    camera, aspect, first = shot.camera, shot.pixel_aspect, shot.camera.frames[0]
    width, height, lenses = camera.width, camera.height, camera.intrinsics
    poses = [y_up_camera(pose) for pose in camera.camera_to_world]
    scale = [aspect * fx / fy for fx, fy, _, _ in lenses]
    across = [1 - 2 * cx / width for _, _, cx, _ in lenses]
    up = [s * (2 * cy - height) / (aspect * width) for s, (_, _, _, cy) in zip(scale, lenses, strict=True)]
    rows = (" ".join(_value(first, [pose[row][column] for pose in poses]) for column in range(4)) for row in range(4))
    return {
        "inputs": "0",
        "useMatrix": "true",
        "matrix": "{" + " ".join(f"{{{row}}}" for row in rows) + "}",
        "focal": _alone(_value(first, [fx * APERTURE_MM / width for fx, _, _, _ in lenses])),
        "haperture": f"{APERTURE_MM:g}",
        "vaperture": _number(APERTURE_MM * height / (width * aspect)),
        "near": f"{CLIPPING_METRES[0]:g}",
        "far": f"{CLIPPING_METRES[1]:g}",
        "win_translate": f"{{{_value(first, across)} {_value(first, up)}}}",
        "win_scale": f"{{1 {_value(first, scale)}}}",
        "name": "PlateCamera",
    } | _at(220, 0)


# Text --------------------------------------------------------------------------------------------


def _node(kind: str, knobs: Knobs) -> str:
    return "\n".join([f"{kind} {{", *(f" {knob} {value}" for knob, value in knobs.items()), "}"])


def _at(x: int, y: int) -> Knobs:
    return {"xpos": str(x), "ypos": str(y)}


def _format(width: int, height: int, aspect: float, called: str) -> str:
    return _quoted(f"{width} {height} 0 0 {width} {height} {aspect:.6g} {called}")


def _value(first: int, values: Sequence[float]) -> str:
    """A number, or a curve with a key per frame."""
    if constant(values):
        return _number(values[0])
    return f"{{curve x{first} {' '.join(map(_number, values))}}}"


def _alone(value: str) -> str:
    """A knob of one number has its curve in braces of their own."""
    return f"{{{value}}}" if value.startswith("{") else value


def _number(value: float) -> str:
    return f"{value + 0.0:.15g}"


def _quoted(words: str) -> str:
    """One word of Tcl that stays what it is; what stands in `HERE` is run only when the file is looked for."""
    return '"' + "".join(f"\\{char}" if char in '\\"[${}' else char for char in words) + '"'


def _from_here(path: Path, folder: Path) -> str:
    found = relative(path, folder)
    return found if Path(found).is_absolute() else f"{HERE}/{found}"


def _harmless(frames: Numbered) -> str:
    """The frames' pattern; RequestError E_EXPORT_NAME."""
    words = (*frames.folder.resolve().parts, frames.before, frames.after)
    if strange := next((word for word in words if not _is_plain(word)), None):
        why = f"Nuke would read more than a name in {strange[:80]!r}."
        raise RequestError("E_EXPORT_NAME", why, "Rename it: no %, #, brackets, braces, $, quotes or line ends.")
    return frames.pattern


def _is_plain(word: str) -> bool:
    """A drive's or root's own backslash is none of the name's."""
    return word.isprintable() and not set('%#[]{}$"\\') & set(word.rstrip("\\"))


def _told(shot: Shot) -> str:
    return ", ".join(f"{key}: {value}" for key, value in shot.facts().items() if key in ("model", "colour", "verdict"))
