"""A studio's OpenColorIO configuration: a file of its own, the built-in ones, and what each refuses."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import OpenImageIO
import PyOpenColorIO
import pytest

from platewright import cli, colour, delivery_options, frame_forms, provenance, studio_colour
from platewright.delivery import Delivery, Studio
from platewright.errors import RequestError
from platewright.inputs import Input
from tests.core.shots import shot
from tests.core.test_colour import colours
from tests.core.test_pictures import tags

BUILT_IN = "ocio://default"
VIEW = "sRGB - Display/ACES 2.0 - SDR 100 nits (Rec.709)"
CONFIG = """ocio_profile_version: 2
roles: {scene_linear: house, default: house}
file_rules:
  - !<Rule> {name: Default, colorspace: house}
displays:
  monitor:
    - !<View> {name: film, colorspace: sRGB - Texture}
colorspaces:
  - !<ColorSpace>
    name: house
    isdata: false
  - !<ColorSpace>
    name: sRGB - Texture
    isdata: false
    to_scene_reference: !<GroupTransform>
      children:
        - !<ExponentWithLinearTransform> {gamma: 2.4, offset: 0.055}
        - !<MatrixTransform> {matrix: [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1]}
"""


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    studio_colour.opened.cache_clear()
    yield
    studio_colour.opened.cache_clear()


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.ocio"
    path.write_text(CONFIG)
    return path


def of_file(path: Path, space: str = "house", view: str = "") -> Studio:
    return Studio(str(path), Input.of(path).sha256, space, view=view)


def built_in(space: str, view: str = "") -> Studio:
    return Studio(BUILT_IN, hashlib.sha256(BUILT_IN.encode()).hexdigest(), space, view=view)


def test_a_studios_linear_is_twice_as_bright(config: Path) -> None:
    space = studio_colour.opened(of_file(config))
    assert np.abs(space.stored(colours()) - 2 * colour.linear_from_srgb(colours())).max() < 1e-5
    assert np.abs(space.shown(space.stored(colours())) - colours()).max() < 1e-5
    assert space.interop_id == "house" and not space.primaries and not space.is_known_everywhere


def test_a_built_in_space_is_ours_too() -> None:
    space = studio_colour.opened(built_in("ACEScg"))
    assert np.abs(space.stored(colours()) - colour.ACESCG.stored(colours())).max() < 2e-6
    assert (space.interop_id, space.primaries, space.is_known_everywhere) == ("lin_ap1_scene", colour.AP1, True)


def test_an_inverse_view_comes_back_through_the_view() -> None:
    """OpenColorIO's own forward view shows the picture again; white is far brighter than 1, and it is labelled."""
    space = studio_colour.opened(built_in("ACEScg", VIEW))
    picture = 0.02 + 0.9 * colours()
    stored = space.stored(picture)
    config = PyOpenColorIO.Config.CreateFromFile(BUILT_IN)
    forward = config.getProcessor("ACEScg", *VIEW.split("/"), PyOpenColorIO.TRANSFORM_DIR_FORWARD)
    shown = stored.copy()
    forward.getDefaultCPUProcessor().applyRGB(shown.reshape(-1, 3))
    assert np.abs(shown - picture).max() < 5e-3
    assert space.stored(np.ones((1, 1, 3), np.float32)).min() > 10
    told = space.told("exr", "zip")
    assert "INVERSE VIEW" in told["steps"][1] and told["ocio"]["inverse_view"] == VIEW
    assert not space.is_known_everywhere


def test_frames_of_a_studio_are_read_back_by_their_own_form(tmp_path: Path, config: Path) -> None:
    asked = Delivery(studio=of_file(config), proxy="half")
    form = frame_forms.FrameForm.of("exr", asked, studio_colour.opened(of_file(config)))
    form.write(tmp_path / "a.exr", colours(), tags())
    spec = OpenImageIO.ImageInput.open(str(tmp_path / "a.exr")).spec()
    assert spec.get_string_attribute("platewright.colorSpace") == "house"
    assert not spec.get_string_attribute("colorInteropID")
    assert spec.getattribute("chromaticities") is None
    assert np.abs(form.read(tmp_path / "a.exr") - colours()).max() < 2e-3


@pytest.mark.parametrize(
    ("space", "view", "said"), [("kitchen", "", "kitchen"), ("house", "wall/film", "wall"), ("house", "monitor/x", "x")]
)
def test_what_a_configuration_does_not_know(config: Path, space: str, view: str, said: str) -> None:
    with pytest.raises(RequestError, match=said) as error:
        studio_colour.opened(of_file(config, space, view))
    assert error.value.code == "E_OCIO" and error.value.hint


def test_a_configuration_that_changed(config: Path) -> None:
    studio = of_file(config)
    config.write_text(CONFIG.replace("2, 0, 0", "3, 0, 0"))
    with pytest.raises(RequestError) as error:
        studio_colour.opened(studio)
    assert error.value.code == "E_INPUT_CHANGED"


def test_without_opencolorio_the_way_out_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PyOpenColorIO", None)
    with pytest.raises(RequestError) as error:
        studio_colour.opened(of_file(config))
    assert error.value.code == "E_OCIO" and "pip install opencolorio" in error.value.hint


def test_the_environments_configuration_only_on_request(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCIO", str(config))
    shot(2).write(tmp_path / "camera.json")
    words = ["generate", "--camera", str(tmp_path / "camera.json"), "--model", "grid", "--no-lock"]
    spaces: list[str] = []
    for more in ([], ["--ocio", "env", "--space", "house"]):
        cli.main([*words, *more, "--no-check", "--json", "--out", str(tmp_path / "out")])
        plate = Path(json.loads(capsys.readouterr().out)["plate"])
        document = provenance.read_manifest(plate)
        spaces.append(document["picture"]["colour"]["space"])
        assert str(config) not in (plate / "plate.json").read_text()
    assert spaces == ["lin_rec709_scene", "house"]
    with pytest.raises(RequestError) as error:
        delivery_options.refuse_remake(document)
    assert error.value.code == "E_REMAKE"
