"""The four drawings that colour a car: front, rear, side and top; of front, rear and top the left half only."""

from __future__ import annotations

import numpy as np

from carvanamask.studio.body import (
    arch_radius,
    belt_half_width,
    body_corner_x,
    bumper_z,
    deck_curve,
    door_edges,
    opening,
    pillar_line,
    roof_curve,
    roof_half_width,
)
from carvanamask.studio.body_types import BodyType
from carvanamask.studio.drawing import Drawing
from carvanamask.studio.loft import Curve
from carvanamask.studio.mesh import Array
from carvanamask.studio.paint import Livery

# fmt: off
_GRILLE_BARS = {"bars": 4, "slats": 3, "mesh": 7}


def front_sheet(body: BodyType, livery: Livery) -> Drawing:
    sheet = Drawing("front", livery)
    low, half = body.clearance, body.width / 2
    tall = (body.nose_z - low) / 0.55  # 1 for a saloon's face
    chin, top = low + 0.10 * tall, body.nose_z - 0.075
    foot = top - 0.20 * tall
    sheet.rectangle("black plastic", (0, 0), (1.1, low + (0.13 if body.has_cladding else 0.045)))
    _intake(sheet, half, chin, tall)
    _grille(sheet, livery, 0.52 * half, foot, top)
    _head_lamp(sheet, half, top - 0.01, 0.15 * min(tall, 1.2))
    sheet.line("gap", [(0, top + 0.022), (0.56 * half, top + 0.022), (0.97 * half, top + 0.075)])
    sheet.line("gap", [(0.66 * half, chin + 0.14 * tall), (0.97 * half, chin + 0.2 * tall)], 0.004)
    _plate(sheet, foot - 0.095 if foot - 0.19 > chin + 0.10 else chin + 0.10)
    _windscreen(sheet, body)
    return sheet


def _intake(sheet: Drawing, half: float, chin: float, tall: float) -> None:
    """Draw the lower intake with its fog lamps."""
    sheet.fill("black plastic", [(0, chin - 0.01), (0.55 * half, chin - 0.01), (0.66 * half, chin + 0.12 * tall),
                                 (0, chin + 0.10 * tall)], 0.02)
    sheet.fill("black plastic", [(0.66 * half, chin), (0.86 * half, chin + 0.03), (0.88 * half, chin + 0.15 * tall),
                                 (0.72 * half, chin + 0.13 * tall)], 0.025)
    sheet.disc("chrome", (0.78 * half, chin + 0.085 * tall), 0.05)
    sheet.disc("bright lamp", (0.78 * half, chin + 0.085 * tall), 0.042)


def _grille(sheet: Drawing, livery: Livery, wide: float, foot: float, top: float) -> None:
    is_mesh = livery.grille == "mesh"
    sheet.fill("chrome", [(0, foot), (wide * 0.82, foot), (wide, top), (0, top)])
    sheet.fill("gap", [(0, foot + 0.018), (wide * 0.80, foot + 0.018), (wide * 0.955, top - 0.018), (0, top - 0.018)])
    for z in np.linspace(foot + 0.045, top - 0.045, _GRILLE_BARS[livery.grille]):
        reach = wide * (0.80 + 0.14 * (z - foot) / (top - foot))
        sheet.line("black plastic" if is_mesh else "chrome", [(0, z), (reach, z)], 0.010 if is_mesh else 0.015)
    if is_mesh:
        for y in np.arange(0.03, wide * 0.8, 0.045):
            sheet.line("black plastic", [(y, foot + 0.02), (y, top - 0.02)], 0.008)
    sheet.disc("chrome", (0, (foot + top) / 2), 0.065)
    sheet.disc("dark lamp", (0, (foot + top) / 2), 0.045)


def _head_lamp(sheet: Drawing, half: float, z: float, deep: float) -> None:
    """Draw clear glass over a grey bowl, two projectors, a light strip below, the indicator outside."""
    outline = np.array([(0.54 * half, z - deep * 0.72), (0.80 * half, z - deep), (0.97 * half, z - deep * 0.5),
                        (0.99 * half, z + 0.095), (0.80 * half, z + 0.03), (0.535 * half, z - deep * 0.22)])
    bowl = sheet.stencil(outline, 0.012, 0.006)
    sheet.fill("gap", outline, 0.012)
    sheet.fill("lamp", outline, only=bowl)
    sheet.line("bright lamp", outline[:3] + np.array([0, 0.022]), 0.022)
    for y, drop, size in ((0.65, 0.44, 0.20), (0.79, 0.40, 0.25)):
        for finish, share in (("dark lamp", 1.25), ("bright lamp", 1.05), ("dark lamp", 0.7), ("lamp", 0.35)):
            sheet.disc(finish, (y * half, z - deep * drop), size * deep * share)
    sheet.fill("amber", [(0.895 * half, z - deep * 0.45), (0.965 * half, z - deep * 0.2), (0.97 * half, z + 0.05),
                         (0.90 * half, z + 0.025)], 0.01, only=bowl)


