"""Generated pictures of the six shapes with their boxes.

`training(seed)` and `held_out(seed)` draw the detector's input; they use different backgrounds and fills.
`video_frame(seed, width, height)` draws what a synthetic video source would show, at the source's size.
`python scenes.py sheet.png` draws a sheet of examples.
"""

import sys

import cv2
import numpy as np

import backgrounds
from shapes import CLASSES, CONTOURS, LETTERS, area, contrasting, distractor, paint, project, tilt

HEIGHT, WIDTH = 288, 384
GREY = 114
LEAST_VISIBLE = 0.35
# From this training picture on, two of five are clean: easy ones would only slow the start down.
CLEAN_FROM, CLEAN_SHARE = 54_400, 0.4

# Seeds are (family, number): families never meet.
TRAINING_SEED, HELD_OUT_SEED, VIDEO_SEED = 1, 2, 3


def training(number, height=HEIGHT, width=WIDTH):
    """A training picture: RGB bytes, boxes (x0, y0, x1, y1) in pixels, class numbers."""
    rng = np.random.default_rng((TRAINING_SEED, number))
    if number >= CLEAN_FROM and rng.random() < CLEAN_SHARE:
        return _clean(rng, height, width)
    finer = 2 if rng.random() < 0.15 else 1
    return _boxed(rng, backgrounds.TRAINING, backgrounds.TRAINING_FILLS, height, width, finer)


def held_out(number):
    """A test picture: other seeds, other backgrounds, other fills, and always drawn at twice the size."""
    rng = np.random.default_rng((HELD_OUT_SEED, number))
    return _boxed(rng, backgrounds.HELD_OUT, backgrounds.HELD_OUT_FILLS, HEIGHT, WIDTH, 2)


def video_frame(number, width, height):
    """Four to eight flat, outlined shapes of 40 to 160 pixels on coloured smooth noise."""
    rng = np.random.default_rng((VIDEO_SEED, number, width, height))
    base = rng.uniform(20, 235, 3).astype(np.float32)
    noise = backgrounds.value_noise(rng, height, width, cell=rng.uniform(16, 120), octaves=rng.integers(1, 4))
    canvas = base + (noise - 0.5)[..., None] * rng.uniform(-90, 90, 3).astype(np.float32)
    canvas = np.ascontiguousarray(np.clip(canvas, 0, 255))
    scene = _Scene(rng, canvas, ())
    for _ in range(rng.integers(4, 9)):
        kind = int(rng.integers(len(CLASSES)))
        scene.add(kind, CONTOURS[kind], rng.uniform(20, 80), apart=0.05, plain=True)
    boxes, classes = scene.truth()
    return np.clip(canvas, 0, 255).astype(np.uint8), boxes, classes


def letterbox(picture, height=HEIGHT, width=WIDTH, interpolation=cv2.INTER_LINEAR):
    """Fits a picture into the detector's input; gives the input, the scale, and the left and top margins."""
    h, w = picture.shape[:2]
    scale = min(width / w, height / h)
    fit_w, fit_h = round(w * scale), round(h * scale)
    left, top = (width - fit_w) // 2, (height - fit_h) // 2
    boxed = np.full((height, width, 3), GREY, np.uint8)
    boxed[top : top + fit_h, left : left + fit_w] = cv2.resize(picture, (fit_w, fit_h), interpolation=interpolation)
    return boxed, scale, left, top


