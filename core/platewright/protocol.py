"""What the processes say to each other: the request and the job, and by name the cards and the events.

Everything here is plain data with a versioned schema name. Pixels never travel; paths do.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from .camera import CameraPath
from .cards import FrameRule as FrameRule
from .cards import ModelCard as ModelCard
from .delivery import Delivery as Delivery
from .delivery import Studio as Studio
from .errors import RequestError
from .events import Emit as Emit
from .events import Event as Event
from .events import Failed as Failed
from .events import Finished as Finished
from .events import FrameReady as FrameReady
from .events import Hello as Hello
from .events import Progress as Progress
from .events import Stage as Stage
from .events import Warned as Warned
from .inputs import GUIDE_KINDS as GUIDE_KINDS
from .inputs import STILL_MODEL as STILL_MODEL
from .inputs import Input as Input
from .inputs import Remake as Remake
from .inputs import Still as Still
from .inputs import ground_height, refuse_half_a_plate, refuse_two_leads, sun_direction
from .values import SEED_MAX as SEED_MAX
from .values import clean_prompt as clean_prompt
from .values import frame_range as frame_range
from .values import is_whole, real_seed, within
from .values import plate_name as plate_name
from .values import plate_size as plate_size
from .values import slug as slug

PROTOCOL = 1                                       # raised when old and new cannot talk
SCHEMA_VERSION = 1                                 # of the request and the job on disk
STEPS_MAX = 1000
GUIDANCE_MAX = 50.0
OVERSCAN_MAX = 1.0                                 # of the width: twice as wide
TRIES_MAX = 64
INPUTS = ("guide", "first_frame", "plate", "mask")
_LEFT_OUT_WHERE_NONE = ("ground_m", "sun", "guide_kind", "still", "preset", "remake", "delivery", *INPUTS)

FrameFormat = Literal["exr", "png"]
Requirement = Literal["", "follows", "locked"]
PromptTold = Literal["hash", "text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlateRequest:
    """Everything that influences the pixels of a plate, and nothing else."""

    camera: CameraPath
    prompt: str
    negative: str = ""
    model: str = "draft"
    seed: int = 0                                  # 0 .. 2**63 - 1
    steps: int | None = None                       # None: the model's own default
    guidance: float | None = None                  # None: the model's own default
    size: tuple[int, int] | None = None            # plate's width and height in pixels; None: the camera's
    frame_format: FrameFormat = "exr"
    device: str = "auto"                           # auto, cpu, cuda, cuda:N, mps
    overscan: float | None = None                  # share of width and height around the view; None: the model's drift
    lock: bool = True                              # make the pictures follow the camera; never with a plate
    ground_m: float | None = None                  # height of the scene's ground, world metres; None: not known
    sun: tuple[float, float] | None = None         # towards it: azimuth from +X to +Y and elevation, world, degrees
    guide: Input | None = None                     # folder of what the camera sees: depth.1001.exr ..., or more kinds
    guide_kind: str | None = None                  # of GUIDE_KINDS; None: what the model prefers of those there
    first_frame: Input | None = None               # picture of what the camera sees at its first frame
    still: Still | None = None                     # makes the first frame of the prompt, in the place of `first_frame`
    plate: Input | None = None                     # folder of frames to paint into
    mask: Input | None = None                      # picture, or a folder of them: white is painted, black is kept

    preset: str | None = None                      # of models.presets; None: by memory, the pictures being the same
    remake: Remake | None = None                   # part of a plate that is there, whose other frames stay
    delivery: Delivery | None = None               # how the plate is delivered; None: as ever

    def to_dict(self) -> dict[str, Any]:
        """The versioned form on disk and on the wire; what a scene has not told is left out, as before it could."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["camera"] = self.camera.to_dict()
        plain["size"] = list(self.size) if self.size else None
        plain["sun"] = list(self.sun) if self.sun else None
        parts = ("still", "remake", "delivery")
        plain |= {name: given.to_dict() for name in parts if (given := getattr(self, name)) is not None}
        plain |= {name: given.to_dict() for name, given in self._inputs().items()}
        told = {name: value for name, value in plain.items() if value is not None or name not in _LEFT_OUT_WHERE_NONE}
        return {"format": "platewright.request", "version": SCHEMA_VERSION, **told}

    def identity(self) -> dict[str, Any]:
        """What the hash is of and the manifest keeps: `to_dict` without where inputs lie."""
        told = self.to_dict() | ({"remake": self.remake.identity()} if self.remake else {})
        told |= {"delivery": self.delivery.identity()} if self.delivery else {}
        return told | {name: {"sha256": given.sha256} for name, given in self._inputs().items()}

    def _inputs(self) -> dict[str, Input]:
        return {name: getattr(self, name) for name in INPUTS if getattr(self, name) is not None}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> PlateRequest:
        """Read `to_dict`'s form; a wrong schema, key or type raises RequestError E_JOB."""
        plain = _unversioned(data, "platewright.request", known={field.name for field in fields(cls)})
        camera = plain.pop("camera", None)
        if not isinstance(camera, dict):
            raise RequestError("E_JOB", "The request has no valid 'camera'.", "Compare it with examples/.")
        try:
            size = plain.pop("size", None)
            size = tuple(size) if size is not None else None
            plain.setdefault("lock", plain.get("plate") is None)
            plain |= {name: Input.from_dict(plain[name]) for name in INPUTS if plain.get(name) is not None}
            plain["still"] = None if plain.get("still") is None else Still.from_dict(plain["still"])
            plain["remake"] = None if plain.get("remake") is None else Remake.from_dict(plain["remake"])
            plain["delivery"] = None if plain.get("delivery") is None else Delivery.from_dict(plain["delivery"])
            request = cls(camera=CameraPath.from_dict(camera), size=size, **plain)
        except TypeError as error:
            raise RequestError("E_JOB", f"The request is incomplete: {error}.", "Compare it with examples/.") from None
        return request.checked()

    def checked(self) -> PlateRequest:
        """The same request with a clean prompt and a real seed, or RequestError naming the field that is wrong."""
        _check_types(self)
        refuse_half_a_plate(self.plate, self.mask, self.lock, self.overscan)
        if self.plate and self.delivery:
            self.delivery.refuse_other_pixels()
        return replace(
            self,
            camera=replace(self.camera, markers=()) if self.camera.markers else self.camera,     # names make no pixels
            prompt=clean_prompt(self.prompt),
            negative=clean_prompt(self.negative),
            seed=real_seed(self.seed),
            steps=None if self.steps is None else within("steps", self.steps, 1, STEPS_MAX),
            guidance=None if self.guidance is None else float(within("guidance", self.guidance, 0.0, GUIDANCE_MAX)),
            size=None if self.size is None else plate_size(self.size),
            overscan=None if self.overscan is None else float(within("overscan", self.overscan, 0.0, OVERSCAN_MAX)),
            ground_m=None if self.ground_m is None else ground_height(self.ground_m),
            sun=None if self.sun is None else sun_direction(self.sun),
            still=None if self.still is None else replace(self.still, seed=real_seed(self.still.seed)),
            delivery=self.delivery and self.delivery.checked(self.frame_format, len(self.camera)),
            **{name: given.checked() for name in ("remake", *INPUTS) if (given := getattr(self, name)) is not None},
        )

    @property
    def frame_offset(self) -> int:
        """What its frame numbers are raised by: guides and plates that are handed in have the scene's own."""
        return self.delivery.frame_offset if self.delivery else 0

    @property
    def sha256(self) -> str:
        """The cache key: the hash of the canonical JSON form of `identity`."""
        text = json.dumps(self.identity(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode("ascii")).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request and where its plate goes: what job.json holds and a farm retries."""

    request: PlateRequest
    name: str                                      # plate name, already a slug
    out: str                                       # folder that holds the versions
    version: int | None = None                     # None: the next free one
    id: str = ""                                   # unique among the jobs one worker serves
    check: bool = True                             # measure how well the plate follows; a lock cannot do without
    require: Requirement = ""                      # the least verdict that is a success
    tries: int = 1                                 # plates with the seeds that follow, the best of which is proposed
    sign: bool | None = None                       # Content Credentials; None: where this person has chosen a key
    prompt_told: PromptTold | None = None          # what they tell of the prompt; None: as was chosen with the key

    def checked(self) -> Job:
        """The same job with a checked request; RequestError E_VALUE names what does not go together."""
        within("tries", self.tries, 1, TRIES_MAX)
        within("seed", self.request.seed, -1, SEED_MAX - self.tries + 1)
        if self.require not in ("", "follows", "locked"):
            raise RequestError("E_VALUE", f"The requirement {self.require!r} is not known.", "Use follows or locked.")
        if self.prompt_told not in (None, "hash", "text"):
            raise RequestError("E_VALUE", f"prompt_told is {self.prompt_told!r}.", "Use hash or text.")
        if not self.check and (self.request.lock or self.require or self.tries > 1):
            wanted = "lock" if self.request.lock else "requirement" if self.require else "choice of tries"
            raise RequestError("E_VALUE", f"A {wanted} needs the check, which is off.", "Leave the check on.")
        if self.tries > 1 and self.version is not None:
            raise RequestError("E_VALUE", "Several tries cannot be one version.", "Leave the version out.")
        return replace(self, request=self.request.checked())

    def to_dict(self) -> dict[str, Any]:
        """The form of job.json."""
        plain = {"id": self.id, "name": self.name, "out": self.out, "plate_version": self.version}
        plain |= {"check": self.check, "require": self.require, "tries": self.tries}
        plain |= {} if self.sign is None else {"sign": self.sign}
        plain |= {} if self.prompt_told is None else {"prompt_told": self.prompt_told}
        return {"format": "platewright.job", "version": SCHEMA_VERSION, **plain, "request": self.request.to_dict()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Job:
        """Read `to_dict`'s form; RequestError E_JOB says what is wrong with it."""
        known = {"id", "name", "out", "plate_version", "request", "check", "require", "tries", "sign", "prompt_told"}
        plain = _unversioned(data, "platewright.job", known=known)
        for key, kind in (("request", dict), ("name", str), ("out", str)):
            if not isinstance(plain.get(key), kind):
                raise RequestError("E_JOB", f"The job has no valid {key!r}.", "Compare it with examples/.")
        version = plain.get("plate_version")
        if version is not None:
            version = int(within("plate_version", version, 1, 9999))
        check, tries = plain.get("check", True), plain.get("tries", 1)
        if not (isinstance(check, bool) and is_whole(tries) and isinstance(plain.get("sign"), bool | None)):
            why = "check and sign must be true or false, tries a number."
            raise RequestError("E_JOB", why, "Compare it with examples/.")
        return cls(
            request=PlateRequest.from_dict(plain["request"]),
            name=plain["name"],
            out=plain["out"],
            version=version,
            id=str(plain.get("id", "")),
            check=check,
            require=plain.get("require", ""),
            tries=tries,
            sign=plain.get("sign"),
            prompt_told=plain.get("prompt_told"),
        ).checked()


def check_against(request: PlateRequest, card: ModelCard) -> None:
    """Refuse what this model cannot do.

    RequestError E_PROMPT_EMPTY, E_VALUE, E_MODEL_UNAVAILABLE, E_FIRST_FRAME, E_PLATE_MODEL.
    """
    if not card.available:
        why = f"{card.title} cannot run here: {card.reason}"
        raise RequestError("E_MODEL_UNAVAILABLE", why, "See `platewright models`.")
    if card.takes_prompt and not request.prompt:
        raise RequestError("E_PROMPT_EMPTY", f"{card.title} needs a prompt.", "Say what the place looks like.")
    is_led = request.first_frame is not None or request.still is not None
    if card.needs_first_frame and not (is_led or request.remake):
        hint = "Name a picture of what the camera sees at its first frame, such as a render, or have one made."
        raise RequestError("E_FIRST_FRAME", f"{card.title} starts from a picture.", hint)
    if is_led and not (card.needs_first_frame or card.takes_first_frame):
        raise RequestError("E_FIRST_FRAME", f"{card.title} starts from no picture.", "Leave the first frame out.")
    if request.plate is not None and not card.takes_plate:
        hint = "Choose one that does: see `platewright models`."
        raise RequestError("E_PLATE_MODEL", f"{card.title} does not paint into a plate.", hint)
    if request.steps is not None:
        within("steps", request.steps, 1, card.max_steps)


def _check_types(request: PlateRequest) -> None:
    for name in ("prompt", "negative", "model", "device", "frame_format"):
        if not isinstance(getattr(request, name), str):
            raise RequestError("E_VALUE", f"{name} must be text.", "Put it in quotes.")
    if not is_whole(request.seed) or not (request.steps is None or is_whole(request.steps)):
        raise RequestError("E_VALUE", "seed and steps must be whole numbers.", "Remove the fraction.")
    if type(request.lock) is not bool:
        raise RequestError("E_VALUE", f"lock is {request.lock!r}.", "It must be true or false.")
    if request.frame_format not in ("exr", "png"):
        raise RequestError("E_VALUE", f"The format {request.frame_format!r} is not known.", "Use exr or png.")
    if request.guide_kind not in (None, *GUIDE_KINDS):
        why = f"The kind of guide {request.guide_kind!r} is not known."
        raise RequestError("E_VALUE", why, f"Use {', '.join(GUIDE_KINDS)}.")
    for name in INPUTS:
        if not isinstance(getattr(request, name), Input | None):
            raise RequestError("E_VALUE", f"{name} is {getattr(request, name)!r}.", "It must be an Input.")
    refuse_two_leads(request.first_frame, request.still)


def _unversioned(data: Any, name: str, known: set[str]) -> dict[str, Any]:
    """The payload of a versioned object, after its name, version and keys were checked."""
    if not isinstance(data, dict) or data.get("format") != name:
        raise RequestError("E_JOB", f'This is not a {name}: "format" does not say so.', "Compare it with examples/.")
    if data.get("version") != SCHEMA_VERSION:
        hint = "Update Platewright, or write the file again with this version."
        raise RequestError("E_JOB", f"{name} version {data.get('version')!r} is not {SCHEMA_VERSION}.", hint)
    strangers = sorted(set(data) - known - {"format", "version"})
    if strangers:
        raise RequestError("E_JOB", f"{name} has unknown keys: {', '.join(strangers)}.", "Check the spelling.")
    return {key: data[key] for key in data if key in known}
