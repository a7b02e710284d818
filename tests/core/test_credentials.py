"""Content Credentials: what is signed reads back by C2PA's own library, what has changed is found, keys stay put."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import c2pa
import numpy as np
import pytest
from PIL import Image

from platewright import account, credentials, disk, pictures, provenance
from platewright.credentials import Credentials, claims, keys
from platewright.errors import PlateError, RequestError
from platewright.plate_file import sealed
from tests.core.plate_maker import FRAMES, NAME, job_for, make

FIRST, SECOND = (f"{NAME}_v001.{frame}" for frame in (1001, 1002))
QUIET = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False}}


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without a key."""
    folder = tmp_path_factory.mktemp("settings") / "platewright"
    monkeypatch.setenv("PLATEWRIGHT_SETTINGS", str(folder))
    return folder


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Credentials:
    """A chain made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLATEWRIGHT_SETTINGS", str(tmp_path_factory.mktemp("maker")))
        return keys.new_key("Mara Example", "hash")


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("plates")
    return {suffix: make(job_for(out / suffix, frame_format=suffix)) for suffix in ("exr", "png")}


@pytest.fixture(scope="module")
def signed_once(
    pristine: dict[str, Path], chain: Credentials, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("signed")
    found = {suffix: Path(shutil.copytree(plate, out / suffix / plate.name)) for suffix, plate in pristine.items()}
    for plate in found.values():
        credentials.sign(plate, chain)
    return found


@pytest.fixture
def signed(signed_once: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_once["exr"], tmp_path / f"{NAME}_v001"))


@pytest.fixture
def signed_png(signed_once: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(signed_once["png"], tmp_path / "png" / f"{NAME}_v001"))


def manifest_of(plate: Path) -> dict[str, Any]:
    return json.loads((plate / "plate.json").read_text())


def read_back(kind: str, data: bytes, manifest: bytes | None = None, anchors: str = "") -> tuple[str, dict[str, Any]]:
    """The state, and the active manifest, by C2PA's own reader alone."""
    wanted = {**QUIET, **({"trust": {"user_anchors": anchors}} if anchors else {})}
    context = c2pa.Context(c2pa.Settings.from_dict(wanted))
    with c2pa.Reader(kind, io.BytesIO(data), manifest_data=manifest, context=context) as reader:
        store = json.loads(reader.json())
        return str(reader.get_validation_state()), store["manifests"][store["active_manifest"]]


def assertion(manifest: dict[str, Any], label: str) -> dict[str, Any]:
    return next(entry["data"] for entry in manifest["assertions"] if entry["label"] == label)


def root_of(chain: Credentials) -> str:
    return "-----BEGIN" + chain.chain.read_text().split("-----BEGIN")[-1]


def codes(plate: Path) -> list[str]:
    return [problem["code"] for problem in account.give(plate)["problems"]]


# What is signed ----------------------------------------------------------------------------------


