"""What is read from the disk once, away from the interface: what this person's panel remembers, and what was left."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from .runtime import own_folder

if TYPE_CHECKING:                                  # not at every start of Blender
    from .job_memory import Memory
    from .job_record import Left


@dataclass(slots=True)
class Past:
    """Of the sessions before this one."""

    folder: Path | None = None                     # of the records; None: nobody has asked for it
    memory: Memory | None = None                   # None: not read yet
    left: list[Left] = field(default_factory=list)
    reader: Thread | None = None

    def start(self, folder: Path) -> None:
        """Look in a thread that touches nothing of Blender."""
        self.folder = folder
        self.reader = Thread(target=self._look, name="platewright-past", daemon=True)
        self.reader.start()

    def wait(self) -> None:
        """Until it has looked."""
        if self.reader:
            self.reader.join()

    @property
    def is_running(self) -> bool:
        return self.reader is not None and self.reader.is_alive()

    def remembered(self) -> Memory:
        """Read now if nobody has looked yet: somebody was quicker than the start."""
        from . import job_memory

        self.wait()
        if self.memory is None:
            self.memory = job_memory.load(self.place())
        return self.memory

    def place(self) -> Path:
        """Where this extension may write."""
        if self.folder is None:
            self.folder = own_folder()
        return self.folder

    def save(self) -> None:
        """What is remembered now."""
        from . import job_memory

        job_memory.save(self.remembered(), self.place())

    def settle(self, job: str) -> None:
        """There is nothing to do any more about this job of another session."""
        from . import job_record

        for left in [each for each in self.left if each.id == job]:
            job_record.settle(left.folder)
            self.left.remove(left)

    def _look(self) -> None:
        from . import job_memory

        assert self.folder is not None
        memory = job_memory.load(self.folder)
        if self.memory is None:
            self.memory = memory
        if any(self.folder.glob("*/origin.json")):
            from . import job_record  # and with it the core's client

            self.left = job_record.left_in(self.folder)
