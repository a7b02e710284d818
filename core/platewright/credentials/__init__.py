"""Content Credentials (C2PA): who signs a plate, with what key, and what its files say of it afterwards.

    keys       whose key signs: a chain made here, or a studio's own
    claims     what is signed
    carrying   claims in and out of files

    EXR frames     carry nothing inside: plate.c2pa is signed over plate.json, which has every frame's SHA-256
    PNG frames     carry the claim inside, each with its own number
    preview.mp4    carries the claim inside, with all hashes
    a storyboard   its sheet carries a claim inside, with the hashes of its stills

A plate is signed when it is whole, so that a failure to sign takes nothing from it. What replaces a file is written
beside it first. plate.json, which knows both hashes of every file, comes before them: whoever is killed in between
leaves a plate whose files are each as they were or as they shall be, and signs it again.

Errors  those of `keys`; RequestError E_NO_C2PA, E_SIGN_ORIGIN; PlateError E_SIGN, E_SIGN_CHANGED, E_MANIFEST
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import disk
from ..disk import FileRecord
from ..errors import PlateError, PlatewrightError, RequestError
from ..plate_file import read_manifest, sealed
from ..protocol import Emit, Stage, Warned
from ..verifying import CREDENTIALS, UNSIGNED, Problem, verify
from . import carrying, claims, keys
from .carrying import Told as Told
from .keys import Credentials, Signature

MANIFEST, PREVIEW = "plate.json", "preview.mp4"
CARRIERS = (".png",)                               # frames that hold their credentials themselves
_HARMLESS = (*UNSIGNED, "E_FILE_EXTRA")


def refuse_unsignable(wish: bool | None) -> None:
    """RequestError where a plate must be signed and cannot be: before any time is spent on it."""
    if wish:
        keys.opened(keys.needed())
        carrying.library()


def sign_finished(
    wish: bool | None, folder: Path, job: str, emit: Emit, prompts: keys.Prompts | None = None
) -> list[str]:
    """Sign a finished plate where that is wanted and not done; answers with warnings, for the plate is whole anyway.

    wish      True: yes; False: no; None: where this person has chosen a key
    prompts   what the claim tells of the prompt; None: as was chosen with the key
    """
    try:
        credentials = _wanted(wish, prompts)
        if credentials is None or (read_manifest(folder).get("disclosure") or {}).get("c2pa"):
            return []
        emit(Stage(job, "signing", "Content Credentials"))
        sign(folder, credentials)
    except PlatewrightError as error:
        why = f"The plate is whole, but it is not signed. {error.for_people()}"
        emit(Warned(job, "W_UNSIGNED", why))
        return [f"W_UNSIGNED: {why}"]
    return []


def sign_sheet(
    part: Path, document: Mapping[str, Any], wish: bool | None, prompts: keys.Prompts | None = None
) -> dict[str, Any] | None:
    """Sign a storyboard's sheet, which nobody has seen yet, where that is wanted; what its record keeps of it, or None.

    part       the sheet, a PNG; afterwards it is the signed one
    document   what the record of the storyboard says of model, stills and source
    wish, prompts   as of `sign_finished`
    """
    if (credentials := _wanted(wish, prompts)) is None:
        return None
    signature, claim = keys.opened(credentials), claims.of_storyboard(document, credentials.prompts)
    part.write_bytes(carrying.embedded(part.read_bytes(), ".png", claim, signature))
    return _told_of(signature, credentials)


def _wanted(wish: bool | None, prompts: keys.Prompts | None) -> Credentials | None:
    """Who signs; None where nobody does. RequestError of `keys`."""
    credentials = keys.needed() if wish else keys.chosen() if wish is None else None
    return replace(credentials, prompts=prompts) if credentials and prompts else credentials


def sign(folder: Path, credentials: Credentials) -> dict[str, Any]:
    """Sign a finished plate, or sign it again; answers what was signed by whom."""
    document, signature = read_manifest(folder), keys.opened(credentials)
    carrying.library()
    _refuse(folder, document)
    entries = {entry["file"]: entry for entry in (*document["frames"], *document["companions"])}
    bare = {entry["frame"]: _bare_sha256(folder, entry) for entry in document["frames"]}
    claim = claims.claim(document, bare, credentials.prompts)
    with ExitStack() as stack:
        parts: dict[str, disk.Part] = {}
        for file, own in _carriers(document, claim).items():
            parts[file] = part = disk.Part(folder / file)
            stack.callback(part.discard)
            _embed(folder, entries[file], part, own, signature)
        told = _disclosed(document, signature, credentials)
        data = disk.json_bytes(told)
        beside = carrying.detached(data, claim, signature)
        disk.write_bytes(folder / MANIFEST, data, is_durable=True)
        disk.write_bytes(folder / CREDENTIALS, beside)
        for part in parts.values():
            part.publish()
        disk.sync(folder, [*parts, MANIFEST, CREDENTIALS])
    return told["disclosure"]["credentials"] | {"files": [CREDENTIALS, *parts]}


def read(folder: Path, anchors_pem: str = "") -> dict[str, Told]:
    """What the credentials of a plate's own files say: of plate.json, and of the preview. Errors of `carrying.read`."""
    found: dict[str, Told] = {}
    beside = folder / CREDENTIALS
    if beside.is_file() and (told := carrying.read(folder / MANIFEST, beside, anchors_pem)):
        found[MANIFEST] = told
    if (folder / PREVIEW).is_file() and (told := carrying.read(folder / PREVIEW, None, anchors_pem)):
        found[PREVIEW] = told
    return found


