"""What stays of a plate that is painted into: bit for bit, in every pair of formats; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from PIL import Image

from platewright import cli, keeping, pictures, plates, provenance
from platewright.errors import RequestError
from platewright.protocol import FrameFormat, FrameRule, Input, Job, ModelCard, PlateRequest, check_against
from tests.core.shots import shot

WIDTH, HEIGHT, FRAMES = 48, 20, 3
CAMERA = shot(FRAMES, size=(WIDTH, HEIGHT))
NOISE = np.random.default_rng(3)


def write_exr(path: Path, values: Any, kind: str, primaries: Any = None) -> None:
    """By OpenImageIO alone; `kind` half or float, one channel or three."""
    spec = OpenImageIO.ImageSpec(values.shape[1], values.shape[0], values.shape[2], kind)
    if primaries:
        spec.attribute("chromaticities", OpenImageIO.TypeDesc("float[8]"), primaries)
    file = OpenImageIO.ImageOutput.create("exr")
    assert file is not None and file.open(str(path), spec) and file.write_image(values.astype(np.float32))
    file.close()


def write_png(path: Path, codes: Any) -> None:
    """8 or 16 bits, by OpenImageIO."""
    spec = OpenImageIO.ImageSpec(codes.shape[1], codes.shape[0], codes.shape[2], str(codes.dtype))
    file = OpenImageIO.ImageOutput.create("png")
    assert file is not None and file.open(str(path), spec) and file.write_image(codes)
    file.close()


def raw(path: Path) -> Any:
    """The bits of each channel as unsigned numbers, (height, width, 3)."""
    source = OpenImageIO.ImageInput.open(str(path))
    assert source is not None
    kind = str(source.spec().format)
    values = source.read_image(0, 0, 0, 3, kind)
    return values.view({"half": np.uint16, "float": np.uint32}.get(kind, values.dtype))


def stored_plate(folder: Path, kind: str) -> Path:
    """Frames of everything that such files can hold: colours beyond white, below black, smallest numbers, all codes."""
    folder.mkdir()
    for frame in CAMERA.frames:
        shape = HEIGHT, WIDTH, 3
        if kind in ("half", "float"):
            values = (NOISE.normal(0.2, 3.0, shape) * 10.0 ** NOISE.integers(-7, 3, shape)).astype(np.float32)
            values[0, 0] = -0.0, 6e-8, 65504.0
            write_exr(folder / f"fg.{frame}.exr", values, kind)
        else:
            most = np.iinfo(kind).max
            codes = NOISE.integers(0, most, shape, dtype=kind, endpoint=True)
            write_png(folder / f"fg.{frame}.png", codes)
    return folder


def masks(folder: Path) -> Path:
    """A box that goes to the right, with a soft edge; each frame another."""
    folder.mkdir()
    for index, frame in enumerate(CAMERA.frames):
        codes = np.zeros((HEIGHT, WIDTH, 1), np.uint8)
        codes[4:16, 6 + 5 * index : 30 + 5 * index] = 255
        codes[4:16, 6 + 5 * index : 8 + 5 * index] = [[1], [100]]
        write_png(folder / f"mask.{frame}.png", codes)
    return folder


def request(plate: Path, mask: Path, **fields: Any) -> PlateRequest:
    told = {"prompt": "a meadow", "lock": False, "plate": Input.of(plate), "mask": Input.of(mask)}
    return PlateRequest(camera=CAMERA, **{**told, **fields}).checked()


def painted(index: int) -> Any:
    return np.random.default_rng(index).random((HEIGHT, WIDTH, 3), dtype=np.float32)


def written(given: PlateRequest, out: Path) -> list[Path]:
    """Frames as the engine writes them."""
    kept = keeping.opened(given)
    assert kept is not None
    out.mkdir()
    folder = plates.PlateFolder(out)
    folder.start({"request_sha256": given.sha256, "frame_format": given.frame_format})
    with folder.frames_of(CAMERA, {}, kept) as frames:
        records = [frames.write(index, painted(index)) for index in range(FRAMES)]
    folder.release()
    return [out / record.file for record in records]


def paint_of(folder: Path) -> Any:
    return np.stack([np.asarray(Image.open(path), np.float64) / 255 for path in sorted(folder.iterdir())])


def changed(given: Path, made: list[Path], paint: Any, back: Callable[[Any], Any]) -> int:
    """How many kept pixels are not what they were."""
    before = np.stack([raw(path) for path in sorted(given.iterdir())])
    after = np.stack([back(raw(path)) for path in made])
    return int((before != after).any(axis=3)[paint == 0].sum())


def codes_from_half(most: int) -> Callable[[Any], Any]:
    """8 or 16-bit codes of the display from an EXR's bits, by the published curve in float64."""

    def back(bits: Any) -> Any:
        linear = bits.view(np.float16 if bits.dtype == np.uint16 else np.float32).astype(np.float64)
        display = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055)
        return np.rint(display * most).astype(np.uint16)

    return back


