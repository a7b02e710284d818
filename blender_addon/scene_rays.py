"""Rays through an evaluated scene: the depth of a camera's pixels, and what lies straight below a place.

Blender's own ray through a scene asks every object about every ray. Here objects are sorted into the picture's tiles
first, by the sphere about each, and the nearest are asked first: a scene of a thousand objects takes as long as one of
ten. All lengths are Blender units.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from dataclasses import dataclass

import bpy
from mathutils import Matrix, Vector
from mathutils.bvhtree import BVHTree

from platewright.camera import CameraPath

from .scene_stage import SURFACES, is_seen

TILES, TILE_ROWS = 16, 6                           # tiles across the picture; rows of pixels in one
INFINITE = float("inf")

Hit = tuple[Vector, Vector]                        # place and face normal, in the surface's own axes
Cast = Callable[[Vector, Vector], Hit | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ball:
    """A sphere that holds something a ray may end on; nothing of Blender's, it may be kept."""

    centre: Vector                                 # world
    radius: float
    uid: int = 0                                   # session_uid of an object; 0 for a surface itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface(Ball):
    """Something a ray may end on."""

    cast: Cast                                     # from a place along a direction, both in its own axes
    world_from_local: Matrix
    local_from_world: Matrix
    turn: Matrix                                   # the same for directions

    @classmethod
    def of(cls, cast: Cast, thing: bpy.types.Object, world_from_local: Matrix) -> Surface | None:
        """None for what has no extent, or is flattened so that no ray can be taken into its axes."""
        low, high = Vector(thing.bound_box[0]), Vector(thing.bound_box[6])
        local_from_world = world_from_local.inverted(None)
        if local_from_world is None or low == high:
            return None
        radius = (high - low).length / 2 * max(map(abs, world_from_local.to_scale()))
        centre = world_from_local @ ((low + high) / 2)
        return cls(
            centre=centre,
            radius=radius,
            cast=cast,
            world_from_local=world_from_local,
            local_from_world=local_from_world,
            turn=local_from_world.to_3x3(),
        )

    def hit(self, origin: Vector, direction: Vector) -> Vector | None:
        """Where a ray of the world ends on it, world."""
        found = self.cast(self.local_from_world @ origin, self.turn @ direction)
        return self.world_from_local @ found[0] if found else None

    def is_level(self, origin: Vector, direction: Vector, slope: float) -> bool:
        """Whether the face that a ray of the world ends on rises by `slope` at most."""
        found = self.cast(self.local_from_world @ origin, self.turn @ direction)
        if found is None:
            return False
        normal = self.turn.transposed() @ found[1]
        return normal.xy.length <= slope * abs(normal.z)


def surfaces(graph: bpy.types.Depsgraph) -> list[Surface]:
    """All that a ray may end on, instances one by one."""
    trees: dict[int, BVHTree | None] = {}
    found = (_surface(instance, graph, trees) for instance in graph.object_instances)
    return [surface for surface in found if surface is not None]


def _surface(
    instance: bpy.types.DepsgraphObjectInstance, graph: bpy.types.Depsgraph, trees: dict[int, BVHTree | None]
) -> Surface | None:
    """An object of an instance lives as long as the loop over them; only what outlives it is kept."""
    thing, place = instance.object, instance.matrix_world.copy()
    if not instance.is_instance:
        is_body = thing.type in SURFACES and instance.show_self and has_faces(thing)
        return Surface.of(object_cast(thing), thing, place) if is_body else None
    model = instance.instance_object
    if model.type != "MESH" or not is_seen(model) or not has_faces(thing):
        return None
    if model.data == thing.data:
        return Surface.of(object_cast(model), model, place)
    key = thing.data.as_pointer()                  # geometry that nodes have made, no object's own
    if key not in trees:
        trees[key] = BVHTree.FromObject(thing, graph)
    tree = trees[key]
    return Surface.of(_tree_cast(tree), thing, place) if tree else None


def has_faces(thing: bpy.types.Object) -> bool:
    return thing.type != "MESH" or len(thing.data.polygons) > 0


def object_cast(thing: bpy.types.Object) -> Cast:
    def cast(origin: Vector, direction: Vector) -> Hit | None:
        is_hit, place, normal, _ = thing.ray_cast(origin, direction)
        return (place, normal) if is_hit else None

    return cast


def _tree_cast(tree: BVHTree) -> Cast:
    def cast(origin: Vector, direction: Vector) -> Hit | None:
        place, normal, _, _ = tree.ray_cast(origin, direction)
        return None if place is None else (place, normal)

    return cast


def near_below(balls: Iterable[Ball], place: Vector, radius: float) -> list[Ball]:
    """Those which a ray straight down from within `radius` of a place may meet."""
    x, y = place.xy
    return [
        ball
        for ball in balls
        if abs(ball.centre.x - x) <= ball.radius + radius and abs(ball.centre.y - y) <= ball.radius + radius
    ]


def nearest(among: list[Surface], origin: Vector, direction: Vector) -> Vector | None:
    """Where a ray ends first, world; for a few rays."""
    axis = direction.normalized()
    ends: list[Vector] = []
    for surface in among:
        away = surface.centre - origin
        is_near = (away - axis * away.dot(axis)).length <= surface.radius
        if is_near and (end := surface.hit(origin, direction)) is not None:
            ends.append(end)
    return min(ends, key=lambda end: (end - origin).length, default=None)


# A camera's pixels -------------------------------------------------------------------------------


