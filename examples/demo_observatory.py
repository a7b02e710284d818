"""The hero of the demo shot: a small observatory. Metres, +Z up, the front looks to -Y."""

from __future__ import annotations

import math

import bpy  # comes first: it brings bmesh and mathutils

# isort: split
import bmesh
from demo_shapes import add, box, cone, material, place, ring, swept
from mathutils import Matrix, Vector

RADIUS = 2.2                                       # of drum and dome
FLOOR = 0.36                                       # top of the plinth
DRUM_TOP = 2.55
SLIT_HALF_WIDTH = 0.5


def observatory(first: int, last: int) -> None:
    """Build it; the dome turns from scene frame `first` to `last`."""
    plinth_and_drum()
    pivot = dome(first, last)
    telescope(pivot)
    door()
    portholes()
    mast()


def concrete() -> bpy.types.Material:
    return material("Concrete", (0.34, 0.31, 0.28), roughness=0.85, wear=0.55)


def cladding() -> bpy.types.Material:
    return material("Cladding", (0.62, 0.60, 0.57), metallic=0.25, roughness=0.42, wear=0.45)


def copper() -> bpy.types.Material:
    return material("Copper", (0.52, 0.23, 0.12), metallic=1.0, roughness=0.34, wear=0.3)


def steel() -> bpy.types.Material:
    return material("Dark steel", (0.055, 0.06, 0.07), metallic=0.9, roughness=0.4)


def lamp() -> bpy.types.Material:
    return material("Lamp", (1.0, 0.46, 0.13), glow=1.9)


def plinth_and_drum() -> None:
    add("Plinth", cone(3.15, 3.0, 0.2, sides=8), concrete(), rotation_z=math.pi / 8, bevel=0.03, smooth=False)
    add("Plinth, upper step", cone(2.75, 2.7, 0.17, sides=64), concrete(), location=(0, 0, 0.19), bevel=0.02)
    for step in range(2):
        height = 0.12 * (step + 1)
        add("Stair", box(1.3, 0.42, height), concrete(), location=(0, -3.3 + 0.42 * step, 0), bevel=0.015, smooth=False)
    add("Footing", ring(RADIUS - 0.3, 0.36, 0.28), steel(), location=(0, 0, FLOOR), bevel=0.02)
    add("Drum", corrugated(RADIUS, DRUM_TOP - FLOOR), cladding(), location=(0, 0, FLOOR), bevel=0.006)
    add("Copper band", ring(RADIUS - 0.2, 0.27, 0.16), copper(), location=(0, 0, DRUM_TOP - 0.14), bevel=0.02)
    add("Cornice", ring(RADIUS - 0.2, 0.40, 0.07), steel(), location=(0, 0, DRUM_TOP + 0.06), bevel=0.015)
    add("Light line", ring(RADIUS - 0.1, 0.24, 0.03), lamp(), location=(0, 0, DRUM_TOP + 0.03))


def corrugated(radius: float, height: float) -> bmesh.types.BMesh:
    """A drum of upright folds, as trapezoidal sheet."""
    folds = 72
    shape = bmesh.new()
    outline = []
    for fold in range(folds):
        for part, depth in ((0.08, 0.0), (0.42, 0.0), (0.56, -0.045), (0.94, -0.045)):
            angle = 2 * math.pi * (fold + part) / folds
            outline.append((radius + depth, angle))
    for z in (0.0, height):
        for r, angle in outline:
            shape.verts.new((r * math.cos(angle), r * math.sin(angle), z))
    shape.verts.ensure_lookup_table()
    count = len(outline)
    for index in range(count):
        after = (index + 1) % count
        shape.faces.new([shape.verts[at] for at in (index, after, count + after, count + index)])
    return shape


