"""Backgrounds and fill textures: one set to train on, another to test on; they share no generator."""

import cv2
import numpy as np

from shapes import LETTERS


def _colour(rng):
    return rng.uniform(0, 255, 3).astype(np.float32)


def _similar(rng, colour, spread):
    return np.clip(colour + rng.uniform(-spread, spread, 3), 0, 255).astype(np.float32)


def _mix(weight, first, second):
    """`first` where the weight is 0, `second` where it is 1."""
    return first + weight[..., None].astype(np.float32) * (second - first)


def _axis(rng, h, w):
    """Coordinates along a random direction, and across it."""
    angle = rng.uniform(0, np.pi)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def value_noise(rng, h, w, cell=None, octaves=None):
    """Smooth noise in 0..1: random lattices, enlarged and added."""
    cell = cell or np.exp(rng.uniform(np.log(6), np.log(90)))
    total, weight = np.zeros((h, w), np.float32), 1.0
    for _ in range(octaves or rng.integers(1, 5)):
        lattice = rng.random((max(2, int(h / cell) + 2), max(2, int(w / cell) + 2)), dtype=np.float32)
        total += weight * cv2.resize(lattice, (w, h), interpolation=cv2.INTER_CUBIC)
        weight, cell = weight * rng.uniform(0.4, 0.7), max(cell / 2, 2)
    low, high = total.min(), total.max()
    return (total - low) / (high - low + 1e-6)


# --- to train on ---


def plain(rng, h, w):
    return np.broadcast_to(_colour(rng), (h, w, 3)).copy()


def linear_gradient(rng, h, w):
    along, _ = _axis(rng, h, w)
    along = (along - along.min()) / np.ptp(along)
    first = _colour(rng)
    return _mix(along, first, _similar(rng, first, rng.uniform(30, 255)))


def smooth_noise(rng, h, w):
    first = _colour(rng)
    picture = _mix(value_noise(rng, h, w), first, _similar(rng, first, rng.uniform(20, 200)))
    if rng.random() < 0.4:
        picture = _mix(value_noise(rng, h, w), picture, _similar(rng, first, rng.uniform(20, 120)))
    return picture


def checkers(rng, h, w):
    along, across = _axis(rng, h, w)
    size = rng.uniform(6, 60)
    first = _colour(rng)
    odd = (np.floor(along / size) + np.floor(across / size)) % 2
    return _mix(odd, first, _similar(rng, first, rng.uniform(20, 120)))


def stripes(rng, h, w):
    along, _ = _axis(rng, h, w)
    period, duty = rng.uniform(5, 70), rng.uniform(0.2, 0.8)
    phase = (along / period) % 1
    soft = rng.uniform(0.02, 0.5)
    first = _colour(rng)
    return _mix(np.clip((np.abs(phase - 0.5) - duty / 2) / soft + 0.5, 0, 1), first, _similar(rng, first, 130))


