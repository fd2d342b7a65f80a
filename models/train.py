"""Trains the detector on generated scenes and writes it as ONNX.

    python train.py --state checkpoints --out shapes.onnx

Progress is kept in the folder `--state`, from which an interrupted run goes on.
"""

import argparse
import copy
import math
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

import export
import network
import scenes


class Scenes(Dataset):
    """Scene number i is the same in every run."""

    def __init__(self, first, count):
        self.first, self.count = first, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        number = self.first + index
        picture, boxes, classes = scenes.training(number)
        return torch.from_numpy(picture.transpose(2, 0, 1).copy()), torch.from_numpy(boxes), torch.from_numpy(classes)


def collate(items):
    owner = torch.cat([torch.full((len(classes),), i) for i, (_, _, classes) in enumerate(items)])
    pictures, boxes, classes = zip(*items)
    return torch.stack(pictures), owner, torch.cat(boxes), torch.cat(classes)


def one_thread(_):
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


class Average:
    """A running average of the weights, shorter at the start."""

    def __init__(self, model, decay):
        self.model, self.decay, self.steps = copy.deepcopy(model).eval(), decay, 0

    @torch.no_grad()
    def update(self, model):
        self.steps += 1
        keep = self.decay * (1 - math.exp(-self.steps / 500))
        for mine, new in zip(self.model.state_dict().values(), model.state_dict().values()):
            if mine.dtype.is_floating_point:
                mine.mul_(keep).add_(new, alpha=1 - keep)
            else:
                mine.copy_(new)


def learning_rate(step, steps, peak):
    """Up over 200 steps, then level, then down in a line over the second half."""
    return peak * min(1, (step + 1) / 200, (steps - step) / (0.5 * steps))


def parameter_groups(model, decay):
    """Weight decay for the convolutions' weights alone."""
    weights = [p for p in model.parameters() if p.ndim >= 3]
    others = [p for p in model.parameters() if p.ndim < 3]
    return [{"params": weights, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]


def train(options):
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    model = network.Detector().to(memory_format=torch.channels_last)
    average = Average(model, 0.998)
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.02), lr=options.lr, betas=(0.9, 0.98))
    options.state.mkdir(parents=True, exist_ok=True)
    checkpoint = options.state / "last.pt"
    step = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        step = saved["step"]
        model.load_state_dict(saved["model"])
        average.model.load_state_dict(saved["average"])
        average.steps = step
        optimizer.load_state_dict(saved["optimizer"])
    data = Scenes(step * options.batch, (options.steps - step) * options.batch)
    loader = DataLoader(data, options.batch, num_workers=options.workers, collate_fn=collate, prefetch_factor=4,
                        worker_init_fn=one_thread)
    centres, strides = network.anchors(scenes.HEIGHT, scenes.WIDTH)
    started, parts = time.monotonic(), []
    for pictures, owner, boxes, classes in loader:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, options.steps, options.lr)
        images = pictures.to(torch.float32, memory_format=torch.channels_last) / 255
        with torch.autocast("cpu", torch.bfloat16, enabled=options.bf16):
            exponents, logits = model(images)
        total, part = network.loss(exponents, logits, centres, strides, owner, boxes, classes)
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        average.update(model)
        step += 1
        parts.append(part)
        if step % 50 == 0:
            box, side, score, kind = np.mean(parts, 0)
            seconds = time.monotonic() - started
            print(f"step {step} box {box:.3f} side {side:.3f} score {score:.3f} class {kind:.3f}", end=" ")
            print(f"{seconds:.0f} s", flush=True)
            parts = []
        if step % options.save_every == 0 or step == options.steps:
            state = {"step": step, "model": model.state_dict(), "average": average.model.state_dict(),
                     "optimizer": optimizer.state_dict()}
            torch.save(state, checkpoint.with_suffix(".new"))
            checkpoint.with_suffix(".new").replace(checkpoint)
            export.write(average.model, options.out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the ONNX file to write")
    parser.add_argument("--state", type=Path, required=True, help="a folder for checkpoints")
    parser.add_argument("--steps", type=int, default=2900)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--save-every", type=int, default=250)
    parser.add_argument("--bf16", action=argparse.BooleanOptionalAction, default=True)
    train(parser.parse_args())
