"""The painted shells: lower body with wheel arches, greenhouse, bed, cabin opening."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from carvanamask.studio.body_types import BodyType
from carvanamask.studio.loft import Curve, Shell, curve, loft, snap_out
from carvanamask.studio.mesh import Array, Surface, box, grid, pair

SIDES = ("front", "side", "rear", "top")


def deck_curve(body: BodyType) -> Curve:
    """Return the height of bonnet, belt and boot lid over x."""
    nose, cowl = body.length / 2, body.x(body.cowl)
    long, rise = nose - cowl, body.cowl_z - body.nose_z
    stern_z = body.deck_z - (0.015 if body.tail > 0.95 or body.has_bed else 0.035)
    # fmt: off
    return curve((nose, body.nose_z), (nose - 0.12 * long, body.nose_z + 0.22 * rise),
                 (nose - 0.55 * long, body.nose_z + 0.72 * rise), (cowl - 0.15, body.cowl_z),
                 (body.x(0.62), 0.45 * body.cowl_z + 0.55 * body.deck_z), (body.x(0.88), body.deck_z),
                 (body.x(1.0), stern_z))
    # fmt: on


def roof_curve(body: BodyType) -> Curve:
    """Return the height of the roof's middle over x."""
    front, rear = body.x(body.header), body.x(body.roof_end)
    drop = 0.05 if body.roof_end > 0.8 else 0.07
    # fmt: off
    return curve((front + 0.2, body.height - 0.05), (front, body.height - 0.03),
                 (front - 0.42 * (front - rear), body.height), (rear, body.height - drop * 0.7),
                 (rear - 0.4, body.height - drop))
    # fmt: on


def arch_radius(body: BodyType) -> float:
    return body.wheel / 2 + (0.07 if body.has_cladding or body.has_bed else 0.05)


def lower_body(body: BodyType) -> Shell:
    """Return the shell from the sills to bonnet, belt and boot."""
    nose, tail, half = body.length / 2, -body.length / 2, body.width / 2
    deck = deck_curve(body)
    is_upright = body.tail > 0.95 or body.has_bed
    lip = 0.10 if not (body.has_bed or body.has_cladding) else 0.06
    # fmt: off
    front = curve((0, nose - 0.09), (0.10, nose - 0.015), (0.34, nose), (0.44, nose - 0.012), (0.50, nose - 0.036),
                  (0.8, nose - 0.06), (1, nose - lip))
    rear = curve((0, tail + 0.12), (0.15, tail + 0.03), (0.38, tail), (0.52, tail + 0.015), (0.6, tail + 0.05),
                 (0.8, tail + 0.055), (1, tail + (0.06 if is_upright else 0.03)))
    width = curve((0, half * 0.93), (0.05, half * 0.958), (0.12, half * 0.966), (0.19, half * 0.970),
                  (0.24, half * 0.985), (0.45, half * 0.996), (0.70, half), (0.76, half * 0.998), (0.82, half * 0.978),
                  (1, half * 0.952))
    # fmt: on
    low = body.clearance
    bottom = curve((nose, low + 0.05), (nose - 0.5, low + 0.01), (0, low), (tail + 0.6, low + 0.03), (tail, low + 0.11))

    def top(x: Array, y: Array) -> Array:
        crown = np.where(x > body.x(body.cowl) - 0.2, 0.055, 0.03)
        return np.asarray(deck(x) - crown * (y / half) ** 2)

    shoulder = 0.07 if body.nose_z < 0.9 else 0.06
    squareness = (4.6 if body.nose_z < 0.9 else 5.6, 9.0 if body.has_bed else 6.0)
    return loft(front, rear, width, bottom, top, shoulder, squareness, (260, 44, 26))


def belt_half_width(body: BodyType) -> float:
    return body.width / 2 * 0.952 - 0.03


def roof_half_width(body: BodyType) -> float:
    return belt_half_width(body) - (0.14 if body.height > 1.6 else 0.18)


def windscreen_x(body: BodyType) -> Curve:
    """Return the windscreen's middle: x over the greenhouse's height fraction."""
    foot, head = body.x(body.cowl) + 0.10, body.x(body.header) + 0.06
    return curve((0, foot), (0.5, (foot + head) / 2 + 0.03), (1, head))


def rear_window_x(body: BodyType) -> Curve:
    foot, head = body.x(body.tail), body.x(body.roof_end) - 0.05
    return curve((0, foot), (0.5, (foot + head) / 2 - 0.03), (1, head))


def greenhouse(body: BodyType) -> Shell:
    """Return the shell from the belt to the roof."""
    belt, roof, deck = belt_half_width(body), roof_half_width(body), deck_curve(body)
    height = roof_curve(body)

    def top(x: Array, y: Array) -> Array:
        return np.asarray(height(x) - 0.065 * (y / roof) ** 2)

    def bottom(x: Array) -> Array:
        return np.asarray(deck(x) - 0.06)

    width = curve((0, belt), (0.45, belt - 0.38 * (belt - roof)), (1, roof))
    return loft(windscreen_x(body), rear_window_x(body), width, bottom, top, 0.085, (4.2, 5.0), (200, 36, 22))