def test_plate_json_is_signed_beside_it(signed: Path, chain: Credentials) -> None:
    manifest = (signed / "plate.c2pa").read_bytes()
    data = (signed / "plate.json").read_bytes()
    state, told = read_back("application/json", data, manifest)
    assert state == "Valid", "nobody vouches for a chain made at home"
    assert read_back("application/json", data, manifest, root_of(chain))[0] == "Trusted"
    assert read_back("application/json", data.replace(b"a meadow", b"a garden"), manifest)[0] == "Invalid"
    ours = assertion(told, "org.platewright.plate")
    frames = {str(frame): disk.measure(signed / f"{NAME}_v001.{frame}.exr").sha256 for frame in (1001, 1002, 1003)}
    assert ours["frames"] == frames and (ours["plate"], ours["seed"], ours["count"]) == (f"{NAME}_v001", "0", "3")
    action = assertion(told, "c2pa.actions.v2")["actions"][0]
    assert action["action"] == "c2pa.created" and action["digitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert action["softwareAgent"] == {"name": "Draft", "version": "0" * 64}
    iptc = assertion(told, "cawg.metadata")
    assert (iptc["Iptc4xmpExt:AISystemUsed"], iptc["Iptc4xmpExt:AISystemVersionUsed"]) == ("Draft", "0" * 64)
    assert iptc["Iptc4xmpExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    entries = assertion(told, "cawg.training-mining")["entries"]
    assert entries["cawg.ai_generative_training"] == {"use": "notAllowed"}
    resized = assertion(told, "c2pa.actions.v2")["actions"][-1]
    assert resized["action"] == "c2pa.resized" and "32x18 to 64x36" in resized["description"]


def test_the_preview_holds_the_same_claim(signed: Path) -> None:
    state, told = read_back("video/mp4", (signed / "preview.mp4").read_bytes())
    data, manifest = (signed / "plate.json").read_bytes(), (signed / "plate.c2pa").read_bytes()
    beside = read_back("application/json", data, manifest)[1]
    label = "org.platewright.plate"
    assert state == "Valid" and assertion(told, label) == assertion(beside, label)


def test_exr_frames_stay_as_they_are(signed: Path, pristine: dict[str, Path]) -> None:
    for frame in pristine["exr"].glob("*.exr"):
        assert (signed / frame.name).read_bytes() == frame.read_bytes()
    assert provenance.verify(signed).is_sound


def test_every_png_frame_holds_its_own(signed_png: Path, pristine: dict[str, Path]) -> None:
    """Pixels, and all else in the file, are what they were; the hash in plate.json is the signed file's."""
    listed = {entry["file"]: entry for entry in manifest_of(signed_png)["frames"]}
    bare = {}
    for path in sorted(signed_png.glob(f"{NAME}*.png")):
        data, before = path.read_bytes(), (pristine["png"] / path.name).read_bytes()
        state, told = read_back("image/png", data)
        ours = assertion(told, "org.platewright.plate")
        assert state == "Valid" and path.name == f"{NAME}_v001.{ours['frame']}.png" and "frames" not in ours
        assert claims.bare_png(data) == before != data
        assert np.array_equal(np.asarray(Image.open(path)), np.asarray(Image.open(pristine["png"] / path.name)))
        assert disk.measure(path).sha256 == listed[path.name]["sha256"]
        bare[int(ours["frame"])] = listed[path.name]["unsigned"]["sha256"]
    assert len(bare) == FRAMES and ours["frames_sha256"] == claims.digest(bare)
    assert provenance.verify(signed_png).is_sound and codes(signed_png) == []
    assert pictures.read_picture(path).shape == (36, 64, 3)


@pytest.mark.parametrize("prompts", ["hash", "text"])
def test_the_prompt_or_only_its_hash(
    pristine: dict[str, Path], chain: Credentials, tmp_path: Path, prompts: keys.Prompts
) -> None:
    plate = Path(shutil.copytree(pristine["png"], tmp_path / f"{NAME}_v001"))
    credentials.sign(plate, Credentials(chain.key, chain.chain, prompts))
    for path in (plate / "plate.c2pa", plate / "preview.mp4", plate / f"{FIRST}.png"):
        assert (b"a meadow" in path.read_bytes()) == (prompts == "text")
    assert manifest_of(plate)["disclosure"]["credentials"]["prompt"] == prompts


def test_what_it_was_made_from_goes_along_by_hash(
    pristine: dict[str, Path], chain: Credentials, tmp_path: Path
) -> None:
    """As ingredients of the claim, which its first action names; their own files are not in it."""
    plate = Path(shutil.copytree(pristine["exr"], tmp_path / f"{NAME}_v001"))
    document = manifest_of(plate)
    given = {"name": "street.png", "sha256": "5" * 64, "rights": "licensed: Agency 7"}
    document["inputs"] |= {"first_frame": given, "guide": {"name": "depth", "sha256": "6" * 64}}
    (plate / "plate.json").write_text(json.dumps(sealed(document)))
    credentials.sign(plate, chain)
    data, manifest = (plate / "plate.json").read_bytes(), (plate / "plate.c2pa").read_bytes()
    state, told = read_back("application/json", data, manifest)
    first, second = told["ingredients"]
    assert state == "Valid" and (first["title"], first["relationship"]) == ("street.png", "inputTo")
    assert first["description"] == f"first frame, SHA-256 {'5' * 64}; rights: licensed: Agency 7"
    assert second["description"] == f"guide, SHA-256 {'6' * 64}; rights: nobody was asked"
    created = assertion(told, "c2pa.actions.v2")["actions"][0]
    assert len(created["parameters"]["ingredients"]) == 2
    assert manifest_of(plate)["disclosure"]["credentials"]["training"] == "notAllowed"


def test_a_plate_of_words_alone_has_no_ingredients(signed: Path) -> None:
    _, told = read_back("application/json", (signed / "plate.json").read_bytes(), (signed / "plate.c2pa").read_bytes())
    assert not told.get("ingredients") and "parameters" not in assertion(told, "c2pa.actions.v2")["actions"][0]


@pytest.mark.parametrize("prompts", ["hash", "text"])
def test_a_job_says_what_is_told_of_its_prompt(
    pristine: dict[str, Path], chain: Credentials, tmp_path: Path, prompts: keys.Prompts
) -> None:
    """Whatever was chosen with the key."""
    keys.use(chain.key, chain.chain, "hash" if prompts == "text" else "text")
    plate = Path(shutil.copytree(pristine["exr"], tmp_path / f"{NAME}_v001"))
    assert credentials.sign_finished(None, plate, "job", lambda _event: None, prompts) == []
    assert (b"a meadow" in (plate / "plate.c2pa").read_bytes()) == (prompts == "text")
    assert keys.needed().prompts != prompts, "the choice with the key stays"


def test_signing_again_is_harmless(signed_png: Path, chain: Credentials) -> None:
    before = {path.name: claims.bare_png(path.read_bytes()) for path in signed_png.glob("*.png")}
    credentials.sign(signed_png, chain)
    assert codes(signed_png) == []
    assert {path.name: claims.bare_png(path.read_bytes()) for path in signed_png.glob("*.png")} == before
    assert len(manifest_of(signed_png)["frames"][0]["unsigned"]["sha256"]) == 64


# What is found -----------------------------------------------------------------------------------


def test_a_sound_signed_plate_in_words(signed: Path, chain: Credentials) -> None:
    told = account.give(signed)
    words = "\n".join(told["words"])
    assert told["exit_code"] == 0 and told["ok"]
    assert "Generated on" in words and "by Draft (draft, 000000000000), seed 0, on cpu" in words
    assert "Asked for: a meadow" in words and "licence is Apache-2.0" in words
    assert "plate.c2pa is signed by Mara Example (Platewright, self-made): valid, not trusted" in words
    assert "Nothing has changed" in words and "a certificate made at home may bear any name" in words
    assert account.give(signed, root_of(chain))["credentials"]["plate.json"]["state"] == "trusted"


def test_an_unsigned_plate_says_what_it_cannot_know(pristine: dict[str, Path]) -> None:
    told = account.give(pristine["exr"])
    assert told["ok"] and told["credentials"] is None and "It is not signed." in told["made"]
    assert any("not signed" in sentence for sentence in told["unknown"])


@pytest.mark.parametrize("suffix", ["exr", "png"])
@pytest.mark.parametrize("place", [9, 400, -30])
def test_a_flipped_bit_in_a_frame(signed_once: dict[str, Path], tmp_path: Path, suffix: str, place: int) -> None:
    plate = Path(shutil.copytree(signed_once[suffix], tmp_path / f"{NAME}_v001"))
    data = bytearray((plate / f"{SECOND}.{suffix}").read_bytes())
    data[place] ^= 1
    (plate / f"{SECOND}.{suffix}").write_bytes(data)
    told = account.give(plate)
    assert [(p["code"], p["frame"]) for p in told["problems"]] == [("E_FRAME_CORRUPT", 1002)] and told["exit_code"] == 1


def test_swapped_and_missing_frames(signed: Path) -> None:
    first, second = (signed / f"{stem}.exr" for stem in (FIRST, SECOND))
    data = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(data)
    assert codes(signed) == ["E_FRAME_CORRUPT", "E_FRAME_CORRUPT"]
    second.unlink()
    assert codes(signed) == ["E_FRAME_CORRUPT", "E_FRAME_MISSING"]


def test_a_record_rewritten_with_its_frame_is_found_by_the_signature(signed: Path, pristine: dict[str, Path]) -> None:
    """Hashes that were made to fit again: the unsigned twin shows nothing, which it says it cannot."""
    unsigned = Path(shutil.copytree(pristine["exr"], signed.parent / "unsigned" / signed.name))
    for plate in (signed, unsigned):
        path = plate / f"{SECOND}.exr"
        shutil.copyfile(plate / f"{FIRST}.exr", path)
        document = manifest_of(plate)
        document["frames"][1].update(disk.measure(path).to_dict())
        disk.write_json(plate / "plate.json", sealed(document))
    told = account.give(signed)
    assert [p["code"] for p in told["problems"]] == ["E_CREDENTIALS_INVALID", "E_CREDENTIALS_OTHER"]
    assert told["exit_code"] == 1 and "dataHash.mismatch" in told["problems"][0]["message"]
    assert codes(unsigned) == []


def test_credentials_that_were_taken_away_or_lent(signed: Path, signed_png: Path, chain: Credentials) -> None:
    (signed / "plate.c2pa").unlink()
    assert codes(signed) == ["E_CREDENTIALS_MISSING"]
    shutil.copyfile(signed_png / "plate.c2pa", signed / "plate.c2pa")
    assert "E_CREDENTIALS_INVALID" in codes(signed)
    (signed / "plate.c2pa").write_bytes(b"nonsense")
    assert codes(signed) == ["E_CREDENTIALS_INVALID"]
    credentials.sign(signed, chain)
    assert codes(signed) == []


def test_stripped_credentials_of_a_frame(signed_png: Path) -> None:
    path = signed_png / f"{SECOND}.png"
    path.write_bytes(claims.bare_png(path.read_bytes()))
    told = account.give(signed_png)
    assert [(p["code"], p["frame"]) for p in told["problems"]] == [("E_FRAME_UNSIGNED", 1002)]


def test_without_the_library_it_is_said_what_is_not_known(signed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    told = account.give(signed)
    assert told["ok"] and any("not installed" in sentence for sentence in told["unknown"])
    keys.new_key("Mara Example", "hash")
    with pytest.raises(RequestError, match="E_NO_C2PA"):
        credentials.refuse_unsignable(True)


def test_a_plate_that_has_changed_is_not_signed(pristine: dict[str, Path], chain: Credentials, tmp_path: Path) -> None:
    plate = Path(shutil.copytree(pristine["exr"], tmp_path / f"{NAME}_v001"))
    with (plate / f"{FIRST}.exr").open("ab") as file:
        file.write(b"\0")
    before = {path.name: path.read_bytes() for path in plate.iterdir()}
    with pytest.raises(PlateError, match="E_SIGN_CHANGED"):
        credentials.sign(plate, chain)
    assert {path.name: path.read_bytes() for path in plate.iterdir()} == before


def test_nobody_vouches_for_frames_from_anywhere(
    pristine: dict[str, Path], chain: Credentials, tmp_path: Path
) -> None:
    plate = Path(shutil.copytree(pristine["exr"], tmp_path / f"{NAME}_v001"))
    document = manifest_of(plate)
    document["disclosure"]["digitalSourceType"] = None
    disk.write_json(plate / "plate.json", sealed(document))
    with pytest.raises(RequestError, match="E_SIGN_ORIGIN"):
        credentials.sign(plate, chain)


# Kills -------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="signals and fork are POSIX's")
def test_a_kill_while_signing_takes_no_pixel(pristine: dict[str, Path], chain: Credentials, tmp_path: Path) -> None:
    """Killed before each rename in turn: every frame is whole, `verify` says what lacks, signing again mends it."""
    seen: set[str] = set()
    for kill_at in range(1, 7):
        plate = Path(shutil.copytree(pristine["png"], tmp_path / str(kill_at) / f"{NAME}_v001"))
        child = os.fork()
        if child == 0:
            _die_at(kill_at, "os.rename")
            credentials.sign(plate, chain)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        for path in pristine["png"].glob(f"{NAME}*.png"):
            assert claims.bare_png((plate / path.name).read_bytes()) == path.read_bytes()
        seen |= set(found := [problem.code for problem in provenance.verify(plate).problems])
        assert set(found) <= {"E_FRAME_UNSIGNED", "E_FILE_UNSIGNED", "E_CREDENTIALS_MISSING", "E_FILE_EXTRA"}
        credentials.sign(plate, chain)
        disk.remove_stale_parts(plate)
        assert codes(plate) == []
    assert {"E_FRAME_UNSIGNED", "E_FILE_UNSIGNED", "E_CREDENTIALS_MISSING"} <= seen


def _die_at(count: int, event: str) -> None:
    left = [count]

    def listen(told: str, arguments: tuple[Any, ...]) -> None:
        if told == event:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(listen)
