"""What `build.py check` judges: lint, types, import contracts, our own rules, and the tests that take no time."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from . import environments, scan
from .environments import ROOT

Check = Callable[[Path], tuple[bool, str]]         # root -> (is it well, what there is to say)


def lint(root: Path) -> tuple[bool, str]:
    """ruff, as pyproject.toml tells it."""
    return tool(root, "ruff", "check", "--quiet", "--output-format", "concise", ".")


def types(root: Path) -> tuple[bool, str]:
    """basedpyright: strict for the doors, standard for the rest."""
    return tool(root, "basedpyright", "--pythonpath", str(environments.core().python))


def imports(root: Path) -> tuple[bool, str]:
    """import-linter's contracts: the layers, and who may know whom."""
    return tool(root, "lint-imports", "--no-cache", "--no-logo")


def rules(root: Path) -> tuple[bool, str]:
    """Our own scan."""
    complaints = scan.scan(root)
    return not complaints, "\n".join(complaints)


def fast_tests(root: Path) -> tuple[bool, str]:
    """The core's tests, without those marked slow."""
    return tool(root, "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not slow", "tests/core")


CHECKS: dict[str, Check] = {
    "lint": lint,
    "types": types,
    "imports": imports,
    "rules": rules,
    "fast tests": fast_tests,
}


def tool(root: Path, program: str, *arguments: str) -> tuple[bool, str]:
    """Run a program of the core's environment in `root`, the sources of `root` first on its path."""
    command = [str(environments.executable(environments.core().folder, program)), *arguments]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root / "core"), str(root)])}
    done = subprocess.run(
        command, cwd=root, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode == 0, done.stdout.strip()


def run_all(root: Path = ROOT) -> bool:
    """Run every check, tell each result, and show what the failed ones said; True if all is well."""
    results = [told(name, check, root) for name, check in CHECKS.items()]
    return all(results)


def told(name: str, check: Check, root: Path) -> bool:
    """One check, with its line and, if it failed, its words."""
    started = time.monotonic()
    is_well, words = check(root)
    result = "ok" if is_well else "FAILED"
    print(f"  {name:12} {result:8} {time.monotonic() - started:6.1f} s", flush=True)
    if not is_well:
        print(words, flush=True)
    return is_well
