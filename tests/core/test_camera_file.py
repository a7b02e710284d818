"""camera.json: what we write comes back to the last bit; what others write is taken or refused by its key."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from platewright.camera import CameraPath
from platewright.errors import PlatewrightError, RequestError
from tests.core.shots import shot

FULL = replace(
    shot(3),
    scene="Szene/Ä\u202e\n",
    camera="Kamera 📷",
    cameras=("Kamera 📷",) * 3,
    fps=24 / 1.001,
    fps_base=1.001,
    warnings=("W_RENDER_BORDER: ignored",),
    lens_distortion={"clip": "a.mov", "coefficients": {"k1": 0.1}},
)
MINIMAL = (
    "format", "version", "camera", "cameras", "fps", "width", "height", "frames", "camera_to_world", "intrinsics",
)  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    return {**FULL.to_dict(), **changes}


def refusal(text: str) -> RequestError:
    with pytest.raises(RequestError) as caught:
        CameraPath.from_json(text)
    assert caught.value.code == "E_CAMERA_FILE"
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


def pose_with(index: int, value: Any) -> list[list[Any]]:
    rows: list[list[Any]] = [list(row) for row in FULL.camera_to_world]
    rows[1][index] = value
    return rows


def lens_with(index: int, value: Any) -> list[list[Any]]:
    rows: list[list[Any]] = [list(row) for row in FULL.intrinsics]
    rows[1][index] = value
    return rows


def test_the_round_trip_keeps_every_bit() -> None:
    again = CameraPath.from_json(FULL.to_json())
    assert again == FULL
    assert again.to_json() == FULL.to_json()
    assert again.sha256 == FULL.sha256
    assert FULL.to_json().isascii()


def test_the_contract_keys() -> None:
    plain = json.loads(FULL.to_json())
    assert plain["format"] == "platewright.camera"
    assert plain["version"] == 1
    assert set(MINIMAL) <= set(plain)
    assert [len(row) for row in plain["camera_to_world"]] == [16] * 3
    assert [len(row) for row in plain["intrinsics"]] == [4] * 3


def test_another_programs_file_needs_the_contract_only() -> None:
    foreign = {key: value for key, value in document().items() if key in MINIMAL}
    path = CameraPath.from_json("\ufeff".lstrip("\ufeff") + json.dumps({**foreign, "made_by": "nobody"}))
    assert (path.scene, path.warnings, path.fps_base, path.lens_distortion) == ("", (), 1.0, None)
    assert path.camera_to_world == FULL.camera_to_world


def test_whole_numbers_are_numbers() -> None:
    path = CameraPath.from_dict(document(fps=24, fps_base=1, intrinsics=[[50, 50, 32, 18]] * 3))
    assert path.intrinsics[0] == (50.0, 50.0, 32.0, 18.0)
    assert all(isinstance(number, float) for number in (*path.intrinsics[0], path.fps))


def test_a_shutter_is_there_where_motion_is_blurred() -> None:
    assert "shutter" not in FULL.to_dict()
    path = replace(FULL, shutter=0.5)
    assert json.loads(path.to_json())["shutter"] == 0.5 and CameraPath.from_json(path.to_json()) == path
    assert CameraPath.from_dict(document(shutter=None)) == FULL
    assert path.window(path.frames[1], path.frames[2]).shutter == path.scaled(128, 72).shutter == 0.5


def test_the_hash_is_of_the_content() -> None:
    assert FULL.sha256 != replace(FULL, fps=25.0).sha256
    assert len(FULL.sha256) == 64


@pytest.mark.parametrize("key", MINIMAL)
def test_a_missing_key(key: str) -> None:
    assert f"'{key}'" in refusal(json.dumps({k: v for k, v in document().items() if k != key})).message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", "other.camera"), ("version", 0), ("version", "1"), ("version", True),
        ("camera", 5), ("camera", "Other"),
        ("cameras", ["Kamera 📷"] * 2), ("cameras", "Kamera"), ("cameras", [None] * 3),
        ("shutter", 0), ("shutter", -0.5), ("shutter", "180"), ("shutter", 180), ("shutter", True),
        ("fps", 0), ("fps", -24), ("fps", "24"), ("fps", True), ("fps", None), ("fps_base", 0),
        ("width", 0), ("width", 16385), ("width", 64.0), ("width", True), ("height", "36"),
        ("frames", []), ("frames", [1001, 1003, 1005]), ("frames", [1001, 1001, 1002]),
        ("frames", [3, 2, 1]), ("frames", [1001.0, 1002, 1003]), ("frames", [-1, 0, 1]), ("frames", 1001),
        ("frames", [1_048_573, 1_048_574, 1_048_575]), ("frames", [True, 2, 3]),
        ("camera_to_world", list(FULL.camera_to_world[:2])), ("camera_to_world", [[1.0] * 12] * 3),
        ("camera_to_world", pose_with(0, 1.01)), ("camera_to_world", pose_with(1, 0.001)),
        ("camera_to_world", pose_with(3, 2e7)), ("camera_to_world", pose_with(3, None)),
        ("camera_to_world", pose_with(3, "0")), ("camera_to_world", pose_with(3, True)),
        ("camera_to_world", pose_with(3, 10**400)), ("camera_to_world", pose_with(15, 2.0)), ("camera_to_world", {}),
        ("intrinsics", list(FULL.intrinsics[:1])), ("intrinsics", lens_with(0, 0)), ("intrinsics", lens_with(1, -5.0)),
        ("intrinsics", lens_with(2, 1e300)), ("intrinsics", [[1.0, 1.0, 1.0]] * 3), ("intrinsics", [None] * 3),
        ("scene", 5), ("warnings", "W"), ("warnings", [5]), ("lens_distortion", [1]),
    ],
)  # fmt: skip
def test_a_wrong_value_is_refused_by_its_key(key: str, value: Any) -> None:
    assert f"'{key}'" in refusal(json.dumps(document(**{key: value}))).message


def test_frames_fewer_than_rows() -> None:
    assert "3 entries for 2 frames" in refusal(json.dumps(document(frames=[1001, 1002]))).message


def test_a_mirrored_pose_is_refused() -> None:
    mirrored = [[-x if i < 12 and i % 4 == 0 else x for i, x in enumerate(row)] for row in FULL.camera_to_world]
    assert "mirrored" in refusal(json.dumps(document(camera_to_world=mirrored))).message


def test_five_digits_are_enough_of_a_rotation() -> None:
    rounded = [[round(x, 5) for x in row] for row in FULL.camera_to_world]
    assert CameraPath.from_dict(document(camera_to_world=rounded)).camera_to_world[1] == tuple(rounded[1])


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_no_number_is_no_number(word: str) -> None:
    text = FULL.to_json().replace(f'"fps": {FULL.fps!r}', f'"fps": {word}')
    assert text != FULL.to_json()
    refusal(text)


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "5", '"text"', "{", "[" * 100_000, '{"a": 1, "a": 2}', '{"fps": ' + "9" * 5000 + "}"]
)
def test_anything_but_one_object(text: str) -> None:
    refusal(text)


def test_a_key_given_twice_is_named() -> None:
    text = FULL.to_json().replace('"width": 64', '"width": 64, "width": 65')
    assert "'width'" in refusal(text).message


def test_a_newer_version_says_so() -> None:
    error = refusal(json.dumps(document(version=2, frames="as you like")))
    assert "version 2" in error.message
    assert "Update Platewright" in error.hint


def test_files_round_trip_whole(tmp_path: Path) -> None:
    file = tmp_path / "Kamera 📷 $(x).json"
    FULL.write(file)
    assert CameraPath.read(file) == FULL
    assert [found.name for found in tmp_path.iterdir()] == [file.name]


def test_a_byte_order_mark_is_no_key(tmp_path: Path) -> None:
    file = tmp_path / "camera.json"
    file.write_text(FULL.to_json(), encoding="utf-8-sig")
    assert CameraPath.read(file) == FULL


@pytest.mark.parametrize(
    ("content", "code"), [(None, "E_FILE_MISSING"), (b"\xff\xfe\x00", "E_CAMERA_FILE"), (b"", "E_CAMERA_FILE")]
)
def test_a_file_that_is_none(tmp_path: Path, content: bytes | None, code: str) -> None:
    file = tmp_path / "camera.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(RequestError) as caught:
        CameraPath.read(file)
    assert (caught.value.code, caught.value.exit_code) == (code, 2)


def test_a_folder_is_no_camera(tmp_path: Path) -> None:
    with pytest.raises(RequestError) as caught:
        CameraPath.read(tmp_path)
    assert caught.value.code == "E_CAMERA_FILE"


def test_a_place_that_takes_no_file(tmp_path: Path) -> None:
    with pytest.raises(PlatewrightError) as caught:
        FULL.write(tmp_path / "nowhere" / "camera.json")
    assert caught.value.code == "E_OUT_IO"
    (tmp_path / "taken").mkdir()
    with pytest.raises(PlatewrightError):
        FULL.write(tmp_path / "taken")
    assert [found.name for found in tmp_path.iterdir()] == ["taken"]


def test_ten_thousand_frames() -> None:
    long = replace(shot(10_000, first=0, tilts_deg=(0.0,)))
    assert CameraPath.from_json(long.to_json()) == long
