"""A place to film: a meadow with stones, houses at 6 to 60 m, hills at 250 to 900 m.

Ground at z = 0, metres. Every surface keeps its coordinates in metres, so that it can be deformed or slid over.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import bpy
import numpy as np

from tests.match import textures

FINE_METRES, WIDE_METRES, VAST_METRES = 2.9, 24.0, 310.0     # what one picture covers, per layer
HAZE = (0.62, 0.70, 0.80)
SUN = (0.35, -0.55, 0.76)                          # towards it
SHADE, SUNLIGHT = (0.30, 0.35, 0.43, 1), (1.35, 1.28, 1.15, 1)
HOUSES = (                                         # x, y of the middle, width, depth, height in metres, turn in degrees
    (-7.5, 11.0, 4.0, 4.0, 4.2, 12), (7.0, 10.5, 3.0, 3.0, 2.5, -20), (-1.2, 17.0, 3.0, 2.5, 2.8, 35),
    (11.0, 22.0, 6.0, 6.0, 7.0, 5), (-15.0, 25.0, 8.0, 7.0, 8.0, -8), (3.5, 33.0, 7.0, 6.0, 6.0, 25),
    (-7.0, 43.0, 9.0, 8.0, 9.0, -30), (20.0, 44.0, 10.0, 8.0, 12.0, 15), (-28.0, 52.0, 10.0, 10.0, 10.0, 40),
    (9.0, 62.0, 12.0, 8.0, 9.0, -12),
)  # fmt: skip

Vertices = np.ndarray
Faces = Sequence[Sequence[int]]


# Objects --------------------------------------------------------------------------------------------


def add(name: str, points: Vertices, faces: Faces, surface: bpy.types.Material, shift: float = 0.0) -> bpy.types.Object:
    """A mesh whose texture lies on its faces in metres, seen along each face's main axis; `shift` moves it along."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(points.tolist(), [], faces)
    mesh.update()
    layer = mesh.uv_layers.new(name="metres")
    corners = np.empty(len(mesh.loops), np.int32)
    mesh.loops.foreach_get("vertex_index", corners)
    normals = np.array([face.normal[:] for face in mesh.polygons for _ in face.vertices])
    axis = np.abs(normals).argmax(1)
    kept = np.array([[1, 2], [0, 2], [0, 1]])[axis]
    metres = np.take_along_axis(points[corners], kept, 1) + shift * (1 + axis[:, None])
    layer.uv.foreach_set("vector", metres.astype(np.float32).ravel())
    mesh.materials.append(surface)
    made = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(made)
    return made


def grid(x: np.ndarray, y: np.ndarray) -> tuple[Vertices, list[tuple[int, ...]]]:
    """A sheet over the products of two axes."""
    points = np.stack([*np.meshgrid(x, y), np.zeros((len(y), len(x)))], -1).reshape(-1, 3)
    wide = len(x)
    starts = [row * wide + column for row in range(len(y) - 1) for column in range(wide - 1)]
    return points, [(at, at + 1, at + wide + 1, at + wide) for at in starts]


def box(width: float, depth: float, height: float, parts: int) -> tuple[Vertices, list[tuple[int, ...]]]:
    """Four walls and a roof of parts x parts faces each, standing on z = 0."""
    sheet, faces = grid(np.linspace(-0.5, 0.5, parts + 1), np.linspace(0, 1, parts + 1))
    x, up = sheet[:, 0], sheet[:, 1]
    half = np.full_like(x, 0.5)
    walls = [(x, -half, up), (half, x, up), (-x, half, up), (-half, -x, up), (x, up - 0.5, half * 2)]
    points = np.concatenate([np.column_stack(wall) for wall in walls]) * (width, depth, height)
    return points, [tuple(index + turn * len(sheet) for index in face) for turn in range(5) for face in faces]