Find = Callable[[Ball], Surface | None]            # what a ball holds, now


class Eye:
    """A frame of a camera path looking at what balls hold, as a picture of `width` x `height` pixels."""

    def __init__(self, path: CameraPath, index: int, metres_per_unit: float, size: tuple[int, int]) -> None:
        pose, (fx, fy, cx, cy) = path.camera_to_world[index], path.intrinsics[index]
        self.origin = Vector((pose[3], pose[7], pose[11])) / metres_per_unit
        self._right, self._down, self._forward = (Vector((pose[i], pose[4 + i], pose[8 + i])) for i in range(3))
        self.width, self.height = size
        self._columns = [((x + 0.5) * path.width / size[0] - cx) / fx for x in range(size[0])]
        self._rows = [((y + 0.5) * path.height / size[1] - cy) / fy for y in range(size[1])]
        self._spans: list[Span] = []
        self._find: Find = _itself
        self._tiles_of_block: tuple[int, list[list[Span]]] = -1, []

    def take(self, ball: Ball) -> None:
        """Look at this, too."""
        if span := self._span(ball):
            self._spans.append(span)

    def seeing(self, surfaces: list[Surface], find: Find) -> Eye:
        """The same eye for one helping: with these surfaces, and balls that open with `find`."""
        eye = copy(self)
        eye._find, eye._spans = find, [*self._spans, *filter(None, map(self._span, surfaces))]
        eye._spans.sort(key=lambda span: span.nearest)
        eye._tiles_of_block = -1, []
        return eye

    def row(self, row: int, first: int, end: int) -> array[float]:
        """Planar depth of the pixels `first` to before `end` of a row, zero where nothing is hit."""
        if not self._spans:
            return array("f", bytes(4 * (end - first)))
        depths = array("f")
        for column in range(first, end):
            depth, _ = self._look(row, column)
            depths.append(depth)
        return depths

    def level_at(self, row: int, column: int, slope: float) -> Vector | None:
        """Where the ray of a pixel ends, if the face there rises by `slope` at most; world."""
        direction, (depth, span) = self.direction(row, column), self._look(row, column)
        surface = self._find(span.ball) if span else None
        is_level = surface is not None and surface.is_level(self.origin, direction, slope)
        return self.origin + direction * depth if is_level else None

    def direction(self, row: int, column: int) -> Vector:
        """Through a pixel's centre, one unit deep: the ray's length in these is planar depth."""
        return self._forward + self._right * self._columns[column] + self._down * self._rows[row]

    def _look(self, row: int, column: int) -> tuple[float, Span | None]:
        """Depth of a pixel, and what it is of."""
        best, found, direction = INFINITE, None, self.direction(row, column)
        x, y = self._columns[column], self._rows[row]
        for span in self._tiles(row)[column * TILES // self.width]:
            if span.nearest >= best:
                break
            if not (span.left <= x <= span.right and span.top <= y <= span.bottom):
                continue
            surface = self._find(span.ball)
            end = surface.hit(self.origin, direction) if surface else None
            if end is not None and 0.0 < (depth := (end - self.origin).dot(self._forward)) < best:
                best, found = depth, span
        return (best, found) if found else (0.0, None)

    def _span(self, ball: Ball) -> Span | None:
        """Which part of the picture a ball may fill; None where it lies behind."""
        away = ball.centre - self.origin
        z, reach = away.dot(self._forward), ball.radius
        if z + reach <= 0.0:
            return None
        if z - reach <= 0.0:
            return Span(ball, 0.0, -INFINITE, INFINITE, -INFINITE, INFINITE)
        x, y = away.dot(self._right), away.dot(self._down)
        return Span(ball, z - reach, *_slopes(x, z, reach), *_slopes(y, z, reach))

    def _tiles(self, row: int) -> list[list[Span]]:
        """What may be seen in the tiles of a row, the nearest first."""
        block, tiles = self._tiles_of_block
        if block != row // TILE_ROWS:
            block, tiles = row // TILE_ROWS, [[] for _ in range(TILES)]
            top, bottom = self._rows[block * TILE_ROWS], self._rows[min((block + 1) * TILE_ROWS, self.height) - 1]
            for span in self._spans:
                if span.top <= bottom and span.bottom >= top:
                    for tile in self._tiles_of(span):
                        tiles[tile].append(span)
            self._tiles_of_block = block, tiles
        return tiles

    def _tiles_of(self, span: Span) -> Iterator[int]:
        first, last = self._columns[0], self._columns[-1]
        step = max((last - first) / max(self.width - 1, 1), 1e-12)
        places = [(edge - first) / step * TILES / self.width for edge in (span.left, span.right)]
        low, high = (min(max(place, -1.0), float(TILES)) for place in places)
        yield from range(max(int(low) - 1, 0), min(int(high) + 1, TILES - 1) + 1)


@dataclass(frozen=True, slots=True)
class Span:
    """Where in a picture a ball may be, as slopes: x / z and y / z."""

    ball: Ball
    nearest: float                                 # depth
    left: float
    right: float
    top: float
    bottom: float


def _itself(ball: Ball) -> Surface | None:
    return ball if isinstance(ball, Surface) else None


def _slopes(across: float, z: float, reach: float) -> tuple[float, float]:
    """The least and the greatest slope of anything within `reach` of a place."""
    low, high = across - reach, across + reach
    return low / (z - reach if low < 0 else z + reach), high / (z - reach if high > 0 else z + reach)
