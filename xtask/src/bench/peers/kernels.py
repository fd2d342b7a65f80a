"""OpenCV's side of `cargo xtask bench peers`: work on frames in memory, one thread.

    kernels.py serve               reads lines `WORK FORMAT WIDTH HEIGHT COUNT`, does it so often over eight
                                   frames, and answers with what it cost
    kernels.py first               detects in one frame and ends
    kernels.py pictures [PICTURE]  makes the JPEG and PNG pictures that all sides read, and the frames that
                                   they encode: of a photograph, or of noise with a photograph's spectrum
"""

import json
import os
import resource
import sys
import time

import cv2
import numpy as np

cv2.setNumThreads(1)
sys.path.append(os.path.join(os.path.dirname(__file__), ".."))
import peer  # noqa: E402

FRAMES = "target/bench/frames"
COUNT = 8
TO_RGB = {"I420": cv2.COLOR_YUV2RGB_I420, "NV12": cv2.COLOR_YUV2RGB_NV12, "YUY2": cv2.COLOR_YUV2RGB_YUY2}
BOXES = [(53, 144, 128, 123), (490, 150, 108, 108), (206, 229, 107, 107), (353, 40, 102, 102), (88, 397, 82, 82)]
LABELS = ["star 1.00", "cross 1.00", "ring 1.00", "circle 1.00", "square 1.00"]
COLOURS = [(255, 190, 25), (190, 75, 255), (25, 220, 240), (0, 190, 115), (255, 90, 50)]