def ball(rings: int = 10) -> tuple[Vertices, list[tuple[int, ...]]]:
    """A unit sphere."""
    sheet, faces = grid(np.linspace(0, 2 * math.pi, 2 * rings + 1), np.linspace(-math.pi / 2, math.pi / 2, rings + 1))
    turn, rise = sheet[:, 0], sheet[:, 1]
    return np.column_stack([np.cos(turn) * np.cos(rise), np.sin(turn) * np.cos(rise), np.sin(rise)]), faces


def boulder(draw: np.random.Generator) -> tuple[Vertices, list[tuple[int, ...]]]:
    """A stone with flat sides, about 1 m across."""
    points, faces = ball()
    knobs = draw.standard_normal((9, 3))
    knobs /= np.linalg.norm(knobs, axis=1, keepdims=True)
    flatness = (points @ knobs.T).max(1, keepdims=True)
    return points / np.maximum(flatness, 0.55) * (0.4, 0.4, 0.3), faces


def meadow() -> bpy.types.Object:
    """The ground, finer near the camera."""
    surface = material("Meadow", textures.meadow(2048), "pebbles")
    near = np.arange(-40.0, 41.0, 1.0)
    far = np.array([60.0, 100.0, 200.0, 500.0, 1200.0])
    points, faces = grid(np.concatenate([-far[::-1], near, far]), np.concatenate([[-200, -60], near + 30.0, far + 30]))
    return add("Ground", points, faces, surface)


def houses() -> list[bpy.types.Object]:
    """The houses, each with a front of its own."""
    made = []
    for number, (x, y, width, depth, height, turn) in enumerate(HOUSES):
        front = number % 4
        surface = material(f"House {front}", textures.facade(1024, 100 + front), "bricks", fade_m=(12, 160, 500))
        one = add("House", *box(width, depth, height, 8), surface, shift=3.7 * number)
        one.location, one.rotation_euler = (x, y, 0), (0, 0, math.radians(turn))
        made.append(one)
    return made


def boulders() -> list[bpy.types.Object]:
    """Stones all over the meadow, the same ones every time."""
    surface = rock()
    draw = np.random.default_rng(7)
    made = []
    for number in range(210):
        distance, turn = 3.0 + 62 * draw.uniform() ** 1.6, math.radians(draw.uniform(-48, 48))
        size = draw.choice((0.2, 0.3, 0.45, 0.7, 1.1)) * (0.7 + distance / 45)
        points, faces = boulder(draw)
        one = add("Boulder", points * size, faces, surface, shift=0.61 * number)
        one.location = (distance * math.sin(turn), distance * math.cos(turn), 0.08 * size)
        one.rotation_euler = (0, 0, draw.uniform(0, 6.3))
        made.append(one)
    return made


def rock() -> bpy.types.Material:
    """Of the boulders."""
    stone = textures.coloured(textures.fractal(1024, 91, 0.8), (0.10, 0.09, 0.08), (0.85, 0.80, 0.74))
    return material("Rock", stone, "grain", wide_m=5.0, fade_m=(25, 90, 500))


def hills() -> list[bpy.types.Object]:
    """Three chains of hills."""
    woods = textures.coloured(textures.pebbles(1024, 44, 61), (0.08, 0.12, 0.06), (0.66, 0.62, 0.44))
    surface = material("Hill", woods, "grain", wide_m=190.0, fade_m=(1, 2500, 3000))
    made = []
    for number, (distance, height) in enumerate(((260.0, 20.0), (480.0, 55.0), (850.0, 120.0))):
        across = np.linspace(-1.3, 1.3, 300) * distance
        draw = np.random.default_rng(70 + number)
        waves = sum(np.sin(across / distance * k + draw.uniform(0, 6.3)) / k**0.8 for k in (3, 7, 13, 29, 61, 97))
        ridge = height * (0.75 + 0.28 * waves)
        points, faces = grid(across, np.linspace(0, 1, 12))
        share = points[:, 1]
        points[:, 2] = np.tile(ridge, 12) * np.sin(share * math.pi / 2)
        points[:, 1] = distance * (0.85 + 0.3 * share)
        made.append(add("Hill", points, faces, surface, shift=47.0 * number))
    return made


