"""Tries side by side: a folder that shows several plates of one request, so that a person can pick.

    <name>_wedge001/
        contact.png     a row per try: first, middle and last frame, verdict and figures
        preview.mp4     all tries at once, in step
        wedge.json      the tries by name, seed and figures, and the one that is proposed
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import disk, pictures, previews, provenance
from .camera import CameraPath
from .match.wording import VERDICTS, measure, share
from .pictures import Picture

FORMAT, VERSION = "platewright.wedge", 1
THUMB = (400, 300)                                 # largest thumbnail, pixels
MARGIN, WORDS, LINE = 20, 420, 24                  # pixels
REASON_CHARS, REASON_LINES = 50, 4                 # of the small letters, beside the thumbnails
GREY, TEXT, FAINT, BEST = (28, 28, 28), (225, 225, 225), (140, 140, 140), (120, 200, 130)

Answer = Mapping[str, Any]


def publish(out: Path, name: str, request_sha256: str, answers: Sequence[Answer], best: Answer) -> Path:
    """Make the folder for these plates, or find the one that shows the very same; returns it.

    answers   of `generate`, one per try, in order; raises PlateError of `disk.publish` and of reading frames
    """
    document = {
        "format": FORMAT,
        "version": VERSION,
        "name": name,
        "request_sha256": request_sha256,
        "tries": [_entry(answer) for answer in answers],
        "proposed": Path(best["plate"]).name,
    }
    for folder in sorted(out.glob(f"{name}_wedge[0-9][0-9][0-9]")):
        if _says(folder, document):
            return folder
    folder = _claimed(out, name)
    disk.publish(folder / "contact.png", lambda part: _sheet(answers, best).save(part, "PNG", compress_level=1))
    plates = [Path(answer["plate"]) for answer in answers]
    disk.publish(folder / "preview.mp4", lambda part: _write_preview(part, plates))
    disk.write_json(folder / "wedge.json", document, is_durable=True)
    return folder


def _entry(answer: Answer) -> dict[str, Any]:
    match = answer["match"]
    names = ("verdict", "reason", "camera_error_px", "rotation_error_deg", "jitter_px", "rigidity", "usable_beyond_m")
    figures = {name: match.get(name) for name in names} if match else None
    return {"plate": Path(answer["plate"]).name, "seed": answer["seed"], "match": figures}


def _says(folder: Path, document: dict[str, Any]) -> bool:
    try:
        return disk.read_json(folder / "wedge.json") == document
    except (OSError, ValueError):
        return False


def _claimed(out: Path, name: str) -> Path:
    """The next folder that nobody has."""
    for number in count(1):
        folder = out / f"{name}_wedge{number:03d}"
        with disk.refusing(folder):
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    raise AssertionError("count ends")


# For the eye -------------------------------------------------------------------------------------


def _sheet(answers: Sequence[Answer], best: Answer) -> Image.Image:
    """A row per try."""
    rows = [_thumbnails(Path(answer["plate"])) for answer in answers]
    width, height = rows[0][0].size
    pitch = height + MARGIN
    sheet = Image.new("RGB", (2 * MARGIN + WORDS + len(rows[0]) * (width + MARGIN), MARGIN + len(rows) * pitch), GREY)
    draw = ImageDraw.Draw(sheet)
    for row, (answer, thumbnails) in enumerate(zip(answers, rows, strict=True)):
        top = MARGIN + row * pitch
        _write_words(draw, top, answer, answer is best and bool((best["match"] or {}).get("camera_error_px")))
        for column, thumbnail in enumerate(thumbnails):
            sheet.paste(thumbnail, (MARGIN + WORDS + column * (width + MARGIN), top))
    return sheet


def _thumbnails(plate: Path) -> list[Image.Image]:
    """First, middle and last, of the preview: whatever space the frames are in, it shows them as they were made."""
    count = len(provenance.read_manifest(plate)["frames"])
    kept = {place: picture for place, picture in enumerate(_shown(plate / "preview.mp4")) if place in _ends(count)}
    found = [Image.fromarray(pictures.bytes_from_display(kept[place])) for place in _ends(count)]
    for image in found:
        image.thumbnail(THUMB, Image.Resampling.LANCZOS)
    return found


def _ends(count: int) -> tuple[int, int, int]:
    return 0, count // 2, count - 1


def _write_words(draw: ImageDraw.ImageDraw, top: int, answer: Answer, is_best: bool) -> None:
    title, small = ImageFont.load_default(20), ImageFont.load_default(16)
    mark = "   proposed" if is_best else ""
    draw.text((MARGIN, top), f"{Path(answer['plate']).name}{mark}", fill=BEST if is_best else TEXT, font=title)
    for line, words in enumerate(_figures(answer)):
        draw.text((MARGIN, top + 10 + (line + 1) * LINE), words, fill=FAINT, font=small)


def _figures(answer: Answer) -> Iterator[str]:
    match = answer["match"]
    yield f"Seed {answer['seed']}"
    yield VERDICTS[match["verdict"]] if match else "Not measured"
    if match and (error := match.get("camera_error_px")):
        yield f"Off by {measure(error['p95'], 'px')}, {measure(error['max'], 'px')} at worst"
        yield f"Rigid: {measure(share(match.get('rigidity')), '%')} of its points"
    elif match:
        yield from textwrap.wrap(match["reason"], REASON_CHARS, max_lines=REASON_LINES, placeholder=" ...")


def _write_preview(path: Path, plates: Sequence[Path]) -> None:
    """The plates' previews in a grid, frame by frame."""
    camera = CameraPath.read(plates[0] / "camera.json")
    columns = math.ceil(math.sqrt(len(plates)))
    rows = -(-len(plates) // columns)
    scale = min(1.0, previews.PREVIEW_SIDE_MAX / max(columns * camera.width, rows * camera.height))
    width, height = round(camera.width * scale), round(camera.height * scale)
    size = columns * width, rows * height
    with previews.Preview(path, camera.rate, *size, {}) as preview:
        for together in zip(*(_shown(plate / "preview.mp4") for plate in plates), strict=True):
            whole = np.zeros((size[1], size[0], 3), np.float32)
            for place, picture in enumerate(together):
                top, left = place // columns * height, place % columns * width
                whole[top : top + height, left : left + width] = pictures.resize(picture, width, height)
            preview.add(whole)


def _shown(preview: Path) -> Iterator[Picture]:
    with av.open(str(preview)) as file:
        for frame in file.decode(video=0):
            yield frame.to_ndarray(format="rgb24").astype(np.float32) / np.float32(255.0)
