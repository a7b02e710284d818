"""What is signed: one claim about a plate, the same in every file that carries it.

    c2pa.actions.v2          made by which model, then resized or locked; IPTC's digital source type
    cawg.metadata            IPTC 2025.1: AI system and its version, the prompt if it may be told
    cawg.training-mining     the frames are not offered for training
    org.platewright.plate    plate, request, seed, model, licence, inputs and the SHA-256 of every frame
    org.platewright.storyboard    of a sheet instead: model, licence, and of every still shot, request and SHA-256
    ingredients              first frame, guide, plate and mask by name and SHA-256, with whose they are

Numbers are texts in it: c2pa's reader gives flat lists of numbers back as something else.
A frame's hash is of the file; of a PNG, whose credentials lie inside it, of the file without them (`bare_png`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from .keys import Prompts

LABEL, SHEET = "org.platewright.plate", "org.platewright.storyboard"
TRAINING = ("cawg.ai_generative_training", "cawg.ai_training", "cawg.data_mining")
NOT_ALLOWED = "notAllowed"                         # CAWG's word for these uses
INPUTS = {"first_frame": "first frame", "guide": "guide", "plate": "plate painted into", "mask": "mask"}
_TRAINING = {"label": "cawg.training-mining", "data": {"entries": {use: {"use": NOT_ALLOWED} for use in TRAINING}}}
_IPTC_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CARRIER = b"caBX"                                 # the chunk that holds a C2PA manifest store


def claim(document: Mapping[str, Any], bare: Mapping[int, str], prompts: Prompts) -> dict[str, Any]:
    """The definition of a C2PA manifest for a plate.

    document   its plate.json
    bare       SHA-256 of each frame without credentials, by number
    """
    return {
        "claim_generator_info": [{"name": "Platewright", "version": document["versions"]["platewright"]}],
        "title": document["plate"],
        "ingredients": list(_ingredients(document)),
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": list(_actions(document))}},
            {"label": "cawg.metadata", "data": _metadata(document, prompts)},
            _TRAINING,
            {"label": LABEL, "data": _plate(document, bare, prompts)},
        ],
    }


def for_frame(whole: Mapping[str, Any], frame: int) -> dict[str, Any]:
    """The same claim for one frame of many: the digest of the list of hashes in the place of the list."""
    own = {key: value for key, value in whole["assertions"][-1]["data"].items() if key != "frames"}
    last = {"label": LABEL, "data": {**own, "frame": str(frame)}}
    return {**whole, "assertions": [*whole["assertions"][:-1], last]}


def of_storyboard(document: Mapping[str, Any], prompts: Prompts) -> dict[str, Any]:
    """The definition of a C2PA manifest for the sheet of a storyboard.

    document   its record: title, created, shots, model, versions, disclosure
    """
    drawn = [shot for shot in document["shots"] if shot["file"]]
    words = "; ".join(dict.fromkeys(shot["prompt"] for shot in drawn if shot["prompt"]))
    laid = f"{len(drawn)} stills were laid on a sheet with words about their shots."
    own = {"name": "Platewright", "version": document["versions"]["platewright"]}
    actions = [_created(document), {"action": "c2pa.edited", "softwareAgent": own, "description": laid}]
    told = {"model": "name", "model_revision": "revision", "licence": "licence"}
    known = {name: str(document["model"][key]) for name, key in told.items() if document["model"].get(key)}
    return {
        "claim_generator_info": [own],
        "title": document["title"],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": actions}},
            {"label": "cawg.metadata", "data": _metadata({**document, "request": {"prompt": words}}, prompts)},
            _TRAINING,
            {"label": SHEET, "data": {**known, "stills": [_still(shot, prompts) for shot in drawn]}},
        ],
    }


def _still(shot: Mapping[str, Any], prompts: Prompts) -> dict[str, str]:
    told = {name: str(shot[name]) for name in ("shot", "still", "file", "sha256", "request_sha256", "seed")}
    told["prompt_sha256"] = hashlib.sha256(shot["prompt"].encode("utf-8")).hexdigest()
    return told | ({"prompt": shot["prompt"]} if prompts == "text" else {})


def digest(bare: Mapping[int, str]) -> str:
    """The SHA-256 of a line "sha256  number" for each frame, by number: one hash for all."""
    lines = "".join(f"{bare[frame]}  {frame}\n" for frame in sorted(bare))
    return hashlib.sha256(lines.encode("ascii")).hexdigest()


def _ingredients(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the model was given beside words (C2PA 2.2, section 10.3: inputTo). The files stay where they are."""
    for key, given in _given(document).items():
        rights = given.get("rights") or "nobody was asked"
        told = f"{INPUTS[key]}, SHA-256 {given.get('sha256')}; rights: {rights}"
        yield {"title": str(given.get("name") or key), "relationship": "inputTo", "label": key, "description": told}


