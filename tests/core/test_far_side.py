"""Models that start from a picture are held to the frames behind a part, and bare diffusers agrees."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from platewright import anchors, engine, pictures, provenance, remaking
from platewright.camera import CameraPath
from platewright.models import latents, sana_wm, sana_wm_refining, wan_fun
from platewright.protocol import Event, Input, Job, PlateRequest, Warned
from tests.core import test_wan_fun as fun
from tests.core import tiny_sana
from tests.core.shots import level_pose, shot

CAMERA = shot(12, size=fun.NATIVE)                  # as large as the model's pictures: no resample between them
FIRST, LAST = 1005, 1008
PART = CAMERA.window(FIRST - 1, 1012)               # nine frames in three latents: 1004 | 1005 .. 1008 | 1009 .. 1012
own_cache, tiny, a14b = fun.own_cache, fun.tiny, fun.a14b                    # fixtures


def made(request: PlateRequest, out: Path, heard: list[Event] | None = None) -> Path:
    hear = (lambda event: None) if heard is None else heard.append
    return Path(engine.make_plate(Job(request=request, name="sh010", out=str(out), id="j", check=False), hear)["plate"])


def frames(plate: Path) -> dict[int, Any]:
    numbers = sorted(int(file.suffixes[-2][1:]) for file in plate.glob("*_v*.png"))
    return {number: pictures.read_picture(plate / f"{plate.name}.{number}.png") for number in numbers}


def told(plate: Path) -> dict[str, Any]:
    return provenance.read_manifest(plate)["inputs"]["remake"]


def warned(heard: list[Event], code: str) -> list[str]:
    return [event.message for event in heard if isinstance(event, Warned) and event.code == code]


def video(shown: Any) -> torch.Tensor:
    return torch.tensor(np.stack(shown)).permute(3, 0, 1, 2)[None] * 2 - 1


def kept(part: int, stage: str | None = None) -> list[Any]:
    """The latents on disk whose clip has so many latent frames."""
    from safetensors import safe_open

    found: list[Any] = []
    for file in sorted((latents.cache_folder() / "latents").iterdir(), key=lambda file: file.stat().st_mtime_ns):
        with safe_open(file, framework="pt") as opened:
            facts, tensor = opened.metadata(), opened.get_tensor("latents")
        if tensor.shape[2] == part and (stage is None or facts["stage"] == stage):
            found.append(tensor)
    return found


# Wan-Fun-Camera ----------------------------------------------------------------------------------


@pytest.fixture
def parent(tiny: fun.Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A plate of the small model's, one step away from noise: no two frames are alike."""
    monkeypatch.setitem(wan_fun.VARIANTS, tiny.kind.name, tiny.kind)
    return made(asked(tiny, steps=1), tmp_path)


def asked(tiny: fun.Tiny, **fields: Any) -> PlateRequest:
    whole = {"model": str(tiny.folder), "lock": False, "frame_format": "png", **fields}
    return tiny.request(CAMERA, **whole).checked()


def remake(parent: Path, frames: tuple[int, int] = (FIRST, LAST), handles: int = 2, **fields: Any) -> PlateRequest:
    camera = fields.pop("camera", None)
    return remaking.request_from(parent, frames, handles, camera, {"steps": fun.STEPS, **fields})


