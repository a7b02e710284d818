"""What makes a model quicker: asked for behind a preset, told in the manifest, the same pictures where that is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import WanVACETransformer3DModel
from diffusers.models import attention_dispatch

from platewright import engine, models, provenance
from platewright.errors import BackendError, RequestError
from platewright.models import device, grid, presets, quicker, wan_vace
from platewright.protocol import Job
from tests.core import test_wan_vace as vace
from tests.core import tiny_wan
from tests.core.shots import shot
from tests.core.test_presets import CPU, GPU, PARTS, passed, wan

Dispatcher: Any = vars(attention_dispatch)["_AttentionBackendRegistry"]
folder, own_cache = vace.folder, vace.own_cache    # fixtures


# What may be asked for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "name", "extras"),
    [(None, None, ()), ("full", "full", ()), ("+cudnn", None, ("cudnn",)), ("int8+sage", "int8", ("sage",)),
     ("full+cache+compile+cudnn", "full", ("cudnn", "compile", "cache"))],
)  # fmt: skip
def test_a_preset_is_a_name_and_what_follows_it(asked: str | None, name: str | None, extras: tuple[str, ...]) -> None:
    assert presets.parsed(asked) == (name, extras)


@pytest.mark.parametrize(
    "asked", ["", "fast", "full+fast", "cudnn", "full+", "full+cudnn+sage", "full+cudnn+cudnn", 3, "fp8+compile",
              "group-offload+cache", "model-offload+compile"],
)  # fmt: skip
def test_what_cannot_be_is_refused(asked: Any) -> None:
    with pytest.raises(RequestError, match="E_VALUE"):
        presets.parsed(asked)


def test_cards_say_what_they_take_and_what_changes_pictures() -> None:
    fun, painting, cosmos = (models.card(name) for name in ("wan-fun-camera", "wan-vace-14b", "cosmos-transfer2.5"))
    assert {*fun.presets} == {*presets.NAMES, *quicker.NAMES}
    assert {*fun.other_pictures} == {*presets.EIGHT_BITS, "sage", "cache"}
    assert "cache" not in painting.presets and {*cosmos.presets} - {*presets.NAMES} == {"cudnn"}
    presets.refuse("full+cache", fun)
    for asked, card in (("full+cache", painting), ("full+compile", cosmos), ("full+cudnn", grid.card())):
        with pytest.raises(RequestError, match="E_VALUE"):
            presets.refuse(asked, card)


def test_what_does_not_go_with_the_preset_that_memory_leaves_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presets, "free_bytes", lambda device: 0.0)
    with presets.run("+compile") as here:
        assert presets.chosen(GPU, PARTS) == here.used == "group-offload"
        assert here.told() == {"preset": "group-offload", "preset_pictures": "the same"}
    with presets.run("full+compile", steps_down=1) as here:
        assert presets.chosen(GPU, PARTS) == here.used == "model-offload"


# Attention ---------------------------------------------------------------------------------------


def test_attention_goes_the_way_that_is_asked_for_and_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own plain attention stands for kernels that only a GPU has: diffusers' dispatcher does the rest."""
    monkeypatch.setitem(quicker.ATTENTION, "cudnn", "_native_math")
    plain, name, calls = passed(wan()), attention_dispatch.AttentionBackendName("_native_math"), list[int]()
    kernel = Dispatcher._backends[name]
    monkeypatch.setitem(Dispatcher._backends, name, lambda **given: (calls.append(1), kernel(**given))[1])
    before = Dispatcher.get_active_backend()[0]
    with presets.run("full+cudnn") as here:
        assert presets.chosen(GPU, PARTS) == "full" and here.used == "full+cudnn"
        assert here.told()["preset_pictures"] == "the same but for rounding"
        assert float((passed(wan()) - plain).abs().max()) < 1e-5 and len(calls) == 2 * tiny_wan.LAYERS
        presets.chosen(GPU, PARTS)                 # a second part of the model
    assert Dispatcher.get_active_backend()[0] == before != name


