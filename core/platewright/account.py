"""What `platewright verify` says: who made a plate with what, what has changed since, and what cannot be known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from . import credentials
from .credentials import Told
from .errors import PlateError, PlatewrightError
from .plate_file import read_manifest
from .verifying import CREDENTIALS, verify

_INPUTS = {"first_frame": "first frame", "guide": "guide", "plate": "plate painted into", "mask": "mask"}
_COMMERCIAL = {"yes": "commercial use is free", "no": "no commercial use", "conditions": "commercial use on conditions"}
_UNSAID = "nobody was asked"
_UNCHANGED = "Nothing has changed: every byte is as it was."


def give(folder: Path, anchors_pem: str = "") -> dict[str, Any]:
    """The answer of `platewright verify --json`; exit code 1 where something is wrong.

    anchors_pem   certificates whose signatures count as trusted
    Raises RequestError E_FILE_MISSING.
    """
    report = verify(folder)
    try:
        document = read_manifest(report.folder)
    except PlateError:
        return report.to_dict() | {"made": [], "changed": [], "unknown": [], "credentials": None}
    told, unread = _credentials(report.folder, anchors_pem)
    report = replace(report, problems=(*report.problems, *credentials.problems(document, told)))
    made = [*_made(document), *_edits(document), *_signed(document, told)]
    changed = [problem.message for problem in report.problems] or [_UNCHANGED]
    unknown = list(_unknown(document, told, unread))
    words = [*report.words(), *_block("made", made), *_block("since", changed if report.is_sound else [])]
    words += _block("unknown", unknown)
    return report.to_dict() | {
        "words": words,
        "made": made,
        "changed": changed,
        "unknown": unknown,
        "credentials": {file: asdict(claim) | {"words": claim.words} for file, claim in told.items()} or None,
    }


def _block(name: str, sentences: list[str]) -> list[str]:
    return [f"  {name if place == 0 else '':8} {sentence}" for place, sentence in enumerate(sentences)]


def _credentials(folder: Path, anchors_pem: str) -> tuple[dict[str, Told], str]:
    """What they say, or why nobody can tell here."""
    try:
        return credentials.read(folder, anchors_pem), ""
    except PlatewrightError as error:
        return {}, error.for_people()


# Who made it with what ---------------------------------------------------------------------------


def _made(document: Mapping[str, Any]) -> Iterator[str]:
    model, request, ran = document["model"], document["request"], document["versions"]
    day, by = str(document["created"])[:10], f"Platewright {ran.get('platewright', '?')}"
    if model is None or request is None:
        yield f"Written on {day} by {by}, from frames that were there. Who made those is not recorded."
        return
    kind = str((document.get("disclosure") or {}).get("digitalSourceType") or "").rpartition("/")[2]
    what = "Drawn by rule, not by a trained model," if kind == "algorithmicMedia" else "Generated"
    revision = str(model.get("revision") or "")[:12]
    title = f"{model.get('title')} ({model.get('name')}{f', {revision}' if revision else ''})"
    yield f"{what} on {day} by {title}, seed {document['seed']}, on {document['device']}, with {by}."
    if request.get("prompt"):
        yield f"Asked for: {request['prompt']}"
    use = _COMMERCIAL.get(str(model.get("commercial")), "commercial use is not told")
    limits = f"; not in {model['territory']}" if model.get("territory") else ""
    terms = f" {model['terms']}" if model.get("terms") else ""
    yield f"The model's licence is {model.get('licence')}: {use}{limits}.{terms}"
    yield from _inputs(document.get("inputs") or {})


def _inputs(inputs: Mapping[str, Any]) -> Iterator[str]:
    for key, name in _INPUTS.items():
        if given := inputs.get(key):
            rights = given.get("rights") or ("made here, of the prompt" if given.get("still") else _UNSAID)
            yield f"From the {name} {given.get('name', '?')} ({str(given.get('sha256'))[:12]}); rights: {rights}."


def _edits(document: Mapping[str, Any]) -> Iterator[str]:
    """What Platewright did to the pictures afterwards."""
    picture = document["picture"]
    if source := document.get("locked_from"):
        yield f"Locked to the camera from {source.get('plate') or source.get('frames')}."
    elif ((document.get("match") or {}).get("lock") or {}).get("applied"):
        yield "Locked to the camera: each picture was turned and scaled to follow it."
    if (remade := (document.get("inputs") or {}).get("remake")):
        yield f"Frames {remade['first']} to {remade['last']} were made anew; the others are those of {remade['plate']}."
    size, native = (f"{picture[f'{of}width']}x{picture[f'{of}height']}" for of in ("", "native_"))
    if picture.get("resample") and size != native:
        yield f"The model made pictures of {native}; the plate is {size}."


def _signed(document: Mapping[str, Any], told: Mapping[str, Told]) -> Iterator[str]:
    for file, claim in told.items():
        about = CREDENTIALS if file.endswith(".json") else file
        yield f"{about} is signed by {claim.signer or 'nobody named'} ({claim.organisation}): {claim.words}."
    if not (document.get("disclosure") or {}).get("c2pa"):
        yield "It is not signed."


# What nobody can know ----------------------------------------------------------------------------


def _unknown(document: Mapping[str, Any], told: Mapping[str, Told], unread: str) -> Iterator[str]:
    states = {claim.state for claim in told.values()}
    if unread:
        yield f"What its Content Credentials say: {unread}"
    elif not told:
        yield "Whether plate.json was rewritten together with the files: it is not signed."
    elif "trusted" not in states:
        yield "Who holds the key: a certificate made at home may bear any name."
    if told or unread:
        yield "When it was signed: by the clock of the machine that did, no time stamp was fetched."
    given = [entry for key in _INPUTS if (entry := (document.get("inputs") or {}).get(key)) and not entry.get("still")]
    if any(entry.get("rights") in (None, "unknown") for entry in given):
        yield "Whether what it was made from may be used: nobody has said so."
    elif given:
        yield "Whether what was said of the rights to its inputs is true: it is recorded as it was told."
    if document["model"] is None:
        yield "How the frames were made before Platewright locked them."
