"""What generated clips are judged by: each measure says little of the true clip and much of one that is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from platewright import models
from platewright.layout.worlds import ATTRIBUTES, HELD_OUT_SEED
from training import dataset, evaluate, following, looks, recogniser
from training.dataset import Order, make_clip
from training.evaluate import HeldOut, Yardstick

FRAMES = 10


@pytest.fixture(scope="module", autouse=True)
def every_frame() -> Iterator[None]:
    """These clips move fast: flow is measured between neighbours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "STEP", 1)
        yield


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two held-out clips as a shard on disk, and the same as one to train on."""
    folder = tmp_path_factory.mktemp("clips")
    clips = [make_clip(HELD_OUT_SEED + n, Order(frames=FRAMES)) for n in (13, 10)]
    packed = {name: torch.stack([clip[name] for clip in clips]) for name in clips[0]}
    for name in ("held_out_0000", "train_0000"):
        save_file(packed, folder / f"{name}.safetensors")
    return folder


@pytest.fixture(scope="module")
def clips(shard: Path) -> list[HeldOut]:
    return evaluate.held_out(shard, 2)


@pytest.fixture(scope="module")
def judge() -> recogniser.Recogniser:
    """Untrained: what it says means nothing, but what is measured with it holds."""
    torch.manual_seed(0)
    return recogniser.Recogniser().eval().requires_grad_(False)


def still(clip: HeldOut) -> evaluate.Bytes:
    """The first frame for all."""
    return numpy.repeat(clip.frames[:1], len(clip.frames), 0)


# Motion -------------------------------------------------------------------------------------------


def test_a_true_clip_has_its_motion_a_still_none_and_a_reversed_one_worse(clips: list[HeldOut]) -> None:
    for clip in clips:
        true, none, back = (
            following.flow_error(frames, clip.flows) for frames in (clip.frames, still(clip), clip.frames[::-1])
        )
        assert true is not None and none is not None and back is not None
        assert true < 0.2 and none == pytest.approx(1.0, abs=0.05) and back > 1.3


def test_a_calm_shot_does_not_tell(clips: list[HeldOut]) -> None:
    calm = [numpy.zeros_like(flow) for flow in clips[0].flows]
    assert following.flow_error(clips[0].frames, calm) is None


def test_a_pan_moves_everything_by_its_angle() -> None:
    angle, focal = 0.02, 100.0
    turned = torch.eye(4, dtype=torch.float64)
    turned[:3, :3] = torch.tensor(
        [[numpy.cos(angle), 0, numpy.sin(angle)], [0, 1, 0], [-numpy.sin(angle), 0, numpy.cos(angle)]]
    )
    poses = torch.stack([torch.eye(4, dtype=torch.float64), turned]).numpy()
    lenses = numpy.tile([focal, focal, 32.0, 18.0], (2, 1))
    for metres in (0.0, 7.0):  # sky and ground turn alike
        (flow,) = following.true_flows(numpy.full((2, 36, 64), metres, numpy.float32), poses, lenses)
        assert flow[18, 32, 0] == pytest.approx(-focal * numpy.tan(angle), abs=0.01)


def test_a_step_moves_what_is_near_and_not_the_sky() -> None:
    poses = numpy.tile(numpy.eye(4), (2, 1, 1))
    poses[1, 0, 3] = 0.5  # metres to the right
    distance = numpy.zeros((2, 36, 64), numpy.float32)
    distance[:, 18:] = 10.0
    (flow,) = following.true_flows(distance, poses, numpy.tile([100.0, 100.0, 32.0, 18.0], (2, 1)))
    assert float(numpy.abs(flow[:18]).max()) < 1e-4
    assert flow[18, 32, 0] == pytest.approx(-100.0 * 0.5 / 10.0, rel=0.01)


@pytest.mark.slow
def test_a_true_clip_follows_its_camera_and_another_camera_it_does_not(clips: list[HeldOut]) -> None:
    clip, other = clips[1], clips[0]
    found = following.followed(clip.frames, clip.camera)
    assert found.rotation_deg is not None and found.rotation_deg < 0.2
    strange = following.followed(other.frames, clip.camera)
    stood = following.followed(still(clip), clip.camera)
    assert found.error_px is not None and found.error_px < 0.3
    assert strange.error_px is None or strange.error_px > 2.0
    assert stood.error_px is None or stood.error_px > 2.0


def test_a_picture_without_texture_is_not_solved(clips: list[HeldOut]) -> None:
    grey = numpy.full_like(clips[0].frames, 128)
    assert not following.followed(grey, clips[0].camera).is_solved


def test_grain_and_a_changing_light_flicker(clips: list[HeldOut]) -> None:
    frames = clips[1].frames
    grain = numpy.random.default_rng(0).integers(-9, 10, frames.shape)
    grainy = numpy.clip(frames + grain, 0, 255).astype(numpy.uint8)
    blinking = frames.copy()
    blinking[::2] = blinking[::2] // 8 * 7
    calm = following.flicker(frames)
    assert following.flicker(grainy) > 1.5 * calm and following.flicker(blinking) > 1.5 * calm
    assert following.flicker(still(clips[1])) == 0.0


# The recogniser -----------------------------------------------------------------------------------


def test_the_distance_of_clouds_is_that_of_their_gaussians() -> None:
    cloud = torch.randn(4000, 3, generator=torch.Generator().manual_seed(0))
    assert recogniser.frechet(cloud, cloud) == pytest.approx(0.0, abs=1e-6)
    assert recogniser.frechet(cloud, cloud + torch.tensor([3.0, 0.0, 4.0])) == pytest.approx(25.0, rel=1e-4)
    assert recogniser.frechet(cloud, 2 * cloud) == pytest.approx(3.0, rel=0.1)  # trace of (2 - 1)^2


def test_the_light_is_seen_from_the_camera() -> None:
    ahead = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    ahead[:, :3, :3] = torch.tensor([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])  # looks along +X, +Y is on the left
    for sun, seen in (([1.0, 0, 0.3], [0.0, 1.0]), ([0.0, -1, 0.3], [1.0, 0.0]), ([0.0, 0, 0], [0.0, 0.0])):
        torch.testing.assert_close(looks.light_of(torch.tensor(sun), ahead), torch.tensor(seen))


def painted(count: int) -> looks.Looks:
    """Looks whose time of day is their brightness, and whose light is on their bright side."""
    generator = torch.Generator().manual_seed(1)
    time = torch.randint(2, (count,), generator=generator)
    side = torch.randint(2, (count,), generator=generator)
    ramp = torch.linspace(0.5, 1.0, looks.SIZE[1])
    rows = torch.where(side[:, None] == 1, ramp, ramp.flip(0))[:, None, None]
    pictures = (rows * (60 + 150 * time)[:, None, None, None]).expand(count, 6, *looks.SIZE).to(torch.uint8)
    kinds = torch.zeros(count, len(ATTRIBUTES), dtype=torch.int64)
    kinds[:, 1] = time
    light = torch.stack([2.0 * side - 1, torch.zeros(count)], 1)
    return {"looks": pictures, "kinds": kinds, "light": light}


def test_it_learns_what_there_is_to_see() -> None:
    taught = painted(64)
    judge = recogniser.trained(taught, epochs=30)
    _, named, light = judge(taught["looks"].float() / 255)
    assert float((named[1].argmax(1) == taught["kinds"][:, 1]).float().mean()) > 0.95
    assert float((light[:, 0].sign() == taught["light"][:, 0]).float().mean()) > 0.95


def test_mirrored_looks_have_mirrored_light(monkeypatch: pytest.MonkeyPatch) -> None:
    taught = painted(8)
    pictures, light = taught["looks"].float() / 255, taught["light"]
    brighter = pictures[:, :, :, 64:].mean((1, 2, 3)) - pictures[:, :, :, :64].mean((1, 2, 3))
    assert torch.equal(brighter.sign(), light[:, 0])
    for seed in range(4):
        torch.manual_seed(seed)
        seen, shone = recogniser.disturbed(pictures, light)
        brighter = seen[:, :, :, 64:].mean((1, 2, 3)) - seen[:, :, :, :64].mean((1, 2, 3))
        assert torch.equal(brighter.sign(), shone[:, 0])


def test_it_is_kept_and_found_again(tmp_path: Path) -> None:
    made = recogniser.trained(painted(8), epochs=1)
    recogniser.save_judge(tmp_path / "judge.safetensors", made)
    again = recogniser.load_judge(tmp_path / "judge.safetensors")
    taught = painted(8)["looks"].float() / 255
    assert torch.equal(made(taught)[0], again(taught)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["judge.safetensors"]


def test_how_often_it_is_right_is_counted_look_by_look() -> None:
    taught = painted(16)
    judge = recogniser.trained(taught, epochs=30)
    all_right = recogniser.shares_right(judge, taught)
    mistaken = {**taught, "kinds": taught["kinds"].clone()}
    mistaken["kinds"][:4, 1] = 1 - mistaken["kinds"][:4, 1]
    assert all_right["time"] - recogniser.shares_right(judge, mistaken)["time"] == pytest.approx(0.25)


@pytest.mark.slow
def test_a_glance_at_a_world_is_what_its_clip_shows() -> None:
    seed = looks.FIRST_SEED
    drawn, clip = looks.draw_looks(seed), dataset.make_clip(seed, dataset.Order())
    whole = looks.looks_of(clip["frames"])
    chosen = whole[[looks.LOOKS.index(glance) for glance in looks.GLANCES]]
    assert torch.equal(drawn["looks"], chosen)
    assert torch.equal(drawn["kinds"][0], clip["kinds"])
    assert torch.equal(drawn["light"][1], looks.light_of(clip["sun"], clip["poses"]))


@pytest.mark.slow
def test_shards_of_looks_that_are_missing_are_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "WORLDS", 1)
    monkeypatch.setattr(looks, "KEPT_BACK", 1)
    taught, kept_back = looks.make_looks(tmp_path, worlds=2)
    assert [path.name for path in (*kept_back, *taught)] == sorted(path.name for path in tmp_path.iterdir())
    read = looks.read_looks([*taught, *kept_back])
    assert read["looks"].shape == (3 * len(looks.GLANCES), 6, *looks.SIZE)
    assert torch.equal(read["looks"][2:4], looks.draw_looks(looks.FIRST_SEED + 1)["looks"])
    before = taught[0].stat().st_mtime_ns
    kept_back[0].unlink()
    assert looks.make_looks(tmp_path, worlds=2) == (taught, kept_back)
    assert kept_back[0].exists() and taught[0].stat().st_mtime_ns == before


# The whole ----------------------------------------------------------------------------------------


def test_the_request_is_the_clip_s_camera_ground_sun_and_words(clips: list[HeldOut]) -> None:
    for clip in clips:
        request = evaluate.request_of(clip, 5)
        assert (request.camera, request.ground_m, request.seed) == (clip.camera, 0.0, 5)
        assert request.prompt == clip.prompt and (request.sun is None) == (not any(clip.sun))
        if request.sun:
            azimuth, elevation = numpy.radians(request.sun)
            sun = [numpy.cos(elevation) * numpy.cos(azimuth), numpy.cos(elevation) * numpy.sin(azimuth)]
            assert numpy.allclose([*sun, numpy.sin(elevation)], clip.sun, atol=1e-4)


def test_any_back_end_can_be_asked_and_what_it_made_is_kept(clips: list[HeldOut], tmp_path: Path) -> None:
    made = evaluate.made_by(models.open_backend("grid", "cpu"), clips)
    assert [frames.shape for frames in made.clips] == [(FRAMES, 144, 256, 3)] * 2 and min(made.seconds) > 0
    evaluate.save_made(tmp_path / "made.safetensors", made, {"model": "grid"})
    again = evaluate.load_made(tmp_path / "made.safetensors", 1)
    assert len(again.clips) == 1 and numpy.array_equal(again.clips[0], made.clips[0])


@pytest.mark.slow
def test_figures_tell_the_true_clips_from_stills_and_from_exchanged_ones(
    clips: list[HeldOut], judge: recogniser.Recogniser
) -> None:
    yardstick = Yardstick(clips, judge)
    true = yardstick.figures(yardstick.truth)
    stills = yardstick.figures([still(clip) for clip in clips])
    exchanged = yardstick.figures(yardstick.truth[::-1])
    assert true.near_share == 1.0 and true.unsolved == 0 and true.flow_error < 0.2
    assert true.frechet == pytest.approx(0.0, abs=1e-6) and true.flicker == pytest.approx(1.0)
    assert stills.flow_error > 0.9 and stills.error_px > 10 * true.error_px and stills.flicker < 0.5
    assert exchanged.flow_error > 0.9 and exchanged.near_share < 1.0


def test_adherence_counts_what_is_recognised(clips: list[HeldOut], monkeypatch: pytest.MonkeyPatch) -> None:
    def all_seeing(judge: object, given: list[Tensor]) -> recogniser.Seen:
        kinds = torch.tensor([clip.kinds for clip in clips])
        kinds[1, 0] += 1  # one terrain is taken for another
        features = torch.randn(len(given), 5, 4, generator=torch.Generator().manual_seed(0))
        light = torch.stack([torch.atan2(clip.light[0], clip.light[1]) for clip in clips])
        return recogniser.Seen(features, kinds, light)

    monkeypatch.setattr(evaluate, "recognised", all_seeing)
    monkeypatch.setattr(evaluate, "followed", lambda frames, camera: following.Followed(None, None))
    yardstick = Yardstick(clips, recogniser.Recogniser())
    meant = [{name: list(all_of)[kind] for (name, all_of), kind in zip(ATTRIBUTES.items(), clip.kinds, strict=True)}
             for clip in clips]  # fmt: skip
    del meant[0]["sky"]
    counts = {"terrain": (1, 2), "time": (2, 2), "sky": (1, 1), "weather": (2, 2)}
    assert yardstick.shown_as_read(yardstick.truth, meant) == counts
    figures = yardstick.figures(yardstick.truth)
    assert figures.adherence == {"terrain": 0.5, "time": 1.0, "sky": 1.0, "weather": 1.0}
    assert figures.light_deg == pytest.approx(0.0, abs=0.01) and figures.near_share == 0.0
