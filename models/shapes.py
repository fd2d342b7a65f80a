"""The six shapes, the things that only look like them, and how one of either is painted."""

import cv2
import numpy as np

CLASSES = ("circle", "square", "triangle", "star", "cross", "ring")

# Letters that contain none of the six shapes.
LETTERS = "ABCEFGHJKLMNPRSUVWYZ234579"


def _ngon(corners, radius=1.0):
    angle = 2 * np.pi * np.arange(corners) / corners
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def _star(points, inner):
    star = _ngon(2 * points)
    star[1::2] *= inner
    return star


def _cross():
    full = 1 / np.hypot(1, 1 / 3)
    arm = full / 3
    corner = np.array([[full, -arm], [full, arm], [arm, arm], [arm, full]])
    turn = np.array([[0, 1], [-1, 0]])
    return np.concatenate([corner[:3] @ np.linalg.matrix_power(turn, k) for k in range(4)])


# Contours in a circle of radius 1; where there are two, the second is a hole.
CONTOURS = (
    [_ngon(48)],
    [_ngon(4)],
    [_ngon(3)],
    [_star(5, 0.45)],
    [_cross()],
    [_ngon(48), _ngon(48, 0.55)],
)


def distractor(rng):
    """A contour that is none of the classes, and the smallest radius at which one can tell."""
    kind = rng.integers(9)
    if kind == 0:
        return [_ngon(48) * [1, rng.uniform(0.2, 0.5)]], 5
    if kind == 1:
        flat = rng.uniform(0.1, 0.42)
        return [np.array([[1, flat], [-1, flat], [-1, -flat], [1, -flat]]) / np.hypot(1, flat)], 5
    if kind == 2:
        return [_ngon(5)], 18
    if kind == 3:
        return [_ngon(6)], 18
    if kind == 4:  # an irregular polygon
        corners = rng.integers(6, 10)
        angle = (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) * 2 * np.pi / corners
        radius = rng.uniform(0.35, 1, corners)
        radius[rng.integers(corners)] = 1
        return [np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None]], 16
    if kind == 5:  # an L
        arm = rng.uniform(0.2, 0.45)
        return [np.array([[0, 0], [1, 0], [1, arm], [arm, arm], [arm, 1], [0, 1]]) * 1.4 - 0.5], 9
    if kind == 6:  # half a disc
        return [_ngon(48)[:25] - [0, 0.4]], 12
    if kind == 7:  # an arrow
        return [np.array([[1, 0], [0.2, 0.6], [0.2, 0.2], [-1, 0.2], [-1, -0.2], [0.2, -0.2], [0.2, -0.6]])], 14
    angle = np.linspace(0, rng.uniform(1.5, 3.6), 24)  # an open arc
    inner = rng.uniform(0.6, 0.8)
    arc = np.stack([np.cos(angle), np.sin(angle)], 1)
    return [np.concatenate([arc, inner * arc[::-1]])], 12


def tilt(rng, degrees):
    """A rotation in space by up to `degrees` about an axis in the picture's plane."""
    angle = np.deg2rad(rng.uniform(0, degrees))
    axis = rng.uniform(0, 2 * np.pi)
    x, y, s, c = np.cos(axis), np.sin(axis), np.sin(angle), 1 - np.cos(angle)
    cross = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    return np.eye(3) + s * cross + c * cross @ cross


def project(contours, radius, spin, tilt_matrix, distance):
    """Turns, tilts and enlarges contours as a camera `distance` radii away sees them."""
    c, s = np.cos(spin), np.sin(spin)
    matrix = tilt_matrix[:, :2] @ np.array([[c, -s], [s, c]])
    seen = []
    for contour in contours:
        points = contour @ matrix.T
        seen.append(points[:, :2] * (radius * distance / (distance + points[:, 2:])))
    return seen


def area(contours):
    """The area of an outer contour less its holes."""
    areas = [cv2.contourArea(c.astype(np.float32)) for c in contours]
    return areas[0] - sum(areas[1:])


def contrasting(rng, near, least):
    """A random colour at least `least` levels from `near` in one channel, and in luminance half of that."""
    for _ in range(40):
        colour = rng.uniform(0, 255, 3)
        apart = colour - near
        if np.abs(apart).max() >= least and abs(apart @ (0.299, 0.587, 0.114)) >= least / 2:
            return colour
    return np.full(3, 255.0) if np.mean(near) < 128 else np.zeros(3)


def paint(canvas, ids, number, contours, colour, *, outline=None, thickness=0, texture=None, shadow=None, smooth=True):
    """Paints contours (in pixels) over a float canvas and writes `number` into `ids` where they lie.

    `outline` is the colour of a line of `thickness` pixels inside the edge, `texture(h, w)` gives factors for the
    fill, `shadow` is (dx, dy, strength) of a soft shadow beneath.
    """
    points = np.concatenate(contours)
    height, width = ids.shape
    x0, y0 = np.maximum(np.floor(points.min(0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(points.max(0)).astype(int) + 2, (width, height))
    if x1 <= x0 or y1 <= y0:
        return
    if shadow is not None:
        _shade(canvas, contours, shadow)
    lines = cv2.LINE_AA if smooth else cv2.LINE_8
    fixed = [np.round((c - (x0, y0)) * 16).astype(np.int32) for c in contours]
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, fixed, 255, lines, 4)
    fill = np.broadcast_to(np.asarray(colour, np.float32), (*mask.shape, 3))
    if texture is not None:
        fill = fill * texture(*mask.shape)[..., None]
    if outline is not None:
        edge = np.zeros_like(mask)
        cv2.polylines(edge, fixed, True, 255, max(1, round(2 * thickness)), lines, 4)
        edge = edge[..., None].astype(np.float32) / 255
        fill = fill * (1 - edge) + np.asarray(outline, np.float32) * edge
    alpha = mask[..., None].astype(np.float32) / 255
    region = canvas[y0:y1, x0:x1]
    region += alpha * (fill - region)
    ids[y0:y1, x0:x1][mask > 127] = number


def _shade(canvas, contours, shadow):
    dx, dy, strength = shadow
    mask = np.zeros(canvas.shape[:2], np.uint8)
    fixed = [np.round((c + (dx, dy)) * 16).astype(np.int32) for c in contours]
    cv2.fillPoly(mask, fixed, 255, cv2.LINE_AA, 4)
    x, y, w, h = cv2.boundingRect(mask)
    soft = max(abs(dx), abs(dy), 1)
    margin = int(2 * soft)
    rows, columns = slice(max(y - margin, 0), y + h + margin), slice(max(x - margin, 0), x + w + margin)
    if w and h:
        blurred = cv2.GaussianBlur(mask[rows, columns], (0, 0), soft / 2)
        canvas[rows, columns] *= 1 - (strength / 255) * blurred[..., None].astype(np.float32)
