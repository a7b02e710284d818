"""Super-resolution by a user's own model: real architectures of spandrel with weights made here; what is no model."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from platewright import cli, engine, enlarging, pictures, provenance
from platewright.delivery import Delivery
from platewright.errors import RequestError
from platewright.match.footage import Footage
from platewright.match.views import Views
from platewright.models import grid
from platewright.protocol import Event, Input, Job, PlateRequest
from tests.core import painted_world
from tests.core.shots import shot

SMALL = (48, 80, 3)                                # a picture: height, width, channels
PAN = painted_world.pan(8, (192, 108))


def ignore(event: Event) -> None:
    del event


def spandrel() -> Any:
    return enlarging._spandrel()


def compact(path: Path, scale: int = 2, loud: float = 0.1, seed: int = 1) -> Path:
    """A file of SRVGGNetCompact: the picture with each pixel doubled, and what three convolutions add."""
    spandrel()
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    torch.manual_seed(seed)
    network = SRVGGNetCompact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=scale)
    save_file({name: tensor * loud for name, tensor in network.state_dict().items()}, path)
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return compact(tmp_path / "mine x2.safetensors")


def noisy(seed: int = 3, shape: tuple[int, int, int] = SMALL) -> pictures.Picture:
    smooth = np.random.default_rng(seed).random((8, 12, 3), np.float32)
    return np.clip(cv2.resize(smooth, shape[1::-1], interpolation=cv2.INTER_CUBIC) * 0.8 + 0.1, 0, 1)


def alone(path: Path, picture: pictures.Picture) -> pictures.Picture:
    """What spandrel itself makes of a whole picture."""
    network = spandrel().ModelLoader().load_from_file(path).eval()
    return network(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()


# Pictures ----------------------------------------------------------------------------------------


def test_it_is_what_spandrel_makes_and_shrinks_to_what_went_in(model: Path) -> None:
    upscaler, picture = enlarging.opened(Input.of(model)), noisy()
    made, theirs = upscaler.picture(picture), alone(model, picture)
    assert made.shape == (96, 160, 3) and upscaler.scale == 2
    assert np.abs(made - enlarging.projected_back(theirs, picture)).max() < 1e-5
    assert np.abs(enlarging.shrunk(made, 80, 48) - picture).mean() < 2e-4
    assert np.abs(enlarging.shrunk(theirs, 80, 48) - picture).mean() > 2e-3, "the model alone changes the light"


def test_tiles_leave_no_seam(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the network's own reach nothing is cut off that the rim does not hold: tiles give what the whole gives."""
    upscaler, picture = enlarging.opened(Input.of(model)), noisy(shape=(90, 150, 3))
    whole = upscaler.picture(picture)
    monkeypatch.setattr(enlarging, "TILE", 40)
    monkeypatch.setattr(enlarging, "RIM", 16)
    assert len(upscaler._tiles(150)) > 4
    assert np.abs(upscaler.picture(picture) - whole).max() < 2e-2
    inside = np.abs(upscaler.picture(picture) - whole)
    assert inside.mean() < 1e-4
    monkeypatch.setattr(enlarging, "RIM", 1)
    assert np.abs(upscaler.picture(picture) - whole).mean() > inside.mean(), "without a rim the seams show"


def test_another_architecture(tmp_path: Path) -> None:
    spandrel()
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    torch.manual_seed(2)
    save_file(RRDBNet(num_filters=8, num_blocks=1, scale=4).state_dict(), tmp_path / "rrdb.safetensors")
    upscaler = enlarging.opened(Input.of(tmp_path / "rrdb.safetensors"))
    assert upscaler.picture(noisy()).shape == (192, 320, 3)
    assert (upscaler.told()["architecture"], upscaler.told()["scale"]) == ("ESRGAN", 4)


# Steady ------------------------------------------------------------------------------------------