def dome(first: int, last: int) -> bpy.types.Object:
    """Panels with an open slit; it turns slowly towards its star through the shot."""
    pivot = place(bpy.data.objects.new("Dome", None))
    pivot.location = (0.0, 0.0, DRUM_TOP + 0.12)
    for frame, degrees in ((first, 6.0), (last, -16.0)):
        pivot.rotation_euler.z = math.radians(degrees)
        pivot.keyframe_insert("rotation_euler", index=2, frame=frame)
    shell = add("Shell", slit_sphere(RADIUS + 0.06), cladding(), parent=pivot)
    thickness = shell.modifiers.new("Thickness", "SOLIDIFY")
    thickness.thickness = 0.07
    for side in (-1, 1):
        add("Slit frame", arch(RADIUS + 0.08, side * (SLIT_HALF_WIDTH + 0.03)), copper(), bevel=0.012, parent=pivot)
        add("Shutter", shutter(RADIUS + 0.13, side), cladding(), bevel=0.012, parent=pivot)
    for angle in range(30, 360, 30):
        if angle not in (240, 270, 300):
            rib = add("Rib", arch(RADIUS + 0.055, 0.0, 0, 82, width=0.035), steel(), parent=pivot)
            rib.rotation_euler.z = math.radians(angle + 90)
    return pivot


def slit_sphere(radius: float) -> bmesh.types.BMesh:
    """An upper half sphere, open from the front over the top."""
    shape = bmesh.new()
    bmesh.ops.create_uvsphere(shape, u_segments=72, v_segments=48, radius=radius)
    for level in (0.0, 0.30):
        cut(shape, (0, 0, level), (0, 0, 1))
    for side in (-1, 1):
        cut(shape, (side * SLIT_HALF_WIDTH, 0, 0), (1, 0, 0))
    gone = [face for face in shape.faces if below_or_in_slit(face.calc_center_median())]
    bmesh.ops.delete(shape, geom=gone, context="FACES")
    return shape


def cut(shape: bmesh.types.BMesh, point: tuple[float, float, float], normal: tuple[float, float, float]) -> None:
    """New edges where the plane crosses the shape."""
    everything = [*shape.verts, *shape.edges, *shape.faces]
    bmesh.ops.bisect_plane(shape, geom=everything, plane_co=point, plane_no=normal)


def below_or_in_slit(centre: Vector) -> bool:
    in_slit = abs(centre.x) < SLIT_HALF_WIDTH and centre.z > 0.30 and centre.y < 0.55
    return centre.z < 0.0 or in_slit


def arch(
    radius: float, x: float, start: float = 8.0, stop: float = 104.0, width: float = 0.09
) -> bmesh.types.BMesh:
    """A bar bent over the dome in a plane of constant x, from the front (0 degrees) over the top (90)."""
    reach = math.sqrt(radius**2 - x**2)
    sections = []
    for step in range(33):
        angle = math.radians(start + (stop - start) * step / 32)
        outward = Vector((0.0, -math.cos(angle), math.sin(angle)))
        across = Vector((width / 2, 0.0, 0.0))
        inner, outer = outward * (reach - 0.02), outward * (reach + 0.06)
        aside = Vector((x, 0.0, 0.0))
        sections.append([aside + point for point in (inner - across, inner + across, outer + across, outer - across)])
    return swept(sections, closed=False)


def shutter(radius: float, side: int) -> bmesh.types.BMesh:
    """One leaf of the slit's door, slid aside."""
    sections = []
    for step in range(33):
        angle = math.radians(12 + 88 * step / 32)
        near, far = (side * (SLIT_HALF_WIDTH + offset) for offset in (0.10, 0.52))
        row = []
        for x, lift in ((near, 0.0), (far, 0.0), (far, 0.04), (near, 0.04)):
            reach = math.sqrt((radius + lift) ** 2 - x**2)
            row.append(Vector((x, -reach * math.cos(angle), reach * math.sin(angle))))
        sections.append(row)
    return swept(sections, closed=False)