class _Scene:
    """A canvas on which shapes are put so that what stays visible of each is known."""

    def __init__(self, rng, canvas, fills, tilt_matrix=None):
        self.rng, self.canvas, self.fills, self.tilt = rng, canvas, fills, tilt_matrix
        self.ids = np.zeros(canvas.shape[:2], np.int16)
        self.placed = []  # (class or -1, contours)
        self.least_contrast = rng.choice([25, 40, 60, 90])
        self.smooth = rng.random() > 0.12

    def add(self, kind, contours, radius, *, apart, plain=False):
        rng = self.rng
        height, width = self.ids.shape
        tilted = self.tilt if self.tilt is not None else np.eye(3) if plain else tilt(rng, rng.choice([0, 20, 40]))
        seen = project(contours, radius, rng.uniform(0, 2 * np.pi), tilted, rng.uniform(3, 10))
        low, high = seen[0].min(0), seen[0].max(0)
        for _ in range(12):
            # One in eight may hang over the picture's edge.
            margin = 0.0 if rng.random() > 0.12 else -0.45
            free = np.maximum((width, height) - (high - low) * (1 + 2 * margin), 1)
            at = rng.uniform(0, 1, 2) * free - low + (high - low) * margin
            if self._overlap(low + at, high + at) <= apart:
                break
        else:
            return
        seen = [c + at for c in seen]
        self.placed.append((kind, seen))
        self._paint(len(self.placed), seen, radius, plain)

    def _overlap(self, low, high):
        """The largest share of either box that it has in common with one already placed."""
        worst = 0.0
        for _, contours in self.placed:
            other_low, other_high = contours[0].min(0), contours[0].max(0)
            common = np.prod(np.maximum(np.minimum(high, other_high) - np.maximum(low, other_low), 0))
            worst = max(worst, common / min(np.prod(high - low), np.prod(other_high - other_low)))
        return worst

    def _paint(self, number, seen, radius, plain):
        rng = self.rng
        x, y = np.clip(np.mean(seen[0], 0).astype(int), 0, np.array(self.ids.shape[::-1]) - 1)
        reach = max(2, int(radius))
        around = self.canvas[max(y - reach, 0) : y + reach, max(x - reach, 0) : x + reach].mean((0, 1))
        colour = contrasting(rng, around, 60 if plain else self.least_contrast)
        options = {"smooth": self.smooth or plain}
        if rng.random() < (0.8 if plain else 0.35):
            options["outline"] = contrasting(rng, colour, 40)
            options["thickness"] = min(rng.uniform(1, 3), 0.12 * radius) if plain else rng.uniform(0.03, 0.13) * radius
        if not plain and rng.random() < 0.35:
            options["texture"] = self.fills[rng.integers(len(self.fills))](rng)
        if not plain and rng.random() < 0.15:
            options["shadow"] = (*rng.uniform(-0.2, 0.2, 2) * radius, rng.uniform(0.2, 0.6))
        paint(self.canvas, self.ids, number, seen, colour, **options)

    def truth(self):
        """Boxes, clipped to the picture, and classes of the shapes that are visible enough."""
        height, width = self.ids.shape
        visible = np.bincount(self.ids.ravel(), minlength=len(self.placed) + 1)
        boxes, classes = [], []
        for number, (kind, contours) in enumerate(self.placed, 1):
            if kind >= 0 and visible[number] >= LEAST_VISIBLE * area(contours):
                corners = np.concatenate([contours[0].min(0), contours[0].max(0)])
                boxes.append(np.clip(corners, 0, [width, height, width, height]))
                classes.append(kind)
        return np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64)


def _clean(rng, height, width):
    """Flat shapes, many of them small, on a calm background: what a synthetic source shows after scaling."""
    h, w = _inner_size(rng, height, width)
    finer = 2 if rng.random() < 0.25 else 1
    calm = backgrounds.plain, backgrounds.linear_gradient, backgrounds.smooth_noise, backgrounds.smooth_noise
    canvas = np.ascontiguousarray(calm[rng.integers(len(calm))](rng, h * finer, w * finer), np.float32)
    scene = _Scene(rng, canvas, ())
    for _ in range(rng.integers(4, 15)):
        kind = int(rng.integers(len(CLASSES)))
        size = np.exp(rng.uniform(np.log(10), np.log(90))) * finer
        scene.add(kind, CONTOURS[kind], size / 2, apart=0.1, plain=True)
    return _framed(rng, scene, height, width, h, w, finer, 10 if rng.random() < 0.35 else None)


