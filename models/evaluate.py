"""Measures an exported detector with ONNX Runtime and prints the tables of README.md.

    python evaluate.py shapes.onnx
"""

import argparse
import time

import cv2
import numpy as np
import onnxruntime

import scenes
from shapes import CLASSES

LEAST_SCORE = 0.001  # for average precision, as COCO's evaluation of YOLO models has it
MOST_DETECTIONS = 100
THRESHOLD = 0.5  # for the counts of found, missed and false
NMS_IOU = 0.6
IOUS = np.arange(0.5, 1.0, 0.05)
SIZES = (0, 14, 24, 48, 96, 1000)
# Average precision is given for shapes of this longer side and more; smaller ones then count neither way.
LEAST_SIDES = (0, 14)


class Detector:
    def __init__(self, path, threads=1):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(self, picture):
        """The raw output for RGB bytes of the input's size."""
        tensor = picture.astype(np.float32).transpose(2, 0, 1)[None] / 255
        return self.session.run(None, {"images": tensor})[0]

    def detect(self, picture, least_score):
        """Boxes (x0, y0, x1, y1), classes and scores, best first, after suppression within each class."""
        output = self.run(picture)[0]
        kind, cell = np.nonzero(output[4:] > least_score)
        score = output[4 + kind, cell]
        order = np.argsort(-score, kind="stable")[:1000]
        kind, cell, score = kind[order], cell[order], score[order]
        centre, size = output[:2, cell].T, output[2:4, cell].T
        boxes = np.concatenate([centre - size / 2, centre + size / 2], 1)
        keep = suppress(boxes, kind)[:MOST_DETECTIONS]
        return boxes[keep], kind[keep], score[keep]