def people() -> list[tuple[bpy.types.Object, np.ndarray, np.ndarray]]:
    """Walkers: the object, where it starts, metres per frame."""
    surface = material("Cloth", textures.cloth(1024), "grain", wide_m=8.0, fade_m=(15, 60, 500))
    draw = np.random.default_rng(81)
    made = []
    for number in range(30):
        body, faces = ball(12)
        body = np.sign(body) * np.abs(body) ** (0.75, 0.75, 0.55) * (0.3, 0.2, 0.78) + (0, 0, 0.78)
        head, more = ball(8)
        faces = [*faces, *(tuple(index + len(body) for index in face) for face in more)]
        points = np.concatenate([body, head * 0.14 + (0, 0, 1.64)])
        one = add("Walker", points, faces, surface, shift=0.83 * number)
        distance, aside = draw.uniform(6.0, 12.5), draw.uniform(-0.55, 0.55)
        heading, speed = draw.uniform(0, 2 * math.pi), draw.uniform(0.03, 0.075)
        start = np.array([0.5 + aside * distance, 2.0 + distance, 0.0])
        one.rotation_euler = (0, 0, heading)
        made.append((one, start, speed * np.array([math.cos(heading), math.sin(heading), 0.0])))
    return made


# Surfaces -------------------------------------------------------------------------------------------


def image(name: str, picture: np.ndarray) -> bpy.types.Image:
    """Display sRGB (H, W) or (H, W, 3), row 0 at the bottom, as an image of Blender's."""
    if name in bpy.data.images:
        return bpy.data.images[name]
    colour = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, 2)
    made = bpy.data.images.new(name, colour.shape[1], colour.shape[0])
    whole = np.concatenate([colour, np.ones_like(colour[..., :1])], 2)
    made.pixels.foreach_set(np.ascontiguousarray(whole, np.float32).ravel())
    return made


def grain(name: str) -> bpy.types.Image:
    """The grey pictures that all surfaces share."""
    if name in bpy.data.images:
        return bpy.data.images[name]
    makers = {
        "pebbles": lambda: 0.5 * textures.pebbles(1024, 30, 21) + 0.5 * textures.fractal(1024, 22, 0.7),
        "grain": lambda: textures.fractal(1024, 23, 0.8),
        "bricks": lambda: textures.bricks(1024),
        "vast": lambda: 0.5 * textures.fractal(1024, 24, 0.9) + 0.5 * textures.pebbles(1024, 23, 25),
    }
    return image(name, makers[name]())


class Nodes:
    """A node tree that is written as sums and products."""

    def __init__(self, tree: bpy.types.NodeTree) -> None:
        self.tree = tree
        tree.nodes.clear()

    def new(self, kind: str, **inputs: object) -> bpy.types.Node:
        """A node, its sockets by name linked or set."""
        node = self.tree.nodes.new(f"ShaderNode{kind}")
        for name, value in inputs.items():
            self.put(node.inputs[name], value)
        return node

    def put(self, socket: bpy.types.NodeSocket, value: object) -> None:
        if isinstance(value, bpy.types.NodeSocket):
            self.tree.links.new(value, socket)
        else:
            socket.default_value = value

    def math(self, operation: str, one: object, other: object, vector: bool = False) -> bpy.types.NodeSocket:
        node = self.new("VectorMath" if vector else "Math")
        node.operation = operation
        self.put(node.inputs[0], one)
        self.put(node.inputs[3 if operation == "SCALE" else 1], other)
        return node.outputs["Value" if operation == "DOT_PRODUCT" or not vector else "Vector"]

    def faded(self, distance: bpy.types.NodeSocket, until_m: float) -> bpy.types.NodeSocket:
        """1 up close, 0 from there on."""
        node = self.new("MapRange")
        for name, value in (("Value", distance), ("From Min", 0.3 * until_m), ("From Max", until_m)):
            self.put(node.inputs[name], value)
        node.inputs["To Min"].default_value, node.inputs["To Max"].default_value = 1.0, 0.0
        return node.outputs[0]

    def mixed(self, factor: object, one: object, other: object) -> bpy.types.NodeSocket:
        node = self.new("MixRGB")
        for socket, value in zip(node.inputs, (factor, one, other), strict=True):
            self.put(socket, value)
        return node.outputs[0]

    def picture(self, metres: bpy.types.NodeSocket, size_m: float, picture: bpy.types.Image) -> bpy.types.NodeSocket:
        node = self.new("TexImage", Vector=self.math("SCALE", metres, 1 / size_m, vector=True))
        node.image = picture
        return node.outputs["Color"]


