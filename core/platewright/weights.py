"""Weights on disk: found, proven to be the ones their card names, and loaded; never anything that could run code.

A model is files side by side: `<name>.json`, its card, and the safetensors files that it names, each with a sha256.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import BackendError

if TYPE_CHECKING:  # a card is read without them
    from torch import Tensor, nn

FORMAT = "platewright.weights"
VERSION = 1
ASSETS = Path(__file__).parent / "assets"
UNSAFE = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
AGAIN = "Restore the file from the repository or the extension's zip, or fetch the model again."
HEADER_MAX = 100_000_000  # safetensors' own limit, in bytes


@dataclass(frozen=True, slots=True)
class WeightsCard:
    """A model's card as read from `<name>.json`: where its tensors are and everything said about them."""

    name: str
    path: Path  # of the card; its files lie beside it
    files: dict[str, str]  # names of the files that hold the tensors, and their sha256
    facts: dict[str, Any]


def model_folders() -> list[Path]:
    """Where models are looked for: the folders of $PLATEWRIGHT_MODELS, then the assets that travel with the package."""
    chosen = os.environ.get("PLATEWRIGHT_MODELS", "").split(os.pathsep)
    return [*(Path(folder).expanduser() for folder in chosen if folder), ASSETS]


def find_card(name: str) -> WeightsCard:
    """The card of the first model of this name; reads no tensors.

    Raises BackendError E_MODEL_MISSING, E_MODEL_UNSAFE (only pickled weights), E_MODEL_CORRUPT (unreadable card),
    E_MODEL_MISMATCH (a card of another format).
    """
    for folder in model_folders():
        if (folder / f"{name}.json").is_file():
            return read_card(folder / f"{name}.json")
    _refuse_pickles(name)
    places = ", ".join(str(folder) for folder in model_folders())
    raise BackendError(
        "E_MODEL_MISSING",
        f"The weights of '{name}' are not installed (looked in {places}).",
        f"Download: put {name}.json and the files that it names into one of these folders.",
    )


def read_card(path: Path) -> WeightsCard:
    """A card from its file; see `find_card` for what is raised."""
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError("E_MODEL_CORRUPT", f"The card {path} cannot be read: {error}.", AGAIN) from error
    if not isinstance(facts, dict) or (facts.get("format"), facts.get("version")) != (FORMAT, VERSION):
        raise BackendError(
            "E_MODEL_MISMATCH", f"{path} is not a card this version of Platewright reads.", "Update Platewright."
        )
    files, name = facts.get("files"), facts.get("name")
    if not (isinstance(name, str) and isinstance(files, dict) and files and all(map(_is_hash, files.values()))):
        raise BackendError(
            "E_MODEL_CORRUPT", f"The card {path} does not say its name, its files and the sha256 of each.", AGAIN
        )
    for file in files:
        if Path(file).suffix != ".safetensors" or Path(file).name != file:
            raise _unsafe(path.parent / Path(file).name)
    return WeightsCard(name, path, files, facts)


def load_tensors(card: WeightsCard) -> dict[str, Tensor]:
    """The tensors of all files, after each has proven to be the very one the card names.

    Raises BackendError E_MODEL_MISSING, E_MODEL_UNSAFE or E_MODEL_CORRUPT, each naming the file.
    """
    tensors: dict[str, Tensor] = {}
    for file, sha256 in card.files.items():
        tensors |= _proven(card.path.parent / file, sha256)
    return tensors


def _proven(path: Path, sha256: str) -> dict[str, Tensor]:
    """The tensors of one file, if it has this hash."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not path.is_file():
        raise BackendError("E_MODEL_MISSING", f"The weights file {path} is missing.", AGAIN)
    if file_sha256(path) != sha256:
        raise _explained(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        why = f"{path.name} is not a sound safetensors file: {error}."
        raise BackendError("E_MODEL_CORRUPT", why, AGAIN) from error


def fill(module: nn.Module, tensors: dict[str, Tensor], prefix: str, source: str) -> None:
    """Copy the tensors under `prefix` into a module whose names and shapes must be exactly these.

    Raises BackendError E_MODEL_KEYS for names missing or left over, E_MODEL_MISMATCH for shapes, E_NOT_FINITE.
    """
    given = {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    wanted = module.state_dict()
    if odd := sorted(given.keys() ^ wanted.keys()):
        raise BackendError(
            "E_MODEL_KEYS",
            f"{source} does not hold this network: {len(odd)} names differ, such as '{prefix}{odd[0]}'.",
            AGAIN,
        )
    for name, tensor in given.items():
        if tensor.shape != wanted[name].shape:
            raise BackendError(
                "E_MODEL_MISMATCH",
                f"{source}: '{prefix}{name}' is {tuple(tensor.shape)}, but its card describes "
                f"{tuple(wanted[name].shape)}.",
                AGAIN,
            )
        if not bool(tensor.isfinite().all()):
            raise BackendError("E_NOT_FINITE", f"{source}: '{prefix}{name}' holds values that are not numbers.", AGAIN)
    module.load_state_dict({name: tensor.to(wanted[name].dtype) for name, tensor in given.items()})


def file_sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_hash(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64


def _refuse_pickles(name: str) -> None:
    for folder in model_folders():
        for suffix in UNSAFE:
            if (folder / f"{name}{suffix}").is_file():
                raise _unsafe(folder / f"{name}{suffix}")


def _unsafe(path: Path) -> BackendError:
    return BackendError(
        "E_MODEL_UNSAFE",
        f"{path.name} is not a safetensors file; weights of other kinds can run code and are not opened.",
        "Convert it to safetensors on a machine you do not mind losing, or fetch the model again.",
    )


def disguise(path: Path) -> BackendError | None:
    """What a file is that is no safetensors at all: a pickle, a pointer, a web page, a part of one; None otherwise."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        start = stream.read(512)
    if start[:2] == b"\x80\x02" or start[:4] in (b"\x80\x04\x95", b"PK\x03\x04") or start[:1] == b"\x80":
        return _unsafe(path)
    if start.startswith(b"version https://git-lfs"):
        what = "is a Git LFS pointer, not the weights: the large file was never fetched"
    elif start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        what = "is a web page, not the weights: a login or error page was saved instead"
    elif size < 8 or not 2 <= int.from_bytes(start[:8], "little") <= min(size - 8, HEADER_MAX):
        what = f"is cut short or is no safetensors file ({size} bytes)"
    else:
        return None
    return BackendError("E_MODEL_CORRUPT", f"{path.name} {what}.", AGAIN)


def _explained(path: Path) -> BackendError:
    """Why a file is not the one its card names, in a plain sentence."""
    what = "is not the file its card names: its sha256 differs"
    return disguise(path) or BackendError("E_MODEL_CORRUPT", f"{path.name} {what}.", AGAIN)
