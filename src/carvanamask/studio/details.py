"""The attached parts: wheels, mirrors, handles, rails, antenna, exhaust, spoiler; and the cabin behind the glass."""

from __future__ import annotations

import numpy as np

from carvanamask.studio.body import belt_half_width, deck_curve, opening, roof_curve, roof_half_width, windscreen_x
from carvanamask.studio.body_types import BodyType
from carvanamask.studio.mesh import Surface, box, hull, pair, pebble, revolve, tube
from carvanamask.studio.paint import Livery


def details(body: BodyType, livery: Livery, rng: np.random.Generator) -> list[Surface]:
    """Return all attached parts."""
    surfaces = _mirrors(body, rng) + _handles(body) + _exhaust(body, rng)
    if body.has_rails and rng.random() < 0.75:
        surfaces += _rails(body, "trim" if livery.trim == "chrome" else "black plastic")
    if not body.is_open:
        surfaces += _antenna(body, rng)
    if body.tail > 0.95:
        surfaces.append(_spoiler(body))
    return surfaces


def _mirrors(body: BodyType, rng: np.random.Generator) -> list[Surface]:
    deck = deck_curve(body)
    x = body.x(body.cowl) - 0.52 if not body.is_open else body.x(body.cowl) - 0.42
    z = float(deck(np.array(x))) + 0.085
    y = belt_half_width(body) + 0.165
    big = 1.25 if body.has_bed else 1.0
    housing = str(rng.choice(["paint", "paint", "black plastic"]))
    head = pebble(housing, (x, y, z + 0.02 * big), (0.075, 0.115 * big, 0.075 * big), 0.55)
    glass = box("mirror glass", (x - 0.078, y - 0.09 * big, z - 0.03), (x - 0.074, y + 0.09 * big, z + 0.075 * big))
    arm = tube("black plastic", [(x + 0.01, y - 0.05, z - 0.03), (x + 0.03, y - 0.20, z - 0.07)], 0.028)
    return pair([head, glass, arm])


def _handles(body: BodyType) -> list[Surface]:
    """Return one handle per door, just before the door's rear edge."""
    deck = deck_curve(body)
    front_axle, rear_axle = body.axles_x
    first = front_axle - body.wheel / 2 - 0.22
    last = rear_axle + body.wheel * 0.35
    middle = first - 0.53 * (first - last)
    at = [middle + 0.17, last + 0.22] if body.doors == 4 else [first - 1.22]
    y = body.width / 2 * 0.985 + 0.004
    centres = [(x, y, float(deck(np.array(x))) - 0.155) for x in at]
    return pair([pebble("paint", centre, (0.095, 0.026, 0.014), 0.7) for centre in centres])


def _exhaust(body: BodyType, rng: np.random.Generator) -> list[Surface]:
    x, y, z = -body.length / 2 + 0.10, body.width / 2 * 0.55, body.clearance + 0.12
    pipe = tube("chrome", [(x + 0.25, y, z), (x, y, z - 0.005)], 0.034)
    inside = tube("gap", [(x + 0.1, y, z), (x - 0.002, y, z - 0.005)], 0.028)
    both = [pipe, inside]
    return pair(both) if rng.random() < 0.35 else [each.mirrored() for each in both] if rng.random() < 0.6 else []


def _rails(body: BodyType, finish: str) -> list[Surface]:
    roof = roof_curve(body)
    x = np.linspace(body.x(body.header) - 0.18, body.x(body.roof_end) + 0.22, 24)
    y = roof_half_width(body) * 0.86
    z = roof(x) - 0.065 * 0.74 + 0.045
    z[[0, -1]] -= 0.055
    z[[1, -2]] -= 0.012
    return pair([tube(finish, np.stack([x, np.full(24, y), z], 1).tolist(), 0.017)])


