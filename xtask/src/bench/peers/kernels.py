"""OpenCV's side of `cargo xtask bench peers`: work on frames in memory, one thread.

Reads lines `WORK FORMAT WIDTH HEIGHT COUNT`, does it so often over eight frames, and answers with what it cost.
"""

import json
import resource
import sys
import time

import cv2
import numpy as np

FRAMES = "target/bench/frames"


def shape(form, width, height):
    return {
        "I420": (height * 3 // 2, width),
        "NV12": (height * 3 // 2, width),
        "YUY2": (height, width, 2),
        "RGB": (height, width, 3),
    }[form]


def raw(form, width, height):
    folder = f"{FRAMES}/{form}-{width}x{height}"
    return [np.fromfile(f"{folder}/{i:02}.raw", np.uint8).reshape(shape(form, width, height)) for i in range(8)]


def convert(form, width, height):
    code = {"I420": cv2.COLOR_YUV2RGB_I420, "NV12": cv2.COLOR_YUV2RGB_NV12, "YUY2": cv2.COLOR_YUV2RGB_YUY2}[form]
    out = np.empty((height, width, 3), np.uint8)
    return raw(form, width, height), lambda frame: cv2.cvtColor(frame, code, dst=out)


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


WORKS = {"convert": convert}

cv2.setNumThreads(1)
say({"version": cv2.__version__})
ready = {}
for line in sys.stdin:
    *key, count = line.split()
    key = tuple(key)
    if key not in ready:
        ready[key] = WORKS[key[0]](key[1], int(key[2]), int(key[3]))
    inputs, work = ready[key]
    begin = usage()
    for i in range(int(count)):
        work(inputs[i % 8])
    used = usage() - begin
    say(dict(zip(["cpu-nanos", "wall-nanos", "faults", "switches"], used.tolist())))
