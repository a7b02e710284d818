"""Rendered clips as the networks meet them: mapped into memory, seen through their cameras, cut into lessons.

What tokens are shown of a clip does not change from lesson to lesson, so it is worked out once and kept beside the
clips, with and without the depth guide. What the decoder is shown, in full detail, is worked out for each lesson.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from platewright.conditioning import ray_features
from platewright.layout.worlds import ATTRIBUTES
from platewright.nets.draft_denoiser import CELLS, MIDDLE, light_beside, seen_by_cells, seen_frames
from platewright.nets.draft_text import TextEncoder
from platewright.nets.patches import PATCH, SPAN, Patches, to_patches
from platewright.sights import SIGHT_NAMES, Guide, View, sights, view_of
from platewright.world_noise import WorldNoise

from .captions import caption
from .paints import painted_once
from .progress import save_whole

EVERY = 2  # tokens see every second frame of a clip: the same ones when it runs backwards
WORDINGS = 8  # captions of each clip
SILENT, SUNLESS, GUIDED, BACKWARDS = 0.12, 0.3, 0.7, 0.3  # shares of the lessons
PARTLY = 0.3  # share of the guides that end at some distance, as an artist's blockout does
SUN = [n for n, name in enumerate(SIGHT_NAMES) if name.startswith("sun")]
SIDE = SIGHT_NAMES.index("guide_side")
FALLING = [ATTRIBUTES["weather"].index(kind) for kind in ("rain", "snowfall")]
Shard = dict[str, Tensor]
Shape = tuple[int, int, int]  # latent frames, cells down, cells across


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one step of the denoiser learns from."""

    latents: Tensor  # (B, L, C, h, w)
    seen: Tensor  # (B, L, h * w, SEEN)
    text: Tensor  # (B, T)
    light: Tensor  # (B, L, LIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Which piece of a clip, and how it is shown. From frame `start` and the cell at `top` and `left` on."""

    start: int = 0
    top: int = 0
    left: int = 0
    mirrored: bool = False
    backwards: bool = False
    guided: bool = False
    sunless: bool = False
    silent: bool = False
    wording: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """Clips of one shard that are cut alike."""

    shard: int
    clips: list[int]  # their numbers in the shard
    cut: Cut


