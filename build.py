#!/usr/bin/env python3
"""Everything that is done to this project, from one place: `python build.py COMMAND`.

    env         make the environments `.venv` (the core) and `.venv-bpy` (Blender 5.0 as a Python module)
    demo        a scene, its camera, its plate, composed frames: all in out/demo/
    test        the suite in all its lanes
    check       lint, types, import contracts, our own rules, fast tests
    extension   dist/platewright-VERSION.zip for Blender, and dist/repository/ that Blender can subscribe to
    bundle      an offline runtime: a folder of wheels for machines without a network
    locks       resolve the packages of the runtime anew, for every kind of machine
    gui         the windowed tests, in a real Blender

Each sets up what it needs first, and sets up nothing that is already there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence

if sys.version_info < (3, 11):
    raise SystemExit("build.py needs Python 3.11 or newer: try `python3.11 build.py`")

from tools import bundle, checks, debian, demo, environments, extension, lanes, locks, release, windowed
from tools.environments import ROOT, SetupFailed, Unavailable


def env(options: argparse.Namespace) -> int:
    """Make the environments `.venv` and `.venv-bpy`."""
    started = time.monotonic()
    wanted = (environments.core(), environments.blender("5.0"))
    made = [one.name for one in wanted if environments.ensure(one, options.cpu)]
    seconds = time.monotonic() - started
    tell(f"environments: {' and '.join(made)} made in {seconds:.0f} s" if made else "environments: nothing to do")
    return 0


def run_demo(options: argparse.Namespace) -> int:
    """Make a scene, its plate and composed frames in out/demo/."""
    env(options)
    return demo.run(ROOT / "out/demo")


def test(options: argparse.Namespace) -> int:
    """Run the suite in all its lanes; the last line is the sum."""
    env(options)
    known = lanes.lanes()
    chosen = [lane for lane in known if not options.lane or lane.name in options.lane]
    outcomes = lanes.run_all(chosen, options.k, tell)
    print(lanes.table(outcomes), flush=True)
    return 1 if any(one.failed for one in outcomes) else 0


def check(options: argparse.Namespace) -> int:
    """Lint, types, import contracts, our own rules, fast tests."""
    env(options)
    return 0 if checks.run_all() else 1


def build_extension(options: argparse.Namespace) -> int:
    """Build dist/platewright-VERSION.zip and dist/repository/."""
    env(options)
    version = extension.version_now()
    release.notes(ROOT / "CHANGELOG.md", version)
    made = extension.build(environments.core(), version, ROOT / "dist")
    index = release.repository(made, ROOT / "dist/repository", environments.blender("5.0"))
    print(f"{made.relative_to(ROOT)}  {made.stat().st_size / 1e6:.1f} MB")
    print(f"{index.relative_to(ROOT)}  serve its folder; Blender takes the index's address as a repository")
    print(f"For the worker install the runtime in its preferences, or name a Python, here {environments.core().python}")
    return 0


def build_bundle(options: argparse.Namespace) -> int:
    """Make an offline runtime: a folder of wheels in dist/."""
    made = bundle.build(options.variant, options.python_version, ROOT / "dist", tell)
    print(f"{made.relative_to(ROOT)}  name this folder as Bundle in the preferences")
    return 0


def resolve_locks(_options: argparse.Namespace) -> int:
    """Resolve the packages of the runtime anew."""
    for made in locks.write_all():
        tell(str(made.relative_to(ROOT)))
    return 0


def gui(options: argparse.Namespace) -> int:
    """Run the windowed tests in a Blender with its window."""
    env(options)
    return windowed.run(options.blender, options.suite)


def tell(line: str) -> None:
    print(line, flush=True)


Command = Callable[[argparse.Namespace], int]
COMMANDS: dict[str, Command] = {
    "env": env,
    "demo": run_demo,
    "test": test,
    "check": check,
    "extension": build_extension,
    "bundle": build_bundle,
    "locks": resolve_locks,
    "gui": gui,
}


def parser() -> argparse.ArgumentParser:
    """The command line: one word, and what that word takes."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    made = {name: commands.add_parser(name, help=run.__doc__) for name, run in COMMANDS.items()}
    for command in made.values():
        command.add_argument("--cpu", action="store_true", help="torch for the CPU, whatever this machine has")
    names = [lane.name for lane in lanes.lanes()]
    made["test"].add_argument("--lane", action="append", choices=names, help="only this lane; may be given again")
    made["test"].add_argument("-k", metavar="EXPR", help="only tests whose names match, as pytest's -k")
    made["bundle"].add_argument("--variant", choices=bundle.variants(), help="which machine (default: this one)")
    made["bundle"].add_argument("--python-version", default="", help="such as 3.13 (default: the oldest there is)")
    where = made["gui"].add_mutually_exclusive_group()
    where.add_argument("--blender", help="the Blender to test in (default: the one on PATH, else Debian's)")
    where.add_argument("--suite", choices=debian.SUITES, help="in the Blender of this Debian, made in .lanes (as root)")
    return top


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; 0 when all is well."""
    options = parser().parse_args(words)
    try:
        return COMMANDS[options.command](options)
    except (Unavailable, SetupFailed) as reason:
        print(f"cannot {options.command}: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