def by_hand(tiny: fun.Tiny, known: torch.Tensor) -> dict[str, Any]:
    """What bare diffusers needs to be told to keep the third latent: written anew, a number at a time."""
    width, height = (side // (16 if tiny.kind.per_token else 8) for side in fun.NATIVE)
    shape = (1, known.shape[1], 3, height, width)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(fun.SEED))

    def step(pipeline: Any, number: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
        levels = [float(level) for level in pipeline.scheduler.sigmas]
        assert len(levels) == fun.STEPS + 1 and levels[-1] == 0.0
        mine = given["latents"].clone()
        for channel in range(shape[1]):
            clean, rough = known[:, channel, 2], noise[:, channel, 2]
            mine[:, channel, 2] = (1.0 - levels[number + 1]) * clean + levels[number + 1] * rough
        return {**given, "latents": mine}

    return {"latents": noise, "callback_on_step_end": step}


def test_wan_fun_is_held_at_its_far_end(tiny: fun.Tiny, parent: Path, tmp_path: Path) -> None:
    heard, was = list[Event](), frames(parent)
    plate = made(remake(parent), tmp_path, heard)
    assert told(plate)["anchors"] == {"before": [1004], "after": [1009, 1010, 1011, 1012]}
    assert told(plate)["made"] == [1004, 1012] and not warned(heard, "W_ONE_END"), "handles that fill a latent"
    assert provenance.verify(plate).is_sound

    shown = video([was[number] for number in PART.frames])
    known = fun.latents_of(SimpleNamespace(vae=tiny.vae), shown)
    held, free = (
        fun.bare(tiny, fun.packed_of(PART), picture=was[1004], **given) for given in (by_hand(tiny, known), {})
    )
    for number in range(FIRST, LAST + 1):
        assert np.array_equal(np.round(frames(plate)[number] * 255), np.round(held[number - 1004] * 255))
    assert np.abs(held - free)[1:5].max() > 1 / 255, "the guilty: without the far side the part is another"
    assert torch.allclose(kept(3)[-1][:, :, 2], known[:, :, 2], atol=1e-6), "the end is what is there, encoded"
    assert not torch.allclose(kept(3)[0][:, :, 2], known[:, :, 2], atol=0.1), "nor was it so by itself"


def test_too_few_frames_hold_nothing(a14b: fun.Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wan_fun.VARIANTS, a14b.kind.name, a14b.kind)
    parent = made(asked(a14b, steps=1), tmp_path)
    moved = turned(range(1010, 1013))
    cases: tuple[dict[str, Any], ...] = ({"frames": (1006, 1010)}, {"handles": 0}, {"camera": moved})
    for changes in cases:
        heard: list[Event] = []
        plate = made(remake(parent, **changes, steps=1), tmp_path, heard)
        assert told(plate)["anchors"]["after"] == [] and "takes 4 frames" in warned(heard, "W_ONE_END")[0]
    unheld = frames(made(remake(parent, handles=0), tmp_path))
    there = fun.bare(a14b, fun.packed_of(CAMERA.window(1004, 1008)), picture=frames(parent)[1004])
    for number in range(FIRST, LAST + 1):
        assert np.array_equal(np.round(unheld[number] * 255), np.round(there[number - 1004] * 255))


def turned(those: range) -> CameraPath:
    """The camera of the plate, turned by 9 degrees in these frames."""
    poses = [level_pose(0, 0.1 * n, 1.7, 2.0 * n + (9 if 1001 + n in those else 0)) for n in range(12)]
    return replace(CAMERA, camera_to_world=tuple(poses))


def test_which_latents_lie_within() -> None:
    clip = replace(PART, frames=tuple(range(1, 10)), cameras=("Camera",) * 9)
    cases = ((range(5, 10), 9, [2]), (range(6, 10), 9, [2]), (range(7, 10), 9, []), (range(2, 10), 9, [1, 2]),
             (range(6, 8), 7, [2]), (range(1, 5), 9, []), (range(2, 6), 9, [1]), (range(0), 9, []))  # fmt: skip
    for known, last, wanted in cases:
        assert anchors.latents_within(clip, last, known, 4) == wanted, (known, last)


# SANA-WM -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sana(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("models")
    codes = np.random.default_rng(0).integers(0, 256, (2, 3, 3), dtype=np.uint8)
    Image.fromarray(codes).resize(tiny_sana.SIZE, Image.Resampling.BICUBIC).save(place / "first.png")
    return tiny_sana.save(place)


def test_sana_is_held_at_its_far_end(sana: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sana_wm, "NATIVE", tiny_sana.SIZE)
    camera = tiny_sana.path(20)
    request = PlateRequest(
        camera=camera, prompt="a wide green valley", negative="blurry", model=str(sana), seed=7, steps=1, guidance=4.0,
        first_frame=Input.of(sana.parent / "first.png"), lock=False, frame_format="png", device="cpu", overscan=0.0,
    ).checked()  # fmt: skip
    parent, heard = made(request, tmp_path), list[Event]()
    was = frames(parent)
    plate = made(remaking.request_from(parent, (1004, 1011), 2, None, {"steps": 3}), tmp_path, heard)
    assert told(plate)["anchors"] == {"before": [1003], "after": list(range(1012, 1020))}
    assert told(plate)["made"] == [1003, 1019] and not warned(heard, "W_ONE_END")

    first, refined, known = kept(3, "1")[-1], kept(3, "refined")[-1], encoded([was[n] for n in range(1003, 1020)])
    for found in (first, refined):
        assert torch.allclose(found[:, :, 2], known[:, :, 2], atol=1e-5), "the end is what is there, encoded"
    part = camera.window(1003, 1019)
    held, free = (stock(sana, part, was[1003], given) for given in (keeping(known), None))
    error = (first - held).abs().max()
    assert error < 1e-4
    assert (held - free)[:, :, 1].abs().max() > 20 * error, "the guilty: without the far side the part is another"


def encoded(shown: list[Any]) -> Any:
    vae: Any = tiny_sana.vae()
    with torch.no_grad():
        found = vae.encode(video(shown)).latent_dist.mode()
    mean, deviation = (part.view(1, -1, 1, 1, 1) for part in (vae.latents_mean, vae.latents_std))
    return (found - mean) * vae.config["scaling_factor"] / deviation


def keeping(known: Any) -> Any:
    noise = torch.randn(known.shape, generator=torch.Generator().manual_seed(7))

    def step(pipeline: Any, number: int, time: Any, given: dict[str, Any]) -> dict[str, Any]:
        level, mine = float(pipeline.scheduler.sigmas[number + 1]), given["latents"].clone()
        mine[:, :, -1] = torch.lerp(known[:, :, -1], noise[:, :, -1], level)
        return {**given, "latents": mine}

    return step


def stock(folder: Path, camera: CameraPath, first: Any, step: Any) -> Any:
    import diffusers

    pipeline: Any = diffusers.SanaWMPipeline.from_pretrained(folder)
    return pipeline(
        Image.fromarray(np.round(first * 255).astype(np.uint8)), "a wide green valley", negative_prompt="blurry",
        c2w=np.array(camera.camera_to_world).reshape(-1, 4, 4), intrinsics=np.array(camera.intrinsics),
        width=tiny_sana.SIZE[0], height=tiny_sana.SIZE[1], num_frames=len(camera), num_inference_steps=3,
        guidance_scale=4.0, generator=torch.Generator().manual_seed(7), output_type="latent", callback_on_step_end=step,
    ).latent  # fmt: skip


def test_the_refiner_leaves_what_is_held(sana: Path) -> None:
    half = sana_wm_refining.load(Path(f"{sana}-refiner") / "transformer", torch.float32)
    long = torch.randn(1, tiny_sana.CHANNELS, 10, 2, 2, generator=torch.Generator().manual_seed(2))
    words = (torch.randn(1, 8, tiny_sana.WORD, generator=torch.Generator().manual_seed(4)), torch.ones(1, 8).long())

    def made(held: tuple[int, ...]) -> Any:
        return torch.cat(list(sana_wm_refining.refined(half, long, words, 16.0, 7, lambda: None, held)), 2)

    free, held = made(()), made((6, 7, 8, 9))
    assert torch.equal(held[:, :, 6:], long[:, :, 6:]) and torch.equal(held[:, :, :4], free[:, :, :4])
    assert (held - free)[:, :, 4:6].abs().max() > 1e-3, "its neighbours in the block see it"
    assert (free[:, :, 6:] - long[:, :, 6:]).abs().max() > 0.1