def telescope(pivot: bpy.types.Object) -> None:
    """A white tube that looks out of the slit, lit from inside the dome."""
    aim = place(bpy.data.objects.new("Telescope", None), pivot)
    aim.location, aim.rotation_euler = (0.0, 0.25, 0.25), (math.radians(48), 0.0, 0.0)
    white = material("White paint", (0.75, 0.75, 0.73), roughness=0.3)
    add("Tube", cone(0.30, 0.30, 2.45, 48), white, bevel=0.02, parent=aim)
    add("Dew shield", cone(0.37, 0.37, 0.55, 48), steel(), location=(0, 0, 2.05), bevel=0.02, parent=aim)
    for height in (0.5, 1.4):
        add("Tube ring", ring(0.29, 0.05, 0.08, 48), copper(), location=(0, 0, height), bevel=0.01, parent=aim)
    add("Lens", cone(0.31, 0.31, 0.01, 48), material("Glass", (0.02, 0.03, 0.06), roughness=0.05),
        location=(0, 0, 2.6), parent=aim)
    glow = bpy.data.lights.new("Inside", "POINT")
    glow.energy, glow.color, glow.shadow_soft_size = 130.0, (1.0, 0.50, 0.20), 0.4
    place(bpy.data.objects.new("Inside", glow)).location = (0.0, 0.3, DRUM_TOP + 0.5)


def door() -> None:
    """Stands out from the drum's front, with a window and a lamp above."""
    front = -RADIUS - 0.02
    add("Door frame", box(1.16, 0.34, 1.98), copper(), location=(0, front + 0.06, FLOOR), bevel=0.03)
    add("Door", box(0.94, 0.30, 1.84), steel(), location=(0, front + 0.01, FLOOR), bevel=0.02)
    add("Door window", box(0.42, 0.04, 0.62), lamp(), location=(0, front - 0.13, FLOOR + 0.98), bevel=0.01)
    for height in (0.98, 1.29, 1.60):
        add("Glazing bar", box(0.46, 0.06, 0.03), steel(), location=(0, front - 0.14, FLOOR + height - 0.015))
    add("Handle", box(0.04, 0.10, 0.24), copper(), location=(0.36, front - 0.17, FLOOR + 0.85), bevel=0.012)
    add("Canopy", box(1.5, 0.62, 0.06), steel(), location=(0, front - 0.12, FLOOR + 2.02), bevel=0.02)
    spot = bpy.data.lights.new("Door lamp", "AREA")
    spot.energy, spot.color, spot.size = 28.0, (1.0, 0.58, 0.26), 0.7
    place(bpy.data.objects.new("Door lamp", spot)).location = (0.0, front - 0.22, FLOOR + 1.98)


def portholes() -> None:
    """Round windows on the drum's sides, lit from inside."""
    for degrees in (-52, -96, 52, 96, 140, -140):
        turn = Matrix.Rotation(math.radians(degrees), 4, "Z")
        outward = turn @ Matrix.Translation((0, -RADIUS + 0.02, 1.62)) @ Matrix.Rotation(math.radians(90), 4, "X")
        for name, shape, surface in (
            ("Porthole", ring(0.24, 0.08, 0.09, 48), copper()),
            ("Porthole glass", cone(0.25, 0.25, 0.04, 48), lamp()),
        ):
            add(name, shape, surface, bevel=0.01 if name == "Porthole" else 0.0).matrix_world = outward


def mast() -> None:
    """A weather mast behind the drum, with a red light on its top."""
    base = (2.75, 1.1, 0.0)
    add("Mast foot", box(0.5, 0.5, 0.18), concrete(), location=base, bevel=0.02, smooth=False)
    add("Mast", cone(0.06, 0.03, 5.6, 24), steel(), location=base)
    for height, reach in ((3.9, 0.45), (4.6, 0.34), (5.1, 0.24)):
        x, y, _ = base
        add("Cross arm", box(2 * reach, 0.03, 0.03), steel(), location=(x, y, height), rotation_z=0.5)
        for side in (-1, 1):
            tip = (x + side * reach * math.cos(0.5), y + side * reach * math.sin(0.5), height - 0.06)
            add("Cup", cone(0.07, 0.045, 0.14, 24), copper(), location=tip, bevel=0.01)
    add("Beacon", cone(0.06, 0.05, 0.14, 24), material("Beacon", (1.0, 0.05, 0.02), glow=9.0),
        location=(base[0], base[1], 5.6), bevel=0.02)