def _boxed(rng, choices, fills, height, width, finer):
    """A degraded scene of a random aspect ratio in its grey margins."""
    h, w = _inner_size(rng, height, width)
    canvas = choices[rng.integers(len(choices))](rng, h * finer, w * finer)
    canvas = np.ascontiguousarray(canvas, np.float32)
    tilt_matrix = tilt(rng, 40) if rng.random() < 0.25 else None
    scene = _Scene(rng, canvas, fills, tilt_matrix)
    smallest = _populate(scene, finer) / finer
    return _framed(rng, scene, height, width, h, w, finer, smallest)


def _framed(rng, scene, height, width, h, w, finer, smallest):
    """Shrinks a scene to `h` x `w`, degrades it unless `smallest` is None, and puts it into its margins."""
    canvas = scene.canvas
    boxes, classes = scene.truth()
    if finer > 1:
        how = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST)[rng.integers(3)]
        canvas = cv2.resize(canvas, (w, h), interpolation=how)
        boxes /= finer
    picture = np.clip(canvas, 0, 255) if smallest is None else _degrade(rng, canvas, smallest)
    top, left = (height - h) // 2, (width - w) // 2
    boxed = np.full((height, width, 3), GREY, np.uint8)
    boxed[top : top + h, left : left + w] = picture
    return boxed, boxes + np.array([left, top, left, top], np.float32), classes


def _inner_size(rng, height, width):
    kind = rng.random()
    ratio = 4 / 3 if kind < 0.45 else 16 / 9 if kind < 0.8 else width / height if kind < 0.9 else rng.uniform(0.6, 2.2)
    return min(height, round(width / ratio)), min(width, round(height * ratio))


def _populate(scene, finer):
    """Adds shapes and distractors to a canvas `finer` times the input's size; gives the smallest shape's size."""
    rng = scene.rng
    kind = rng.random()
    count = 0 if kind < 0.06 else rng.integers(1, 4) if kind < 0.25 else rng.integers(4, 10)
    crowd = kind > 0.85
    if crowd:
        count = rng.integers(10, 20)
    least = rng.choice([9, 14, 14, 22, 36]) * finer
    most = (0.22 if crowd else 0.6) * scene.canvas.shape[0]
    kinds = [int(k) for k in rng.integers(0, len(CLASSES), count)]
    kinds += [-1] * int(rng.integers(0, 6) if rng.random() < 0.6 else 0)
    rng.shuffle(kinds)
    smallest = most
    for kind in kinds:
        size = np.exp(rng.uniform(np.log(least), np.log(max(most, least + 1))))
        apart = 0.6 if rng.random() < 0.2 else 0.12
        if kind >= 0:
            smallest = min(smallest, size)
            scene.add(kind, CONTOURS[kind], size / 2, apart=apart)
        elif rng.random() < 0.25:
            _letter(scene)
        else:
            contours, radius = distractor(rng)
            scene.add(-1, contours, max(size / 2, radius * finer), apart=apart)
    return smallest


def _letter(scene):
    rng = scene.rng
    h, w = scene.ids.shape
    at = tuple((rng.uniform(0, 1, 2) * (w, h)).astype(int).tolist())
    mask = np.zeros((h, w), np.uint8)
    size, bold = rng.uniform(0.6, 4), int(rng.integers(1, 9))
    cv2.putText(mask, str(rng.choice(list(LETTERS))), at, int(rng.integers(0, 5)), size, 255, bold, cv2.LINE_AA)
    colour = rng.uniform(0, 255, 3).astype(np.float32)
    scene.canvas += mask[..., None].astype(np.float32) / 255 * (colour - scene.canvas)
    scene.ids[mask > 127] = 0