def _windscreen(sheet: Drawing, body: BodyType) -> None:
    pillar = pillar_line(body, 0)
    edge = np.stack([pillar[:, 1] - 0.05, pillar[:, 2]], 1)[3:]
    edge = edge[edge[:, 1] > body.cowl_z - 0.02]
    foot, head = edge[0, 1], body.height - 0.10
    sheet.fill("gap", np.concatenate([[(0, foot)], edge, [(0, head)]]))
    sheet.fill("windscreen", np.concatenate([[(0, foot + 0.035)], edge - np.array([0.028, 0]), [(0, head - 0.04)]]))
    sheet.rectangle("gap", (0, head - 0.085), (0.07, head - 0.02))  # the mirror inside
    for y in (-0.12, 0.42):  # wipers
        sheet.line("gap", [(max(y, 0), body.cowl_z + 0.03), (y + 0.38, body.cowl_z + 0.055)], 0.016)


def _plate(sheet: Drawing, z: float) -> None:
    """Draw a dealer's plate, 12 by 6 inches, its middle at height z."""
    sheet.rectangle("black plastic", (0, z - 0.082), (0.158, z + 0.082))
    sheet.rectangle("plate", (0, z - 0.076), (0.152, z + 0.076))
    sheet.rectangle("plate blue", (0, z - 0.076), (0.10, z - 0.052))
    sheet.disc("plate blue", (0, z + 0.012), 0.035)
    sheet.line("gap", [(0.055, z + 0.012), (0.13, z + 0.012)], 0.012)


def rear_lamp(body: BodyType) -> Array:
    """Return the left tail lamp's corners, (4, 2) in (y, z): inner foot, outer foot, outer head, inner head."""
    half, deck = body.width / 2, float(deck_curve(body)(np.array(-body.length / 2)))
    if body.has_bed or body.name == "minivan":
        foot, inner = bumper_z(body) + 0.10, 0.78
        return np.array([(inner * half, foot), (half, foot), (half, deck + 0.02), (inner * half, deck)])
    inner, tall = (0.62, 0.21) if body.tail > 0.95 else (0.50, 0.17)
    head = deck - 0.05
    return np.array([(inner * half, head - tall * 0.9), (half, head - tall), (half, head + 0.03),
                     (inner * half, head - 0.02)])


def rear_sheet(body: BodyType, livery: Livery) -> Drawing:
    sheet = Drawing("rear", livery)
    low, half = body.clearance, body.width / 2
    deck = float(deck_curve(body)(np.array(-body.length / 2)))
    is_hatch = body.tail > 0.95
    sheet.rectangle("black plastic", (0, 0), (1.1, low + (0.30 if body.has_cladding else 0.20)))
    sheet.rectangle("black plastic", (0, low + 0.2), (0.55 * half, low + 0.23), 0.02)
    sheet.rectangle("red lamp", (0.70 * half, low + 0.265), (0.88 * half, low + 0.295))
    bumper = bumper_z(body)
    sheet.line("gap", [(0, bumper + 0.02), (0.72 * half, bumper + 0.02), (0.95 * half, bumper + 0.06)], 0.008)
    if body.has_bed:
        sheet.rectangle("chrome", (0, bumper - 0.20), (0.97 * half, bumper), 0.02)
    lamp = rear_lamp(body)
    sheet.fill("gap", lamp, 0.02)
    sheet.fill("red lamp", lamp, 0.02, 0.008)
    for finish, share in (("dark red lamp", 0.62), ("red lamp", 0.42)):
        sheet.fill(finish, lamp.mean(0) + (lamp - lamp.mean(0)) * share, 0.01)
    foot, head = lamp[0, 1], lamp[0, 1] + 0.35 * (lamp[3, 1] - lamp[0, 1])
    sheet.rectangle("bright lamp", (lamp[0, 0] + 0.02, foot + 0.02), (lamp[0, 0] + 0.075, head), 0.008)
    # boot lid or tailgate, handle bar, badge, plate
    edge = lamp[0, 0] - 0.015 if not is_hatch else 0.66 * half
    sheet.line("gap", [(edge, bumper + 0.02), (edge, deck + 0.02)], 0.008)
    plate = (bumper + deck) / 2 + (0.0 if deck - bumper > 0.3 else -0.02)
    if body.has_bed:
        plate = bumper - 0.10
    sheet.rectangle("trim", (0, plate + 0.10), (0.24, plate + 0.125))
    _plate(sheet, plate)
    sheet.disc("chrome", (0, min(plate + 0.20, deck - 0.06)), 0.042)
    _rear_window(sheet, body, is_hatch)
    return sheet