def problems(document: Mapping[str, Any], told: Mapping[str, Told]) -> Iterator[Problem]:
    """Where what was signed is not what the manifest says."""
    bare = {entry["frame"]: str((entry.get("unsigned") or entry)["sha256"]) for entry in document["frames"]}
    for file, claim in told.items():
        about = CREDENTIALS if file == MANIFEST else file
        if claim.state == "invalid":
            why = f"{about} does not hold: what it was signed over has changed ({', '.join(claim.faults)})."
            yield Problem("E_CREDENTIALS_INVALID", why)
        elif claim.plate.get("frames_sha256") != claims.digest(bare):
            yield Problem("E_CREDENTIALS_OTHER", f"{about} was signed for other frames than those of the manifest.")


# Inside ------------------------------------------------------------------------------------------


def _refuse(folder: Path, document: Mapping[str, Any]) -> None:
    """Nobody signs what has changed since it was made, or what came from nobody knows where."""
    if wrong := [problem for problem in verify(folder).problems if problem.code not in _HARMLESS]:
        why = f"{folder.name} is not as it was made: {wrong[0].message}"
        raise PlateError("E_SIGN_CHANGED", why, "`platewright verify` tells all; sign the plate as it was.")
    if not (document.get("disclosure") or {}).get("digitalSourceType"):
        why = f"Nobody knows how the frames of {folder.name} were made."
        raise RequestError("E_SIGN_ORIGIN", why, "Only plates that a model made here can be signed.")


def _bare_sha256(folder: Path, entry: Mapping[str, Any]) -> str:
    """Of a frame without what credentials it may hold."""
    if not entry["file"].endswith(CARRIERS):
        return str(entry["sha256"])
    return hashlib.sha256(claims.bare_png((folder / entry["file"]).read_bytes())).hexdigest()


def _carriers(document: Mapping[str, Any], claim: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The files that hold a claim inside, each with its own."""
    frames = {
        entry["file"]: claims.for_frame(claim, entry["frame"])
        for entry in document["frames"]
        if entry["file"].endswith(CARRIERS)
    }
    has_preview = any(entry["file"] == PREVIEW for entry in document["companions"])
    return {**frames, **({PREVIEW: claim} if has_preview else {})}


def _embed(
    folder: Path, entry: dict[str, Any], part: disk.Part, claim: Mapping[str, Any], signature: Signature
) -> None:
    """Fill the part; the entry is then of the signed file, and remembers the other."""
    path = folder / entry["file"]
    before = disk.measure(path)
    unsigned = entry.get("unsigned") or {"size": before.size, "sha256": before.sha256}
    signed = carrying.embedded(path.read_bytes(), path.suffix, claim, signature)
    with part.guarded():
        part.path.write_bytes(signed)
    after = FileRecord(path.name, len(signed), hashlib.sha256(signed).hexdigest())
    entry.update(after.to_dict(), unsigned=unsigned)


def _disclosed(document: Mapping[str, Any], signature: Signature, credentials: Credentials) -> dict[str, Any]:
    """The manifest of the signed plate: its entries were brought up to date already."""
    told = {"file": CREDENTIALS, **_told_of(signature, credentials)}
    return sealed({**document, "disclosure": {**document["disclosure"], "c2pa": True, "credentials": told}})


def _told_of(signature: Signature, credentials: Credentials) -> dict[str, Any]:
    """Who signed, when, and what is told."""
    return {
        **signature.certificate_told(),
        "is_self_made": credentials.is_self_made,
        "prompt": credentials.prompts,
        "training": claims.NOT_ALLOWED,
        "signed": datetime.now(UTC).isoformat(timespec="seconds"),
    }