class Shimmering:
    """A network that adds other light and other grain to each picture."""

    def __init__(self, light: float, grain: float) -> None:
        self.light, self.grain, self.random = light, grain, np.random.default_rng(5)
        self.scale, self.dtype, self.tiling = 2, torch.float32, type("Tiling", (), {"name": "SUPPORTED"})
        self.architecture = type("Architecture", (), {"name": "shimmer"})

    def __call__(self, image: torch.Tensor) -> torch.Tensor:
        large = torch.nn.functional.interpolate(image, scale_factor=2.0, mode="bicubic")
        grain = torch.from_numpy(self.random.normal(0, self.grain, large.shape).astype(np.float32))
        return (large + self.random.normal(0, self.light) + grain).clamp(0, 1)


class Still(Footage):
    """The same picture over and over."""

    def picture(self, index: int) -> pictures.Picture:
        return noisy()


def shimmer(model: Path, light: float, grain: float) -> enlarging.Enlarged:
    upscaler = enlarging.Upscaler(Input.of(model), Shimmering(light, grain), torch.device("cpu"), "0")
    found = enlarging.Enlarged.of(Still((Path("x"),) * 6, tuple(range(6)), 80, 48), upscaler)
    for index in range(6):
        found.next(index)
    return found


def test_light_that_flickers_is_taken_out(model: Path) -> None:
    """A model whose every picture is brighter or darker: what comes out stands as still as what went in."""
    found = shimmer(model, light=0.05, grain=0.0)
    codes = found.told()["flicker"]
    assert codes["native"] == 0 and codes["enlarged_and_shrunk"] < 0.2 and codes["enlarged"] < 0.5
    raw = enlarging.Flicker()
    network = Shimmering(0.05, 0.0)
    for _ in range(6):
        made = network(torch.from_numpy(noisy()).permute(2, 0, 1)[None])
        raw.add(made[0].permute(1, 2, 0).numpy())
    assert raw.codes > 20, "what the model alone does"
    assert found.warnings() == []


def test_grain_that_flickers_is_told(model: Path) -> None:
    found = shimmer(model, light=0.0, grain=0.05)
    (warning,) = found.warnings()
    assert warning.startswith("W_UPSCALE_FLICKER: ")
    codes = found.told()["flicker"]
    assert codes["enlarged"] > 10 > codes["enlarged_and_shrunk"]


# Whole plates ------------------------------------------------------------------------------------


def made(out: Path, camera: Any, model: Path, **changes: Any) -> tuple[Path, list[Event]]:
    heard: list[Event] = []
    delivery = Delivery(upscaler=Input.of(model))
    request = PlateRequest(camera=camera, prompt="", model="grid", frame_format="png", delivery=delivery, **changes)
    answer = engine.make_plate(Job(request=request, name="sr", out=str(out), id="j"), heard.append)
    return Path(answer["plate"]), heard