def _rear_window(sheet: Drawing, body: BodyType, is_hatch: bool) -> None:
    pillar = pillar_line(body, 1)
    margin = 0.07 if is_hatch else 0.10
    line = np.stack([pillar[:, 1] - margin, pillar[:, 2]], 1)
    sill = float(deck_curve(body)(np.array(body.x(body.tail)))) + (0.05 if is_hatch else 0.03)
    line = line[line[:, 1] > sill]
    head = float(roof_curve(body)(np.array(body.x(body.roof_end)))) - (0.11 if is_hatch else 0.09)
    line = line[line[:, 1] < head]
    glass = np.concatenate([[(-0.3, sill)], [(line[0, 0], sill)], line, [(-0.3, head)]])
    sheet.fill("gap", glass, 0.05)
    sheet.fill("privacy glass", glass, 0.05, 0.024)
    sheet.rectangle("red lamp", (0, head - 0.02), (0.14, head + 0.005))
    if is_hatch:
        sheet.line("gap", [(0.0, sill + 0.01), (0.36, sill + 0.07)], 0.022)
        sheet.line("gap", [(line[0, 0] + 0.045, sill - 0.02), (line[-1, 0] + 0.045, head + 0.03)], 0.006)


def side_sheet(body: BodyType, livery: Livery) -> Drawing:
    sheet = Drawing("side", livery)
    deck, roof = deck_curve(body), roof_curve(body)
    low, half = body.clearance, body.length / 2
    edges = door_edges(body)
    front_axle, rear_axle = body.axles_x
    hub = body.wheel / 2

    sill = low + (0.16 if body.has_cladding else 0.05)
    sheet.rectangle("black plastic", (-half - 0.1, 0), (half + 0.1, sill))
    if body.has_cladding:
        for axle in (front_axle, rear_axle):
            sheet.disc("black plastic", (axle, hub), arch_radius(body) + 0.075)
    # doors: gaps from the sill to the belt, the rear one round the arch
    belt = [float(deck(np.array(x))) for x in edges]
    for x, z in zip(edges, belt, strict=True):
        foot = sill + 0.04 if abs(x - rear_axle) > arch_radius(body) + 0.02 else hub + arch_radius(body) + 0.03
        away = edges[-2] if x == edges[-1] and foot > sill + 0.05 else x
        sheet.line("gap", [(x, z + 0.05), (x, foot + 0.12), (x + 0.25 * np.sign(away - x), sill + 0.04)], 0.007)
    end = edges[-1] if body.doors == 2 else rear_axle + arch_radius(body)
    sheet.line("gap", [(edges[0], sill + 0.03), (end, sill + 0.03)])
    if body.has_bed:
        gap = body.x(body.tail) - 0.06
        sheet.line("gap", [(gap, low), (gap, 2.0)], 0.016)
    # bumpers, black below as on the front and rear sheets
    dark = low + (0.30 if body.has_cladding else 0.20)
    sheet.fill("black plastic", [(-half - 0.1, 0), (-half - 0.1, dark), (-half + 0.42, dark), (rear_axle - 0.2, sill),
                                 (rear_axle, 0)])
    bumper = bumper_z(body)
    sheet.line("gap", [(rear_axle - arch_radius(body) * 0.8, bumper + 0.02), (-half, bumper + 0.06)], 0.005)
    flap = (rear_axle - 0.22, hub + arch_radius(body) + 0.13)
    sheet.disc("gap", flap, 0.068, 0.005)
    # the tail lamp comes round the corner
    lamp, corner = rear_lamp(body), body_corner_x(body)
    wrap = [(-half - 0.1, lamp[1, 1]), (corner + 0.04, lamp[1, 1]), (corner + 0.10, lamp[2, 1]),
            (-half - 0.1, lamp[2, 1])]
    sheet.fill("gap", wrap, 0.02)
    sheet.fill("red lamp", wrap, 0.02, 0.008)
    sheet.rectangle("amber", (half - 0.62, low + 0.34), (half - 0.54, low + 0.37))
    if not body.is_open:
        _side_glass(sheet, body, edges, roof)
    if body.name == "minivan":
        z = float(deck(np.array(rear_axle))) - 0.10
        sheet.line("gap", [(edges[-1] - 0.02, z), (-half + 0.6, z)], 0.012)
    return sheet


