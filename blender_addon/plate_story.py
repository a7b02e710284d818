"""Where a plate came from, as its manifest tells it and as an image of the .blend remembers it.

A .blend and a plate.json may come from anywhere: known facts, each a text of bounded length. No Blender here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

TEXT_CHARS = 400
INPUTS = ("first_frame", "guide", "plate", "mask")
FACTS = (                                          # in the order in which they are told
    "source", "model", "revision", "licence", "commercial", "terms", "territory", "prompt", "negative", "seed",
    "device", "camera", *INPUTS, *(f"{name}_rights" for name in INPUTS), "made_here", "size", "scaled", "space",
    "steps", "edits", "day", "platewright", "signer", "is_self_made", "valid_until", "prompt_told",
)  # fmt: skip

Story = dict[str, str]


def story_of(manifest: Mapping[str, Any]) -> Story:
    """What plate.json tells of a plate's making; what it does not tell is left out."""
    return kept(dict(_facts(manifest)))


def kept(record: Any) -> Story:
    """What of a record may be shown."""
    known = record if isinstance(record, dict) else {}
    return {name: short(known[name]) for name in FACTS if isinstance(known.get(name), str) and known[name].strip()}


def short(text: str) -> str:
    return text if len(text) <= TEXT_CHARS else f"{text[:TEXT_CHARS]}..."


def _facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    model, request, camera = (_within(manifest, name) for name in ("model", "request", "camera"))
    told = _within(manifest, "disclosure")
    yield "source", str(told.get("digitalSourceType") or "").rpartition("/")[2]
    yield "model", str(model.get("title") or model.get("name") or "")
    yield "revision", str(model.get("revision") or "")[:12]
    yield from ((name, str(model.get(name) or "")) for name in ("licence", "commercial", "terms", "territory"))
    yield from ((name, str(request.get(name) or "")) for name in ("prompt", "negative"))
    yield from ((name, str(manifest[name])) for name in ("seed", "device") if manifest.get(name) is not None)
    if camera:
        yield "camera", f"{camera.get('camera', '?')}, {camera.get('first', '?')}-{camera.get('last', '?')}"
    yield "day", str(manifest.get("created") or "")[:10]
    yield "platewright", str(_within(manifest, "versions").get("platewright") or "")
    yield from _inputs(_within(manifest, "inputs"))
    yield from _picture(_within(manifest, "picture"))
    yield "edits", ", ".join(_words(manifest.get("edits")))
    if told.get("c2pa"):
        yield from _signed(_within(told, "credentials"))


def _inputs(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in INPUTS:
        given = _within(inputs, name)
        if given:
            yield name, str(given.get("name") or "?")
            yield f"{name}_rights", str(given.get("rights") or "")
        if given.get("still"):
            yield "made_here", name


def _picture(picture: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Its size; where that is not the model's own, from which and how it came."""
    if not picture:
        return
    size, native = (f"{picture.get(f'{of}width')} x {picture.get(f'{of}height')}" for of in ("", "native_"))
    yield "size", size
    if size != native:
        yield "scaled", f"{native}, {_within(picture, 'resample').get('filter') or '?'}"
    colour = _within(picture, "colour")
    yield "space", str(colour.get("space") or "")
    steps = colour.get("steps")
    yield "steps", "; ".join(str(step) for step in steps) if isinstance(steps, list) else ""


def _words(edits: Any) -> Iterator[str]:
    for edit in edits if isinstance(edits, list) else ():
        if isinstance(edit, dict) and isinstance(edit.get("what"), str):
            yield edit["what"]


def _signed(credentials: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "signer", str(credentials.get("signer") or "?")
    yield "is_self_made", "yes" if credentials.get("is_self_made") else "no"
    yield "valid_until", str(credentials.get("valid_until") or "")
    yield "prompt_told", str(credentials.get("prompt") or "")


def _within(holder: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, dict) else {}
