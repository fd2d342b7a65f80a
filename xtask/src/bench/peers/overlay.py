"""GStreamer's boxes and labels for `cargo xtask bench peers`: `cairooverlay` from Python.

    overlay.py OVERLAYS FRAMES

Not called `cairo.py`: Python would take it for the module.
"""

import os
import sys

import gi

gi.require_version("Gst", "1.0")
# Without it the context comes as an object that cannot draw.
gi.require_foreign("cairo")
from gi.repository import Gst  # noqa: E402

BOXES = [(53, 144, 128, 123), (490, 150, 108, 108), (206, 229, 107, 107), (353, 40, 102, 102), (88, 397, 82, 82)]
LABELS = ["star 1.00", "cross 1.00", "ring 1.00", "circle 1.00", "square 1.00"]
COLOURS = [(1.0, 0.75, 0.1), (0.75, 0.3, 1.0), (0.1, 0.85, 0.95), (0.0, 0.75, 0.45), (1.0, 0.35, 0.2)]


def draw(*event):
    # What is raised in here would only be printed, once a frame.
    try:
        paint(*event)
    except Exception as error:
        print(error, file=sys.stderr)
        os._exit(1)


def paint(_overlay, context, timestamp, _duration):
    shift = timestamp // 33333333 % 8
    context.set_line_width(2)
    context.select_font_face("DejaVu Sans")
    context.set_font_size(14)
    for (x, y, width, height), label, colour in zip(BOXES, LABELS, COLOURS):
        x += shift
        context.set_source_rgb(*colour)
        context.rectangle(x, y, width, height)
        context.stroke()
        extents = context.text_extents(label)
        context.rectangle(x, y - 18, extents.width + 8, 18)
        context.fill()
        context.set_source_rgb(0, 0, 0)
        context.move_to(x + 4, y - 4)
        context.show_text(label)


Gst.init(None)
overlays, frames = int(sys.argv[1]), sys.argv[2]
names = " ".join(f"! cairooverlay name=o{i}" for i in range(overlays))
pipeline = Gst.parse_launch(
    f"multifilesrc location=target/bench/frames/BGRx-640x480/%02d.raw loop=true stop-index=7 num-buffers={frames} "
    f"caps=video/x-raw,format=BGRx,width=640,height=480,framerate=30/1 {names} ! fakesink"
)
for i in range(overlays):
    pipeline.get_by_name(f"o{i}").connect("draw", draw)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
if message.type == Gst.MessageType.ERROR:
    sys.exit(str(message.parse_error()))