def _antenna(body: BodyType, rng: np.random.Generator) -> list[Surface]:
    x = body.x(body.roof_end) + 0.16
    z = float(roof_curve(body)(np.array(x)))
    kind = rng.random()
    if kind < 0.4:
        # fmt: off
        fin = [[x - 0.08, -0.025, z - 0.02], [x - 0.07, -0.006, z + 0.065], [x - 0.08, 0.025, z - 0.02],
               [x - 0.07, 0.006, z + 0.065], [x + 0.10, -0.02, z - 0.02], [x - 0.03, -0.005, z + 0.06],
               [x + 0.10, 0.02, z - 0.02], [x - 0.03, 0.005, z + 0.06]]
        # fmt: on
        return [hull("paint", np.array(fin))]
    if kind < 0.8:
        return [tube("black plastic", [(x, 0, z - 0.01), (x - 0.14, 0, z + 0.20)], 0.006, 0.003)]
    return []


def _spoiler(body: BodyType) -> Surface:
    """Return the lip over the rear window."""
    x, y = body.x(body.roof_end), roof_half_width(body)
    z = float(roof_curve(body)(np.array(x)))
    return pebble("paint", (x - 0.02 - 0.02, 0, z - 0.062), (0.12, y * 0.86, 0.026), 0.5)


def cabin(body: BodyType, livery: Livery) -> list[Surface]:
    """Return tub, dashboard, steering wheel and seats, which show through the glass or in an open car."""
    rear, front, side = opening(body)
    deck = deck_curve(body)
    belt = float(deck(np.array((rear + front) / 2)))
    floor = body.clearance + 0.16
    outer = side + 0.03
    tub = [
        box("charcoal", (rear - 0.05, -outer, floor - 0.02), (front + 0.15, outer, floor)),
        box("charcoal", (rear - 0.03, -side, floor), (rear, side, belt - 0.06)),
        *pair([box("charcoal", (rear, side, floor), (front + 0.1, outer, belt - 0.075))]),
    ]
    dash_x = front - 0.06
    dash = [pebble("charcoal", (dash_x - 0.06, 0, belt - 0.13), (0.30, side + 0.04, 0.13), 0.4)]
    wheel_ring = [(0.175, -0.014), (0.19, 0.0), (0.175, 0.014), (0.16, 0.0), (0.175, -0.014)]
    steering = revolve("gap", wheel_ring, 32)
    # stand the ring across the car and lean it back, then put it before the driver (on the left)
    lean = np.radians(65)
    to = np.array([[0, -np.sin(lean), -np.cos(lean)], [1, 0, 0], [0, np.cos(lean), -np.sin(lean)]]).T
    steering = Surface("gap", steering.vertices @ to, steering.faces, steering.normals @ to, steering.uv)
    seats = []
    for x in _rows(body, front):
        for y in (0.37,) if x > front - 1.2 else (0.36, 0.0):
            seats += _seat(livery.seats, x, y * body.width / 1.84, belt)
    return tub + dash + [steering.moved((dash_x - 0.42, 0.37, belt - 0.06))] + pair(seats)


def _rows(body: BodyType, front: float) -> list[float]:
    """Return x of the seats' backs per row; no head rest may pierce the rear window."""
    last = body.x(body.roof_end) + 0.14
    pitch = 0.84 if body.name != "minivan" else 0.95
    count = 1 if body.is_open or body.length < 3.8 else 3 if body.name == "minivan" else 2
    rows = [front - 0.98 - pitch * k for k in range(count)]
    return [max(x, last) for x in rows if x > last - 0.35]


def _seat(finish: str, x: float, y: float, belt: float) -> list[Surface]:
    return [
        pebble(finish, (x + 0.22, y, belt - 0.52), (0.30, 0.25, 0.12), 0.45),
        pebble(finish, (x - 0.03, y, belt - 0.20), (0.085, 0.235, 0.36), 0.45),
        pebble(finish, (x - 0.09, y, belt + 0.235), (0.055, 0.135, 0.095), 0.5),
    ]