def _degrade(rng, canvas, smallest):
    """Light, blur, noise and compression, none so strong that the smallest shape drowns."""
    h, w = canvas.shape[:2]
    canvas = np.clip(canvas, 0, 255)
    if rng.random() < 0.45:  # uneven light
        light = rng.uniform(0.45, 1.2, (int(rng.integers(2, 4)), int(rng.integers(2, 4)))).astype(np.float32)
        canvas *= cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR)[..., None]
    if rng.random() < 0.2:  # a shadow's edge
        corners = rng.uniform(-0.2, 1.2, (4, 2)) * (w, h)
        shadow = np.zeros((h, w), np.uint8)
        cv2.fillConvexPoly(shadow, cv2.convexHull(corners.astype(np.int32)), 255)
        shadow = cv2.blur(shadow, (int(rng.integers(1, 20)),) * 2)
        canvas *= 1 - rng.uniform(0.2, 0.55) / 255 * shadow[..., None].astype(np.float32)
    if rng.random() < 0.5:  # colour cast, contrast, brightness
        mean = canvas.mean()
        canvas = (canvas - mean) * rng.uniform(0.45, 1.15) + mean * rng.uniform(0.75, 1.15)
        canvas *= rng.uniform(0.75, 1.2, 3).astype(np.float32)
    if rng.random() < 0.25:  # paler, down to grey
        grey = canvas @ np.array([0.299, 0.587, 0.114], np.float32)
        canvas += rng.uniform(0.3, 1) * (grey[..., None] - canvas)
    if rng.random() < 0.1:  # a screen's lines
        y, x = np.mgrid[:h, :w].astype(np.float32)
        canvas *= 1 + rng.uniform(0.02, 0.08) * np.sin(x * rng.uniform(0, 2) + y * rng.uniform(0, 2))[..., None]
    blur = rng.random()
    if blur < 0.3:
        canvas = cv2.GaussianBlur(canvas, (0, 0), rng.uniform(0.3, max(0.4, min(2.5, 0.07 * smallest))))
    elif blur < 0.45:
        canvas = _motion_blur(rng, canvas, min(9, 0.22 * smallest))
    if rng.random() < 0.6:
        canvas = canvas + rng.standard_normal(canvas.shape, dtype=np.float32) * abs(rng.normal(0, 7))
    picture = np.clip(canvas, 0, 255).astype(np.uint8)
    if rng.random() < 0.45:
        quality = int(rng.integers(30, 96))
        picture = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return picture


def _motion_blur(rng, canvas, most):
    length = rng.uniform(1.5, max(2, most))
    side = 2 * int(np.ceil(length / 2)) + 1
    kernel = np.zeros((side, side), np.float32)
    angle, centre = rng.uniform(0, np.pi), side // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    ends = [tuple(np.round((centre + sign * reach) * 16).astype(int).tolist()) for sign in (-1, 1)]
    cv2.line(kernel, *ends, 1.0, 1, cv2.LINE_8, 4)
    return cv2.filter2D(canvas, -1, kernel / kernel.sum())


def _sheet(path):
    rows = []
    for draw in (training, held_out):
        for row in range(3):
            rows.append(np.hstack([_marked(*draw(row * 5 + column)) for column in range(5)]))
    frames = []
    for number in range(5):
        frame, boxes, classes = video_frame(number, *((640, 480), (1280, 720))[number % 2])
        frame, scale, left, top = letterbox(frame)
        frames.append(_marked(frame, boxes * scale + np.array([left, top, left, top]), classes))
    cv2.imwrite(path, np.vstack([*rows, np.hstack(frames)])[..., ::-1])


def _marked(picture, boxes, classes):
    picture = np.ascontiguousarray(picture)
    for box, kind in zip(np.round(boxes).astype(int).tolist(), classes):
        cv2.rectangle(picture, box[:2], box[2:], (0, 255, 0), 1)
        cv2.putText(picture, CLASSES[kind], box[:2], cv2.FONT_HERSHEY_PLAIN, 0.7, (255, 0, 0), 1)
    return picture


if __name__ == "__main__":
    _sheet(sys.argv[1])
