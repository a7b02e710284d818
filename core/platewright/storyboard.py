"""One still per shot on a sheet, from a model that is quick enough: a look at a whole scene in seconds.

    sheet.png                the sheet
    sheet_stills/NAME.png    each still alone, as its camera sees it
    sheet.json               where they came from, written last

The draft lays a place around the whole way of a camera. A still would cost that way if it were made as a frame of it,
and show another place if its camera were all there is; so a few poses stand for the way: first, last, and the middle
one, with the very same centre, lowest point, run and view ahead. The still is one of them, its camera untouched.
What has not changed since the last time is not drawn again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from PIL import Image

from . import __version__, device_lock, disk, models, pictures, provenance, storyboard_words
from .camera import CameraPath
from .credentials import refuse_unsignable, sign_sheet
from .credentials.keys import Prompts
from .disk import FileRecord
from .errors import BackendError, Cancelled, PlatewrightError, RequestError
from .models.base import Backend
from .protocol import Emit, Event, Job, ModelCard, PlateRequest, Progress, Stage, Warned, check_against
from .shots import Shot
from .storyboard_sheet import Panel, Sheet

FORMAT, VERSION = "platewright.storyboard", 1
QUICK = ("draft", "layout")                        # kinds of models that make a storyboard
JOB = "storyboard"

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of all its stills; a shot's own prompt, negative prompt and seed go before."""

    sheet: Path                                    # a PNG
    title: str = ""                                # empty: the scene's name
    model: str = "draft"
    prompt: str = ""
    negative: str = ""
    seed: int = 0
    device: str = "auto"
    ground_m: float | None = None                  # of the scene, as for a plate
    sun: tuple[float, float] | None = None
    sign: bool | None = None                       # Content Credentials; None: where this person has chosen a key
    prompt_told: Prompts | None = None             # what they tell of prompts; None: as was chosen with the key

    @property
    def stills(self) -> Path:
        """The folder of the stills."""
        return self.sheet.with_name(f"{self.sheet.stem}_stills")

    @property
    def manifest(self) -> Path:
        return self.sheet.with_suffix(".json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """A shot's picture to come."""

    shot: Shot
    request: PlateRequest                          # of the plate that it is a glimpse of
    frame: int
    file: Path
    key: str                                       # of all that its pixels hang on

    @classmethod
    def of(cls, shot: Shot, wish: Wish, card: ModelCard) -> Still:
        """Raises what `PlateRequest.checked` and `check_against` raise."""
        asked: dict[str, Any] = {"prompt": wish.prompt, "negative": wish.negative, "seed": wish.seed, **shot.wishes()}
        request = PlateRequest(
            camera=shot.camera, model=wish.model, device=wish.device, ground_m=wish.ground_m, sun=wish.sun, **asked
        ).checked()
        check_against(request, card)
        frame = shot.camera.frames[shot.still_index()]
        made_of = [request.identity(), frame, card.revision, __version__]
        key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode("ascii")).hexdigest()
        file = wish.stills / f"{shot.name}.{frame:04d}.png"
        return cls(shot=shot, request=request, frame=frame, file=file, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What became of a still."""

    still: Still
    record: FileRecord | None = None
    seconds: float = 0.0
    is_kept: bool = False                          # of an earlier storyboard
    error: PlatewrightError | None = None

    def told(self) -> Answer:
        """What answer and manifest say of it."""
        still, camera = self.still, self.still.shot.camera
        lens = storyboard_words.lens_mm(camera, still.shot.still_index())
        return {
            "shot": still.shot.name,
            "camera": camera.camera,
            "first": still.shot.first,
            "last": still.shot.last,
            "still": still.frame,
            "lens_mm": round(lens, 3),
            "move": storyboard_words.move_words(camera),
            "prompt": still.request.prompt,
            "negative": still.request.negative,
            "seed": still.request.seed,
            "file": self.record.file if self.record else None,
            "sha256": self.record.sha256 if self.record else None,
            "request_sha256": still.request.sha256,
            "key": still.key,
            "seconds": round(self.seconds, 3),
            "error": self.error.to_dict() if self.error else None,
        }


def make(shots: Sequence[Shot], wish: Wish, emit: Emit) -> Answer:
    """Draw what is not there yet, then the sheet; answers with what `storyboard --json` prints.

    A still that fails leaves an empty panel that says why, and the answer's `exit_code` is not 0. Raises RequestError
    (E_STORYBOARD_MODEL for a model that is not quick, E_USAGE for a sheet that is no PNG, of a request), PlateError,
    Cancelled, and the first still's own error where none could be drawn.
    """
    card = _quick_card(wish)
    refuse_unsignable(wish.sign)
    stills = [Still.of(shot, wish, card) for shot in shots]
    with disk.refusing(wish.stills):
        wish.stills.mkdir(parents=True, exist_ok=True)
    known = _known(wish)
    drawn = {still.file: _kept(still, known) for still in stills}
    missing = [still for still in stills if drawn[still.file] is None]
    device = "none" if not missing else ""
    if missing:
        with device_lock.held(models.gpu(wish.model, wish.device), JOB, emit):
            emit(Stage(JOB, "loading", f"opening {wish.model}"))
            backend: Backend | None = models.open_backend(wish.model, wish.device)
            device = backend.device
            try:
                for number, still in enumerate(missing):
                    emit(Progress(JOB, "stills", number, len(missing)))
                    drawn[still.file] = _drawn(still, backend, card, emit)
                emit(Progress(JOB, "stills", len(missing), len(missing)))
            finally:
                backend = None
                models.give_memory_back()
    return _published([each for each in drawn.values() if each], wish, card, device, emit)


def _quick_card(wish: Wish) -> ModelCard:
    if wish.sheet.suffix.lower() != ".png":
        raise RequestError("E_USAGE", f"{wish.sheet.name} is no PNG.", "Name the sheet like storyboard.png.")
    card = models.card(wish.model)
    if card.kind not in QUICK or card.needs_first_frame:
        why = f"{card.title} is too slow for a storyboard."
        raise RequestError("E_STORYBOARD_MODEL", why, "Use draft, or grid for the layout alone.")
    return card


# A still -------------------------------------------------------------------------------------------


def glimpse(camera: CameraPath, index: int) -> tuple[CameraPath, int]:
    """A few poses for a whole path, and which of them is frame `index`, untouched.

    Around the first and the last pose, moved by one step on the ground, lies the path's own centre, and the first is
    at its lowest height; the middle pose is the path's own, and so is the way from first to last.
    """
    count = len(camera)
    if count == 1:
        return camera, 0
    middle = count // 2
    chosen = [0, index, *([middle] if index != middle else []), count - 1]
    poses = [list(camera.camera_to_world[number]) for number in chosen]
    for axis in (3, 7):
        centre = sum(pose[axis] for pose in camera.camera_to_world) / count
        step = (len(poses) * centre - sum(pose[axis] for pose in poses)) / 2
        poses[0][axis] += step
        poses[-1][axis] += step
    poses[0][11] = min(pose[11] for pose in camera.camera_to_world)
    few = replace(
        camera,
        cameras=camera.cameras[: len(chosen)],
        frames=camera.frames[: len(chosen)] if count >= len(chosen) else tuple(range(len(chosen))),
        camera_to_world=tuple(map(tuple, poses)),
        intrinsics=tuple(camera.intrinsics[number] for number in chosen),
        camera=camera.cameras[0],
    )
    return few, 1


def _drawn(still: Still, backend: Backend, card: ModelCard, emit: Emit) -> Drawn:
    started = perf_counter()
    try:
        record = _draw(still, backend, card, emit)
    except Cancelled:
        raise
    except PlatewrightError as error:
        emit(Warned(JOB, "W_STILL", f"{still.shot.name}: {error.for_people()}"))
        return Drawn(still=still, seconds=perf_counter() - started, error=error)
    return Drawn(still=still, record=record, seconds=perf_counter() - started)


def _draw(still: Still, backend: Backend, card: ModelCard, emit: Emit) -> FileRecord:
    camera = still.shot.camera
    few, index = glimpse(camera, still.shot.still_index())
    made = backend.generate(replace(still.request, camera=few), few, JOB, partial(_heard, still.shot.name, emit))
    picture = next((picture for number, picture in enumerate(made) if number == index), None)
    if picture is None:
        raise BackendError("E_FRAMES_MISSING", f"The model made no picture of {still.shot.name}.", "Try another seed.")
    width = int(picture.shape[1])
    size = width, max(1, round(width * camera.height / camera.width))
    seen = camera.window(still.frame, still.frame).scaled(*size)
    origin = provenance.Origin.generated(
        Job(request=still.request, name=still.shot.name, out="", id=JOB), still.request, card, {}, backend.device
    )
    tags = pictures.Tags(
        rate=camera.rate,
        frame=still.frame,
        world_from_camera=seen.camera_to_world[0],
        intrinsics=seen.intrinsics[0],
        texts={**provenance.marks(origin), **seen.texts(0), "platewright.shot": still.shot.name},
    )
    picture = pictures.resize(picture, *size)
    return disk.publish(still.file, lambda part: pictures.write_png(part, picture, tags))


def _heard(shot: str, emit: Emit, event: Event) -> None:
    """Of what the model says of a still, what is wrong is worth hearing: its steps are over in a moment."""
    if isinstance(event, Warned):
        emit(replace(event, message=f"{shot}: {event.message}"))


def _known(wish: Wish) -> dict[str, tuple[str, str]]:
    """What an earlier storyboard of this name says of its stills: file to key and sha256."""
    try:
        told = disk.read_json(wish.manifest)
        return {shot["file"]: (shot["key"], shot["sha256"]) for shot in told["shots"] if shot["file"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _kept(still: Still, known: dict[str, tuple[str, str]]) -> Drawn | None:
    """The still as it lies there, if it is the very one."""
    key, sha256 = known.get(still.file.name, ("", ""))
    if key != still.key:
        return None
    try:
        record = disk.measure(still.file)
    except OSError:
        return None
    return Drawn(still=still, record=record, is_kept=True) if record.sha256 == sha256 else None


# The sheet -----------------------------------------------------------------------------------------


def _published(drawn: list[Drawn], wish: Wish, card: ModelCard, device: str, emit: Emit) -> Answer:
    failed = [each.error for each in drawn if each.error]
    if len(failed) == len(drawn):
        raise failed[0]
    source_type = provenance.source_type(card)
    document: Answer = {
        "format": FORMAT,
        "version": VERSION,
        "title": wish.sheet.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "stills": wish.stills.name,
        "shots": [each.told() for each in drawn],
        "model": {"name": card.name, "title": card.title, "revision": card.revision, "licence": card.licence},
        "versions": provenance.versions(),
        "disclosure": {"digitalSourceType": source_type, "c2pa": False},
    }
    texts = {"platewright.version": __version__, "platewright.model": card.name}
    texts |= {"platewright.digitalSourceType": source_type, "platewright.storyboard": wish.manifest.name}
    sheet = _sheet(drawn, wish, card)

    def write(part: Path) -> None:
        sheet.save(part, texts)
        if signed := _signed(part, document, wish, emit):
            document["disclosure"] |= {"c2pa": True, "credentials": signed}

    document["sheet"] = disk.publish(wish.sheet, write).to_dict()
    disk.write_json(wish.manifest, document)
    kept = sum(each.is_kept for each in drawn)
    told = {"sheet": str(wish.sheet.resolve()), "manifest": str(wish.manifest.resolve())}
    told |= {"stills": str(wish.stills.resolve()), "shots": document["shots"], "model": card.name, "device": device}
    told |= {"kept": kept, "seconds": round(sum(each.seconds for each in drawn), 3)}
    codes = {error.exit_code for error in failed}
    return told | ({"exit_code": codes.pop() if len(codes) == 1 else 1} if codes else {})


def _signed(part: Path, document: Answer, wish: Wish, emit: Emit) -> Answer | None:
    """Who signed the sheet; it is whole without it, so that what goes wrong is told and no more."""
    try:
        return sign_sheet(part, document, wish.sign, wish.prompt_told)
    except PlatewrightError as error:
        emit(Warned(JOB, "W_UNSIGNED", f"The sheet is whole, but it is not signed. {error.for_people()}"))
        return None


def _sheet(drawn: list[Drawn], wish: Wish, card: ModelCard) -> Sheet:
    camera = drawn[0].still.shot.camera
    frames = sum(len(each.still.shot.camera) for each in drawn)
    count = f"{len(drawn)} shot{'s' if len(drawn) > 1 else ''}"
    facts = f"{count} \u00b7 {frames} frames \u00b7 {frames / camera.fps:.1f} s at {camera.fps:.6g} fps"
    seeds = sorted({each.still.request.seed for each in drawn})
    told = f", seed {seeds[0]}" if len(seeds) == 1 else ""
    made = "drawn by rule" if card.kind == "layout" else "made by a model (AI), for previsualisation"
    notes = f"Stills: {card.title}{told}, {made}. Lenses: for a sensor {storyboard_words.SENSOR_MM:.0f} mm wide."
    fx, fy, _, _ = camera.intrinsics[0]
    return Sheet(
        title=wish.title or camera.scene or wish.sheet.stem,
        facts=facts,
        notes=notes,
        panels=[_panel(each) for each in drawn],
        shape=camera.width * fy / (camera.height * fx),
    )


def _panel(drawn: Drawn) -> Panel:
    shot, camera = drawn.still.shot, drawn.still.shot.camera
    lens, move = storyboard_words.lens_words(camera), storyboard_words.move_words(camera)
    picture = None
    if drawn.record:
        with Image.open(drawn.still.file) as file:
            picture = file.convert("RGB")
    return Panel(
        name=shot.name,
        timing=f"{shot.first}-{shot.last} \u00b7 {len(camera) / camera.fps:.1f} s",
        camera=f"{lens} \u00b7 {move}",
        prompt=drawn.still.request.prompt,
        picture=picture,
        trouble=drawn.error.for_people() if drawn.error else "",
    )
