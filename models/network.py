"""The detector's network, and the loss it is trained with.

An anchor-free detector in YOLOv8's manner: a plain residual backbone, a top-down neck, and one head whose weights the
three strides share. Boxes are distances to the four sides, in strides, as exponentials.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

STRIDES = (8, 16, 32)
CLASSES = 6
# exp(5) strides is more than any picture: keeps strange input from overflowing.
LARGEST_EXPONENT = 5.0
# The head's activation keeps this much of what is negative: with ReLU its features died where shapes are.
LEAK = 0.1


class Conv(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs, outputs, size=3, stride=1):
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False),
            nn.BatchNorm2d(outputs, momentum=0.03),
            nn.ReLU(inplace=True),
        )


class Residual(nn.Module):
    """Two convolutions through a narrower middle, added to their input."""

    def __init__(self, channels, middle):
        super().__init__()
        self.reduce = Conv(channels, middle)
        self.restore = Conv(middle, channels)

    def forward(self, x):
        return x + self.restore(self.reduce(x))


class Bottleneck(nn.Module):
    """A 3x3 convolution between two 1x1, added to its input."""

    def __init__(self, channels, middle):
        super().__init__()
        self.reduce = Conv(channels, middle, 1)
        self.middle = Conv(middle, middle)
        self.restore = Conv(middle, channels, 1)

    def forward(self, x):
        return x + self.restore(self.middle(self.reduce(x)))


class Branch(nn.Module):
    """One 3x3 and one 1x1 convolution whose weights all strides share; biases of the last are each stride's own.

    Normalised over all strides together, so that training and inference see the same statistics.
    """

    def __init__(self, inputs, middle, outputs, bias):
        super().__init__()
        self.conv = nn.Conv2d(inputs, middle, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm1d(middle, momentum=0.03)
        self.last = nn.Conv1d(middle, outputs, 1, bias=False)
        self.bias = nn.Parameter(torch.full((len(STRIDES), outputs), bias))
        nn.init.normal_(self.last.weight, std=0.05)

    def forward(self, levels):
        parts = [self.conv(x).flatten(2) for x in levels]
        joined = self.last(F.leaky_relu(self.norm(torch.cat(parts, 2)), LEAK))
        biases = [b[:, None].expand(-1, p.shape[2]) for b, p in zip(self.bias, parts)]
        return joined + torch.cat(biases, 1)


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(Conv(3, 16, stride=2), Conv(16, 32, stride=2), Residual(32, 16))
        self.stage8 = nn.Sequential(Conv(32, 48, stride=2), Residual(48, 24), Residual(48, 24))
        self.stage16 = nn.Sequential(Conv(48, 64, stride=2), Residual(64, 24), Residual(64, 24))
        self.stage32 = nn.Sequential(nn.MaxPool2d(2), Bottleneck(64, 32), Bottleneck(64, 24))
        self.lateral8 = Conv(48, 48, 1)
        self.lateral16 = Conv(64, 48, 1)
        self.lateral32 = Conv(64, 48, 1)
        self.smooth8 = Residual(48, 16)
        self.smooth16 = Residual(48, 16)
        self.boxes = Branch(48, 32, 4, 0.5)
        self.scores = Branch(48, 32, CLASSES, -5.0)

    def forward(self, images):
        """Exponents of the distances to the left, top, right and bottom side, and class logits; both [B, _, N]."""
        c8 = self.stage8(self.stem(images))
        c16 = self.stage16(c8)
        p32 = self.lateral32(self.stage32(c16))
        p16 = self.smooth16(self.lateral16(c16) + F.interpolate(p32, scale_factor=2.0, mode="nearest"))
        p8 = self.smooth8(self.lateral8(c8) + F.interpolate(p16, scale_factor=2.0, mode="nearest"))
        levels = [p8, p16, p32]
        return self.boxes(levels), self.scores(levels)


def anchors(height, width):
    """The cells' centres [N, 2] and strides [N], in pixels."""
    centres, strides = [], []
    for stride in STRIDES:
        y, x = torch.meshgrid(torch.arange(height // stride), torch.arange(width // stride), indexing="ij")
        centres.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((len(centres[-1]),), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def decode(exponents, centres, strides):
    """Corners [B, N, 4] of the boxes."""
    reach = exponents.float().clamp(max=LARGEST_EXPONENT).exp().transpose(1, 2) * strides[:, None]
    return torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], -1)


def overlap(a, b, complete=False):
    """IoU of boxes; `complete` takes off the distance of the centres and the difference in shape (CIoU)."""
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    common = (high - low).clamp(min=0).prod(-1)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    iou = common / (size_a.prod(-1) + size_b.prod(-1) - common + 1e-6)
    if not complete:
        return iou
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    apart = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]).square().sum(-1) / 4
    turn = [torch.atan(size[..., 0] / size[..., 1].clamp(min=1e-3)) for size in (size_a, size_b)]
    shape = (4 / torch.pi**2) * (turn[0] - turn[1]).square()
    with torch.no_grad():
        weight = shape / (1 - iou + shape + 1e-6)
    return iou - apart / (hull.square().sum(-1) + 1e-6) - weight * shape


