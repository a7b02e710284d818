"""The power goes, at any moment: a manifest that is there afterwards lists whole frames, and what is missing is made.

A model of the least that POSIX promises. What a file holds survives from the last fsync of that file on; what a folder
lists, from the last fsync of that folder on. Everything younger may be there, or not, in any combination; a file that
was not synced may be empty, full of zeros or cut in half. The engine itself runs, on a real disk; the model watches its
fsync, rename and unlink, and at each of them asks what a cut would leave.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from platewright import disk, engine
from platewright.protocol import Event, Job, PlateRequest
from tests.core.shots import shot

FRAMES = 5
MANIFEST = "plate.json"
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "zeros": lambda data: bytes(len(data)),
    "half": lambda data: data[: len(data) // 2],
}

Names = dict[str, int]                             # inode by name


@dataclass
class Moment:
    """What a cut would find: per folder the names as synced and as they are, and the files' contents."""

    after: str
    synced_names: dict[Path, Names]
    names: dict[Path, Names]
    synced: dict[int, bytes]
    contents: dict[int, bytes]

    def may_be_called(self, folder: Path, name: str) -> set[int]:
        """Every file that may have this name after a cut; 0 stands for none."""
        return {names.get(folder, {}).get(name, 0) for names in (self.synced_names, self.names)}

    def is_certain(self, inode: int) -> bool:
        """The file holds what it holds, whatever happens."""
        return inode != 0 and self.synced.get(inode) == self.contents.get(inode)

    def broken_promise(self) -> str:
        """A manifest that may be there, and what is not certain of what it says; '' if all is well."""
        for folder in self.names:
            for inode in self.may_be_called(folder, MANIFEST) - {0}:
                if not self.is_certain(inode):
                    return f"after {self.after}: {MANIFEST} itself"
                listed = json.loads(self.contents[inode])
                for entry in (*listed["frames"], *listed["companions"]):
                    held = self.may_be_called(folder, entry["file"])
                    if not all(map(self.is_certain, held)):
                        return f"after {self.after}: {entry['file']}"
                    (digest,) = {hashlib.sha256(self.contents[file]).hexdigest() for file in held}
                    assert digest == entry["sha256"]
        return ""


@dataclass
class Disk:
    """Watches what happens under `root`."""

    root: Path
    is_deaf_to: str = ""                           # "files" or "folders": an fsync that does nothing, for the guilty
    synced_names: dict[Path, Names] = field(default_factory=dict)
    synced: dict[int, bytes] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def install(self, patch: pytest.MonkeyPatch) -> None:
        replace, unlink = os.replace, os.unlink

        def replaced(source: Any, target: Any) -> None:
            with self.lock:
                replace(source, target)
                self.look(f"the renaming of {Path(target).name}")

        def unlinked(path: Any, *arguments: Any, **options: Any) -> None:
            with self.lock:
                unlink(path, *arguments, **options)
                self.look(f"the removal of {path}")

        patch.setattr(os, "fsync", self.fsync)
        patch.setattr(os, "replace", replaced)
        patch.setattr(os, "unlink", unlinked)

    def fsync(self, descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        with self.lock:
            if path.is_dir() and self.is_deaf_to != "folders":
                self.synced_names[path] = inodes(path)
            elif path.is_file() and self.is_deaf_to != "files":
                self.synced[os.fstat(descriptor).st_ino] = path.read_bytes()
            self.look(f"the syncing of {path.name}")

    def look(self, after: str) -> None:
        folders = [self.root, *(path for path in self.root.rglob("*") if path.is_dir())]
        names = {folder: inodes(folder) for folder in folders}
        files = (path for folder in folders for path in folder.iterdir() if path.is_file())
        contents = {path.stat().st_ino: path.read_bytes() for path in files}
        self.synced = {inode: data for inode, data in self.synced.items() if inode in contents}   # numbers come again
        self.moments.append(Moment(after, dict(self.synced_names), names, dict(self.synced), contents))


def inodes(folder: Path) -> Names:
    return {entry.name: entry.inode() for entry in os.scandir(folder)}


def job(out: Path, check: bool = False) -> Job:
    camera = shot(FRAMES, size=(64, 48))
    request = PlateRequest(camera=camera, prompt="", model="grid", frame_format="png", lock=check)
    return Job(request=request, name="shot", out=str(out), id="layout", check=check)


def ignore(event: Event) -> None:
    del event


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Callable[..., Disk]]:
    """Make a plate under the eyes of the model, with whatever is wrong put in before."""

    def watched(
        is_deaf_to: str = "", spoil: Callable[[pytest.MonkeyPatch], None] = lambda patch: None, check: bool = False
    ) -> Disk:
        out = tmp_path / "out"
        out.mkdir()
        model = Disk(out, is_deaf_to)
        with pytest.MonkeyPatch.context() as patch:
            model.install(patch)
            spoil(patch)
            engine.make_plate(job(out, check), ignore)
        return model

    yield watched


