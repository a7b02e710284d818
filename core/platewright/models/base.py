"""What a back-end is: a card that declares it, and one generator of frames."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from ..camera import CameraPath
from ..protocol import Emit, ModelCard, PlateRequest

if TYPE_CHECKING:
    import numpy


class Backend(Protocol):
    """A loaded model. Made by the `open` function of its module; see `models.open_backend`."""

    card: ModelCard

    @property
    def device(self) -> str:
        """Where it runs, in words for the manifest: `cpu`, `cuda:0 NVIDIA H200`, `none`."""
        ...

    def provenance(self) -> dict[str, Any]:
        """What the manifest must say of the model: files with sha256, dtype, versions."""
        ...

    def native_camera(self, camera: CameraPath) -> CameraPath:
        """The same view at the size the model works in; lens scaled, poses untouched."""
        ...

    def generate(self, request: PlateRequest, camera: CameraPath, job: str, emit: Emit) -> Iterator[numpy.ndarray]:
        """Yield one picture per frame of `camera`, in order, as soon as it is known.

        camera   at the plate's aspect; `native_camera` of it is what the model sees
        yields   float32 (H, W, 3) at the native size, display-referred sRGB, 0..1, finite
        emits    Stage, Progress and Warned; an `emit` that raises Cancelled ends the generator
        """
        ...