def overlaps(a, b):
    """IoU of every box of `a` with every box of `b`."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    common = np.maximum(high - low, 0).prod(-1)
    areas = [np.maximum(x[:, 2:] - x[:, :2], 0).prod(1) for x in (a, b)]
    return common / (areas[0][:, None] + areas[1][None] - common + 1e-9)


def suppress(boxes, kinds):
    """Which boxes remain, given best first, when those that overlap a better one of their class go."""
    iou = overlaps(boxes, boxes)
    clash = (iou > NMS_IOU) & (kinds[:, None] == kinds[None])
    alive = np.ones(len(boxes), bool)
    for i in range(len(boxes)):
        if alive[i]:
            alive[i + 1 :] &= ~clash[i, i + 1 :]
    return np.flatnonzero(alive)


def match(iou, least, spare=None):
    """For each found box, best first, the true box it takes, or -1; a `spare` one only where no other will do."""
    taken, result = np.zeros(iou.shape[1], bool), np.full(iou.shape[0], -1)
    spare = np.zeros(iou.shape[1], bool) if spare is None else spare
    for i, row in enumerate(iou):
        for group in (~spare, spare):
            free = np.where(group & ~taken, row, -1.0)
            if result[i] < 0 and free.size and free.max() >= least:
                result[i] = free.argmax()
                taken[result[i]] = True
    return result


def average_precision(scores, hits, total):
    """COCO's: precision made monotonic, read at 101 recalls."""
    hits = hits[np.argsort(-scores, kind="stable")]
    found = np.cumsum(hits)
    precision = found / np.arange(1, len(hits) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(found / total, np.linspace(0, 1, 101), side="left")
    return np.append(precision, 0)[np.minimum(at, len(precision))].mean()


class Tally:
    """What was found of one class, among shapes of `least` pixels and more."""

    def __init__(self, least):
        self.least, self.total, self.scores, self.hits = least, 0, [], []

    def add(self, found, scores, boxes):
        spare = longer_side(boxes) < self.least
        self.total += int((~spare).sum())
        matched = np.stack([match(overlaps(found, boxes), limit, spare) for limit in IOUS], 1)
        # -1 false, 0 neither way, 1 right
        hit = np.where(matched < 0, np.where(longer_side(found) < self.least, 0, -1)[:, None], 1)
        if len(boxes):
            hit[(matched >= 0) & spare[matched]] = 0
        self.scores.append(scores)
        self.hits.append(hit)

    def precision(self):
        """Average precision at each IoU."""
        scores, hits = np.concatenate(self.scores), np.concatenate(self.hits)
        counts = [hits[:, i] != 0 for i in range(len(IOUS))]
        return np.array([average_precision(scores[c], hits[c, i] > 0, self.total) for i, c in enumerate(counts)])


def longer_side(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).max(1, initial=0)


def held_out(detector, count):
    """Tallies [side][class]; of true boxes by size how many, how many found; and the false, both at THRESHOLD."""
    tallies = [[Tally(least) for _ in CLASSES] for least in LEAST_SIDES]
    by_size, false = np.zeros((len(SIZES) - 1, 2), int), 0
    for number in range(count):
        picture, boxes, classes = scenes.held_out(number)
        found, kinds, score = detector.detect(picture, LEAST_SCORE)
        for c in range(len(CLASSES)):
            mine, true = found[kinds == c], boxes[classes == c]
            for row in tallies:
                row[c].add(mine, score[kinds == c], true)
            matched = match(overlaps(mine[score[kinds == c] > THRESHOLD], true), 0.5)
            false += int((matched < 0).sum())
            size = longer_side(true)
            by_size[:, 0] += np.histogram(size, SIZES)[0]
            by_size[:, 1] += np.histogram(size[matched[matched >= 0]], SIZES)[0]
    return tallies, by_size, false


def video(detector, width, height, interpolation, count):
    """True, found and false boxes, and the mean IoU of the found, at THRESHOLD in frames of a synthetic source."""
    true = right = false = 0
    fit = []
    for number in range(count):
        frame, boxes, classes = scenes.video_frame(number, width, height)
        picture, scale, left, top = scenes.letterbox(frame, interpolation=interpolation)
        found, kinds, _ = detector.detect(picture, THRESHOLD)
        found = (found - np.array([left, top, left, top])) / scale
        true += len(boxes)
        iou = overlaps(found, boxes) * (kinds[:, None] == classes[None])
        matched = match(iou, 0.5)
        right += int((matched >= 0).sum())
        false += int((matched < 0).sum())
        fit += [iou[i, j] for i, j in enumerate(matched) if j >= 0]
    return true, right, false, np.mean(fit)


def milliseconds(detector, runs=100):
    picture = scenes.held_out(0)[0]
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        detector.run(picture)
        times.append(time.perf_counter() - start)
    return np.median(times) * 1e3


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--scenes", type=int, default=1500)
    parser.add_argument("--frames", type=int, default=200)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    detector = Detector(options.model)
    tallies, by_size, false = held_out(detector, options.scenes)
    print(f"held out, {options.scenes} scenes")
    for least, row in zip(LEAST_SIDES, tallies):
        table = np.array([tally.precision() for tally in row])
        print(f"\n| {least} px and more | shapes | AP@0.5 | AP@0.5:0.95 |\n|---|---|---|---|")
        for name, tally, precision in zip(CLASSES, row, table):
            print(f"| {name} | {tally.total} | {precision[0]:.3f} | {precision.mean():.3f} |")
        total = sum(tally.total for tally in row)
        print(f"| **all** | {total} | **{table[:, 0].mean():.3f}** | **{table.mean():.3f}** |")
    print(f"\nat score {THRESHOLD}: {false} false\n\n| longer side, px | shapes | found |\n|---|---|---|")
    for low, high, (total, found) in zip(SIZES, SIZES[1:], by_size):
        print(f"| {low} to {high} | {total} | {found / max(total, 1):.3f} |")
    print("\n| source | scaling | shapes | found | false | mean IoU |\n|---|---|---|---|---|---|")
    for width, height in ((640, 480), (1280, 720)):
        for name, how in (("bilinear", cv2.INTER_LINEAR), ("nearest", cv2.INTER_NEAREST)):
            true, right, wrong, fit = video(detector, width, height, how, options.frames)
            print(f"| {width}x{height} | {name} | {true} | {right} ({right / true:.4f}) | {wrong} | {fit:.3f} |")
    print(f"\nONNX Runtime, one thread: {milliseconds(detector):.1f} ms a frame")


if __name__ == "__main__":
    main()
