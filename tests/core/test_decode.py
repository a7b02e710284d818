"""Latents that a model has left become a plate elsewhere: only its VAE is read, and the frames are the same."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from platewright import cli, engine, pictures, provenance
from platewright.errors import RequestError
from platewright.models import checkpoint, decoding, latents, sana_wm, wan_fun
from platewright.protocol import Event, Input, Job, PlateRequest, Progress
from tests.core import test_wan_fun, tiny_sana
from tests.core.shots import shot

TWO_WINDOWS = shot(12, size=(128, 64))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATEWRIGHT_CACHE", str(tmp_path / "cache"))


def ignore(event: Event) -> None:
    del event


def frames_of(plate: Path) -> np.ndarray:
    return np.stack([pictures.read_picture(file) for file in sorted(plate.glob("*_v*.png"))])


def only_vae(folder: Path) -> None:
    """The other node has nothing else of the model."""
    for path in folder.iterdir():
        if path.is_dir() and path.name != "vae":
            shutil.rmtree(path)


def test_wan_is_decoded_with_nothing_but_its_vae(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = test_wan_fun.make("wan-fun-camera-1.3b", tmp_path / "wan")
    monkeypatch.setitem(wan_fun.VARIANTS, tiny.kind.name, tiny.kind)
    monkeypatch.setattr(checkpoint, "places", lambda: [tmp_path / "models"])
    (tmp_path / "models").mkdir()
    tiny.folder.rename(tmp_path / "models" / tiny.kind.name)
    folder = tmp_path / "models" / tiny.kind.name
    request = tiny_request(tiny, Input.of(folder / ".first.png"))
    made = engine.make_plate(Job(request=request, name="lake", out=str(tmp_path), check=False), ignore)
    files = sorted((tmp_path / "cache" / "latents").glob("*.safetensors"))
    assert len(files) == 2, "one for each window"
    only_vae(folder)
    assert cli.main(["decode", str(files[0]), "--out", str(tmp_path / "node"), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    again, manifest = Path(answer["plate"]), provenance.read_manifest(Path(answer["plate"]))
    assert np.array_equal(frames_of(Path(made["plate"])), frames_of(again)) and provenance.verify(again).is_sound
    first = provenance.read_manifest(Path(made["plate"]))
    sampled = [each["settings"]["sampler"] for each in (first, manifest)]
    assert sampled[0] == sampled[1] and sampled[1]["steps"] == 2
    assert manifest["model"]["windows"] == first["model"]["windows"] == [[1001, 1009], [1010, 1012]]
    told = {entry["sha256"] for entry in manifest["model"]["decoded_from"]}
    assert told == {latents_hash(file) for file in files} and answer["device"] == "cpu"

    second = decoding.Bundle.open(files[0]).windows[1]
    second.unlink()
    (first,) = set(files) - {second}
    assert cli.main(["decode", str(first), "--out", str(tmp_path / "node"), "--json"]) == 2
    assert "window 1 of 2" in capsys.readouterr().out
    (tmp_path / "empty").mkdir()
    for wrong in (folder / ".first.png", tmp_path / "empty"):
        with pytest.raises(RequestError, match="E_LATENTS"):
            decoding.Bundle.open(wrong)


def tiny_request(tiny: test_wan_fun.Tiny, first: Input) -> PlateRequest:
    return PlateRequest(
        camera=TWO_WINDOWS, prompt=test_wan_fun.PROMPT, model=tiny.kind.name, steps=2, device="cpu",
        first_frame=first, lock=False, frame_format="png",
    ).checked()  # fmt: skip


def latents_hash(file: Path) -> str:
    return Input.of(file).sha256


def test_sana_is_decoded_after_its_refiner_and_a_crash_costs_a_decode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setattr(sana_wm, "NATIVE", tiny_sana.SIZE)
    monkeypatch.setattr(checkpoint, "places", lambda: [tmp_path / "models"])
    folder = tiny_sana.save(tmp_path / "models")
    Image.new("RGB", tiny_sana.SIZE, (90, 120, 60)).save(tmp_path / "first.png")
    request = PlateRequest(
        camera=tiny_sana.path(17), prompt="a wide green valley", model="sana-wm", steps=2, device="cpu",
        first_frame=Input.of(tmp_path / "first.png"), lock=False, frame_format="png",
    ).checked()  # fmt: skip
    job = Job(request=request, name="valley", out=str(tmp_path), check=False)
    made = engine.make_plate(job, ignore)
    heard: list[Event] = []
    once_more = engine.make_plate(job, heard.append)
    assert not [event for event in heard if isinstance(event, Progress) and event.stage == "sampling"]
    assert np.array_equal(frames_of(Path(made["plate"])), frames_of(Path(once_more["plate"])))

    only_vae(folder)
    bundle = decoding.Bundle.open(tmp_path / "cache" / "latents")
    elsewhere = replace(Job.from_dict(bundle.plate), out=str(tmp_path / "node"))
    again = engine.make_plate(elsewhere, ignore, opener=bundle.backend)
    assert np.array_equal(frames_of(Path(made["plate"])), frames_of(Path(again["plate"])))
    sampled = [provenance.read_manifest(Path(plate["plate"]))["settings"]["sampler"] for plate in (made, again)]
    assert sampled[0] == sampled[1] and sampled[1]["refiner"]["sigmas"][-1] == 0.0
    for file in bundle.windows.values():
        file.unlink()
    with pytest.raises(RequestError, match="first stage"):
        decoding.Bundle.open(tmp_path / "cache" / "latents")


def test_latents_say_which_plate_they_are_of(tmp_path: Path) -> None:
    import torch

    file = tmp_path / "latents" / "a.safetensors"
    with latents.of_plate({"name": "one"}) as here:
        assert latents.keep(file, torch.zeros(1, 2), {"model": "m", "window": "0"}) == ""
        assert latents.kept(file) is not None
    assert here.files == [file, file]
    assert decoding.Bundle.open(file) == decoding.Bundle({"name": "one"}, {0: file})
    with latents.of_plate({"name": "two"}):
        latents.keep(file.with_name("b.safetensors"), torch.zeros(1, 2), {"model": "m", "window": "0"})
    assert decoding.Bundle.open(file).windows == {0: file}
    with pytest.raises(RequestError, match="2 plates"):
        decoding.Bundle.open(file.parent)
