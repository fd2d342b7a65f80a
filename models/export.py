"""Writes a trained network as ONNX: normalisation folded into the convolutions, boxes and scores decoded in the graph.

    python export.py STATE/last.pt shapes.onnx
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

import network
import scenes
from shapes import CLASSES

OPSET = 17
METADATA = {
    "family": "yolov8",
    "confidence-threshold": "0.5",
    "iou-threshold": "0.6",
    "names": "{" + ", ".join(f"{i}: '{name}'" for i, name in enumerate(CLASSES)) + "}",
    "stride": str(max(network.STRIDES)),
    "task": "detect",
    "licence": "Apache-2.0 OR MIT",
    "description": "Circles, squares, triangles, stars, crosses and rings; trained on generated scenes",
}


class Graph:
    """Nodes and constants in the order they are added; every node is named after its only output."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, value):
        self.constants.setdefault(name, numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, operator, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name, x, weight, bias, *, shared=None, stride=1, activation="Relu", **options):
        """A convolution with its padding; `shared` names the constants where several nodes use the same."""
        shared, side = shared or name, weight.shape[2]
        inputs = (x, self.constant(f"{shared}.weight", weight), self.constant(f"{shared}.bias", bias))
        sizes = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "pads": [side // 2] * 4}
        y = self.add("Conv", f"{name}.conv", *inputs, **sizes)
        return self.add(activation, name, y, **options)

    def block(self, name, module, x):
        """Any of the network's blocks, by its type."""
        if isinstance(module, network.Conv):
            return self.conv(name, x, *folded(module[0], module[1]), stride=module[0].stride[0])
        if isinstance(module, torch.nn.MaxPool2d):
            return self.add("MaxPool", name, x, kernel_shape=[2, 2], strides=[2, 2])
        y = x
        for child, part in module.named_children():
            y = self.block(f"{name}.{child}", part, y)
        if isinstance(module, (network.Residual, network.Bottleneck)):
            y = self.add("Add", name, x, y)
        return y

    def branch(self, name, module, levels):
        """A head over all strides, joined to [1, outputs, N]."""
        weight, bias = folded(module.conv, module.norm)
        last = module.last.weight.detach().numpy()[..., None]
        parts = []
        for stride, own, x in zip(network.STRIDES, module.bias.detach().numpy(), levels):
            y = self.conv(f"{name}.{stride}", x, weight, bias, shared=name, activation="LeakyRelu", alpha=network.LEAK)
            inputs = (y, self.constant(f"{name}.last.weight", last), self.constant(f"{name}.last.{stride}.bias", own))
            y = self.add("Conv", f"{name}.last.{stride}", *inputs, kernel_shape=[1, 1])
            shape = self.constant(f"{name}.shape", np.array([0, last.shape[0], -1]))
            parts.append(self.add("Reshape", f"{name}.flat.{stride}", y, shape))
        return self.add("Concat", name, *parts, axis=2)

    def double(self, name, x):
        scales = self.constant("twice", np.array([1, 1, 2, 2], np.float32))
        return self.add("Resize", name, x, "", scales, mode="nearest", nearest_mode="floor",
                        coordinate_transformation_mode="asymmetric")


def folded(conv, norm):
    """Weight and bias of a convolution that does the normalisation too."""
    factor = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach()
    weight = conv.weight.detach() * factor[:, None, None, None]
    bias = norm.bias.detach() - norm.running_mean * factor
    return weight.contiguous().numpy(), bias.numpy()


def write(model, path):
    """Writes `model`, checked, to `path` in one step."""
    height, width = scenes.HEIGHT, scenes.WIDTH
    g = Graph()
    c8 = g.block("stage8", model.stage8, g.block("stem", model.stem, "images"))
    c16 = g.block("stage16", model.stage16, c8)
    c32 = g.block("stage32", model.stage32, c16)
    p32 = g.block("lateral32", model.lateral32, c32)
    p16 = g.add("Add", "sum16", g.block("lateral16", model.lateral16, c16), g.double("up16", p32))
    p16 = g.block("smooth16", model.smooth16, p16)
    p8 = g.add("Add", "sum8", g.block("lateral8", model.lateral8, c8), g.double("up8", p16))
    p8 = g.block("smooth8", model.smooth8, p8)
    _decode(g, g.branch("boxes", model.boxes, [p8, p16, p32]), g.branch("scores", model.scores, [p8, p16, p32]))
    cells = sum(height // s * (width // s) for s in network.STRIDES)
    graph = helper.make_graph(
        g.nodes,
        "shapes",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, height, width])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, ["batch", 4 + len(CLASSES), cells])],
        list(g.constants.values()),
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    helper.set_model_props(proto, METADATA)
    onnx.checker.check_model(proto, full_check=True)
    new = Path(path).with_suffix(".new")
    new.write_bytes(proto.SerializeToString(deterministic=True))
    new.replace(path)


def _decode(g, exponents, logits):
    """Distances to the sides become centre and size in pixels; logits become scores."""
    centres, strides = network.anchors(scenes.HEIGHT, scenes.WIDTH)
    limit = g.constant("largest", np.array(network.LARGEST_EXPONENT, np.float32))
    reach = g.add("Exp", "reach.strides", g.add("Min", "exponents", exponents, limit))
    reach = g.add("Mul", "reach", reach, g.constant("strides", strides.numpy()[None, None]))
    zero, two, four = (g.constant(f"at{n}", np.array([n])) for n in (0, 2, 4))
    axis = g.constant("axis", np.array([1]))
    near = g.add("Slice", "near", reach, zero, two, axis)
    far = g.add("Slice", "far", reach, two, four, axis)
    size = g.add("Add", "size", near, far)
    shift = g.add("Mul", "shift", g.add("Sub", "lean", far, near), g.constant("half", np.array(0.5, np.float32)))
    centre = g.add("Add", "centre", shift, g.constant("centres", centres.numpy().T[None]))
    g.add("Concat", "output0", centre, size, g.add("Sigmoid", "score", logits), axis=1)


if __name__ == "__main__":
    detector = network.Detector().eval()
    detector.load_state_dict(torch.load(sys.argv[1])["average"])
    write(detector, sys.argv[2])