def windscreen_frame(body: BodyType) -> list[Surface]:
    """Return an open car's A-pillars and header around its windscreen."""
    head_x = float(windscreen_x(body)(np.array(1.0))) - 0.10
    z = float(roof_curve(body)(np.array(body.x(body.header)))) - 0.05
    y = roof_half_width(body) * 0.92
    deck = float(deck_curve(body)(np.array(body.x(body.cowl))))
    foot = (body.x(body.cowl) - 0.42, belt_half_width(body) + 0.005, deck - 0.04)
    corner, bend = (head_x - 0.20, y, z - 0.045), (head_x - 0.05, y * 0.6, z)
    right = [(x, -y, z) for x, y, z in (bend, corner)]
    header = tube("paint", [corner, bend, (head_x, 0, z + 0.012), *right], 0.030)
    return [*pair([tube("paint", [foot, corner], 0.032)]), header]


def wheel(diameter: float, width: float, spokes: int, rim: str) -> list[Surface]:
    """Return the surfaces of a wheel with the tyre's outer diameter and width; the hub's middle is the origin."""
    radius, half = diameter / 2, width / 2
    rim_radius = radius * 0.70
    # fmt: off
    tyre = [(rim_radius, -half * 0.8), (radius * 0.86, -half), (radius * 0.965, -half * 0.86), (radius, -half * 0.62),
            (radius, half * 0.62), (radius * 0.965, half * 0.86), (radius * 0.86, half), (radius * 0.76, half * 0.93),
            (rim_radius, half * 0.80)]
    lip = [(rim_radius - 0.035, -half * 0.7), (rim_radius - 0.03, half * 0.55), (rim_radius - 0.012, half * 0.80),
           (rim_radius + 0.006, half * 0.86), (rim_radius + 0.004, half * 0.78)]
    # fmt: on
    brake = [(0.0, half * 0.02), (rim_radius * 0.66, half * 0.02), (rim_radius * 0.66, -half * 0.1)]
    back = [(0.0, -half * 0.55), (rim_radius, -half * 0.55)]
    return [
        revolve("rubber", _rounded(tyre), 64),
        revolve(rim, lip, 64),
        revolve("disc", brake[::-1]),
        revolve("well", back[::-1]),
        *_spokes(rim_radius - 0.02, half, spokes, rim),
        pebble(rim, (0, half * 0.50, 0), (radius * 0.145, half * 0.20, radius * 0.145), 0.8),
        pebble("black plastic", (0, half * 0.66, 0), (radius * 0.075, half * 0.1, radius * 0.075), 0.8),
    ]


def _rounded(profile: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the profile with its corners cut twice (Chaikin, 1974) and its ends kept: a tyre has no edges."""
    points = np.array(profile)
    for _ in range(2):
        cut = np.stack([0.75 * points[:-1] + 0.25 * points[1:], 0.25 * points[:-1] + 0.75 * points[1:]], 1)
        points = np.concatenate([points[:1], cut.reshape(-1, 2), points[-1:]])
    # cutting corners must not lift the tyre off the floor
    points[:, 0] *= max(r for r, _ in profile) / points[:, 0].max()
    return [(float(r), float(y)) for r, y in points]


def _spokes(radius: float, half: float, count: int, rim: str) -> list[Surface]:
    """Return tapered bars from the hub to the rim; few are wide or forked, many are slim."""
    # seven or more are single bars; five and six are pairs, as a Y
    pairs = 0.055 if count <= 6 else 0.0
    wide = 0.030 if count <= 6 else 0.24 / count
    spokes = []
    for k in range(count):
        for fork in (-1, 1) if pairs else (0,):
            angle = 2 * np.pi * k / count + np.pi / 2
            spokes.append(_spoke(angle, fork * pairs, radius, half, wide, rim))
    return spokes


def _spoke(angle: float, lean: float, radius: float, half: float, wide: float, rim: str) -> Surface:
    out = np.array([np.cos(angle), 0, np.sin(angle)])
    across = np.array([-np.sin(angle), 0, np.cos(angle)])
    ends = ((0.05, lean * 0.25, wide * 1.15, 0.62), (radius, lean * 1.25, wide * 0.8, 0.74))
    corners = [
        out * reach + across * (middle + side * width) + np.array([0, half * depth, 0])
        for reach, middle, width, front in ends
        for side in (-1, 1)
        for depth in (front - 0.22, front)
    ]
    return hull(rim, np.array(corners))
