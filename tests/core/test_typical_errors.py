"""The usual mistakes of camera-conditioned models, and where each is planted; what the verb `conditioning` writes.

Every mistake that touches a model here is made on purpose somewhere and must be seen there. This is the list of them:
an entry that has lost its test fails.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from platewright import cli, fitting, models
from platewright.models import grid
from tests.core.shots import shot

# What goes wrong -> (module, the table or test that plants it, the name in the table)
Place = tuple[str, str, str]
GOLDEN, SANA, WAN, VACE = "test_camera_golden", "test_sana_wm_camera", "test_wan_camera", "test_wan_vace"
PLANTED: dict[str, list[Place]] = {
    "axes flipped on the left": [
        (GOLDEN, "MISTAKES", "flip_on_the_left"), (SANA, "WRONG_CAMERAS", "axes flipped on the left"),
        (WAN, "ERRORS", "Blender's axes flipped on the left"),
    ],
    "flip forgotten": [
        (GOLDEN, "MISTAKES", "no_flip"), (SANA, "WRONG_CAMERAS", "axes of OpenGL"),
        (WAN, "ERRORS", "Blender's axes sent"),
    ],
    "world to camera for camera to world": [
        (GOLDEN, "MISTAKES", "inverted"), (SANA, "WRONG_CAMERAS", "camera from world"),
        (WAN, "ERRORS", "world to camera sent"),
    ],
    "scale left in the rotation": [
        (GOLDEN, "MISTAKES", "scale_left_in"), (SANA, "WRONG_CAMERAS", "scale left in the rotation"),
        (WAN, "ERRORS", "scale left in the rotation"),
    ],
    "a parent's scale on the place": [(GOLDEN, "MISTAKES", "scale_on_the_place")],
    "sensor height for an upright picture": [(GOLDEN, "MISTAKES", "sensor_height_for_auto_portrait")],
    "sign of the shift": [
        (GOLDEN, "MISTAKES", "shift_with_the_wrong_sign"), (SANA, "WRONG_CAMERAS", "lens shift turned round"),
        (WAN, "ERRORS", "shift's sign"),
    ],
    "shift of its own side": [(GOLDEN, "MISTAKES", "shift_of_its_own_side")],
    "lens before the crop": [
        (SANA, "WRONG_CAMERAS", "lens not cropped"), (SANA, "WRONG_CAMERAS", "lens of another width"),
        (SANA, "WRONG_CAMERAS", "lens cropped twice"), (WAN, "ERRORS", "lens of the render"),
        (WAN, "ERRORS", "1280x720 taken for the poses' size"), ("test_first_frame", "WRONG", "too narrow"),
    ],
    "percentage, pixel aspect": [
        (GOLDEN, "MISTAKES", "size_not_truncated"), (GOLDEN, "MISTAKES", "pixel_aspect_ignored")
    ],
    "another frame rate": [(SANA, "WRONG_CAMERAS", "other frame rate"), (WAN, "ERRORS", "other frame rate")],
    "centimetres": [
        (GOLDEN, "MISTAKES", "units_ignored"), (SANA, "WRONG_CAMERAS", "centimetres"), (WAN, "ERRORS", "centimetres")
    ],
    "translations normalised": [
        (SANA, "WRONG_CAMERAS", "translations normalised"), (WAN, "ERRORS", "translations normalised")
    ],
    "translations not scaled": [("test_wan_fun", "test_the_scene_s_depth_sets_the_scale", "")],
    "first picture of another pose": [
        (SANA, "WRONG_CAMERAS", "one frame late"), (WAN, "ERRORS", "one frame late"), (VACE, "WRONG", "one frame late"),
        ("test_first_frame", "WRONG", "another frame"),
    ],
    "off by one after the refiner": [("test_sana_wm", "test_both_stages_make_the_pipelines_very_pictures", "")],
    "depth as ray length": [(VACE, "WRONG", "ray length")],
    "linear depth": [(VACE, "WRONG", "linear depth")],
    "each picture normalised by itself": [(VACE, "WRONG", "each picture by itself")],
    "order of the six numbers": [
        (SANA, "WRONG_TENSORS", "moment first"), (WAN, "ERRORS", "direction first"),
        (WAN, "ERRORS", "origin for moment"),
    ],
    "order of the packing": [
        (SANA, "WRONG_TENSORS", "component-major"), (SANA, "WRONG_TENSORS", "first frame eight times"),
        (WAN, "PACKINGS", "places before components"), (WAN, "PACKINGS", "last frame four times"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("mistake", PLANTED)
def test_every_mistake_is_planted(mistake: str) -> None:
    for module, table, name in PLANTED[mistake]:
        found = getattr(import_module(f"tests.core.{module}"), table)
        names = [getattr(entry, "__name__", entry) for entry in found] if name else []
        assert not name or name in names, (module, table, name)


# What a model is given ---------------------------------------------------------------------------

CAMERA = shot(9, size=(128, 64))
GIVEN: dict[str, dict[str, tuple[int, ...]]] = {
    "grid": {"camera_to_world": (9, 4, 4), "intrinsics": (9, 4)},
    "sana-wm": {"raymap": (2, 20), "chunk_plucker": (48, 2, 2, 4)},
    **{
        name: {"plucker": (9, 64, 128, 6), "control_camera_video": (1, 24, 3, 64, 128)}
        for name in models.BACKENDS
        if name.startswith("wan-fun")
    },
    **{
        name: {"video": (1, 3, 9, 64, 128), "mask": (1, 3, 9, 64, 128)}
        for name in models.BACKENDS
        if name.startswith("wan-vace")
    },
}


@pytest.mark.parametrize("name", GIVEN)
def test_the_verb_writes_what_the_model_is_given_under_its_own_names(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file

    CAMERA.write(tmp_path / "camera.json")
    words = ["conditioning", "--camera", str(tmp_path / "camera.json"), "--model", name, "--size", "128x64"]
    assert cli.main([*words, "-o", str(tmp_path / "given.safetensors"), "--json"]) == 0
    tensors = load_file(tmp_path / "given.safetensors")
    assert {key: tensor.shape for key, tensor in tensors.items()} == GIVEN[name]
    assert all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in tensors.values())
    told = json.loads(capsys.readouterr().out)["tensors"]
    assert {key: tuple(shape) for key, shape in told.items()} == GIVEN[name]


def test_every_model_with_weights_has_its_names_here() -> None:
    assert {name for name in models.BACKENDS if name.startswith(("sana", "wan"))} <= set(GIVEN)


def test_vace_is_given_what_its_pipeline_makes_of_the_pictures() -> None:
    """diffusers' own preparation of a video and its mask, from the layout's pictures."""
    from diffusers import AutoencoderKLWan, FlowMatchEulerDiscreteScheduler, WanVACEPipeline
    from diffusers.models.transformers.transformer_wan_vace import WanVACETransformer3DModel

    with torch.device("meta"):
        parts = AutoencoderKLWan(base_dim=4, num_res_blocks=1, dim_mult=[1, 1, 1, 1]), WanVACETransformer3DModel(
            num_attention_heads=2, attention_head_dim=12, num_layers=2, ffn_dim=16, text_dim=16, vace_layers=[0]
        )
    nothing: Any = None
    pipeline = WanVACEPipeline(nothing, nothing, parts[0], FlowMatchEulerDiscreteScheduler(), parts[1])
    held = fitting.held(CAMERA, fitting.windows(len(CAMERA), models.card("wan-vace-1.3b").clip)[0])
    shown = torch.stack([torch.from_numpy(grid.unlabelled(held, index)).permute(2, 0, 1) for index in range(len(held))])
    wanted: Any = pipeline.preprocess_conditions(
        [shown], [torch.ones_like(shown)], None, 1, 64, 128, 9, torch.float32, torch.device("cpu")
    )
    given = models.conditioning("wan-vace-1.3b", CAMERA, (128, 64))
    for name, tensor in zip(("video", "mask"), wanted, strict=False):
        np.testing.assert_allclose(given[name], tensor.numpy(), atol=1e-6)
    assert np.abs(given["video"] - wanted[0].flip(2).numpy()).max() > 0.1        # the order of frames counts
