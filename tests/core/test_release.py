"""A release: its page in the changelog, and its repository as Blender's own tool reads it back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tomllib
from pathlib import Path

import pytest

from platewright import __version__
from tools import environments, extension, release
from tools.environments import SetupFailed

ROOT = Path(__file__).resolve().parent.parent.parent
ALPHA = extension.Version("0.2.0a7", "0.2.0-alpha.7")
RELEASE = extension.Version("0.2.0", "0.2.0")


def test_all_say_the_same_version() -> None:
    manifest = tomllib.loads((ROOT / "blender_addon/blender_manifest.toml").read_text(encoding="utf-8"))
    assert __version__ == extension.project_version(ROOT) == manifest["version"]


def test_the_changelog_has_a_page_for_what_is_built() -> None:
    version = extension.numbered(extension.project_version(ROOT), 1, None)
    is_dated = bool(extension.git(ROOT, "tag", "--list", f"v{__version__}"))
    assert is_dated or len(release.notes(ROOT / "CHANGELOG.md", version)) > 200


@pytest.mark.parametrize(
    ("heading", "version", "said"),
    [
        ("## 0.2.0 (2026-12-01)", RELEASE, ""),
        ("## 0.2.0 (unreleased)", ALPHA, ""),
        ("## 0.2.0 (unreleased)", RELEASE, "needs the date"),
        ("## 0.2.0 (2026-12-01)", ALPHA, "does not tag"),
        ("## 0.1.9 (2026-12-01)", RELEASE, "another version"),
        ("# nothing", RELEASE, "another version"),
    ],
)
def test_a_build_without_its_page_is_refused(
    tmp_path: Path, heading: str, version: extension.Version, said: str
) -> None:
    page = tmp_path / "CHANGELOG.md"
    page.write_text(f"# Changelog\n\n{heading}\n\n- new\n\n## 0.0.1 (2020-01-01)\n\n- old\n", encoding="utf-8")
    if said:
        with pytest.raises(SetupFailed, match=said):
            release.notes(page, version)
    else:
        assert release.notes(page, version) == "- new"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real zip, indexed."""
    folder = tmp_path_factory.mktemp("dist")
    zip_file = extension.build(environments.core(), ALPHA, folder)
    return release.repository(zip_file, folder / "a repository", environments.blender("5.0")).parent


def blender_ext(*words: str | Path) -> str:
    """Blender's own tool, on the side of who subscribes."""
    blender = environments.blender("5.0")
    command = [blender.python, release.tool(blender), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_index_says_what_the_zip_is(repository: Path) -> None:
    (told,) = json.loads((repository / "index.json").read_text(encoding="utf-8"))["data"]
    (zip_file,) = repository.glob("*.zip")
    data = zip_file.read_bytes()
    assert (told["id"], told["version"], told["type"]) == ("platewright", "0.2.0-alpha.7", "add-on")
    assert told["archive_url"] == f"./{zip_file.name}", "the folder may lie anywhere"
    assert told["archive_size"] == len(data) and told["archive_hash"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert "Platewright" in (repository / "index.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_who_subscribes_gets_it(repository: Path, tmp_path: Path) -> None:
    address, here = (repository / "index.json").as_uri(), tmp_path / "local"
    here.mkdir()
    blender_ext("sync", "--remote-url", address, "--local-dir", here)
    words = ["--remote-url", address, "--local-dir", here, "--blender-version", "5.0.1", "--python-version", "3.11.7"]
    blender_ext("install", "platewright", *words)
    manifest = tomllib.loads((here / "platewright/blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == "0.2.0-alpha.7"
    assert (here / "platewright" / manifest["wheels"][0]).is_file()
    assert list((here / "platewright/installer").glob("pip-*.whl")), "what installs the runtime came along"


@pytest.mark.slow
def test_a_zip_that_was_changed_on_the_way_is_refused(repository: Path, tmp_path: Path) -> None:
    (zip_file,) = repository.glob("*.zip")
    changed = tmp_path / "changed"
    changed.mkdir()
    data = zip_file.read_bytes()
    (changed / zip_file.name).write_bytes(data[:-100] + bytes([data[-100] ^ 1]) + data[-99:])
    (changed / "index.json").write_bytes((repository / "index.json").read_bytes())
    address, here = (changed / "index.json").as_uri(), tmp_path / "local"
    here.mkdir()
    blender_ext("sync", "--remote-url", address, "--local-dir", here)
    with pytest.raises(AssertionError, match="checksum mismatch"):
        blender_ext("install", "platewright", "--remote-url", address, "--local-dir", here)


def test_a_folder_that_holds_no_extension_is_no_repository(tmp_path: Path) -> None:
    broken = tmp_path / "broken.zip"
    broken.write_bytes(b"no zip")
    index = release.repository(broken, tmp_path / "repository", environments.blender("5.0"))
    assert json.loads(index.read_text(encoding="utf-8"))["data"] == []
