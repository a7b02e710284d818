"""A published model's folder, proven before anything in it is used: only what cannot run code, all of it, nothing else.

A folder holds one folder per part (transformer, vae, text_encoder, tokenizer, scheduler ...), each as its publisher
wrote it: config.json and safetensors, whole or in shards. What a library would only warn of is an error here.

Errors  BackendError E_MODEL_MISSING (folder, part or shard), E_MODEL_UNSAFE (a file that may run code, or of a kind
        that no model needs), E_MODEL_CODE (a setting that would run code), E_MODEL_CORRUPT (cut, overwritten, no JSON),
        E_MODEL_CHANGED (not what was fetched; replaced while it is read),
        E_MODEL_KEYS (tensors missing or left over), E_MODEL_MISMATCH (other shapes or another class), E_NOT_FINITE
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import weights
from ..errors import BackendError

if TYPE_CHECKING:  # a folder is looked at without them
    from torch import Tensor, dtype, nn

TOKENIZER_TEXTS = frozenset({"merges.txt", "vocab.txt", "spiece.model", "tokenizer.model"})
FOR_PEOPLE = (".md", ".txt")
CODE = (".py", ".pyc", ".so", ".pyd", ".dll", ".dylib", ".sh", ".bat")
CODE_SETTINGS = frozenset({"auto_map", "custom_pipelines", "_attn_implementation_internal", "trust_remote_code"})
LIBRARIES = frozenset({"diffusers", "transformers", "ltx2", "cosmos_guardrail", None})  # ltx2: a part of diffusers
LISTS = frozenset({"tokenizer.json", "vocab.json"})  # megabytes of words: data, with no settings to look at
DEEPEST = 3
AGAIN = "Fetch the model again (`platewright models pull`), or restore the folder as it was published."


# Where it is -------------------------------------------------------------------------------------


def find(name: str, given: Path | None = None) -> Path:
    """The model's folder: the one given, else `<name>/` in $PLATEWRIGHT_MODELS, else in the cache.

    Raises BackendError E_MODEL_MISSING, which says where it was looked for and what to do.
    """
    if given is not None:
        if given.is_dir():
            return given
        raise BackendError("E_MODEL_MISSING", f"There is no folder {given}.", "Name the folder that holds the model.")
    for place in places():
        if (place / name).is_dir():
            return place / name
    listed = ", ".join(str(place / name) for place in places())
    hint = f"Fetch it with `platewright models pull {name}`, or name its folder with --model."
    raise BackendError("E_MODEL_MISSING", f"The weights of '{name}' are not installed (looked in {listed}).", hint)


def places() -> list[Path]:
    """The folders that hold models, a folder each: those of $PLATEWRIGHT_MODELS, then the cache's, where pulls go."""
    return [*weights.model_folders()[:-1], cache_folder() / "models"]


def cache_folder() -> Path:
    """Where this machine keeps what can be fetched or made again: $PLATEWRIGHT_CACHE, else the system's own place."""
    if given := os.environ.get("PLATEWRIGHT_CACHE"):
        return Path(given).expanduser()
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "platewright"


# What lies in it ---------------------------------------------------------------------------------


def examine(folder: Path, parts: Iterable[str]) -> None:
    """Refuse a folder that lacks a part or holds what may not be there. Looks at names and JSON, at no tensors.

    A folder that was fetched must be what was fetched: a file is hashed again where its size or time has changed.
    Raises BackendError E_MODEL_MISSING, E_MODEL_UNSAFE, E_MODEL_CODE, E_MODEL_CORRUPT, E_MODEL_CHANGED, each naming the
    file.
    """
    for path in all_files(folder):
        _refuse_kind(path)
        if path.suffix == ".json" and path.name not in LISTS:
            _refuse_settings(path, read_json(path))
    if missing := [part for part in parts if not (folder / part).is_dir()]:
        why = f"{folder} has no {' and no '.join(f'{part}/' for part in missing)}."
        raise BackendError("E_MODEL_MISSING", why, AGAIN)
    _refuse_changed(folder)