def same(bits: Any) -> Any:
    return bits


PAIRS: dict[str, tuple[str, FrameFormat, Callable[[Any], Any]]] = {
    "half in EXR": ("half", "exr", same),
    "float in EXR": ("float", "exr", same),
    "8 bits in EXR": ("uint8", "exr", codes_from_half(255)),
    "16 bits in EXR": ("uint16", "exr", codes_from_half(65535)),
    "8 bits in PNG": ("uint8", "png", same),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_what_is_kept_comes_back_bit_for_bit(tmp_path: Path, pair: str) -> None:
    kind, frame_format, back = PAIRS[pair]
    plate, mask = stored_plate(tmp_path / "fg", kind), masks(tmp_path / "mask")
    made, paint = written(request(plate, mask, frame_format=frame_format), tmp_path / "out_v001"), paint_of(mask)
    assert changed(plate, made, paint, back) == 0
    assert changed(plate, made, np.roll(paint, 1, axis=0), back) > 0         # a mask one frame late would be seen
    assert changed(plate, made, np.roll(paint, 1, axis=2), back) > 0         # and one a pixel aside
    assert changed(plate, made, 0 * paint, back) > 500                       # the rest is painted


def test_the_soft_edge_lies_on_the_painted_side_in_linear_light(tmp_path: Path) -> None:
    plate, mask = stored_plate(tmp_path / "fg", "float"), masks(tmp_path / "mask")
    made, paint = written(request(plate, mask), tmp_path / "out_v001"), paint_of(mask)
    for index, path in enumerate(made):
        frame = raw(path).view(np.float32)
        given = raw(plate / f"fg.{CAMERA.frames[index]}.exr").view(np.float32).astype(np.float64)
        over = pictures.linear_from_srgb(painted(index))
        share = paint[index][:, :, None]
        assert np.array_equal(frame[paint[index] == 1], over[paint[index] == 1])
        assert np.allclose(frame, given * (1 - share) + over * share, rtol=1e-4, atol=1e-4)
        assert ((paint[index] > 0) & (paint[index] < 1)).sum() == 24


# What is refused ---------------------------------------------------------------------------------


def holed(plate: Path, mask: Path) -> None:
    (plate / f"fg.{CAMERA.frames[1]}.exr").unlink()


def holed_mask(plate: Path, mask: Path) -> None:
    (mask / f"mask.{CAMERA.frames[1]}.png").unlink()


def small_mask(plate: Path, mask: Path) -> None:
    for path in mask.iterdir():
        write_png(path, np.zeros((HEIGHT, WIDTH - 1, 1), np.uint8))


def lossy_mask(plate: Path, mask: Path) -> None:
    for path in list(mask.iterdir()):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()


def black_mask(plate: Path, mask: Path) -> None:
    for path in mask.iterdir():
        write_png(path, np.zeros((HEIGHT, WIDTH, 1), np.uint8))


def mask_of_no_numbers(plate: Path, mask: Path) -> None:
    for path in list(mask.iterdir()):
        write_exr(path.with_suffix(".exr"), np.full((HEIGHT, WIDTH, 1), np.nan), "half")
        path.unlink()


def large_plate(plate: Path, mask: Path) -> None:
    for path in plate.iterdir():
        write_exr(path, np.zeros((2 * HEIGHT, 2 * WIDTH, 3)), "half")


def plate_of_no_numbers(plate: Path, mask: Path) -> None:
    values = np.zeros((HEIGHT, WIDTH, 3))
    values[0, 0, 1] = np.nan
    write_exr(plate / f"fg.{CAMERA.frames[2]}.exr", values, "half")


def other_colours(plate: Path, mask: Path) -> None:
    ap1 = (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767)
    write_exr(plate / f"fg.{CAMERA.frames[0]}.exr", np.zeros((HEIGHT, WIDTH, 3)), "half", ap1)


def two_kinds(plate: Path, mask: Path) -> None:
    write_exr(plate / f"fg.{CAMERA.frames[0]}.exr", np.zeros((HEIGHT, WIDTH, 3)), "float")


REFUSED: dict[str, tuple[Callable[[Path, Path], None], dict[str, Any]]] = {
    "E_PLATE_FRAMES": (holed, {}),
    "E_MASK_FRAMES": (holed_mask, {}),
    "E_MASK_SIZE": (small_mask, {}),
    "E_MASK_FORMAT": (lossy_mask, {}),
    "E_MASK_EMPTY": (black_mask, {}),
    "E_NOT_FINITE mask": (mask_of_no_numbers, {}),
    "E_PLATE_SIZE": (large_plate, {}),
    "E_NOT_FINITE": (plate_of_no_numbers, {}),
    "E_PLATE_COLOUR": (other_colours, {}),
    "E_PLATE_FORMAT": (two_kinds, {}),
    "E_PLATE_FORMAT png": (lambda plate, mask: None, {"frame_format": "png"}),
    "E_PLATE_SIZE asked": (lambda plate, mask: None, {"size": (WIDTH, HEIGHT - 4)}),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_does_not_fit_is_refused_by_name(tmp_path: Path, fault: str) -> None:
    plate, mask = stored_plate(tmp_path / "fg", "half"), masks(tmp_path / "mask")
    keeping.opened(request(plate, mask))                       # nothing is wrong with it yet
    spoil, fields = REFUSED[fault]
    spoil(plate, mask)
    with pytest.raises(RequestError, match=fault.split()[0]) as refused:
        keeping.opened(request(plate, mask, **fields))
    assert refused.value.hint and refused.value.exit_code == 2


def test_what_is_painted_over_anyway_may_be_no_number(tmp_path: Path) -> None:
    plate, mask = stored_plate(tmp_path / "fg", "half"), masks(tmp_path / "mask")
    values = np.zeros((HEIGHT, WIDTH, 3))
    values[10, 20] = np.nan
    write_exr(plate / f"fg.{CAMERA.frames[0]}.exr", values, "half")
    frames = written(request(plate, mask), tmp_path / "out_v001")
    assert np.isfinite(raw(frames[0]).view(np.float16)).all()


def test_a_plate_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    plate, mask = stored_plate(tmp_path / "fg", "half"), masks(tmp_path / "mask")
    given = request(plate, mask)
    write_png(mask / f"mask.{CAMERA.frames[0]}.png", np.zeros((HEIGHT, WIDTH, 1), np.uint8))
    with pytest.raises(RequestError, match="E_INPUT_CHANGED"):
        keeping.opened(given)


def test_what_alpha_a_plate_has_touches_no_colour(tmp_path: Path) -> None:
    codes = NOISE.integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    Image.fromarray(codes).save(tmp_path / "fg.png")
    assert np.array_equal(np.rint(pictures.read_stored(tmp_path / "fg.png") * 255), codes[:, :, :3])
    assert not np.array_equal(np.rint(pictures.read_picture(tmp_path / "fg.png") * 255), codes[:, :, :3])


def test_one_picture_masks_all_frames(tmp_path: Path) -> None:
    plate, mask = stored_plate(tmp_path / "fg", "half"), masks(tmp_path / "mask") / f"mask.{CAMERA.frames[0]}.png"
    kept = keeping.opened(request(plate, mask))
    assert kept is not None
    assert all(np.array_equal(kept.frame(frame).paint, kept.frame(1001).paint) for frame in CAMERA.frames)


# What a request may say --------------------------------------------------------------------------

CARD = ModelCard(
    name="draft", title="Draft", kind="draft", summary="", licence="Apache-2.0", commercial="yes",
    native_size=(32, 18), clip=FrameRule(multiple=1, offset=0, maximum=9),
)  # fmt: skip
SOME = Input("/there", "0" * 64)
WRONG: dict[str, dict[str, Any]] = {
    "E_PLATE_MASK plate": {"mask": None},
    "E_PLATE_MASK mask": {"plate": None},
    "E_PLATE_LOCK lock": {"lock": True},
    "E_PLATE_LOCK overscan": {"overscan": 0.1},
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_would_move_the_kept_pixels_is_refused(fault: str) -> None:
    given = PlateRequest(camera=CAMERA, prompt="a meadow", lock=False, plate=SOME, mask=SOME)
    assert given.checked().plate == SOME
    with pytest.raises(RequestError, match=fault.split()[0]):
        replace(given, **WRONG[fault]).checked()


def test_a_lock_is_off_by_default_with_a_plate() -> None:
    given = PlateRequest(camera=CAMERA, prompt="a meadow", lock=False, plate=SOME, mask=SOME)
    said = given.to_dict()
    del said["lock"]
    assert PlateRequest.from_dict(said) == given
    assert given.identity()["plate"] == {"sha256": "0" * 64}
    with pytest.raises(RequestError, match="E_PLATE_MODEL"):
        check_against(given, CARD)
    check_against(given, replace(CARD, takes_plate=True))
    origin = provenance.Origin.generated(Job(request=given, name="a", out="b"), given, CARD, {}, "cpu")
    assert origin.source_type is not None and origin.source_type.endswith("compositeWithTrainedAlgorithmicMedia")


def test_the_command_line_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plate, mask = stored_plate(tmp_path / "fg", "half"), masks(tmp_path / "mask")
    CAMERA.write(tmp_path / "camera.json")
    line = ["generate", "--camera", str(tmp_path / "camera.json"), "--prompt", "a", "--plate", str(plate)]
    assert cli.main([*line, "--mask", str(mask), "--lock"]) == 2
    assert "E_PLATE_LOCK" in capsys.readouterr().err
    assert cli.main([*line, "--mask", str(mask), "--model", "grid"]) == 2
    assert "E_PLATE_MODEL" in capsys.readouterr().err
    assert cli.main(line) == 2
    assert "E_PLATE_MASK" in capsys.readouterr().err