class Clips:
    """All clips of a kind in a run's folder, what tokens see of them, and how they are worded.

    In a GPU's memory all shards are one, so that clips can be cut many at a time.
    """

    def __init__(self, folder: Path, kind: str, text: TextEncoder, device: str = "cpu") -> None:
        paths = sorted((folder / "clips").glob(f"{kind}_*.safetensors"))
        self.device, self.groups = device, 16 if device == "cuda" else 10_000
        self.shards = [_on(load_file(path), device) for path in paths]
        self.seen = [_on(load_file(seen_once(path, folder / "seen" / path.name, device)), device) for path in paths]
        painted = [painted_once(path, folder / "paints" / path.name, device) for path in paths]
        self.paints = [_on(load_file(path), device)["paints"] for path in painted]
        self.texts = [worded(shard["kinds"], text, kind != "train").to(device) for shard in self.shards]
        if device == "cuda":
            self.shards, self.seen, self.texts = [_joined(self.shards)], [_joined(self.seen)], [torch.cat(self.texts)]
            self.paints = [torch.cat(self.paints)]
        self.where = [(shard, n) for shard, part in enumerate(self.shards) for n in range(len(part["frames"]))]

    def __len__(self) -> int:
        return len(self.where)

    def drawn(self, count: int, shape: Shape, patches: Patches, draw: torch.Generator) -> Lesson:
        """Random pieces of random clips, disturbed in every way that leaves them true."""
        chosen = [self.where[n] for n in torch.randint(len(self), (count,), generator=draw).tolist()]
        groups: list[Group] = []
        for part in range(min(self.groups, count)):
            alike = chosen[part :: self.groups]
            shard, clips = alike[0][0], [n for _, n in alike]
            groups.append(Group(shard, clips, self.cut(shard, clips, shape, draw)))
        return self.lesson(groups, shape, patches)

    def cut(self, shard: int, clips: list[int], shape: Shape, draw: torch.Generator) -> Cut:
        """A piece that these clips have."""
        part = self.shards[shard]
        _, count, height, width, _ = part["frames"].shape
        room = (count - 1 - SPAN * (shape[0] - 1)) // EVERY, height // PATCH - shape[1], width // PATCH - shape[2]
        start, top, left = (int(torch.randint(r + 1, (), generator=draw)) for r in room)
        mirrored, backwards, guided, sunless, silent = torch.rand(5, generator=draw).tolist()
        falls = bool(torch.isin(part["kinds"][clips, 3].cpu(), torch.tensor(FALLING)).any())
        return Cut(
            start=start * EVERY,
            top=top,
            left=left,
            mirrored=mirrored < 0.5,
            backwards=backwards < BACKWARDS and not falls,
            guided=guided < GUIDED,
            sunless=sunless < SUNLESS,
            silent=silent < SILENT,
            wording=int(torch.randint(WORDINGS, (), generator=draw)),
        )

    def whole(self, count: int, patches: Patches) -> Lesson:
        """The first clips, undisturbed."""
        frames, height, width = self.shards[0]["frames"].shape[1:4]
        shape = 1 + (frames - 1) // SPAN, height // PATCH, width // PATCH
        return self.lesson([Group(shard, [n], Cut()) for shard, n in self.where[:count]], shape, patches)

    def lesson(self, groups: Sequence[Group], shape: Shape, patches: Patches) -> Lesson:
        """These pieces, all of one shape."""
        frames = torch.cat([self.frames(group, shape) for group in groups])
        shown = [self.shown(group, shape) for group in groups]
        seen, directions, origins, headings, light = (torch.cat(part) for part in zip(*shown, strict=True))
        text = torch.cat([self.text(group) for group in groups])
        rays = ray_features(directions, origins, headings)
        return Lesson(patches.encode(as_signed(frames)), seen_by_cells(seen, rays), text, light[:, 1::2])

    def text(self, group: Group) -> Tensor:
        """What is said of clips (N, T)."""
        return self.texts[group.shard][group.clips, group.cut.wording] * float(not group.cut.silent)

    def frames(self, group: Group, shape: Shape) -> Tensor:
        """Pictures of pieces (N, F, H, W, 3), bytes."""
        films, cut = self.shards[group.shard]["frames"], group.cut
        times = torch.arange(SPAN * (shape[0] - 1) + 1) + cut.start
        times = films.shape[1] - 1 - times if cut.backwards else times
        rows, columns = (_cells(first, size, PATCH) for first, size in zip((cut.top, cut.left), shape[1:], strict=True))
        frames = films[group.clips, :, rows, columns][:, times.to(self.device)]
        return frames.flip(3) if cut.mirrored else frames

    def shown(self, group: Group, shape: Shape) -> tuple[Tensor, ...]:
        """Sights, directions, origins, headings and light (N, frames, ...) of the frames that pieces' tokens see."""
        known, cut = self.seen[group.shard], group.cut
        looked = torch.tensor(seen_frames(shape[0])) + cut.start
        last = self.shards[group.shard]["frames"].shape[1] - 1
        looked = (last - looked if cut.backwards else looked).to(self.device) // EVERY
        corner = list(zip((cut.top, cut.left), shape[1:], strict=True))
        seen = known["guided" if cut.guided else "plain"][(group.clips, *_window(corner, CELLS))][:, looked].float()
        directions = known["directions"][(group.clips, *_window(corner, 1))][:, looked]
        origins, headings, light = (known[name][group.clips][:, looked] for name in ("origins", "headings", "light"))
        if cut.mirrored:
            seen, directions, origins, headings, light = _mirrored(seen, directions, origins, headings, light)
        if cut.sunless:
            seen[:, :, SUN], light = 0.0, torch.zeros_like(light)
        return seen, directions, origins, headings, light