def material(
    name: str,
    wide: np.ndarray,                              # a picture for `wide_m` metres
    fine: str,                                     # a grey one from `grain`, for FINE_METRES
    wide_m: float = WIDE_METRES,
    fade_m: tuple[float, float, float] = (10, 38, 300),        # where the fine, the wide, the vast one is gone
) -> bpy.types.Material:
    """Three layers of texture, each gone where it would be finer than pixels, in sun and shade, behind haze."""
    if name in bpy.data.materials:
        return bpy.data.materials[name]
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    nodes = Nodes(made.node_tree)
    metres, distance = nodes.new("UVMap").outputs[0], nodes.new("CameraData").outputs["View Distance"]
    mean = (*(wide.mean((0, 1)) ** 2.2), 1.0)
    colour = nodes.mixed(nodes.faded(distance, fade_m[1]), mean, nodes.picture(metres, wide_m, image(name, wide)))
    for size_m, grey, until_m in ((FINE_METRES, fine, fade_m[0]), (VAST_METRES, "vast", fade_m[2])):
        seen = nodes.picture(metres, size_m, grain(grey))
        layer = nodes.mixed(nodes.faded(distance, until_m), (0.22, 0.22, 0.22, 1), seen)
        colour = nodes.math("SCALE", nodes.math("MULTIPLY", colour, layer, vector=True), 1 / 0.25, vector=True)
    finish(nodes, colour, distance)
    return made


def finish(nodes: Nodes, colour: bpy.types.NodeSocket, distance: bpy.types.NodeSocket) -> None:
    """Sun and sky light by the slope alone, then haze. It all glows: light that is followed costs ten times as much."""
    slope = nodes.math("DOT_PRODUCT", nodes.new("NewGeometry").outputs["Normal"], SUN, vector=True)
    light = nodes.mixed(nodes.math("MAXIMUM", slope, 0.0), SHADE, SUNLIGHT)
    density = nodes.new("Value")
    density.name, density.outputs[0].default_value = "Haze", 1 / 1500
    clear = nodes.math("POWER", 1 / math.e, nodes.math("MULTIPLY", distance, density.outputs[0]))
    seen = nodes.mixed(clear, (*HAZE, 1), nodes.math("MULTIPLY", colour, light, vector=True))
    nodes.put(nodes.new("OutputMaterial").inputs["Surface"], nodes.new("Emission", Color=seen).outputs[0])


def sky(picture: np.ndarray) -> bpy.types.Node:
    """That picture all around; the node whose Z rotation makes it drift."""
    world = bpy.data.worlds.new("Sky")
    bpy.context.scene.world = world
    world.use_nodes = True
    world.cycles.sampling_method = "NONE"
    nodes = Nodes(world.node_tree)
    turn = nodes.new("Mapping", Vector=nodes.new("TexCoord").outputs["Generated"])
    seen = nodes.new("TexEnvironment", Vector=turn.outputs[0])
    seen.image = image("Sky", picture)
    background = nodes.new("Background", Color=seen.outputs["Color"])
    nodes.put(nodes.new("OutputWorld").inputs["Surface"], background.outputs[0])
    return turn
