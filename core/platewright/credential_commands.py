"""`platewright sign`, `credentials` and `verify`: who says where a plate comes from, and whether it is so.

What is heavy is imported by the verb that needs it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RequestError

if TYPE_CHECKING:
    from .credentials import Credentials

Answer = dict[str, Any]
PROMPTS = ("hash", "text")
TOLD = ("key", "chain", "signer", "certificate_sha256", "valid_until", "is_self_made", "prompt")
LABEL = "valid, not trusted: nobody but you vouches for who holds this key"


# Verify ------------------------------------------------------------------------------------------


def declare_verify(command: argparse.ArgumentParser) -> None:
    command.add_argument("plate", metavar="PLATE")
    trusted = "certificates, PEM, whose signatures count as trusted (default: none)"
    command.add_argument("--anchors", metavar="FILE", help=trusted)


def verify(options: argparse.Namespace) -> Answer:
    from . import account

    return account.give(Path(options.plate), _anchors(options.anchors))


def _anchors(file: str | None) -> str:
    if file is None:
        return ""
    try:
        return Path(file).read_text("ascii")
    except (OSError, ValueError) as error:
        hint = "Give a file of certificates in PEM form."
        raise RequestError("E_FILE_MISSING", f"{file} cannot be read: {error}.", hint) from None


def say_words(answer: Answer) -> str:
    return "\n".join(answer["words"])


# Sign --------------------------------------------------------------------------------------------


def declare_sign(command: argparse.ArgumentParser) -> None:
    command.add_argument("plate", metavar="PLATE", help="a finished plate")
    key = "a private key, PEM, readable by you alone (default: what `platewright credentials` has chosen)"
    command.add_argument("--key", metavar="KEY.pem", help=key)
    command.add_argument("--chain", metavar="CHAIN.pem", help="its certificate, then whoever signed it")
    _prompt_option(command, None)


def _prompt_option(command: argparse.ArgumentParser, default: str | None) -> None:
    told = "what the claim tells of the prompt: its hash, or the text as well"
    command.add_argument("--prompt", choices=PROMPTS, default=default, help=f"{told} (default: hash)")


def sign(options: argparse.Namespace) -> Answer:
    from dataclasses import replace

    from . import credentials
    from .credentials import Credentials, keys

    if (options.key is None) != (options.chain is None):
        raise RequestError("E_USAGE", "A key and its chain go together.", "Give --key and --chain, or neither.")
    if options.key:
        chosen = Credentials(Path(options.key).expanduser().resolve(), Path(options.chain).expanduser().resolve())
    else:
        chosen = keys.needed()
    chosen = replace(chosen, prompts=options.prompt) if options.prompt else chosen
    folder = Path(options.plate).resolve()
    if not folder.is_dir():
        raise RequestError("E_FILE_MISSING", f"{folder} is not there.", "Give the folder of a plate: name_v001.")
    return {"plate": str(folder), **credentials.sign(folder, chosen)}


def say_sign(answer: Answer) -> str:
    frames = [file for file in answer["files"] if file.endswith(".png")]
    others = [file for file in answer["files"] if file not in frames]
    files = ", ".join([*others, *([f"{len(frames)} frames"] if frames else [])])
    return "\n".join([answer["plate"], f"  signed by {answer['signer']}: {files}", f"  {_label(answer)}"])


def _label(answer: Answer) -> str:
    return LABEL if answer["is_self_made"] else f"the certificate is valid until {answer['valid_until']}"


# Credentials -------------------------------------------------------------------------------------


def declare(command: argparse.ArgumentParser) -> None:
    """`credentials` alone tells which key signs; behind it stands what to do."""
    verbs = command.add_subparsers(metavar="VERB")
    for name, summary, run, options in _VERBS:
        verb = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        options(verb)
        verb.add_argument("--json", action="store_true", help="answer with one JSON object on stdout")
        verb.set_defaults(run=run, say=say)


def _new_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--name", required=True, help="whom the certificate names; it travels with every plate")
    _prompt_option(verb, "hash")


def _use_options(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("key", metavar="KEY.pem", help="the private key; it stays where it is")
    verb.add_argument("chain", metavar="CHAIN.pem", help="its certificate, then whoever signed it")
    _prompt_option(verb, "hash")


def shown(options: argparse.Namespace) -> Answer:
    from .credentials import keys

    del options
    found = keys.chosen()
    return _told(found) if found else dict.fromkeys(TOLD)


def new_key(options: argparse.Namespace) -> Answer:
    from .credentials import keys

    return _told(keys.new_key(options.name, options.prompt))


def use(options: argparse.Namespace) -> Answer:
    from .credentials import keys

    return _told(keys.use(Path(options.key), Path(options.chain), options.prompt))


def _told(found: Credentials) -> Answer:
    """Where the key lies and whom it names; never the key."""
    from .credentials import keys

    facts = keys.opened(found).certificate_told()
    places = {"key": str(found.key), "chain": str(found.chain)}
    return {**places, **facts, "is_self_made": found.is_self_made, "prompt": found.prompts}


def say(answer: Answer) -> str:
    if answer["key"] is None:
        return "No key: plates are not signed. Make one with `platewright credentials new-key --name NAME`."
    rows = [f"{answer['key']}: plates are signed by {answer['signer']}", f"  {_label(answer)}"]
    rows.append(f"  its certificate {answer['chain']} is valid until {answer['valid_until']}")
    return "\n".join([*rows, f"  of a prompt a claim tells its {answer['prompt']}"])


_VERBS: list[tuple[str, str, Callable[..., Answer], Callable[..., None]]] = [
    ("new-key", "Make a key and its certificate on this machine, and sign with it.", new_key, _new_options),
    ("use", "Sign with a key that is there.", use, _use_options),
]
