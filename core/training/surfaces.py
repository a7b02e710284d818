"""What solid land looks like: what it is made of, under the world's light."""

from __future__ import annotations

import torch
from torch import Tensor

from platewright.layout.matter import Hits, Panes, Solids

from .lights import Light

WINDOW_GLOW = (1.0, 0.66, 0.30)


class Surfaces:
    """Everything solid in one world, lit."""

    def __init__(self, light: Light, solids: Solids) -> None:
        self.light, self.solids = light, solids
        self.glow = torch.tensor(WINDOW_GLOW, device=light.sun.device)

    def shade(self, hits: Hits) -> tuple[Tensor, Tensor]:
        """Linear colour (N, 3) and world normal (N, 3) at each hit."""
        matter, light = self.solids.matter(hits), self.light
        colour = matter.albedo * (matter.open[:, None] * light.ambient + matter.lit[:, None] * light.sun)
        return colour if matter.panes is None else self._windows(colour, matter.panes), matter.normal

    def plain(self, hits: Hits, normal: Tensor) -> Tensor:
        """Linear colour (N, 3) without texture, single trees or cast shadows: what a mirror image needs."""
        facing = (normal @ self.light.to_light).clamp_min(0.0)
        return self.solids.plain(hits, normal) * (self.light.ambient + facing[:, None] * self.light.sun)

    def _windows(self, colour: Tensor, panes: Panes) -> Tensor:
        mirrored = torch.lerp(self.light.ambient * 0.15, self.light.horizon * 0.45, panes.sky[:, None])
        strength = 0.30 if self.light.night else 0.55
        mirrored = mirrored + (strength * panes.shining)[:, None] * self.glow
        return torch.lerp(colour, mirrored, panes.share[:, None])