@pytest.mark.parametrize("name", ["flash-3", "sage"])
def test_a_kernel_that_is_not_installed_says_so(name: str) -> None:
    with pytest.raises(BackendError, match="E_PRESET") as refused, presets.run(f"full+{name}"):
        presets.chosen(GPU, PARTS)
    assert f"+{name}" in refused.value.hint
    with pytest.raises(BackendError, match="E_PRESET"), presets.run("full+cudnn"):
        presets.chosen(CPU, PARTS)


# Blocks ------------------------------------------------------------------------------------------


def test_compiled_blocks_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quicker, "COMPILED", {"backend": "eager", "fullgraph": True})
    made = wan()
    quicker.equip(made, ("compile",))
    assert torch.equal(passed(made), passed(wan()))
    assert all(block._compiled_call_impl is not None for block in made.blocks)


def test_a_machine_that_cannot_compile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any) -> Any:
        raise RuntimeError("no compiler")

    monkeypatch.setattr(quicker, "COMPILED", {"backend": broken})
    made = wan()
    quicker.equip(made, ("compile",))
    with pytest.raises(BackendError, match="E_PRESET") as refused, device.told_plainly(CPU, "Wan"):
        passed(made)
    assert "+compile" in refused.value.hint
    with pytest.raises(RuntimeError, match="another"), device.told_plainly(CPU, "Wan"):
        raise RuntimeError("another")


def twice(transformer: Any, **more: Any) -> tuple[Any, Any, int]:
    """Two passes over the same, and how many blocks the second one worked through."""
    count = list[int]()
    for block in transformer.blocks:
        block.attn1.register_forward_hook(lambda *given: count.append(1))
    with transformer.cache_context("cond"):
        first = passed(transformer, **more)
        before = len(count)
        return first, passed(transformer, **more), len(count) - before


def test_a_cache_leaves_blocks_out_where_nothing_changes() -> None:
    made = wan()
    quicker.equip(made, ("cache",))
    first, second, worked = twice(made)
    assert torch.equal(first, passed(wan())) and worked == 1
    assert float((second - first).abs().max()) < 1e-5


def test_a_cache_is_not_offered_where_the_library_would_add_hints_twice() -> None:
    """Wan-VACE adds what the guide says between blocks, and FirstBlockCache remembers it among what blocks made."""
    torch.manual_seed(6)
    shape: dict[str, Any] = tiny_wan.shape_of(16, 16, False)
    shape |= {"vace_layers": [0, 1], "vace_in_channels": 96, "num_layers": 4}
    made: Any = WanVACETransformer3DModel(**shape).eval().requires_grad_(False)
    for projection in [block.proj_out for block in made.vace_blocks]:
        projection.weight.normal_(0, 0.3)
    quicker.equip(made, ("cache",))
    control = torch.randn(1, 96, 2, 4, 4, generator=torch.Generator().manual_seed(2))
    first, second, worked = twice(made, control_hidden_states=control)
    assert worked == 1 and float((second - first).norm() / first.norm()) > 0.01


# In a plate --------------------------------------------------------------------------------------


def test_the_plate_says_what_was_taken_and_what_it_changes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(wan_vace.VARIANTS, vace.KIND.name, vace.KIND)
    monkeypatch.setattr(quicker, "COMPILED", {"backend": "eager"})
    hashes, frames = set[str](), list[bytes]()
    for preset, told in (
        (None, "the same"), ("full+compile", "the same but for rounding"), ("int8", "others: weights in int8"),
    ):  # fmt: skip
        asked = vace.request(shot(5, size=vace.NATIVE), model=str(folder), lock=False, steps=1, preset=preset).checked()
        job = Job(request=asked, name="sh010", out=str(tmp_path), check=False)
        plate = Path(engine.make_plate(job, lambda event: None)["plate"])
        manifest = provenance.read_manifest(plate)
        assert manifest["model"]["preset"] == preset or (preset, manifest["model"]["preset"]) == (None, "full")
        assert manifest["model"]["preset_pictures"] == told
        hashes.add(asked.sha256)
        frames.append(next(plate.glob("*.1003.exr")).read_bytes())
    assert len(hashes) == 3 and frames[2] != frames[0]