def prior(centres, strides, middle, half):
    """How much a cell is wanted for a box before anything is learnt: near its middle, six strides to its longer side.

    Without it any cell inside a flat shape fits as well as another, and scores learn slowly.
    """
    off = ((centres - middle[:, None]) / half[:, None]).square().sum(-1)
    octaves = torch.log2(2 * half.amax(1)[:, None] / (6 * strides))
    return torch.exp(-2 * off - octaves.square())


@torch.no_grad()
def assign(scores, corners, centres, strides, owner, boxes, classes, best=10):
    """Task-aligned assignment: which cell answers for which box.

    `owner` names the picture of each of `boxes`. Gives the chosen cells as (picture, cell), the number of the box of
    each, and the score that each should reach.
    """
    # A box narrower than a cell still gets the cells around its centre.
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, ((boxes[:, 2:] - boxes[:, :2]) / 2).clamp(min=5)
    inside = ((centres - middle[:, None]).abs() < half[:, None]).all(-1)
    iou = overlap(corners[owner], boxes[:, None]) * inside
    alignment = scores[owner, :, classes].sqrt() * iou**4 * prior(centres, strides, middle, half)
    alignment = torch.where(inside, alignment + 1e-9, 0)
    values, cells = alignment.topk(best, 1)
    box = torch.arange(len(boxes))[:, None].expand_as(cells)[values > 0]
    cells = cells[values > 0]
    # A cell claimed twice goes to the box it fits best: the last writer wins.
    taken = np.full(scores.shape[0] * scores.shape[1], -1)
    order = torch.argsort(iou[box, cells]).numpy()
    key = (owner[box] * scores.shape[1] + cells).numpy()
    taken[key[order]] = box.numpy()[order]
    key = np.flatnonzero(taken >= 0)
    box, cells = torch.from_numpy(taken[key]), torch.from_numpy(key % scores.shape[1])
    aligned, fits = alignment[box, cells], iou[box, cells]
    most = torch.zeros(len(boxes)).scatter_reduce(0, box, aligned, "amax")
    fit = torch.zeros(len(boxes)).scatter_reduce(0, box, fits, "amax")
    return owner[box], cells, box, aligned / most[box] * (1 + fit[box]) / 2


def loss(exponents, logits, centres, strides, owner, boxes, classes):
    """The loss to minimise, and its parts for the log."""
    corners = decode(exponents, centres, strides)
    logits = logits.float().transpose(1, 2)
    target = torch.zeros_like(logits)
    fit = distance = kind = torch.zeros(())
    if len(boxes):
        found = logits.sigmoid().detach(), corners.detach()
        picture, cell, box, score = assign(*found, centres, strides, owner, boxes, classes)
        target[picture, cell, classes[box]] = score
        found, wanted = corners[picture, cell], boxes[box]
        total = target.sum().clamp(min=1)
        fit = ((1 - overlap(found, wanted, complete=True)) * score).sum() / total
        sides = torch.cat([centres[cell] - wanted[:, :2], wanted[:, 2:] - centres[cell]], 1) / strides[cell, None]
        apart = exponents.float().transpose(1, 2)[picture, cell] - sides.clamp(min=0.05).log()
        apart = F.smooth_l1_loss(apart, torch.zeros_like(apart), beta=0.1, reduction="none")
        distance = (apart.mean(1) * score).sum() / total
        # Among the classes alone, so that they are told apart while all scores are still small.
        guess = F.cross_entropy(logits[picture, cell], classes[box], reduction="none")
        kind = (guess * score).sum() / total
    # Early on nothing fits and the targets are small: the boxes' number keeps the first steps from being huge.
    scored = F.binary_cross_entropy_with_logits(logits, target, reduction="sum")
    scored = scored / target.sum().clamp(min=2 * len(boxes) + 1)
    return 5 * fit + distance + scored + 0.3 * kind, tuple(float(p.detach()) for p in (fit, distance, scored, kind))