def opening(body: BodyType) -> tuple[float, float, float]:
    """Return where the lower body's lid is open for the cabin: x from, x to, half width."""
    return body.x(body.tail) + 0.34, body.x(body.cowl) - 0.22, belt_half_width(body) - 0.11


def door_edges(body: BodyType) -> list[float]:
    """Return x of the gaps before, between and behind the doors."""
    front_axle, rear_axle = body.axles_x
    first = front_axle - arch_radius(body) - 0.16
    if body.doors == 2:
        return [first, first - min(1.38, first - rear_axle - arch_radius(body) - 0.02)]
    last = rear_axle + arch_radius(body) * (0.55 if not body.has_bed else 1.0)
    last = max(last, body.x(body.tail) + 0.06)
    return [first, first - 0.53 * (first - last), last]


def bumper_z(body: BodyType) -> float:
    """Return the height of the rear bumper's upper edge."""
    return body.clearance + 0.46 * (float(deck_curve(body)(np.array(-body.length / 2))) - body.clearance)


def pillar_line(body: BodyType, at: int) -> Array:
    """Return the greenhouse's corner from belt to roof edge, (n, 3): 0 is the A-pillar, 1 the rearmost pillar."""
    shell = greenhouse(body)
    return shell.points[shell.corners[at], :36]


def body_corner_x(body: BodyType) -> float:
    """Return x where the lower body turns from the side to the rear."""
    shell = lower_body(body)
    return float(shell.points[shell.corners[1], 22, 0])


def body_surfaces(body: BodyType) -> list[Surface]:
    """Return all painted surfaces of both sides, the wheel wells and the bed."""
    lower, cabin = lower_body(body), greenhouse(body)
    rear, front, side = opening(body)
    bed_front, bed_rear, bed_side = body.x(body.tail) - 0.12, -body.length / 2 + 0.13, body.width / 2 - 0.17

    def is_lid(centres: Array) -> Array:
        x, y = centres[:, 0], np.abs(centres[:, 1])
        is_open = (x > rear) & (x < front) & (y < side)
        if body.has_bed:
            is_open |= (x > bed_rear) & (x < bed_front) & (y < bed_side)
        return np.asarray(~is_open)

    surfaces = [lower.patch("front"), lower.patch("rear"), lower.patch("top", is_lid)]
    flank = lower.patch("side")
    radius = arch_radius(body)
    for axle in body.axles_x:
        flank, edge = snap_out(_flared(flank, axle, body.wheel / 2, radius), (axle, body.wheel / 2), radius)
        surfaces.append(_well(edge))
    surfaces.append(flank)
    if body.is_open:
        surfaces.append(cabin.patch("front"))
    else:
        surfaces += [cabin.patch(drawing) for drawing in SIDES]
    surfaces = pair(surfaces)
    if body.has_bed:
        surfaces += _bed(bed_rear, bed_front, bed_side, body)
    half = body.length / 2
    floor_pan = box("well", (-half + 0.25, -0.47, body.clearance + 0.02), (half - 0.25, 0.47, 0.62))
    return [*surfaces, floor_pan]


def _flared(flank: Surface, x: float, z: float, radius: float) -> Surface:
    """Return the side with a lip around a wheel arch."""
    vertices = flank.vertices.copy()
    distance = np.hypot(vertices[:, 0] - x, vertices[:, 2] - z)
    vertices[:, 1] += 0.014 * np.exp(-(((distance - radius) / 0.06) ** 2))
    return replace(flank, vertices=vertices)


def _well(edge: Array) -> Surface:
    """Return the dark inside of a wheel arch, from its edge (n, 3) inwards."""
    depths = [edge.copy() for _ in range(3)]
    depths[1][:, 1] -= 0.025
    depths[2][:, 1] = 0.42
    return grid("well", np.stack(depths, 1)[::-1])


def _bed(rear: float, front: float, side: float, body: BodyType) -> list[Surface]:
    """Return the open bed: a dark liner and the caps on its walls, which also cover the opening's edge."""
    z = float(deck_curve(body)(np.array(rear))) - 0.02
    floor = z - 0.52
    liner = [
        box("liner", (rear, -side, floor - 0.03), (front, side, floor)),
        box("liner", (rear - 0.02, -side, floor), (rear + 0.01, side, z)),
        box("liner", (front - 0.01, -side, floor), (front + 0.04, side, z)),
        *pair([box("liner", (rear, side - 0.01, floor), (front, side + 0.02, z))]),
    ]
    caps = [
        *pair([box("liner", (rear - 0.04, side - 0.03, z - 0.02), (front + 0.02, side + 0.06, z + 0.012))]),
        box("liner", (rear - 0.05, -side, z - 0.02), (rear + 0.03, side, z + 0.015)),
        box("liner", (front - 0.03, -side, z - 0.02), (front + 0.04, side, z + 0.015)),
    ]
    return liner + caps