def _side_glass(sheet: Drawing, body: BodyType, edges: list[float], roof: Curve) -> None:
    deck = deck_curve(body)
    pillar, rear = pillar_line(body, 0), pillar_line(body, 1)
    v = np.linspace(0.1, 1, 12)
    knots = np.linspace(0, 1, 36)
    front_edge = np.stack([np.interp(v, knots, pillar[:, 0]) - 0.09, np.interp(v, knots, pillar[:, 2])], 1)
    inset = body.side_glass_end * np.linspace(1.0, 0.55, 12)
    rear_edge = np.stack([np.interp(v, knots, rear[:, 0]) + inset, np.interp(v, knots, rear[:, 2])], 1)
    x = np.linspace(rear_edge[0, 0], front_edge[0, 0], 20)
    lower = np.stack([x, deck(x) + 0.015], 1)
    x = np.linspace(front_edge[-1, 0], rear_edge[-1, 0], 20)
    upper = np.stack([x, roof(x) - 0.155], 1)
    outline = np.concatenate([lower, front_edge[1:], upper[1:-1], rear_edge[::-1]])
    sheet.fill("trim", outline, 0.05)
    sheet.fill("gap", outline, 0.05, 0.012)
    pane = sheet.stencil(outline, 0.05, 0.024)
    sheet.fill("glass", outline, only=pane)
    sheet.fill("privacy glass", np.minimum(outline, [edges[1], 9.0]), only=pane)
    for at in edges[1:]:  # pillars lean back with the glass
        z, slant = float(deck(np.array(at))) - 0.05, 0.05
        sheet.fill("gap", [(at + 0.05, z), (at - 0.05, z), (at - 0.04 - slant, body.height),
                           (at + 0.03 - slant, body.height)], only=pane)


def top_sheet(body: BodyType, livery: Livery) -> Drawing:
    sheet = Drawing("top", livery)
    half, cowl, nose = body.width / 2, body.x(body.cowl), body.length / 2
    # the black tray at the foot of the windscreen, the bonnet's gaps
    sheet.fill("black plastic", [(cowl - 0.6, 0), (cowl - 0.6, half), (cowl - 0.25, belt_half_width(body)),
                                 (cowl + 0.03, 0.75 * half), (cowl + 0.15, 0.5 * half), (cowl + 0.17, 0)])
    sheet.line("gap", [(cowl - 0.35, 0.86 * half), (cowl + 0.2, 0.84 * half), (nose - 0.35, 0.80 * half)], 0.008)
    sheet.line("gap", [(nose - 0.16, 0), (nose - 0.17, 0.5 * half), (nose - 0.35, 0.80 * half)], 0.006)
    header, end = body.x(body.header), body.x(body.roof_end)
    roof = roof_half_width(body)
    if livery.has_sunroof and not body.is_open:
        sheet.rectangle("gap", (header - 0.95, -0.3), (header - 0.22, 0.62 * roof), 0.06)
        sheet.rectangle("privacy glass", (header - 0.93, -0.3), (header - 0.24, 0.62 * roof - 0.02), 0.05)
    if not body.is_open:
        sheet.line("gap", [(header, 0.83 * roof), (end + 0.1, 0.83 * roof)], 0.014)
    if body.tail < 0.95 and not body.has_bed:
        stern = body.x(body.tail)
        sheet.line("gap", [(stern - 0.02, 0), (stern + 0.02, 0.74 * half), (-nose + 0.02, 0.74 * half)], 0.007)
    rear, front, side = opening(body)
    if body.is_open:
        sheet.line("black plastic", [(rear - 0.02, 0), (rear - 0.02, side + 0.03), (front, side + 0.03)], 0.07)
    return sheet