def shape(form, width, height):
    form = form.removeprefix("photo-")
    return {
        "I420": (height * 3 // 2, width),
        "NV12": (height * 3 // 2, width),
        "YUY2": (height, width, 2),
        "RGB": (height, width, 3),
    }[form]


def raw(form, width, height):
    folder = f"{FRAMES}/{form}-{width}x{height}"
    return [np.fromfile(f"{folder}/{i:02}.raw", np.uint8).reshape(shape(form, width, height)) for i in range(COUNT)]


def convert(form, width, height):
    out = np.empty((height, width, 3), np.uint8)
    return raw(form, width, height), lambda frame, _: cv2.cvtColor(frame, TO_RGB[form], dst=out)


def planes(frame, width, height):
    y, chroma = frame[:height], frame[height:].reshape(-1)
    u, v = chroma[: chroma.size // 2], chroma[chroma.size // 2 :]
    return [y, u.reshape(height // 2, width // 2), v.reshape(height // 2, width // 2)]


def scale(form, width, height):
    inputs = raw(form, width, height)
    if form == "RGB":
        out = np.empty((320, 320, 3), np.uint8)
        return inputs, lambda frame, _: cv2.resize(frame, (320, 320), dst=out, interpolation=cv2.INTER_LINEAR)
    outs = [np.empty((size, size), np.uint8) for size in (320, 160, 160)]

    def work(frame, _):
        for plane, out in zip(planes(frame, width, height), outs):
            cv2.resize(plane, out.shape, dst=out, interpolation=cv2.INTER_LINEAR)

    return inputs, work


def convert_scale(form, width, height):
    rgb, out = np.empty((height, width, 3), np.uint8), np.empty((320, 320, 3), np.uint8)

    def work(frame, _):
        cv2.cvtColor(frame, TO_RGB[form], dst=rgb)
        cv2.resize(rgb, (320, 320), dst=out, interpolation=cv2.INTER_LINEAR)

    return raw(form, width, height), work


def draw(frame, boxes, labels, colours):
    for (x, y, w, h), label, colour in zip(boxes, labels, colours):
        cv2.rectangle(frame, (x, y), (x + w, y + h), colour, 2)
        (wide, _), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)
        cv2.rectangle(frame, (x, y - 18), (x + wide + 8, y), colour, cv2.FILLED)
        cv2.putText(frame, label, (x + 4, y - 4), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)


def boxes(form, width, height):
    def work(frame, i):
        draw(frame, [(x + i % 8, y, w, h) for x, y, w, h in BOXES], LABELS, COLOURS)

    return raw(form, width, height), work


def coded(form, width, height):
    end = "png" if form == "png" else "jpg"
    return [np.fromfile(f"{FRAMES}/{form}-{width}x{height}/{i:02}.{end}", np.uint8) for i in range(COUNT)]


def decode(form, width, height):
    return coded(form, width, height), lambda picture, _: cv2.imdecode(picture, cv2.IMREAD_COLOR)


def encode(form, width, height):
    end, options = {
        "jpeg": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 85]),
        "png": (".png", [cv2.IMWRITE_PNG_COMPRESSION, 6]),
    }[form]
    return raw("photo-RGB", width, height), lambda frame, _: cv2.imencode(end, frame, options)


def detect(form, width, height):
    s = peer.session("../shared/models/FastestDet.onnx", 1)
    given = s.get_inputs()[0]
    rows, columns = given.shape[2:]

    def work(frame, _):
        bgr = cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420)
        found, scores, classes = peer.fastestdet(bgr, lambda x: s.run(None, {given.name: x})[0], columns, rows)
        if len(found):
            keep = cv2.dnn.NMSBoxesBatched(found.tolist(), scores.tolist(), classes.tolist(), 0.0, 0.45)
            labels = [f"{classes[i]} {scores[i]:.2f}" for i in keep]
            draw(bgr, found[keep].astype(int).tolist(), labels, [COLOURS[classes[i] % 5] for i in keep])

    return raw(form, width, height), work


def detect_paced(form, width, height):
    inputs, detect_now = detect(form, width, height)
    due = 0.0

    def work(frame, i):
        nonlocal due
        now = time.monotonic()
        due = max(due + 1 / 30, now) if i else now
        time.sleep(due - now)
        detect_now(frame, i)

    return inputs, work


def first():
    inputs, work = detect("photo-I420", 640, 480)
    work(inputs[0], 0)


def usage():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return np.array(
        [
            (used.ru_utime + used.ru_stime) * 1e9,
            time.perf_counter_ns(),
            used.ru_minflt + used.ru_majflt,
            used.ru_nvcsw + used.ru_nivcsw,
        ]
    )


def say(value):
    print(json.dumps(value), flush=True)


WORKS = {
    "convert": convert,
    "scale": scale,
    "convert-scale": convert_scale,
    "boxes": boxes,
    "decode": decode,
    "encode": encode,
    "detect": detect,
    "detect-paced": detect_paced,
}


def serve():
    say({"opencv": cv2.__version__})
    ready = {}
    for line in sys.stdin:
        *key, count = line.split()
        key = tuple(key)
        try:
            if key not in ready:
                ready[key] = WORKS[key[0]](key[1], int(key[2]), int(key[3]))
            inputs, work = ready[key]
            begin = usage()
            for i in range(int(count)):
                work(inputs[i % COUNT], i)
            used = usage() - begin
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
            continue
        say(dict(zip(["cpu-nanos", "wall-nanos", "faults", "switches"], used.tolist())))


def photograph(path, width, height):
    if path:
        return cv2.resize(cv2.imread(path), (width, height), interpolation=cv2.INTER_AREA)
    # The amplitudes of photographs fall with frequency: Field, "Relations between the statistics of natural
    # images and the response properties of cortical cells", 1987.
    noise = np.random.default_rng(1).standard_normal((height, width, 3))
    y, x = np.fft.fftfreq(height)[:, None, None], np.fft.fftfreq(width)[None, :, None]
    noise = np.fft.ifft2(np.fft.fft2(noise, axes=(0, 1)) / np.maximum(np.hypot(x, y), 1 / width), axes=(0, 1)).real
    return np.clip(128 + 50 * noise / noise.std(), 0, 255).astype(np.uint8)


def pictures(path=None):
    factor = {
        "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
        "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    }
    large, small = photograph(path, 1280, 720), photograph(path, 640, 480)

    def write(folder, end, all_end, content):
        os.makedirs(f"{FRAMES}/{folder}", exist_ok=True)
        for i, picture in enumerate(content):
            np.asarray(picture).tofile(f"{FRAMES}/{folder}/{i:02}.{end}")
        with open(f"{FRAMES}/{folder}/all.{all_end}", "wb") as file:
            file.writelines(np.asarray(picture).tobytes() for picture in content)

    moved = [np.roll(large, 16 * i, axis=1) for i in range(COUNT)]
    for name, sampling in factor.items():
        options = [cv2.IMWRITE_JPEG_QUALITY, 85, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        content = [cv2.imencode(".jpg", picture, options)[1] for picture in moved]
        write(f"jpeg{name}-1280x720", "jpg", "mjpeg", content)
    moved = [np.roll(small, 16 * i, axis=1) for i in range(COUNT)]
    write("photo-I420-640x480", "raw", "raw", [cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420) for picture in moved])
    write("photo-RGB-640x480", "raw", "raw", [cv2.cvtColor(picture, cv2.COLOR_BGR2RGB) for picture in moved])
    write("png-640x480", "png", "png", [cv2.imencode(".png", picture)[1] for picture in moved])


{"serve": serve, "first": first, "pictures": pictures}[sys.argv[1]](*sys.argv[2:])
