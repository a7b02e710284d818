"""The two threads that speak with one worker, so that nobody else ever waits for it.

Writer  takes lines from a queue. It blocks SIGPIPE for itself: Blender leaves that signal deadly, and a write to a dead
        worker would take Blender down with it. So it is a BrokenPipeError, and the process's signals stay as they were.
Reader  turns bytes into messages. Progress that nobody has taken yet is replaced by later progress; beats are counted,
        not kept; and when far too much waits it stops reading, so a flood fills the pipe and not the memory.

Both are daemons: Blender can end while they wait.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from ..protocol import Event, Progress
from .child import Child
from .lines import BadLineError, Beat, Lines, Order, decode, encode

READ_BYTES: Final = 1 << 16
WAITING_MAX: Final = 10_000                        # events
JUNK_MAX: Final = 100                              # bad lines a minute that are an accident
JUNK_SECONDS: Final = 60.0


class Link:
    """The conversation with one child, from its start to its end."""

    def __init__(self, child: Child, clock: Callable[[], float]) -> None:
        self.heard = 0                             # lines understood so far; whoever watches it knows the worker lives
        self.bad = 0                               # lines dropped
        self.unknown = 0                           # messages of a newer version
        self._child = child
        self._clock = clock
        self._orders: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._events: deque[Event] = deque()
        self._lock = threading.Lock()
        self._junk: deque[float] = deque(maxlen=JUNK_MAX + 1)
        self._reader = threading.Thread(target=self._read, name="platewright-reader", daemon=True)
        self._writer = threading.Thread(target=self._write, name="platewright-writer", daemon=True)
        self._reader.start()
        self._writer.start()

    def send(self, order: Order) -> None:
        """Queue an order; it may never arrive."""
        self._orders.put(encode(order))

    def take(self) -> Event | None:
        """The oldest event that waits, or None."""
        with self._lock:
            return self._events.popleft() if self._events else None

    @property
    def is_silent_for_good(self) -> bool:
        """True once the worker's output has ended and everything it said was taken."""
        return not self._reader.is_alive() and not self._events

    @property
    def is_babbling(self) -> bool:
        """True if more bad lines came within a minute than an accident explains."""
        return len(self._junk) > JUNK_MAX and self._clock() - self._junk[0] < JUNK_SECONDS

    def close(self) -> None:
        """Let the writer close the worker's stdin after what is queued; that ends a worker which still reads."""
        self._orders.put(None)

    def join(self, seconds: float) -> None:
        """Wait for both threads, each for at most `seconds`."""
        self._writer.join(seconds)
        self._reader.join(seconds)

    def _write(self) -> None:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPIPE})
        with self._child.stdin as stdin:
            while (line := self._orders.get()) is not None:
                try:
                    _write_all(stdin.fileno(), line)
                except OSError:                    # the worker is gone; the reader finds out and says so
                    return

    def _read(self) -> None:
        lines = Lines()
        with self._child.stdout as stdout:
            while chunk := os.read(stdout.fileno(), READ_BYTES):
                dropped = lines.dropped
                for line in lines.feed(chunk):
                    self._hear(line)
                self._count_bad(lines.dropped - dropped)
        self._count_bad(int(lines.unfinished))

    def _hear(self, line: bytes) -> None:
        try:
            message = decode(line)
        except BadLineError:
            self._count_bad(1)
            return
        self.heard += 1
        if message is None:
            self.unknown += 1
        elif isinstance(message, Order):
            self._count_bad(1)
        elif not isinstance(message, Beat):
            self._keep(message)

    def _keep(self, event: Event) -> None:
        while len(self._events) >= WAITING_MAX:
            time.sleep(0.05)
        with self._lock:
            if self._events and _supersedes(event, self._events[-1]):
                self._events.pop()
            self._events.append(event)

    def _count_bad(self, count: int) -> None:
        self.bad += count
        self._junk.extend([self._clock()] * count)


def _supersedes(new: Event, old: Event) -> bool:
    return isinstance(new, Progress) and isinstance(old, Progress) and (new.job, new.stage) == (old.job, old.stage)


def _write_all(descriptor: int, line: bytes) -> None:
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
