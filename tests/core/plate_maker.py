"""Plates of synthetic frames, made here or in processes that die on purpose.

Run as a program it is a nursery: it imports what is heavy once, then forks a child per line of JSON on its stdin, so
that a hundred real processes can be started and killed in seconds. It answers each line with what became of the child.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from platewright import plates, provenance, versions
from platewright.camera import CameraPath
from platewright.errors import PlatewrightError
from platewright.pictures import Picture
from platewright.protocol import FrameFormat, FrameRule, Job, ModelCard, PlateRequest
from tests.core.shots import shot

if sys.platform != "win32":
    import resource  # early: a child that has become nobody may not read it from disk

ROOT = Path(__file__).resolve().parents[2]
NAME = "shot_BG01"
FRAMES = 3
CARD = ModelCard(
    name="draft",
    title="Draft",
    kind="draft",
    summary="",
    licence="Apache-2.0",
    commercial="yes",
    native_size=(32, 18),
    clip=FrameRule(multiple=1, offset=0, maximum=9),
    revision="0" * 64,
)


def job_for(
    out: Path,
    *,
    size: tuple[int, int] = (64, 36),
    frames: int = FRAMES,
    prompt: str = "a meadow",
    frame_format: FrameFormat = "exr",
    version: int | None = None,
) -> Job:
    """A job for a few frames of a dolly."""
    request = PlateRequest(camera=shot(frames, size=size), prompt=prompt, frame_format=frame_format).checked()
    return Job(request=request, name=NAME, out=str(out), version=version, id="job-1")


def picture_of(camera: CameraPath, index: int) -> Picture:
    """A gradient with grain, the same for the same frame wherever it is made."""
    grain = np.random.default_rng(camera.frames[index]).normal(0.0, 0.02, (camera.height, camera.width, 3))
    ramp = np.linspace(0.0, 1.0, camera.width)[None, :, None]
    return np.clip(ramp + grain, 0.0, 1.0).astype(np.float32)


def make(job: Job, resume: bool = False) -> Path:
    """The whole of a job, as the engine does it, with frames that cost nothing."""
    camera = job.request.camera
    versions.preflight(Path(job.out), job.name, camera, job.request.frame_format)
    folder = versions.open_folder(job, job.request, resume)
    if folder.is_whole:
        return folder.path
    with folder.recording():
        fill(folder, job)
    return folder.path


def fill(folder: plates.PlateFolder, job: Job) -> None:
    """Frames that are not there yet, companions and manifest."""
    camera = job.request.camera
    model = {"files": [{"file": "draft.safetensors", "sha256": "0" * 64}]}
    origin = provenance.Origin.generated(job, job.request, CARD, model, "cpu")
    with folder.frames_of(camera, provenance.marks(origin)) as frames:
        for index in range(len(camera)):
            frames.write(index, picture_of(camera, index))
        companions = frames.companions()
    document = provenance.manifest(
        origin=origin,
        name=job.name,
        plate=folder.path.name,
        camera=camera,
        picture=provenance.picture(camera, CARD.native_size, job.request.frame_format),
        frames=[folder.frames[frame].to_dict() for frame in camera.frames],
        companions=companions,
        timings={"load": 0.5, "frames": 1.25},
    )
    folder.finish(document)


def child_environment() -> dict[str, str]:
    """What a Python needs to find the core and these tests, on one core's worth of threads."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "core")]), "OMP_NUM_THREADS": "1"}


# The nursery -------------------------------------------------------------------------------------


class Nursery:
    """A process that bears children; `ask` says what one should do and answers with `status` and what it told."""

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.core.plate_maker"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen(command, env=child_environment(), **pipes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()

    def ask(self, **wish: Any) -> dict[str, Any]:
        """`kill_at`: SIGKILL before the n-th thing it asks of the file system; `kill_after`: after so many seconds;
        `file_bytes_max`: RLIMIT_FSIZE; `uid`: become that user; `hoard`: keep all frames; `do`: make or claim.
        """
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(wish) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _serve() -> None:
    for line in sys.stdin:
        wish = json.loads(line)
        read_end, write_end = os.pipe()
        children = [_bear(wish, write_end) for _ in range(wish.get("twins", 1))]
        os.close(write_end)
        if "kill_after" in wish:
            time.sleep(wish["kill_after"])
            os.kill(children[0], signal.SIGKILL)
        with os.fdopen(read_end) as told:
            words = [json.loads(word) for word in told]
        status = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps({"status": status[0], "told": words}), flush=True)


def _bear(wish: dict[str, Any], write_end: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            for word in _lived(wish):
                os.write(write_end, json.dumps(word).encode() + b"\n")
            os._exit(0)
        finally:
            os._exit(1)                            # whatever happened, a child must not serve in its parent's place
    return child


def _lived(wish: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        return _live(wish)
    except PlatewrightError as error:
        return [error.to_dict()]
    except Exception as error:  # noqa: BLE001     # the parent shows it
        return [{"code": type(error).__name__, "message": str(error)}]


def _live(wish: dict[str, Any]) -> list[dict[str, Any]]:
    out = Path(wish["out"])
    if "file_bytes_max" in wish:
        resource.setrlimit(resource.RLIMIT_FSIZE, (wish["file_bytes_max"], wish["file_bytes_max"]))
    if "uid" in wish:
        os.setgid(wish["uid"])
        os.setuid(wish["uid"])
    size, frames = tuple(wish.get("size", (64, 36))), wish.get("frames", FRAMES)
    job = job_for(out, size=size, frames=frames, frame_format=wish.get("frame_format", "exr"))
    if wish["do"] == "claim":
        record = {"job": job.to_dict(), "request_sha256": job.request.sha256, "frame_format": "exr"}
        return [{"version": versions.claim(out, NAME, None, record).path.name} for _ in range(wish["times"])]
    steps = _count_steps(out, wish.get("kill_at"))
    hoard = [picture_of(job.request.camera, index) for index in range(frames)] if wish.get("hoard") else []
    path = make(job, wish.get("resume", False))
    return [{"plate": str(path), "steps": len(steps), "hoard": len(hoard), "peak_mb": _peak_mb()}]


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def _count_steps(out: Path, kill_at: int | None) -> list[str]:
    """Every mkdir, open, rename and unlink below `out`, as Python's own audit reports it before it happens."""
    steps: list[str] = []

    def listen(event: str, arguments: tuple[Any, ...]) -> None:
        if event in ("open", "os.mkdir", "os.rename", "os.remove", "os.truncate") and str(out) in str(arguments[0]):
            steps.append(event)
            if len(steps) == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(listen)
    return steps


if __name__ == "__main__":
    _serve()