def paper(rng, h, w):
    """A sheet, plain or ruled, on a desk of long noise."""
    grain = value_noise(rng, max(h // 8, 4), w, cell=rng.uniform(4, 30))
    grain = cv2.resize(grain, (w, h))
    desk = _colour(rng) * (0.2, 0.5, 0.9)[rng.integers(3)]
    picture = _mix(grain, desk, _similar(rng, desk, 60))
    centre = np.array([w, h]) * rng.uniform(0.4, 0.6, 2)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (w, h) * rng.uniform(0.3, 0.55)
    angle = rng.uniform(-0.4, 0.4)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    corners = (corners + rng.uniform(-0.06, 0.06, (4, 2)) * w) @ turn.T + centre
    white = rng.uniform(170, 255) * np.array([1, rng.uniform(0.94, 1), rng.uniform(0.85, 1)])
    cv2.fillPoly(picture, [np.round(corners * 16).astype(np.int32)], white.tolist(), cv2.LINE_AA, 4)
    if rng.random() < 0.35:
        for t in np.linspace(0.05, 0.95, rng.integers(8, 24)):
            start, end = (_between(corners[a], corners[b], t) for a, b in ((0, 3), (1, 2)))
            cv2.line(picture, start, end, (white * rng.uniform(0.6, 0.9)).tolist(), 1, cv2.LINE_AA)
    return picture


def _between(a, b, t):
    return tuple(int(v) for v in a + t * (b - a))


def clutter(rng, h, w):
    """Irregular polygons, lines and letters in a heap."""
    picture = smooth_noise(rng, h, w)
    for _ in range(rng.integers(8, 45)):
        colour, at = _colour(rng).tolist(), rng.uniform(0, 1, 2) * (w, h)
        kind = rng.random()
        if kind < 0.5:
            corners = rng.integers(4, 9)
            angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
            reach = rng.uniform(5, 80) * rng.uniform(0.2, 1, corners)
            polygon = at + np.stack([np.cos(angle), 0.7 * np.sin(angle)], 1) * reach[:, None]
            cv2.fillPoly(picture, [np.round(polygon * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
        elif kind < 0.8:
            end = at + rng.normal(0, 80, 2)
            ends = tuple(at.astype(int)), tuple(end.astype(int))
            cv2.line(picture, *ends, colour, int(rng.integers(1, 7)), cv2.LINE_AA)
        else:
            text = "".join(rng.choice(list(LETTERS), rng.integers(1, 9)))
            cv2.putText(picture, text, tuple(at.astype(int)), int(rng.integers(0, 4)), rng.uniform(0.3, 1.6), colour,
                        int(rng.integers(1, 4)), cv2.LINE_AA)
    return picture


# --- to test on ---


def radial_gradient(rng, h, w):
    y, x = np.mgrid[:h, :w].astype(np.float32)
    distance = np.hypot(x - rng.uniform(0, w), y - rng.uniform(0, h))
    first = _colour(rng)
    return _mix(distance / distance.max(), first, _similar(rng, first, rng.uniform(30, 255)))


def spectral(rng, h, w, power=None):
    """Noise whose spectrum falls as 1/f^power, in 0..1."""
    power = power or rng.uniform(1.1, 2.2)
    frequency = np.hypot(np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None])
    frequency[0, 0] = 1
    spectrum = (rng.standard_normal(frequency.shape) + 1j * rng.standard_normal(frequency.shape)) / frequency**power
    noise = np.fft.irfft2(spectrum, (h, w)).astype(np.float32)
    return np.clip(0.5 + noise / (4 * noise.std() + 1e-9), 0, 1)


def clouds(rng, h, w):
    first = _colour(rng)
    picture = _mix(spectral(rng, h, w), first, _similar(rng, first, 200))
    return _mix(spectral(rng, h, w), picture, _similar(rng, first, 100))


def voronoi(rng, h, w):
    count = rng.integers(6, 60)
    seeds = (rng.uniform(0, 1, (count, 2)) * (w, h)).astype(np.float32)
    y, x = np.mgrid[:h:2, :w:2].astype(np.float32)
    nearest = np.argmin((x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2, -1)
    base = _colour(rng)
    palette = np.stack([_similar(rng, base, rng.uniform(15, 110)) for _ in range(count)])
    return cv2.resize(palette[nearest], (w, h), interpolation=cv2.INTER_NEAREST)


def bricks(rng, h, w):
    y, x = np.mgrid[:h, :w].astype(np.float32)
    tall = rng.uniform(10, 50)
    wide, joint = tall * rng.uniform(2, 3), max(1, tall * 0.1)
    row = np.floor(y / tall)
    mortar = ((y % tall) < joint) | (((x + row % 2 * wide / 2) % wide) < joint)
    wall = _colour(rng)
    picture = _mix(spectral(rng, h, w, 1.0), wall, _similar(rng, wall, 60))
    return _mix(mortar, picture, _similar(rng, wall, 90))


def halftone(rng, h, w):
    along, across = _axis(rng, h, w)
    pitch = rng.uniform(4, 10)
    wave = np.sin(along * 2 * np.pi / pitch) * np.sin(across * 2 * np.pi / pitch)
    first = _colour(rng)
    return _mix(np.clip(wave * 2 + 0.5, 0, 1), first, _similar(rng, first, 90))


def tartan(rng, h, w):
    first, second = _colour(rng), _colour(rng)
    rows, columns = (np.repeat(rng.random(n // 3 + 2), rng.integers(3, 16))[:n] for n in (h, w))
    rows, columns = np.resize(rows, h), np.resize(columns, w)
    return _mix((rows[:, None] + columns[None]) / 2, first, first + 0.6 * (second - first))


def marble(rng, h, w):
    along, _ = _axis(rng, h, w)
    veins = np.sin(along * rng.uniform(0.02, 0.15) + 14 * spectral(rng, h, w, 1.8))
    first = _colour(rng)
    return _mix(np.abs(veins), first, _similar(rng, first, 110))


def desktop(rng, h, w):
    """Overlapping windows with bars and lines of text, as a screenshot."""
    picture = radial_gradient(rng, h, w)
    for _ in range(rng.integers(2, 7)):
        x, y = (rng.uniform(-0.2, 0.8, 2) * (w, h)).astype(int).tolist()
        wide, high = int(rng.uniform(0.4, 0.8) * w), int(rng.uniform(0.1, 0.22) * w)
        pane = _colour(rng)
        cv2.rectangle(picture, (x, y), (x + wide, y + high), pane.tolist(), -1)
        cv2.rectangle(picture, (x, y), (x + wide, y + max(4, high // 8)), _colour(rng).tolist(), -1)
        ink = _similar(rng, pane, 160).tolist()
        for line in range(y + high // 4, y + high, 14):
            text = " ".join("".join(rng.choice(list(LETTERS), rng.integers(2, 8))) for _ in range(3))
            cv2.putText(picture, text, (x + 6, line), cv2.FONT_HERSHEY_PLAIN, 0.8, ink, 1, cv2.LINE_AA)
    return picture


def tangle(rng, h, w):
    """Curves, flat ellipses and letters over clouds."""
    picture = clouds(rng, h, w)
    for _ in range(rng.integers(6, 30)):
        colour = _colour(rng).tolist()
        if rng.random() < 0.5:
            t = np.linspace(0, 1, 30)[:, None]
            weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
            curve = weights @ (rng.uniform(-0.2, 1.2, (4, 2)) * (w, h))
            cv2.polylines(picture, [curve.astype(np.int32)], False, colour, int(rng.integers(1, 8)), cv2.LINE_AA)
        elif rng.random() < 0.6:
            centre = tuple((rng.uniform(0, 1, 2) * (w, h)).astype(int).tolist())
            long = rng.uniform(8, 90)
            axes = int(long), int(long * rng.uniform(0.15, 0.4)) + 1
            cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        else:
            at = tuple((rng.uniform(0, 1, 2) * (w, h)).astype(int).tolist())
            text = "".join(rng.choice(list(LETTERS), 3))
            cv2.putText(picture, text, at, cv2.FONT_HERSHEY_TRIPLEX, rng.uniform(0.4, 2), colour, 2, cv2.LINE_AA)
    return picture


TRAINING = (plain, linear_gradient, smooth_noise, smooth_noise, checkers, stripes, paper, paper, clutter, clutter)
HELD_OUT = (radial_gradient, clouds, clouds, voronoi, bricks, halftone, tartan, marble, desktop, tangle)


# --- factors for a shape's fill ---


def _striped_fill(rng):
    depth, period = rng.uniform(0.1, 0.35), rng.uniform(3, 14)

    def texture(h, w):
        along, _ = _axis(rng, h, w)
        return 1 - depth * ((along / period) % 1 > 0.5)

    return texture


def _noisy_fill(rng):
    depth = rng.uniform(0.15, 0.5)
    return lambda h, w: 1 - depth * value_noise(rng, h, w, cell=rng.uniform(4, 30))


def _shaded_fill(rng):
    depth = rng.uniform(0.2, 0.5)

    def texture(h, w):
        along, _ = _axis(rng, h, w)
        return 1 - depth * (along - along.min()) / (np.ptp(along) + 1e-6)

    return texture


def _cloudy_fill(rng):
    depth = rng.uniform(0.15, 0.5)
    return lambda h, w: 1 - depth * spectral(rng, h, w)


def _hatched_fill(rng):
    depth, pitch = rng.uniform(0.1, 0.35), rng.uniform(4, 10)

    def texture(h, w):
        along, across = _axis(rng, h, w)
        return 1 - depth * (((along / pitch) % 1 < 0.3) | ((across / pitch) % 1 < 0.3))

    return texture


TRAINING_FILLS = (_striped_fill, _noisy_fill, _shaded_fill)
HELD_OUT_FILLS = (_cloudy_fill, _hatched_fill)
