"""However the host ends, the worker is gone within two seconds; however the worker ends, the host lives on.

The hosts are real Blenders (`bpy` as a module) where this machine has them, and a plain Python always.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from .rig import CORE, eventually, lives

ROOT = CORE.parent
LIVES_ON_SECONDS = 2.0                             # of a worker that nothing ends

HOST = """
import signal, sys
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/core"]
if "BPY" in sys.argv:
    import bpy
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)      # as Blender itself leaves it, unlike Python
from pathlib import Path
from tests.faults.rig import fake, job, real, pump_until
from platewright.protocol import Hello
folder, engine, then = Path(sys.argv[2]), sys.argv[3], sys.argv[4]
worker = real(folder, engine)
handle = worker.submit(job(folder), folder / "job")
pids = []
while not handle.stage == "sampling":
    pids += [event.pid for event in worker.poll() if isinstance(event, Hello)]
print(*pids, flush=True)
exec(then)
"""

SLEEPING = "emit(Stage(job.id, 'sampling'))\nimport time; time.sleep(600)"
HOLDING_THE_GIL = "import ctypes\nemit(Stage(job.id, 'sampling'))\nctypes.PyDLL(None).sleep(600)"
PUMP = "worker.wait(handle.id)"
HANG = "import time; time.sleep(600)"


def blenders() -> list[str]:
    """Every Python with bpy that the environments of this checkout offer."""
    found = [ROOT / ".venv-bpy/bin/python", *sorted(ROOT.glob(".lanes/bpy-*/bin/python"))]
    return [str(path) for path in found if path.exists()]


HOSTS = [sys.executable, *blenders()[:1]]


def names(python: str) -> str:
    return Path(python).parent.parent.name


def start_host(python: str, folder: Path, engine: str, then: str) -> tuple[subprocess.Popen[str], int]:
    """A host whose worker is in the middle of a job, and the worker's pid."""
    words = ["-c", HOST, str(ROOT), str(folder), engine, then, *(["BPY"] if python in blenders() else [])]
    host = subprocess.Popen([python, *words], stdout=subprocess.PIPE, text=True)
    assert host.stdout is not None
    return host, int(host.stdout.readline())


@pytest.mark.parametrize("python", HOSTS, ids=names)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM], ids=lambda end: end.name)
def test_the_worker_ends_with_its_host(tmp_path: Path, python: str, end: signal.Signals) -> None:
    host, worker = start_host(python, tmp_path, SLEEPING, PUMP)
    with host:
        assert lives(worker)
        host.send_signal(end)
        assert eventually(lambda: not lives(worker))


@pytest.mark.parametrize("python", HOSTS, ids=names)
def test_also_while_a_library_holds_the_interpreter(tmp_path: Path, python: str) -> None:
    """No thread of the worker runs then: only the signal that the system sends at the parent's death arrives."""
    host, worker = start_host(python, tmp_path, HOLDING_THE_GIL, PUMP)
    with host:
        host.kill()
        assert eventually(lambda: not lives(worker))


def test_also_while_the_host_hangs(tmp_path: Path) -> None:
    host, worker = start_host(sys.executable, tmp_path, SLEEPING, HANG)
    with host:
        host.kill()
        assert eventually(lambda: not lives(worker))


ENDS = ["sys.exit(0)", "raise RuntimeError", "import os; os._exit(5)", "import os; os.abort()"]


@pytest.mark.parametrize("end", ENDS)
def test_also_when_the_host_ends_itself_without_closing(tmp_path: Path, end: str) -> None:
    host, worker = start_host(sys.executable, tmp_path, SLEEPING, end)
    with host:
        assert eventually(lambda: not lives(worker))


COMMAND_HOST = """
import subprocess, sys
from pathlib import Path
core = Path(sys.argv[1])
sys.path.insert(0, str(core))
from platewright.client import command_line
command, environment = command_line(Path(sys.executable), core, {}, ["doctor"])
print(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE).pid, flush=True)
input()
"""


def test_the_command_line_as_a_child_ends_with_its_host_too(tmp_path: Path) -> None:
    no_weights = shutil.ignore_patterns("assets", "__pycache__")
    shutil.copytree(CORE / "platewright", tmp_path / "platewright", ignore=no_weights)
    (tmp_path / "platewright" / "cli.py").write_text("import time\ndef main():\n    time.sleep(600)\n")
    command = [sys.executable, "-c", COMMAND_HOST, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        worker = int(host.stdout.readline())
        assert eventually(lambda: b"platewright" in Path(f"/proc/{worker}/cmdline").read_bytes())
        host.kill()
        assert eventually(lambda: not lives(worker))


def test_a_worker_without_the_promise_would_live_on(tmp_path: Path) -> None:
    """The guilty case: the same death, a child that neither reads its stdin nor asked for the signal."""
    child = "subprocess.Popen(['sleep', '600'], stdin=subprocess.PIPE)"
    program = f"import subprocess; print({child}.pid, flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        orphan = int(host.stdout.readline())
        host.kill()
        host.wait()
        assert not eventually(lambda: not lives(orphan), LIVES_ON_SECONDS)
        os.kill(orphan, signal.SIGKILL)


# The other way round -----------------------------------------------------------------------------

WRITE_WHILE_IT_DIES = """
import os
from platewright.wire.lines import Order
service = worker._service
os.kill(pids[0], 9)
for _ in range(2000):
    service.link.send(Order("ping"))
assert pump_until(worker, lambda: handle.ended, 60), handle
service.link.send(Order("ping"))
print(handle.state, flush=True)
handle, pids = worker.submit(job(folder), folder / "next"), []
while not handle.stage == "sampling":
    pids += [event.pid for event in worker.poll() if isinstance(event, Hello)]
print(*pids, flush=True)
worker.wait(handle.id)
"""
WRITE_CARELESSLY = """
import os
os.kill(pids[0], 9)
worker._service.child._popen.wait()
os.write(worker._service.child.stdin.fileno(), b"x")
"""


@pytest.mark.parametrize("python", blenders(), ids=names)
def test_every_blender_outlives_its_worker_and_no_worker_its_blender(tmp_path: Path, python: str) -> None:
    """The worker is killed under a stream of writes; the host goes on with a new one; then the host is killed."""
    host, _ = start_host(python, tmp_path, SLEEPING, WRITE_WHILE_IT_DIES)
    with host:
        assert host.stdout is not None
        assert host.stdout.readline() == "lost\n"
        worker = int(host.stdout.readline())
        assert lives(worker)
        host.kill()
        assert eventually(lambda: not lives(worker))


@pytest.mark.parametrize("python", blenders()[:1], ids=names)
def test_a_careless_write_would(tmp_path: Path, python: str) -> None:
    """The guilty case: with Blender's own signals, one write from the main thread is the end."""
    host, _ = start_host(python, tmp_path, SLEEPING, WRITE_CARELESSLY)
    with host:
        assert host.wait(60) == -signal.SIGPIPE
