"""Depth-Anything V2 in PyTorch on CUDA, as a table like that of peers.ts: eager and compiled, f32 (TF32 off) and f16.

    python bench/peers/pytorch.py [--model v2-small|v2-base|v2-large] [--size 518] [--runs 50] [--device cuda]

Needs torch >= 2.2 and nothing else: the model is written out below, with random weights, since times do not depend on
what they are. Times are from pixels in host memory to depth in host memory, medians, as those of peers.ts.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn

SIZES = {
    "v2-small": dict(width=384, blocks=12, channels=(48, 96, 192, 384), fusion=64, stages=(2, 5, 8, 11)),
    "v2-base": dict(width=768, blocks=12, channels=(96, 192, 384, 768), fusion=128, stages=(2, 5, 8, 11)),
    "v2-large": dict(width=1024, blocks=24, channels=(256, 512, 1024, 1024), fusion=256, stages=(4, 11, 17, 23)),
}


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.heads = width // 64
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.gamma1 = nn.Parameter(torch.ones(width))
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)
        self.gamma2 = nn.Parameter(torch.ones(width))

    def forward(self, x):
        B, N, C = x.shape
        q, k, v = self.qkv(self.norm1(x)).reshape(B, N, 3, self.heads, 64).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, C)
        x = x + self.gamma1 * self.proj(attended)
        return x + self.gamma2 * self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ResidualUnit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv2(F.relu(self.conv1(F.relu(x)))) + x


def resized(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class DepthAnything(nn.Module):
    def __init__(self, size, width, blocks, channels, fusion, stages):
        super().__init__()
        self.grid = size // 14
        self.stages = stages
        self.patch_embed = nn.Conv2d(3, width, 14, stride=14)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.positions = nn.Parameter(torch.randn(1, 1 + self.grid**2, width) * 0.02)
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.projects = nn.ModuleList(nn.Conv2d(width, c, 1) for c in channels)
        self.resizes = nn.ModuleList([
            nn.ConvTranspose2d(channels[0], channels[0], 4, stride=4),
            nn.ConvTranspose2d(channels[1], channels[1], 2, stride=2),
            nn.Identity(),
            nn.Conv2d(channels[3], channels[3], 3, stride=2, padding=1),
        ])
        self.to_fusion = nn.ModuleList(nn.Conv2d(c, fusion, 3, padding=1, bias=False) for c in channels)
        self.units1 = nn.ModuleList(ResidualUnit(fusion) for _ in range(3))
        self.units2 = nn.ModuleList(ResidualUnit(fusion) for _ in range(4))
        self.outs = nn.ModuleList(nn.Conv2d(fusion, fusion, 1) for _ in range(4))
        self.conv1 = nn.Conv2d(fusion, fusion // 2, 3, padding=1)
        self.conv2 = nn.Conv2d(fusion // 2, 32, 3, padding=1)
        self.conv3 = nn.Conv2d(32, 1, 1)

    def forward(self, image):
        height, width = image.shape[2:]
        x = self.patch_embed(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        tokens = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in self.stages:
                tokens.append(self.norm(x)[:, 1:])
        maps = []
        for s, stage in enumerate(tokens):
            stage = stage.transpose(1, 2).reshape(x.shape[0], -1, self.grid, self.grid)
            maps.append(self.to_fusion[s](self.resizes[s](self.projects[s](stage))))
        path = None
        for s in (3, 2, 1, 0):
            y = maps[s] if path is None else path + self.units1[s](maps[s])
            size = maps[s - 1].shape[2:] if s else tuple(2 * side for side in maps[0].shape[2:])
            path = self.outs[s](resized(self.units2[s](y), size))
        y = resized(self.conv1(path), (height, width))
        return F.relu(self.conv3(F.relu(self.conv2(y))))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", choices=SIZES, default="v2-small")
    parser.add_argument("--size", type=int, default=518, help="pixels of a side, a multiple of 14")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--device", default="cuda")
    args = parser.parse_args()

    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    on_gpu = args.device.startswith("cuda")
    image = torch.randn(1, 3, args.size, args.size)
    expected = None
    rows = []
    for dtype in (torch.float32, torch.float16):
        for compiled in (False, True):
            torch.manual_seed(2)
            model = DepthAnything(args.size, **SIZES[args.model]).eval()
            nn.init.constant_(model.conv3.bias, 2.0)
            model = model.to(args.device, dtype)
            if compiled:
                model = torch.compile(model)

            def run():
                with torch.inference_mode():
                    return model(image.to(args.device, dtype)).float().cpu()

            start = time.perf_counter()
            depth = run()
            first = time.perf_counter() - start
            times, device_times = [], []
            for _ in range(args.runs):
                events = [torch.cuda.Event(enable_timing=True) for _ in range(2)] if on_gpu else None
                start = time.perf_counter()
                if events:
                    events[0].record()
                run()
                if events:
                    events[1].record()
                    events[1].synchronize()
                    device_times.append(events[0].elapsed_time(events[1]))
                times.append(1000 * (time.perf_counter() - start))
            expected = depth if expected is None else expected
            error = float((depth - expected).abs().max() / expected.std())
            name = f"PyTorch {'compiled' if compiled else 'eager'}, {str(dtype).removeprefix('torch.float')} bit"
            on_device = f"{statistics.median(device_times):.2f}" if device_times else ""
            rows.append([name, f"{error:.1e}", f"{statistics.median(times):.2f}", on_device, f"{first:.2f}"])
    where = torch.cuda.get_device_name() if on_gpu else "the processor"
    print(f"{args.model}, {args.size} x {args.size}, torch {torch.__version__}, {where}; medians of {args.runs} runs\n")
    header = ["engine", "max\\|error\\| / std against eager f32", "run, wall ms", "between CUDA events, ms", "first run, s"]
    for cells in [header, ["---"] * len(header), *rows]:
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
