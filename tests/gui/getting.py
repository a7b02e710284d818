"""How Platewright comes into Blender, as a new user does it: from disk by hand, or from a repository; see `hands`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import bpy

sys.path.insert(0, str(Path(__file__).parent))     # Blender does not look beside a script

from hands import (
    ADDON,
    Steps,
    browser,
    generate,
    has_plate,
    jobs,
    look,
    noted,
    open_tab,
    perform,
    prepare,
    press,
    until,
    worker_pid,
)


def is_enabled(module: str) -> bool:
    return module in bpy.context.preferences.addons


def version(module: str) -> str:
    """As the installed manifest says it."""
    import tomllib

    manifest = Path(str(sys.modules[module].__file__)).with_name("blender_manifest.toml")
    return str(tomllib.loads(manifest.read_text(encoding="utf-8"))["version"])


def preferences(section: str = "EXTENSIONS") -> Steps:
    """The preferences' own window, on that page."""
    bpy.ops.screen.userpref_show("INVOKE_DEFAULT", section=section)
    yield 1.5


def by_hand() -> Steps:
    """Preferences, Get Extensions, Install from Disk: the file is chosen in the browser; then a first plate."""
    assert not is_enabled(ADDON)
    yield from preferences()
    look("get extensions")
    manager = bpy.context.window_manager
    with bpy.context.temp_override(window=manager.windows[-1]):
        bpy.ops.extensions.package_install_files("INVOKE_DEFAULT")
    yield from until(browser)
    opened = browser()
    assert opened
    window, area = opened
    yield 1.0
    chosen = Path(os.environ["PW_GUI_ZIP"])
    area.spaces.active.params.directory = os.fsencode(chosen.parent)
    area.spaces.active.params.filename = chosen.name
    yield 1.0
    look("install from disk")
    region = next(region for region in area.regions if region.type == "EXECUTE")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.file.execute("INVOKE_DEFAULT")
    yield from until(lambda: is_enabled(ADDON))
    yield 2.0
    look("installed")
    noted["version"] = version(ADDON)
    yield from first_plate()


def first_plate() -> Steps:
    yield from prepare()
    bpy.context.scene.frame_end = 1004
    run = yield from generate()
    yield from until(lambda: run.is_over)
    assert has_plate(), run.error


def replaced() -> Steps:
    """The next release is installed in the middle of a job: the worker goes first, and what it left is offered."""
    yield from prepare()
    bpy.context.scene.frame_end = 1800
    bpy.ops.wm.save_mainfile()
    run = yield from generate()
    yield from until(lambda: run.handle.frames)
    pid, job, old = worker_pid(), run.handle.id, jobs()
    bpy.ops.extensions.package_install_files(
        repo="user_default", filepath=os.environ["PW_GUI_ZIP"], enable_on_install=True
    )
    yield from until(lambda: is_enabled(ADDON) and jobs() is not old)
    assert not Path(f"/proc/{pid}").exists(), "the worker is gone"
    assert not bpy.app.timers.is_registered(old.tick)
    noted["version"] = version(ADDON)
    yield from open_tab()
    yield from until(lambda: [left.id for left in jobs().state.past.left] == [job])
    yield 1.0
    look("updated in the middle of a job")
    press("platewright.collect", job=job)
    yield from until(lambda: jobs().latest() and jobs().latest().handle.frames)
    assert jobs().latest().error is None and worker_pid() != pid


def subscribe() -> Steps:
    """Add Remote Repository, see what it has, install from it; then a newer one is there, and arrives."""
    bpy.ops.preferences.extension_repo_add(
        type="REMOTE", name="Studio Plates", remote_url=os.environ["PW_GUI_INDEX"], use_sync_on_startup=False
    )
    repos = bpy.context.preferences.extensions.repos
    index = next(place for place, each in enumerate(repos) if each.remote_url == os.environ["PW_GUI_INDEX"])
    theirs = f"bl_ext.{repos[index].module}.platewright"
    bpy.ops.extensions.repo_sync(repo_index=index)
    bpy.context.window_manager.extension_search = "platewright"
    yield from preferences()
    look("repository")
    bpy.ops.extensions.package_install(repo_index=index, pkg_id="platewright", enable_on_install=True)
    yield from until(lambda: is_enabled(theirs))
    yield 1.0
    noted["first"] = version(theirs)
    look("installed from repository")
    (Path(sys.argv[-1]) / "ready").touch()         # whoever serves the repository puts the next release into it
    yield from until(lambda: (Path(sys.argv[-1]) / "newer").exists())
    bpy.ops.extensions.repo_sync(repo_index=index)
    yield 1.0
    look("update offered")
    bpy.ops.extensions.package_upgrade_all()
    yield from until(lambda: is_enabled(theirs) and version(theirs) != noted["first"])
    noted["second"] = version(theirs)
    assert hasattr(bpy.types.Scene, "platewright")
    yield 1.0
    look("updated")


if __name__ == "__main__":
    perform(globals())