def _refuse_changed(folder: Path) -> None:
    """A folder that was fetched must be as it was fetched; a file is hashed where its size or time is new."""
    from .hashes import sha256_of
    from .records import of_folder

    for name, entry in ((of_folder(folder) or {}).get("files") or {}).items():
        path = folder / name
        if not path.is_file():
            raise BackendError("E_MODEL_MISSING", f"{path} ({entry['size']:,} bytes) is missing.", AGAIN)
        if path.stat().st_size != entry["size"] or sha256_of(path) != entry["sha256"]:
            raise became(path, entry["size"])


def became(path: Path, size: int) -> BackendError:
    """What a file is that had `size` bytes when it was fetched and is another one now, in a plain sentence."""
    now = path.stat().st_size
    if path.suffix == ".safetensors" and (told := weights.disguise(path)):
        return BackendError(told.code, told.message, AGAIN)
    if now < size:
        return BackendError("E_MODEL_CORRUPT", f"{path} is cut short: {now:,} of {size:,} bytes.", AGAIN)
    return BackendError("E_MODEL_CHANGED", f"{path} is not the file that was fetched: its sha256 differs.", AGAIN)


def all_files(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Every file in it and below, sorted; what begins with a dot is some program's own and is never opened."""
    if depth > DEEPEST:
        raise BackendError("E_MODEL_UNSAFE", f"{folder} lies deeper than a model's files do.", AGAIN)
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.name.startswith("."):
            yield from all_files(entry, depth + 1)
        elif not entry.name.startswith("."):
            yield entry


def read_json(path: Path) -> dict[str, Any]:
    """An object from a file; BackendError E_MODEL_MISSING, E_MODEL_CORRUPT."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BackendError("E_MODEL_MISSING", f"{path} is missing.", AGAIN) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BackendError("E_MODEL_CORRUPT", f"{path} cannot be read: {error}.", AGAIN) from error
    if not isinstance(found, dict):
        raise BackendError("E_MODEL_CORRUPT", f"{path} holds no object.", AGAIN)
    return found


def is_model_file(name: str) -> bool:
    """Whether a model's folder may hold a file of this name: tensors, JSON, a tokenizer's words, words for people."""
    suffix = Path(name).suffix
    if suffix in CODE or suffix in weights.UNSAFE:
        return False
    is_known = suffix in (".safetensors", ".json", *FOR_PEOPLE) or name in TOKENIZER_TEXTS
    return is_known or name.startswith(("LICENSE", "LICENCE", "NOTICE"))


def _refuse_kind(path: Path) -> None:
    if is_model_file(path.name):
        return
    if path.suffix in CODE:
        raise BackendError("E_MODEL_CODE", f"{path} is code, and a model needs none.", "Take it out of the folder.")
    why = f"{path} is neither safetensors nor JSON; files of other kinds can run code and are not opened."
    raise BackendError("E_MODEL_UNSAFE", why, "Take it out, or convert weights to safetensors on a machine apart.")


def _refuse_settings(path: Path, settings: Mapping[str, Any]) -> None:
    """A setting that names code, at any depth; in model_index.json a part of a library that is not ours."""
    for name, value in settings.items():
        if name in CODE_SETTINGS and value not in (None, False):
            raise BackendError("E_MODEL_CODE", f"{path}: '{name}' would run code of the model's own.", AGAIN)
        if path.name == "model_index.json" and isinstance(value, list) and value[:1] and value[0] not in LIBRARIES:
            raise BackendError("E_MODEL_CODE", f"{path}: '{name}' is to be made by {str(value)[:80]}.", AGAIN)
        if isinstance(value, dict):
            _refuse_settings(path, value)


# Tensors -----------------------------------------------------------------------------------------


def weight_files(part: Path) -> list[Path]:
    """The safetensors of a part: one file, or all shards that its index names, each opened and found sound.

    Raises BackendError E_MODEL_MISSING, E_MODEL_UNSAFE, E_MODEL_CORRUPT, E_MODEL_KEYS (a file that belongs to none).
    """
    there = sorted(path for path in part.glob("*.safetensors") if not path.name.startswith("."))
    indices = sorted(part.glob("*.safetensors.index.json"))
    if len(indices) > 1 or (not indices and len(there) > 1):
        raise BackendError("E_MODEL_KEYS", f"{part} holds more than one set of weights.", "Leave one of them.")
    if not there and not indices:
        raise BackendError("E_MODEL_MISSING", f"{part} holds no safetensors.", AGAIN)
    keys = {path: _sound_keys(path) for path in there}
    if indices:
        _refuse_other_shards(indices[0], keys)
    return there


def read_tensors(part: Path) -> dict[str, Tensor]:
    """All tensors of a part by name, in the format they were saved in. Raises what `weight_files` does."""
    from safetensors.torch import load_file

    found: dict[str, Tensor] = {}
    with _held_still(part):
        for path in weight_files(part):
            found.update(load_file(path))
    return found


@contextmanager
def _held_still(part: Path) -> Iterator[None]:
    """What is being read must not be replaced meanwhile: BackendError E_MODEL_CHANGED."""
    before = _stamps(part)
    try:
        yield
    finally:
        if _stamps(part) != before:
            why = f"{part} was changed while it was read."
            raise BackendError("E_MODEL_CHANGED", why, "Let the installation end, then start again.")


def _stamps(part: Path) -> list[tuple[str, int, int]]:
    found = ((path.name, path.stat()) for path in sorted(part.glob("*.safetensors")))
    return [(name, facts.st_size, facts.st_mtime_ns) for name, facts in found]


def build(make: Callable[[], nn.Module], tensors: Mapping[str, Tensor], dtype: dtype, source: Path) -> Any:
    """A module made without memory of its own, then given these tensors: all of them, and nothing else.

    What its class keeps in float32 (`_keep_in_fp32_modules`) stays so; the rest becomes `dtype`.
    Raises BackendError E_MODEL_KEYS, E_MODEL_MISMATCH, E_NOT_FINITE.
    """
    import torch
    from accelerate import init_empty_weights

    with init_empty_weights(include_buffers=False):
        module = make()
    wanted = module.state_dict()
    refuse_other_keys(wanted.keys() - tensors.keys(), tensors.keys() - wanted.keys(), source)
    exact = tuple(getattr(module, "_keep_in_fp32_modules", None) or ())
    given: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            told = f"'{name}' is {tuple(tensor.shape)}, but its config describes {tuple(wanted[name].shape)}"
            raise BackendError("E_MODEL_MISMATCH", f"{source}: {told}.", AGAIN)
        is_exact = any(word in name.split(".") for word in exact)
        given[name] = _finite(name, tensor, source).to(torch.float32 if is_exact else dtype)
    module.load_state_dict(given, assign=True)
    return module.eval().requires_grad_(False)


def refuse_other_keys(missing: Iterable[str], extra: Iterable[str], source: Path) -> None:
    """BackendError E_MODEL_KEYS naming some, unless both are empty."""
    missing, extra = sorted(missing), sorted(extra)
    told = [f"{len(names)} {word}, such as '{names[0]}'" for names, word in ((missing, "missing"), (extra, "too many"))
            if names]  # fmt: skip
    if told:
        raise BackendError("E_MODEL_KEYS", f"{source} does not hold this network: {' and '.join(told)}.", AGAIN)


def _sound_keys(path: Path) -> set[str]:
    """The names in a safetensors file whose header and size agree; BackendError E_MODEL_UNSAFE, E_MODEL_CORRUPT."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return set(file.keys())
    except (SafetensorError, OSError, ValueError) as error:
        raise weights.disguise(path) or BackendError(
            "E_MODEL_CORRUPT", f"{path} is not a sound safetensors file: {error}.", AGAIN
        ) from error


def _refuse_other_shards(index: Path, keys: Mapping[Path, set[str]]) -> None:
    """The index and the shards must tell of the same tensors in the same files."""
    listed = read_json(index).get("weight_map")
    if not isinstance(listed, dict) or not all(isinstance(name, str) for name in listed.values()):
        raise BackendError("E_MODEL_CORRUPT", f"{index} lists no weights.", AGAIN)
    if strange := sorted(name for name in set(listed.values()) if Path(name).name != name):
        raise BackendError("E_MODEL_UNSAFE", f"{index} points out of its folder: {strange[0][:80]}.", AGAIN)
    there = {path.name for path in keys}
    if missing := sorted(set(listed.values()) - there):
        raise BackendError("E_MODEL_MISSING", f"{index.parent} lacks {', '.join(missing)}.", AGAIN)
    told, found = set(listed.items()), {(key, path.name) for path, names in keys.items() for key in names}
    refuse_other_keys((key for key, _ in told - found), (key for key, _ in found - told), index)


def _finite(name: str, tensor: Tensor, source: Path) -> Tensor:
    if not tensor.is_floating_point() or bool(tensor.isfinite().all()):
        return tensor
    raise BackendError("E_NOT_FINITE", f"{source}: '{name}' holds values that are not numbers.", AGAIN)


# Whole parts, as the libraries read them ---------------------------------------------------------


def load(kind: Any, part: Path, dtype: dtype) -> Any:
    """A network of the class `kind` (diffusers or transformers) from its folder, strictly.

    Raises what `weight_files` does, and E_MODEL_KEYS, E_MODEL_MISMATCH, E_NOT_FINITE.
    """
    import torch

    _refuse_other_class(kind, part)
    weight_files(part)
    named = {"dtype" if _is_transformers(kind) else "torch_dtype": dtype}
    try:
        with _held_still(part):
            module, told = kind.from_pretrained(
                part, local_files_only=True, use_safetensors=True, output_loading_info=True, **named
            )
    except torch.OutOfMemoryError:
        raise
    except (ValueError, RuntimeError, TypeError, KeyError, OSError) as error:  # sound files: it is the config
        why = f"{part}: the weights do not fit config.json: {str(error)[:300]}"
        raise BackendError("E_MODEL_MISMATCH", why, AGAIN) from error
    refuse_other_keys(told["missing_keys"], told["unexpected_keys"], part)
    if odd := list(told["mismatched_keys"]):
        raise BackendError("E_MODEL_MISMATCH", f"{part}: {str(odd[0])[:200]} does not fit config.json.", AGAIN)
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        _finite(name, tensor, part)
    return module.eval().requires_grad_(False)


def tokenizer(part: Path) -> Any:
    """The tokenizer of a folder, by transformers; BackendError E_MODEL_MISSING, E_MODEL_CORRUPT."""
    from transformers import AutoTokenizer

    if not (part / "tokenizer.json").is_file():
        hint = "Take the folder that holds tokenizer.json: the fast form of the same tokenizer."
        raise BackendError("E_MODEL_MISSING", f"{part / 'tokenizer.json'} is missing.", hint)
    try:
        return AutoTokenizer.from_pretrained(part, local_files_only=True)
    except (ValueError, OSError, KeyError, TypeError, RuntimeError) as error:
        raise BackendError("E_MODEL_CORRUPT", f"{part} is no sound tokenizer: {str(error)[:200]}.", AGAIN) from error


def configured(kind: Any, part: Path) -> Any:
    """A scheduler or image processor of the class `kind` from its JSON; BackendError E_MODEL_MISSING, ..._MISMATCH."""
    name = str(getattr(kind, "config_name", "preprocessor_config.json"))
    read_json(part / name)
    try:
        return kind.from_pretrained(part, local_files_only=True)
    except (ValueError, OSError, KeyError, TypeError) as error:
        raise BackendError("E_MODEL_MISMATCH", f"{part / name} does not fit: {str(error)[:200]}.", AGAIN) from error


def files(folder: Path, parts: Iterable[str]) -> list[dict[str, Any]]:
    """What a manifest says of the weights: each safetensors file's place in the folder, bytes and sha256."""
    from .hashes import sha256_of

    found = [path for part in parts for path in sorted((folder / part).glob("*.safetensors"))]
    return [
        {"file": path.relative_to(folder).as_posix(), "size": path.stat().st_size, "sha256": sha256_of(path)}
        for path in found
    ]


def _is_transformers(kind: Any) -> bool:
    return str(kind.__module__).startswith("transformers.")


def _refuse_other_class(kind: Any, part: Path) -> None:
    """config.json must be of this class; transformers tells of an architecture, diffusers of the class itself."""
    config = read_json(part / "config.json")
    named = config.get("architectures", []) if _is_transformers(kind) else [config.get("_class_name")]
    is_kin = _is_transformers(kind) and config.get("model_type") == kind.config_class.model_type
    if kind.__name__ not in named and not is_kin:
        why = f"{part / 'config.json'} is of {', '.join(map(str, named)) or 'nothing known'}, not {kind.__name__}."
        raise BackendError("E_MODEL_MISMATCH", why, "Name the folder of the right model.")
