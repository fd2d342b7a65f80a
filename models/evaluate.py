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


def match(iou, least):
    """For each found box, best first, the true box it takes, or -1."""
    taken, result = np.zeros(iou.shape[1], bool), np.full(iou.shape[0], -1)
    for i, row in enumerate(iou):
        free = np.where(taken, -1.0, row)
        if free.size and free.max() >= least:
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


def held_out(detector, count):
    """Average precision [class, IoU], number of each class, and of true boxes by size: how many, how many found."""
    scores = [[] for _ in CLASSES]
    hits = [[] for _ in CLASSES]
    totals, by_size, false = np.zeros(len(CLASSES), int), np.zeros((len(SIZES) - 1, 2), int), 0
    for number in range(count):
        picture, boxes, classes = scenes.held_out(number)
        found, kinds, score = detector.detect(picture, LEAST_SCORE)
        for c in range(len(CLASSES)):
            iou = overlaps(found[kinds == c], boxes[classes == c])
            totals[c] += iou.shape[1]
            matched = np.stack([match(iou, least) for least in IOUS], 1)
            scores[c].append(score[kinds == c])
            hits[c].append(matched >= 0)
            sure = score[kinds == c] > THRESHOLD
            false += int((matched[sure, 0] < 0).sum())
            size = (boxes[classes == c][:, 2:] - boxes[classes == c][:, :2]).max(1, initial=0)
            seen = matched[sure, 0][matched[sure, 0] >= 0]
            by_size[:, 0] += np.histogram(size, SIZES)[0]
            by_size[:, 1] += np.histogram(size[seen], SIZES)[0]
    table = np.zeros((len(CLASSES), len(IOUS)))
    for c in range(len(CLASSES)):
        score, hit = np.concatenate(scores[c]), np.concatenate(hits[c])
        table[c] = [average_precision(score, hit[:, i], totals[c]) for i in range(len(IOUS))]
    return table, totals, by_size, false


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
    table, totals, by_size, false = held_out(detector, options.scenes)
    print(f"held out, {options.scenes} scenes\n\n| class | shapes | AP@0.5 | AP@0.5:0.95 |\n|---|---|---|---|")
    for name, total, row in zip(CLASSES, totals, table):
        print(f"| {name} | {total} | {row[0]:.3f} | {row.mean():.3f} |")
    print(f"| **all** | {totals.sum()} | **{table[:, 0].mean():.3f}** | **{table.mean():.3f}** |")
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
