"""The other side of `cargo xtask bench inference`: ONNX Runtime from Python.

    peer.py worker MODEL - THREADS SCALE OUTPUTS   speaks as host/runtime/examples/inference_worker.rs
    peer.py detect MODEL FAMILY THREADS CLIP       detects in a Y4M clip of I420 with OpenCV, and prints
                                                   {"frames", "boxes", "cpu-ms"} for it
    peer.py clip PICTURE CLIP FRAMES               writes a picture as a clip of 640x480 I420
"""

import json
import sys
import time

import numpy as np


def say(value):
    print(json.dumps(value), flush=True)


def session(model, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def worker(model, _backend, threads, scale, outputs):
    begin = time.perf_counter_ns()
    s = session(model, int(threads))
    load = time.perf_counter_ns() - begin
    feeds = {}
    for given in s.get_inputs():
        shape = [d if isinstance(d, int) else (320 if i else 1) for i, d in enumerate(given.shape)]
        index = np.arange(np.prod(shape), dtype=np.uint64)
        byte = ((index * 2654435761 & 0xFFFFFFFF) >> 24).astype(np.uint8)
        if given.type != "tensor(uint8)":
            byte = byte.astype(np.float32) / np.float32(255) * np.float32(scale)
        feeds[given.name] = byte.reshape(shape)
    begin = time.perf_counter_ns()
    s.run(None, feeds)
    first = time.perf_counter_ns() - begin
    say({"load-ms": load / 1e6, "first-run-ms": first / 1e6, "device": "cpu", "precision": "f32", "note": None})
    for line in sys.stdin:
        word, _, count = line.strip().partition(" ")
        if word == "run":
            nanos = []
            for _ in range(int(count)):
                begin = time.perf_counter_ns()
                s.run(None, feeds)
                nanos.append(time.perf_counter_ns() - begin)
            say({"nanos": nanos})
        elif word == "write":
            with open(outputs, "wb") as file:
                for output in s.run(None, feeds):
                    file.write(np.ascontiguousarray(output).tobytes())
            say({})
        else:
            status = open("/proc/self/status").read()
            say({"peak-kib": int(status.split("VmHWM:")[1].split()[0])})
            return


def frames(path):
    with open(path, "rb") as file:
        header = file.readline().decode().split()
        width, height = (int(next(w for w in header if w[0] == key)[1:]) for key in "WH")
        size = width * height * 3 // 2
        while file.readline():
            yield np.frombuffer(file.read(size), np.uint8).reshape(height * 3 // 2, width)


def letterbox(bgr, width, height, centre):
    import cv2

    scale = min(width / bgr.shape[1], height / bgr.shape[0])
    w, h = round(bgr.shape[1] * scale), round(bgr.shape[0] * scale)
    left, top = ((width - w) // 2, (height - h) // 2) if centre else (0, 0)
    scaled = cv2.resize(bgr, (w, h), interpolation=cv2.INTER_LINEAR)
    border = (top, height - h - top, left, width - w - left)
    return cv2.copyMakeBorder(scaled, *border, cv2.BORDER_CONSTANT, value=(114, 114, 114))


def fastestdet(bgr, run, width, height):
    import cv2

    out = run(cv2.dnn.blobFromImage(bgr, 1 / 255, (width, height), swapRB=False))[0]
    _, rows, columns = out.shape
    best = out[5:].max(axis=0)
    score = np.maximum(out[0], 0) ** 0.6 * best**0.4
    y, x = np.nonzero(score >= 0.65)
    tx, ty, tw, th = out[1:5, y, x]
    w, h = (1 / (1 + np.exp(-tw))), (1 / (1 + np.exp(-th)))
    cx, cy = (np.tanh(tx) + x) / columns, (np.tanh(ty) + y) / rows
    boxes = np.stack([cx - w / 2, cy - h / 2, w, h], axis=1) * np.tile([bgr.shape[1], bgr.shape[0]], 2)
    return boxes, score[y, x], out[5:, y, x].argmax(axis=0)


def yolox(bgr, run, width, height):
    picture = letterbox(bgr, width, height, False)
    out = run(picture.transpose(2, 0, 1)[None].astype(np.float32))[0]
    grids, strides = [], []
    for stride in (8, 16, 32):
        y, x = np.mgrid[: height // stride, : width // stride]
        grids.append(np.stack([x.ravel(), y.ravel()], axis=1))
        strides.append(np.full(x.size, stride))
    grid, stride = np.concatenate(grids), np.concatenate(strides)[:, None]
    scores = out[:, 4:5] * out[:, 5:]
    keep = scores.max(axis=1) >= 0.3
    out, scores, grid, stride = out[keep], scores[keep], grid[keep], stride[keep]
    centre, size = (out[:, :2] + grid) * stride, np.exp(out[:, 2:4]) * stride
    scale = max(bgr.shape[1] / width, bgr.shape[0] / height)
    return np.concatenate([centre - size / 2, size], axis=1) * scale, scores.max(axis=1), scores.argmax(axis=1)


def yolov8(bgr, run, width, height):
    picture = letterbox(bgr, width, height, True)
    out = run(np.ascontiguousarray(picture[:, :, ::-1].transpose(2, 0, 1)[None], np.float32) / np.float32(255))[0]
    keep = out[4:].max(axis=0) >= 0.5
    out = out[:, keep]
    centre, size = out[:2].T, out[2:4].T
    scale = max(bgr.shape[1] / width, bgr.shape[0] / height)
    shift = [(width - bgr.shape[1] / scale) / 2, (height - bgr.shape[0] / scale) / 2]
    boxes = np.concatenate([centre - size / 2 - shift, size], axis=1) * scale
    return boxes, out[4:].max(axis=0), out[4:].argmax(axis=0)


def detect(model, family, threads, clip):
    import cv2

    cv2.setNumThreads(int(threads))
    s = session(model, int(threads))
    given = s.get_inputs()[0]
    height, width = given.shape[2:]
    decode = {"fastestdet": fastestdet, "yolox": yolox, "yolov8": yolov8}[family]
    clip = list(frames(clip))

    def one(i420):
        bgr = cv2.cvtColor(i420, cv2.COLOR_YUV2BGR_I420)
        boxes, scores, classes = decode(bgr, lambda x: s.run(None, {given.name: x})[0], width, height)
        return len(cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), classes.tolist(), 0.0, 0.45)) if len(boxes) else 0

    for i420 in clip[:5]:
        one(i420)
    begin = time.process_time()
    found = sum(one(i420) for i420 in clip)
    say({"frames": len(clip), "boxes": found, "cpu-ms": (time.process_time() - begin) * 1e3 / len(clip)})


def clip(picture, path, count):
    import cv2

    i420 = cv2.cvtColor(cv2.resize(cv2.imread(picture), (640, 480)), cv2.COLOR_BGR2YUV_I420)
    with open(path, "wb") as file:
        file.write(b"YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420\n")
        for _ in range(int(count)):
            file.write(b"FRAME\n" + i420.tobytes())


if __name__ == "__main__":
    {"worker": worker, "detect": detect, "clip": clip}[sys.argv[1]](*sys.argv[2:])
