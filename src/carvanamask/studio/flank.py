"""The side and the top drawing: doors, side glass, sills, cladding; bonnet gaps, sunroof, boot lid."""

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
from carvanamask.studio.faces import rear_lamp
from carvanamask.studio.loft import Curve
from carvanamask.studio.paint import Livery

# fmt: off


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