def test_a_manifest_that_is_there_lists_whole_frames_after_a_cut_at_any_moment(watched: Callable[..., Disk]) -> None:
    moments = watched(check=True).moments
    assert len(moments) > 2 * FRAMES and [moment.broken_promise() for moment in moments] == [""] * len(moments)
    last, folder = moments[-1], next(path for path in moments[-1].names if path.name == "shot_v001")
    for place, name in ((folder.parent, folder.name), (folder, MANIFEST)):
        assert last.may_be_called(place, name) == {last.names[place][name]}, "and a plate that is done stays"


@pytest.mark.parametrize("is_deaf_to", ["files", "folders"])
def test_an_fsync_that_does_nothing_is_seen(watched: Callable[..., Disk], is_deaf_to: str) -> None:
    assert any(moment.broken_promise() for moment in watched(is_deaf_to).moments)


def no_waiting_for_the_frames(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(disk, "sync", lambda folder, names: None)


def all_but_the_last(patch: pytest.MonkeyPatch) -> None:
    sync = disk.sync
    patch.setattr(disk, "sync", lambda folder, names: sync(folder, list(names)[:-1]))


def manifest_at_once(patch: pytest.MonkeyPatch) -> None:
    write_json = disk.write_json
    patch.setattr(disk, "write_json", lambda target, document, is_durable=False: write_json(target, document))


@pytest.mark.parametrize("spoil", [no_waiting_for_the_frames, all_but_the_last, manifest_at_once])
def test_whatever_is_not_waited_for_is_seen(
    watched: Callable[..., Disk], spoil: Callable[[pytest.MonkeyPatch], None]
) -> None:
    assert any(moment.broken_promise() for moment in watched(spoil=spoil).moments)


# Afterwards ----------------------------------------------------------------------------------------------


def remnants(moment: Moment, root: Path, damage: Callable[[bytes], bytes], has_young_names: bool) -> dict[Path, bytes]:
    """One of the disks that a cut may leave: path under the root and content. Young names without their contents."""
    left: dict[Path, bytes] = {}
    for folder in moment.names:
        chosen = moment.names if has_young_names else moment.synced_names
        for name, inode in chosen.get(folder, {}).items():
            if inode in moment.contents:
                certain = moment.is_certain(inode)
                data = moment.contents[inode]
                left[(folder / name).relative_to(root)] = data if certain else damage(data)
    return left


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("has_young_names", [False, True])
def test_after_a_cut_at_any_moment_the_plate_can_be_finished(
    watched: Callable[..., Disk], tmp_path: Path, damage: str, has_young_names: bool
) -> None:
    model = watched()
    whole = {path.name: path.read_bytes() for path in model.root.rglob("shot_v001.*.png")}
    seen: set[str] = set()
    for number, moment in enumerate(model.moments):
        left = remnants(moment, model.root, DAMAGES[damage], has_young_names)
        key = hashlib.sha256(repr(sorted(left.items())).encode()).hexdigest()
        if key in seen:
            continue
        seen.add(key)
        out = tmp_path / f"after{number}"
        for path, data in left.items():
            (out / path).parent.mkdir(parents=True, exist_ok=True)
            (out / path).write_bytes(data)
        answer = engine.make_plate(job(out), ignore, resume=True)
        plate = Path(answer["plate"])
        paths = plate.glob(f"{plate.name}.*.png")
        made = {path.name.replace(plate.name, "shot_v001"): path.read_bytes() for path in paths}
        assert pixels(made) == pixels(whole), moment.after
        shutil.rmtree(out)
    assert len(seen) > 2


def pixels(frames: dict[str, bytes]) -> dict[str, bytes]:
    """Frames by name without what their headers say of the version: the compressed picture alone."""
    return {name: b"".join(chunks(data)) for name, data in frames.items()}


def chunks(data: bytes) -> Iterator[bytes]:
    place = 8
    while place < len(data):
        size = int.from_bytes(data[place : place + 4], "big")
        if data[place + 4 : place + 8] == b"IDAT":
            yield data[place + 8 : place + 8 + size]
        place += size + 12


def test_the_judge_of_pixels_sees_a_difference() -> None:
    header, end = b"\x89PNG\r\n\x1a\n", b"\0\0\0\0"
    one, other = (header + b"\0\0\0\1IDAT" + bytes([value]) + end for value in (1, 2))
    assert pixels({"a": one}) != pixels({"a": other}) and pixels({"a": one}) == {"a": b"\1"}
