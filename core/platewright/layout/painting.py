"""What a place is painted with: how much of each light reaches the eye along a ray, before any light has a colour.

These are the passes that renderers hand to compositors, for a place that is drawn and not rendered: albedo under the
open sky and in the sun, water, glass, air, sky and clouds, each already dimmed by the air before it. In linear light
the picture is a sum of them, each times the colour of its light; a network that knows the words finds the colours.
Passes to guide a network: Zeng et al. 2024 (RGB<->X), Liang et al. 2025 (DiffusionRenderer).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..world_noise import WorldNoise
from .heavens import HAZE, Heavens, fog_height, kept_by_air, level
from .lands import Land
from .matter import Hits, Matter, Solids, hits_of
from .placing import pixel_rays
from .reliefs import length
from .waters import Waters

PAINTS = (
    "known",  # 1 where all this is told, 0 where no place was drawn
    *("shade_red", "shade_green", "shade_blue"),  # albedo under the open sky
    *("sun_red", "sun_green", "sun_blue"),  # albedo in the sun or moon
    *("glass", "glow", "water", "shallow"),  # panes, lit rooms behind them, what comes out of water, deep or not
    *("air", "air_ahead"),  # before everything: away from the light, and towards it
    *("zenith", "horizon", "horizon_ahead", "heap", "under"),  # of the sky; clouds' lit and shaded sides
)
SUN, MOON = (0.009, 8.0), (0.014, 6.0)  # radius in radians, about twice what it is; brightness in its own light
STARS = (2.0, 1.8, 1.5)  # in the moon's light: a little bluer than it
# Glow of the air close around the light, and far around it, in its light. The far glow of a low sun the painter has
# learned to paint by itself, from pictures whose paints had none: told of it, it would paint it twice.
GLOW = {"dawn": (0.85, 0.0), "noon": (0.4, 0.12), "dusk": (0.45, 0.0), "night": (0.4, 0.4)}
FALLING = {"rain": (0, 0.30, 1.2), "snowfall": (1, 0.85, 1.8)}  # field, cover, and brightness in the sky's light


class Painter:
    """The paints of one place."""

    def __init__(self, land: Land, noise: WorldNoise) -> None:
        self.land, self.solids = land, Solids(noise, land)
        self.heavens = Heavens(land.world, noise, land.centre.device)
        self.waters = Waters(noise, land) if land.watery else None
        self.light_kept = self.heavens.light_kept()

    def paints(
        self, pose: Tensor, lens: Tensor, distance: Tensor, seconds: float, own: Tensor | None = None
    ) -> Tensor:
        """The channels PAINTS (P, H, W), about 0..1, of what the rays of a camera meet.

        pose      (4, 4) float64, world from camera, OpenCV axes, metres, z above the ground
        lens      (4,) float64: fx, fy, cx, cy in pixels
        distance  (H, W) metres along the rays, 0 for the sky
        seconds   since the path's first frame
        own       (3, H, W) normals of the scene's own surfaces, 0 elsewhere: they become ground of the place
        """
        height, width = distance.shape
        rays = pixel_rays(pose.cpu(), lens.cpu(), (width, height)).to(distance)
        origin, pixel_rad = pose[:3, 3].to(distance), 1.0 / float(lens[0])
        paints = rays.new_zeros(len(PAINTS), len(rays))
        paints[0] = 1.0
        reached = distance.flatten()
        normals = torch.zeros_like(rays) if own is None else own.flatten(1).T
        is_own = normals.any(1)
        open_, land, built = (
            torch.nonzero(kind)[:, 0] for kind in (reached <= 0, (reached > 0) & ~is_own, (reached > 0) & is_own)
        )
        if len(open_):
            paints[1:, open_] = self._sky(origin, rays[open_], pixel_rad, seconds)
        if len(land):
            hits = hits_of(self.land, origin, rays[land], reached[land], pixel_rad)
            seen = self._solid(hits) if self.waters is None else self._shore(hits, seconds)
            paints[1:, land] = self._behind_air(seen, hits)
        if len(built):
            hits = hits_of(self.land, origin, rays[built], reached[built], pixel_rad)
            paints[1:, built] = self._behind_air(_in_light(self.solids.foreign(hits, normals[built])), hits)
        return self._falling(paints, rays, seconds).unflatten(1, (height, width))

    def _falling(self, paints: Tensor, rays: Tensor, seconds: float) -> Tensor:
        """Paints (P, N) behind the rain or the snow."""
        if self.land.world.weather not in FALLING:
            return paints
        field, cover, bright = FALLING[self.land.world.weather]
        share = cover * self.solids.noise.falling(rays, seconds)[:, field]
        paints[1:] *= 1.0 - share
        paints[1:4] += bright * share
        return paints

    def _behind_air(self, paints: Tensor, hits: Hits) -> Tensor:
        """Paints (P - 1, N) of what stands or lies there, seen through the air."""
        start = hits.points[:, 2] - hits.rays[:, 2] * hits.distance
        kept = kept_by_air(self.land.world, hits.distance, hits.rays[:, 2], start)
        return self._aired(paints, hits.rays, kept)

    def _aired(self, paints: Tensor, rays: Tensor, kept: Tensor) -> Tensor:
        """Paints (P - 1, N) of which a share (N) is kept by the air, and the air."""
        paints = paints * kept
        paints[10:12] += torch.cat(self._air(rays, 1.0 - kept))
        return paints

    def _solid(self, hits: Hits) -> Tensor:
        """Paints (P - 1, N) of land."""
        return _in_light(self.solids.matter(hits))

    def _shore(self, hits: Hits, seconds: float) -> Tensor:
        """Paints (P - 1, N) of land and of the water beside it."""
        is_wet = (hits.relief < 0.0) & (hits.points[:, 2] < 0.5)
        found = hits.points.new_zeros(len(PAINTS) - 1, len(is_wet))
        wet, dry = torch.nonzero(is_wet)[:, 0], torch.nonzero(~is_wet)[:, 0]
        if len(wet):
            found[:, wet] = self._water(hits.part(wet), seconds)
        if len(dry):
            found[:, dry] = self._solid(hits.part(dry))
        return found

    def _water(self, hits: Hits, seconds: float) -> Tensor:
        """Paints (P - 1, N) of water: what comes out of it, what it mirrors, glitter and foam."""
        assert self.waters is not None
        water = self.waters.surface(hits, seconds)
        paints = self._mirrored(hits, water.mirrored, seconds) * water.share
        body = (1.0 - water.share) * (1.0 + 0.12 * water.waves[:, 1] + 0.08 * water.waves[:, 0]).clamp_min(0.0)
        paints[8] += body * (1.0 - water.shallow)
        paints[9] += body * water.shallow
        paints[3:6] += water.glitter * self.light_kept
        paints = paints * (1.0 - water.foam)
        paints[0:3] += 0.8 * water.foam
        paints[3:6] += 0.8 * (0.2 + 0.6 * self.heavens.to_light[2]) * water.foam
        return paints

    def _mirrored(self, hits: Hits, rays: Tensor, seconds: float) -> Tensor:
        """Paints (P - 1, N) of the sky, or of the far shore, along mirrored rays (N, 3)."""
        assert self.waters is not None
        start = hits.points.new_tensor([*self.land.world.centre, 0.0])
        paints = self._sky(start, rays, 3.0 * hits.pixel_rad, seconds, is_mirrored=True)
        if self.land.world.terrain == "sea":
            return paints
        reached = self.waters.far_shore(hits.points, rays)
        met = torch.nonzero(reached.isfinite())[:, 0]
        if not len(met):
            return paints
        found, normal = self.waters.shore(hits.part(met), rays[met], reached[met])
        lit = (normal @ self.heavens.to_light).clamp_min(0.0)
        plain = _in_light(Matter(self.solids.plain(found, normal), normal, torch.ones_like(lit), lit))
        distance = reached[met] + hits.distance[met]
        kept = kept_by_air(self.land.world, distance, rays[met, 2], 0.0)
        return paints.index_copy(1, met, self._aired(plain, rays[met], kept))

    def _air(self, rays: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        """Air away from the light (1, N) and towards it (1, N)."""
        ahead = self._ahead(rays)
        return (share * (1.0 - ahead))[None], (share * ahead)[None]

    def _ahead(self, rays: Tensor) -> Tensor:
        """How far rays (N, 3) look towards the light, 0..1, as the horizon's colours go."""
        to_light = self.heavens.to_light[:2]
        facing = (rays[:, :2] @ to_light) / (length(rays) * to_light.norm()).clamp_min(1e-4)
        towards = (0.5 + 0.5 * facing).clamp(0.0, 1.0)
        return towards * towards.sqrt()

    def _sky(
        self, origin: Tensor, rays: Tensor, pixel_rad: float, seconds: float, is_mirrored: bool = False
    ) -> Tensor:
        """Paints (P - 1, N) of the sky: sun, moon, stars, clouds before them, skylines, weather before all."""
        up = functional.pad(rays[:, :2], (0, 1)) + functional.pad(rays[:, 2:].clamp_min(0.0), (2, 0))
        low, ahead = torch.exp(-4.2 * up[:, 2]), self._ahead(rays)
        sky = torch.stack([1.0 - low, low * (1.0 - ahead), low * ahead, *self._clouds(origin, up, pixel_rad, seconds)])
        sky[:3] = sky[:3] * (1.0 - sky[5])
        paints = torch.cat([sky.new_zeros(12, len(rays)), sky[:5]])
        paints[3:6] = self._lamp(up, pixel_rad, sky[3], 1.0 - sky[5], is_mirrored)
        paints = self._skylines(paints, rays, ahead, pixel_rad)
        if self.land.world.weather == "none":
            return paints
        reach = torch.full_like(low, HAZE * fog_height(self.land.world))
        kept = kept_by_air(self.land.world, reach, up[:, 2].clamp_min(0.004), origin[2])
        return self._aired(paints, rays, kept)

    def _lamp(self, up: Tensor, pixel_rad: float, heaps: Tensor, clear: Tensor, is_mirrored: bool) -> Tensor:
        """Sun or moon, the glow around it and on clouds (N), and the stars, where it is clear (N), in its light (3, N).

        Waves break up the disc and the stars: what is mirrored has neither.
        """
        if self.land.world.sky == "overcast":
            return up.new_zeros(3, len(up))
        facing = (up @ self.heavens.to_light).clamp(-1.0, 1.0)
        close, far = GLOW[self.land.world.time]
        glow = 0.38 * torch.exp(60.0 * (facing - 1.0)) + 0.6 * torch.exp(700.0 * (facing - 1.0))
        glow = close * glow + far * 0.30 * torch.exp(8.0 * (facing - 1.0) - 2.0 * up[:, 2])
        shine = glow * clear + close * 0.9 * torch.exp(12.0 * (facing - 1.0)) * heaps
        if is_mirrored:
            return shine.expand(3, -1)
        is_night = self.land.world.time == "night"
        radius, bright = MOON if is_night else SUN
        away = (up - self.heavens.to_light).norm(dim=1)
        shine = shine + bright * ((radius - away) / pixel_rad + 0.5).clamp(0.0, 1.0) * clear
        if not is_night:
            return shine.expand(3, -1)
        stars = self.solids.noise.stars(up, pixel_rad).pow(1.6) * (1.0 - 0.75 * torch.exp(30.0 * (facing - 1.0)))
        return shine + up.new_tensor(STARS)[:, None] * (stars * clear)

    def _clouds(self, origin: Tensor, up: Tensor, pixel_rad: float, seconds: float) -> Tensor:
        """Lit and shaded sides of clouds, and how much of the sky they hide (3, N)."""
        found = up.new_zeros(3, len(up))
        which = torch.nonzero(up[:, 2] > 0.012)[:, 0]
        if self.land.world.sky == "clear" or not len(which):
            return found
        cover = self.heavens.clouds(origin, up[which], pixel_rad, seconds)
        thick = torch.sigmoid(2.6 * self.heavens.above(cover.density) - 1.1)
        if self.land.world.sky == "overcast":
            lit, shaded = torch.zeros_like(thick), (1.0 + 0.30 * cover.density).clamp(0.45, 1.6)
        else:
            lit, shaded = 1.0 - thick, thick
        found[:, which] = torch.stack([cover.amount * lit, cover.amount * shaded, cover.amount])
        return found

    def _skylines(self, paints: Tensor, rays: Tensor, ahead: Tensor, pixel_rad: float) -> Tensor:
        """Paints (P - 1, N) with far land before them."""
        rise, flat = level(rays)
        which = self.heavens.seen(rise)
        if not len(which):
            return paints
        part = paints[:, which]
        for ridge in self.heavens.skylines(rays[which], rise[which], flat[which], pixel_rad):
            albedo, lost = ridge.albedo.T * ridge.kept, torch.full_like(ridge.cover, 1.0 - ridge.kept)
            land = torch.zeros_like(part)
            land[:6] = torch.cat([albedo, albedo * ridge.lit])
            land[10:12] = torch.stack([lost * (1.0 - ahead[which]), lost * ahead[which]])
            part = torch.lerp(part, land, ridge.cover)
        return paints.index_copy(1, which, part)


def _in_light(matter: Matter) -> Tensor:
    """Paints (P - 1, N) of matter."""
    share = matter.open.new_zeros(2, len(matter.open))
    albedo = matter.albedo.T
    if matter.panes is not None:
        panes = matter.panes
        share = torch.stack([panes.share * panes.sky, panes.share * panes.shining])
        albedo = albedo * (1.0 - panes.share)
    return torch.cat([albedo * matter.open, albedo * matter.lit, share, share.new_zeros(9, len(albedo[0]))])


def display(linear: Tensor) -> Tensor:
    """Linear light to display sRGB with a soft shoulder: the look of every picture here."""
    shown = 1.0 - torch.exp(-1.55 * linear.clamp_min(0.0))
    return torch.where(shown <= 0.0031308, 12.92 * shown, 1.055 * shown.clamp_min(1e-6) ** (1 / 2.4) - 0.055)