def _given(document: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The inputs that plate.json tells of, by the names of the request."""
    inputs = document.get("inputs") or {}
    return {key: given for key in INPUTS if (given := inputs.get(key))}


def _actions(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    picture = document["picture"]
    yield _created(document) | ({"parameters": {"ingredientIds": list(given)}} if (given := _given(document)) else {})
    own = {"name": "Platewright", "version": document["versions"]["platewright"]}
    if document.get("locked_from") or ((document.get("match") or {}).get("lock") or {}).get("applied"):
        what = "Each picture was turned and scaled so that it follows the shot's camera."
        yield {"action": "c2pa.edited", "softwareAgent": own, "description": what}
    if resample := picture.get("resample"):
        size = f"{picture['native_width']}x{picture['native_height']} to {picture['width']}x{picture['height']}"
        yield {"action": "c2pa.resized", "softwareAgent": own, "description": f"{size} pixels, {resample['filter']}"}


def _created(document: Mapping[str, Any]) -> dict[str, Any]:
    """By which model, when, and IPTC's word for it."""
    model, source = document["model"] or {}, document["disclosure"]["digitalSourceType"]
    agent = {"name": str(model.get("title") or model.get("name")), "version": str(model.get("revision") or "unknown")}
    return {"action": "c2pa.created", "when": _when(document), "softwareAgent": agent, "digitalSourceType": source}


def _when(document: Mapping[str, Any]) -> str:
    return str(document["created"]).replace("+00:00", "Z")


def _metadata(document: Mapping[str, Any], prompts: Prompts) -> dict[str, Any]:
    model, request = document["model"] or {}, document["request"] or {}
    told = {
        "DigitalSourceType": document["disclosure"]["digitalSourceType"],
        "AISystemUsed": str(model.get("title") or model.get("name")),
        "AISystemVersionUsed": str(model.get("revision") or "unknown"),
    }
    if prompts == "text" and request.get("prompt"):
        told["AIPromptInformation"] = request["prompt"]
    return {"@context": {"Iptc4xmpExt": _IPTC_EXT}, **{f"Iptc4xmpExt:{name}": text for name, text in told.items()}}


def _plate(document: Mapping[str, Any], bare: Mapping[int, str], prompts: Prompts) -> dict[str, Any]:
    model, request = document["model"] or {}, document["request"] or {}
    prompt = str(request.get("prompt", ""))
    inputs = {name: given for name in ("first_frame", "guide", "plate", "mask") if (given := request.get(name))}
    known = {
        "plate": document["plate"],
        "job": document["job"],
        "request_sha256": document["request_sha256"],
        "camera_sha256": document["camera"]["sha256"],
        "model": model.get("name"),
        "model_revision": model.get("revision"),
        "licence": model.get("licence"),
        "seed": document["seed"],
        "prompt": prompt if prompts == "text" else None,
        "prompt_sha256": hashlib.sha256(prompt.encode("utf-8")).hexdigest(),
        "count": len(bare),
        "first": min(bare),
        "last": max(bare),
    }
    texts: dict[str, Any] = {key: str(value) for key, value in known.items() if value is not None}
    if inputs:
        texts["inputs"] = {name: {key: str(value) for key, value in given.items()} for name, given in inputs.items()}
    return {
        **texts,
        "frames_sha256": digest(bare),
        "frames": {str(frame): bare[frame] for frame in sorted(bare)},
    }


def bare_png(data: bytes) -> bytes:
    """A PNG without the chunk that holds its credentials; ValueError where it is no PNG. Nothing else changes."""
    if not data.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    kept, place = [_SIGNATURE], len(_SIGNATURE)
    while place < len(data):
        size = 12 + int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] != _CARRIER:
            kept.append(data[place : place + size])
        place += size
    return b"".join(kept)
