"""`platewright models`: which models there are, under which terms, and the fetching and keeping of their weights.

What is heavy, and what goes to a network, is imported by the verb that needs it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import narration
from .errors import RequestError

if TYPE_CHECKING:
    from .models.locks import Lock
    from .models.pulling import Terms

Answer = dict[str, Any]
ANSWERS = ("y", "yes")


# What people type --------------------------------------------------------------------------------


def declare(command: argparse.ArgumentParser) -> None:
    """`models` alone lists; behind it stands what to do with one."""
    verbs = command.add_subparsers(metavar="VERB")
    for name, summary, run, say_it, options in _VERBS:
        verb = verbs.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        verb.add_argument("model", metavar="NAME")
        options(verb)
        verb.add_argument("--json", action="store_true", help="answer with one JSON object on stdout")
        verb.set_defaults(run=run, say=say_it)


def _pull_options(verb: argparse.ArgumentParser) -> None:
    given = "a model's folder, an offline cache of huggingface_hub, or the address of a mirror (default: where it is "
    verb.add_argument("--from", dest="given", metavar="DIR|URL", help=f"{given}published)")
    accept = "agree to the model's terms; without it a person is asked, once"
    verb.add_argument("--accept-licence", action="store_true", help=accept)
    place = "folder that holds models, one of $PLATEWRIGHT_MODELS, or they are not found again (default: the cache)"
    verb.add_argument("--to", metavar="DIR", help=place)


def _remove_options(verb: argparse.ArgumentParser) -> None:
    again = "forget its recorded hashes and the terms agreed to, too: the next pull is a first one"
    verb.add_argument("--forget", action="store_true", help=again)


def _no_options(verb: argparse.ArgumentParser) -> None:
    del verb


# What is done ------------------------------------------------------------------------------------


def listed(options: argparse.Namespace) -> Answer:
    """`models` are those that make plates, `stills` those that draw a first picture for them."""
    from . import models as backends

    del options
    told = {"models": backends.cards(), "stills": backends.still_cards()}
    return {kind: [asdict(card) for card in cards] for kind, cards in told.items()}


def show(options: argparse.Namespace) -> Answer:
    from . import models as backends
    from .models import locks, records

    lock = locks.lock(options.model)
    cards = {card.name: card for card in (*backends.cards(), *backends.still_cards())}
    answer: Answer = asdict(cards[lock.name]) if lock.name in cards else {"name": lock.name, "title": lock.name}
    answer |= {"terms": lock.terms, "terms_from": lock.terms_from, "territory": lock.territory, "notes": lock.notes}
    answer["sources"] = [
        {"repository": source.repository, "revision": source.revision, "host": source.host, "take": list(source.take)}
        for source in lock.sources
    ]
    record = records.remembered(lock.name)
    return {**answer, "also": list(lock.also), **{name: record.get(name) for name in ("files", "accepted")}}


def pull(options: argparse.Namespace) -> Answer:
    from .models import checkpoint, locks

    lock = locks.lock(options.model)
    home = Path(options.to).expanduser().resolve() if options.to else checkpoint.places()[-1]
    consent = _agree if options.accept_licence else _ask
    done = [_pulled(lock, options.given, home, consent)]
    done += [_pulled(locks.lock(name), _beside(options.given, lock.name, name), home, consent) for name in lock.also]
    size = sum(entry["size"] for record in done for entry in record["files"].values())
    is_found = home in [place.expanduser().resolve() for place in checkpoint.places()]
    return {"name": lock.name, "bytes": size, "models": done, "is_found": is_found}


def _pulled(lock: Lock, given: str | None, home: Path, consent: Callable[[Terms], bool]) -> Answer:
    from .models import pulling, shelves

    return pulling.pull(lock, lambda: shelves.shelf(given, lock), home, consent, narration.Narrator())


def _beside(given: str | None, name: str, other: str) -> str | None:
    """Where a part that is fetched with a model lies: the folder beside the one given, where that bears the name."""
    folder = Path(given or "")
    return str(folder.with_name(other)) if given and folder.name == name and folder.is_dir() else given


def verify(options: argparse.Namespace) -> Answer:
    from .models import locks, upkeep

    lock = locks.lock(options.model)
    names = [lock.name, *lock.also] if lock.sources else []
    return {"name": lock.name, "models": [upkeep.verify(name, narration.Narrator()) for name in names]}


def remove(options: argparse.Namespace) -> Answer:
    from .models import locks, upkeep

    lock = locks.lock(options.model)
    gone = [upkeep.remove(name, options.forget, narration.Narrator()) for name in (lock.name, *lock.also)]
    return {"name": lock.name, "models": gone}


def _agree(terms: Terms) -> bool:
    _tell(terms)
    return True


def _ask(terms: Terms) -> bool:
    """A person's answer. RequestError E_LICENCE where there is nobody to ask."""
    _tell(terms)
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        hint = "Read them above; --accept-licence says yes to them."
        raise RequestError("E_LICENCE", f"The terms of {terms.name} are not accepted, and nobody can be asked.", hint)
    sys.stderr.write("Do you agree? [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ANSWERS


def _tell(terms: Terms) -> None:
    rows = [f"The terms of {terms.name}: {terms.words}"]
    rows += [f"  not to be used in: {terms.territory}"] if terms.territory else []
    rows += [f"  the text: {text}" for text in terms.texts]
    sys.stderr.write("\n".join([*rows, ""]))


# What people read --------------------------------------------------------------------------------

HELD = {"both": "the frames on both sides of it", "start": "the frame before it alone"}


def say_listed(answer: Answer) -> str:
    return "\n".join(row for kind in ("models", "stills") for card in answer[kind] for row in _rows(card))


def _rows(card: Answer) -> list[str]:
    """A model in three or four lines."""
    size = "size not known before it is asked for" if card["disk_gb"] is None else f"{card['disk_gb']:g} GB on disk"
    territory = f", not in {card['territory']}" if card["territory"] else ""
    sources = [name for name in card["sources"] if name]
    pinned = card["revision"][:40] or "recorded at first use"
    return [
        f"{card['name']:20} {card['kind']:7} commercial use: {card['commercial']}{territory}; {card['licence']}",
        f"{'':20} {card['summary']}",
        *([f"{'':20} a part made anew (--from) is held by {HELD[card['anchors']]}"] if card["anchors"] in HELD else []),
        f"{'':20} {card['terms']}",
        f"{'':20} {size}, {_memory(card)}" + (f"; {', '.join(sources)}" if sources else ""),
        *([f"{'':20} revision: {pinned}"] if sources else []),
        f"{'':20} {'ready' if card['available'] else card['reason']}",
    ]


def _memory(card: Answer) -> str:
    at_once = f", {card['full_gb']:g} to have all of it there at once" if card["full_gb"] else ""
    return f"{card['memory_gb']:g} GB of the device's memory{at_once}"


def say_show(answer: Answer) -> str:
    rows = [f"{answer['name']}: {answer['terms']}", f"  known from: {answer['terms_from']}"]
    rows += [f"  not to be used in: {answer['territory']}"] if answer["territory"] else []
    for source in answer["sources"]:
        at = source["revision"] or "a commit recorded at first use"
        rows.append(f"  {source['host']}/{source['repository']} at {at}: {', '.join(source['take'])}")
    rows += [f"  fetched with it: {', '.join(answer['also'])}"] if answer["also"] else []
    rows += [f"  {answer['notes']}"] if answer["notes"] else []
    if accepted := answer["accepted"]:
        rows.append(f"  terms accepted by {accepted['who']}, {accepted['when']}")
    for name, entry in (answer["files"] or {}).items():
        rows.append(f"  {entry['sha256']} {entry['size']:>14,} {name}")
    return "\n".join(rows)


def say_pull(answer: Answer) -> str:
    told = {True: "fetched", False: "was there, and whole"}
    rows = [f"{model['folder']} ({told[model['is_new']]})" for model in answer["models"]]
    rows.append(f"  {answer['bytes'] / 1e9:.2f} GB, every file's sha256 checked")
    if not answer["is_found"]:
        rows.append("  Put this folder into PLATEWRIGHT_MODELS, or name the model's own folder with --model.")
    return "\n".join(rows)


def say_verify(answer: Answer) -> str:
    rows = [f"{model['folder']}: {model['files']} files, all as they were fetched" for model in answer["models"]]
    return "\n".join(rows or [f"{answer['name']} comes with Platewright: `platewright doctor` looks at it."])


def say_remove(answer: Answer) -> str:
    gone = [folder for model in answer["models"] for folder in model["removed"]]
    return "\n".join(f"removed {folder}" for folder in gone) or f"{answer['name']} was not there."


_VERBS: list[tuple[str, str, Callable[..., Answer], Callable[[Answer], str], Callable[..., None]]] = [
    ("show", "Say all that is known of a model's weights.", show, say_show, _no_options),
    ("pull", "Fetch a model's weights; safe to repeat.", pull, say_pull, _pull_options),
    ("verify", "Hash a fetched model's files again.", verify, say_verify, _no_options),
    ("remove", "Take a fetched model away.", remove, say_remove, _remove_options),
]