def _mirrored(
    seen: Tensor, directions: Tensor, origins: Tensor, headings: Tensor, light: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The same with left and right exchanged: a world mirrored at the plane y = 0, its noise with it."""
    seen, side = seen.flip(4), directions.new_tensor([1.0, -1.0, 1.0])
    seen[:, :, SIDE] *= -1.0
    swapped = light * light.new_tensor([1.0, -1.0, 1.0, 1.0])
    return seen, directions.flip(4) * side[:, None, None], origins * side, -headings, swapped


def worded(kinds: Tensor, text: TextEncoder, held_out: bool) -> Tensor:
    """What captions say of clips (N, WORDINGS, T), for attributes (N, A)."""
    draw, kinds = torch.Generator().manual_seed(int(kinds.sum()) + len(kinds)), kinds.cpu()
    said = [caption(kind.tolist(), draw, held_out) for kind in kinds for _ in range(WORDINGS)]
    return text.read(said).float().cpu().unflatten(0, (-1, WORDINGS))


def seen_once(clips: Path, path: Path, device: str) -> Path:
    """The file of what tokens see of a shard, made if it is missing or older than the clips."""
    if not path.exists() or path.stat().st_mtime < clips.stat().st_mtime:
        path.parent.mkdir(parents=True, exist_ok=True)
        shard = _on(load_file(clips), device)
        made = [seen_of(shard, n) for n in range(len(shard["frames"]))]
        save_whole({name: torch.stack([clip[name] for clip in made]) for name in made[0]}, path)
    return path


def seen_of(shard: Shard, n: int) -> Shard:
    """What tokens see of one clip: sights at CELLS to a cell and rays at one to a cell, of every second frame."""
    _, _, height, width, _ = shard["frames"].shape
    cells, frames = (width // PATCH, height // PATCH), slice(None, None, EVERY)
    poses, lenses = shard["poses"][n, frames], shard["lenses"][n, frames]
    coarse = view_of(poses, lenses, (width, height), cells, 0.0)
    fine = view_of(poses, lenses, (width, height), (cells[0] * CELLS, cells[1] * CELLS), 0.0)
    noise, seconds, sun = WorldNoise(int(shard["seed"][n]), poses.device), shard["seconds"][n, frames], shard["sun"][n]
    guide = partly(guide_of(shard, n, frames).window(MIDDLE, MIDDLE), int(shard["seed"][n]))
    return {
        "plain": sights(fine, noise, seconds, sun, None).half(),
        "guided": sights(fine, noise, seconds, sun, guide).half(),
        "directions": coarse.directions,
        "origins": coarse.origins.float(),
        "headings": coarse.headings,
        "light": light_beside(sun, coarse.headings),
    }


def guide_of(shard: Shard, n: int, frames: slice | Tensor) -> Guide:
    """The geometry of a clip as a guide would show it."""
    normals = shard["normals"][n, frames].float().movedim(-1, 1) / 127.0
    return Guide(shard["distance"][n, frames].float(), normals)


def partly(guide: Guide, seed: int) -> Guide:
    """The guide as far as an artist may have built it; some end at a distance."""
    share, reach = torch.rand(2, generator=torch.Generator().manual_seed(seed % 2**62)).tolist()
    if share > PARTLY:
        return guide
    return Guide(guide.distance * (guide.distance < 4.0 * 60.0**reach), guide.normals)


def view_of_pixels(shard: Shard, n: int, frames: Tensor, corner: tuple[int, int], side: int) -> View:
    """The rays of a square of pixels, its top left corner at (y, x)."""
    lenses = shard["lenses"][n, frames] - shard["lenses"].new_tensor([0.0, 0.0, corner[1], corner[0]])
    return view_of(shard["poses"][n, frames], lenses, (side, side), (side, side), 0.0)


def fit_patches(folder: Path, channels: int) -> tuple[Patches, Tensor]:
    """The bases fitted to the training clips there are, and the deviations (2, C) of their channels."""
    first, span = [], []
    paths = sorted((folder / "clips").glob("train_*.safetensors"))
    for path in paths[:: max(1, len(paths) // 24)]:
        frames = as_signed(load_file(path)["frames"])
        first.append(to_patches(frames[:, ::6], 1).flatten(0, 3))
        span.append(to_patches(frames[:, 1:], SPAN).flatten(0, 3)[:: 2 if len(paths) > 4 else 1])
    patches = Patches(channels)
    return patches, patches.fit(torch.cat(first), torch.cat(span))


def as_signed(frames: Tensor) -> Tensor:
    """Bytes to -1..1."""
    return frames.float() / 127.5 - 1.0


def _cells(first: int, count: int, size: int) -> slice:
    return slice(first * size, (first + count) * size)


def _window(corner: list[tuple[int, int]], size: int) -> tuple[slice, ...]:
    """All frames and channels of some cells."""
    return (slice(None), slice(None), *(_cells(first, count, size) for first, count in corner))


def _joined(shards: list[Shard]) -> Shard:
    """All in one; the parts are let go as they are taken in."""
    return {name: torch.cat([shard.pop(name) for shard in shards]) for name in list(shards[0])}


def _on(shard: Shard, device: str) -> Shard:
    return {name: tensor.to(device) for name, tensor in shard.items()}