def test_a_plate_says_what_enlarged_it(tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shot(3).write(tmp_path / "camera.json")
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", "grid", "--no-lock", "--no-check"]
    code = cli.main([*words, "--upscale", str(model), "--out", str(tmp_path / "out"), "--json"])
    answer = json.loads(capsys.readouterr().out)
    assert code == 0, answer
    document = provenance.read_manifest(Path(answer["plate"]))
    told = document["picture"]["upscaler"]
    assert (told["name"], told["sha256"]) == (model.name, Input.of(model).sha256)
    assert (told["architecture"], told["scale"], told["dtype"]) == ("RealESRGAN Compact", 2, "float32")
    assert set(told["flicker"]) == {"native", "enlarged_and_shrunk", "enlarged_plainly", "enlarged"}
    assert document["picture"]["native_width"] == 64 and document["picture"]["size"] == "native"
    assert document["picture"]["resample"]["scale"] == [0.5, 0.5], "one resample, from the enlarged picture"
    assert str(tmp_path) not in (Path(answer["plate"]) / "plate.json").read_text()
    frames = [pictures.read_picture(Path(answer["plate"]) / entry["file"]) for entry in document["frames"]]
    plain = PlateRequest(camera=shot(3), prompt="", model="grid")
    drawn = grid.GridBackend().generate(plain, shot(3), "j", ignore)
    assert all(np.abs(a - b).mean() < 0.02 for a, b in zip(frames, drawn, strict=True))
    assert provenance.verify(Path(answer["plate"])).is_sound


def test_a_lock_takes_the_enlarged_pictures_and_is_measured_again(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that drifts is locked through its enlarged pictures: as near to the camera as without them."""
    turn = painted_world.growing(len(PAN), (0.3, 1.0, 0.2), 1.0)

    def drifting(self: Any, request: Any, camera: Any, *_: Any) -> Any:
        shown = painted_world.drifted(Views.of(camera), turn)
        return (painted_world.look(shown, index)[0] for index in range(len(camera)))

    card = replace(grid.card(), drift_deg=1.0)
    monkeypatch.setattr(grid, "card", lambda: card)
    monkeypatch.setattr(grid.GridBackend, "generate", drifting)
    plate, heard = made(tmp_path / "out", PAN, compact(tmp_path / "soft.safetensors", loud=0.01), size=(288, 162))
    document = provenance.read_manifest(plate)
    match = document["match"]
    assert match["lock"]["applied"] and match["verdict"] == "locked", match["reason"]
    assert match["before"]["verdict"] != "locked"
    assert (document["picture"]["size"], document["picture"]["upscaler"]["scale"]) == ("native", 2)
    assert any(getattr(event, "stage", "") == "enlarging" for event in heard)
    truth = painted_world.look(Views.of(PAN.scaled(288, 162)), 5)[0]
    frame = pictures.read_picture(plate / f"{plate.name}.{PAN.frames[5]}.png")
    assert painted_world.psnr(frame, truth) > 24


# What is no model --------------------------------------------------------------------------------


def code_of(given: Path) -> RequestError:
    with pytest.raises(RequestError) as error:
        enlarging.opened(Input.of(given))
    assert error.value.hint
    return error.value


def test_files_that_are_no_model(tmp_path: Path, model: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "pickled.pth")
    assert code_of(tmp_path / "pickled.pth").code == "E_UPSCALER"
    (tmp_path / "torn.safetensors").write_bytes(model.read_bytes()[:-100])
    save_file({"nobody.knows.weight": torch.zeros(3)}, tmp_path / "foreign.safetensors")
    (tmp_path / "words.safetensors").write_text("hello")
    for name in ("torn", "foreign", "words"):
        error = code_of(tmp_path / f"{name}.safetensors")
        assert error.code == "E_UPSCALER" and name in error.message
    with pytest.raises(RequestError) as refused:
        Delivery(upscaler=Input.of(tmp_path / "pickled.pth")).checked("exr", 4)
    assert refused.value.code == "E_UPSCALER"


def test_a_model_that_does_not_enlarge_is_refused_before_anything_begins(tmp_path: Path) -> None:
    spandrel()
    from spandrel.architectures.DnCNN.__arch.network_dncnn import DnCNN

    save_file(DnCNN(in_nc=3, out_nc=3, nc=8, nb=4, act_mode="BR").state_dict(), tmp_path / "dn.safetensors")
    error = code_of(tmp_path / "dn.safetensors")
    assert error.code == "E_UPSCALER" and "Restoration" in error.message
    with pytest.raises(RequestError):
        made(tmp_path / "out", shot(3), tmp_path / "dn.safetensors", lock=False)
    assert not (tmp_path / "out").exists()


def test_a_model_that_changed_is_not_used(model: Path) -> None:
    given = Input.of(model)
    compact(model, seed=9)
    with pytest.raises(RequestError) as error:
        enlarging.opened(given)
    assert error.value.code == "E_INPUT_CHANGED"


def test_without_spandrel_the_way_out_is_told(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    error = code_of(model)
    assert error.code == "E_UPSCALER" and "pip install" in error.hint


def test_the_stand_in_for_torchvision_is_gone_again() -> None:
    spandrel()
    assert not any(name.partition(".")[0] == "torchvision" for name in sys.modules)
