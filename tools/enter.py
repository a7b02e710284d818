"""Run a command in the folder of another system: `unshare --mount PYTHON enter.py FOLDER SHARED... -- COMMAND...`.

SHARED files and folders of this machine are seen there under the same paths, and the first one is where the command
starts. What is mounted goes with the last process of the mount namespace, so there is nothing to unmount.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SYSTEM = ("/proc", "/dev", "/sys")


def show(source: str, folder: Path, how: str) -> None:
    """Have `source` of this machine seen in the system at `folder`."""
    target = folder / source.lstrip("/")
    if Path(source).is_dir():
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    subprocess.run(["mount", how, source, os.fspath(target)], check=True)


def main(words: list[str]) -> None:
    """Become the command; does not return."""
    end = words.index("--")
    folder, shared, command = Path(words[0]), words[1:end], words[end + 1 :]
    for source in SYSTEM:
        show(source, folder, "--rbind")
    for source in shared:
        show(source, folder, "--bind")
    os.chroot(folder)
    os.chdir(shared[0] if shared else "/")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
