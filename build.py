#!/usr/bin/env python3
"""Everything that is done to this project, from one place: `python build.py COMMAND`.

    env         make the two environments, `.venv` and `.venv-bpy`; nothing to do means nothing done
"""

from __future__ import annotations

import argparse
import sys
import time

from tools import environments
from tools.environments import Unavailable


def env(args: argparse.Namespace) -> int:
    """Make `.venv` (the core) and `.venv-bpy` (Blender 5.0 as a module)."""
    started = time.monotonic()
    wanted = (environments.core(), environments.blender("5.0"))
    made = [one.name for one in wanted if environments.ensure(one, args.cpu)]
    if made:
        print(f"environments ready: {' and '.join(made)} made in {time.monotonic() - started:.0f} s")
    else:
        print("environments ready: nothing to do")
    return 0


COMMANDS = {"env": env}


def parser() -> argparse.ArgumentParser:
    """The command line: one word, and what that word takes."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, function in COMMANDS.items():
        command = commands.add_parser(name, help=function.__doc__)
        command.add_argument("--cpu", action="store_true", help="torch for the CPU, whatever this machine has")
    return top


def main(argv: list[str] | None = None) -> int:
    """Run one command; 0 when all is well."""
    if sys.version_info < (3, 11):
        print("build.py needs Python 3.11 or newer")
        return 2
    args = parser().parse_args(argv)
    try:
        return COMMANDS[args.command](args)
    except Unavailable as reason:
        print(f"cannot {args.command}: {reason}")
        return 1


if __name__ == "__main__":
    raise SystemExit(main())
