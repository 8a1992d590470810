"""Depth-Anything V2 in PyTorch, as one of the engines of peers.ts: torch, torch-compiled, and both in f16.

    python bench/peers/pytorch.py WEIGHTS.safetensors --size N [--f16] [--compile] [--device cuda|cpu]

Needs torch >= 2.2 and nothing else: the model is written out below, with the authors' names. Runs for as long as pictures
come in on stdin, f32 [3, N, N]. Says on stdout what it runs on, as a line of JSON, and then for each picture the processor
time of this process so far in milliseconds, f64, and the depth, f32 [N, N]. TF32 is off.
"""

import argparse
import json
import struct
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

# Blocks whose outputs leave as stages, by the number of blocks.
STAGES = {12: (2, 5, 8, 11), 24: (4, 11, 17, 23)}


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    header.pop("__metadata__", None)

    def tensor(dtype, shape, data_offsets):
        assert dtype == "F32", dtype
        begin, end = data_offsets
        return torch.frombuffer(data, dtype=torch.float32, count=(end - begin) // 4, offset=begin).reshape(shape)

    return {key: tensor(**entry) for key, entry in header.items()}


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        B, N, C = x.shape
        q, k, v = self.qkv(x).reshape(B, N, 3, C // 64, 64).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, N, C))


class Mlp(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class LayerScale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x):
        return self.gamma * x


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=1e-6)
        self.attn = Attention(width)
        self.ls1 = LayerScale(width)
        self.norm2 = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width)
        self.ls2 = LayerScale(width)

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class Encoder(nn.Module):
    def __init__(self, width, blocks):
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.mask_token = nn.Parameter(torch.zeros(1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + 37 * 37, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, 14, stride=14)})
        self.blocks = nn.ModuleList(Block(width) for _ in range(blocks))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def fit_to(self, grid):
        """The position encoding for a grid, once: the resize by (grid + 0.1) / 37 is the authors'."""
        if grid == 37:
            return
        token, patches = self.pos_embed.data[:, :1], self.pos_embed.data[:, 1:]
        square = patches.reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
        resized = F.interpolate(square, scale_factor=((grid + 0.1) / 37,) * 2, mode="bicubic")
        self.pos_embed.data = torch.cat([token, resized.flatten(2).transpose(1, 2)], 1)

    def forward(self, image):
        x = self.patch_embed["proj"](image).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        stages = []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in STAGES[len(self.blocks)]:
                stages.append(self.norm(x)[:, 1:])
        return stages


class ResidualUnit(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return self.conv2(F.relu(self.conv1(F.relu(x)))) + x


class Fusion(nn.Module):
    def __init__(self, channels):
        super().__init__()
        # In every file, and unused in the deepest block.
        self.resConfUnit1 = ResidualUnit(channels)
        self.resConfUnit2 = ResidualUnit(channels)
        self.out_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, previous, x, size):
        y = x if previous is None else previous + self.resConfUnit1(x)
        return self.out_conv(resized(self.resConfUnit2(y), size))


def resized(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=True)


class Head(nn.Module):
    def __init__(self, width, channels, fusion):
        super().__init__()
        self.projects = nn.ModuleList(nn.Conv2d(width, c, 1) for c in channels)
        self.resize_layers = nn.ModuleList([
            nn.ConvTranspose2d(channels[0], channels[0], 4, stride=4),
            nn.ConvTranspose2d(channels[1], channels[1], 2, stride=2),
            nn.Identity(),
            nn.Conv2d(channels[3], channels[3], 3, stride=2, padding=1),
        ])
        self.scratch = nn.Module()
        for s, c in enumerate(channels):
            self.scratch.add_module(f"layer{s + 1}_rn", nn.Conv2d(c, fusion, 3, padding=1, bias=False))
            self.scratch.add_module(f"refinenet{s + 1}", Fusion(fusion))
        self.scratch.output_conv1 = nn.Conv2d(fusion, fusion // 2, 3, padding=1)
        self.scratch.output_conv2 = nn.Sequential(
            nn.Conv2d(fusion // 2, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 1, 1), nn.ReLU()
        )

    def forward(self, stages, grid):
        maps = []
        for s, stage in enumerate(stages):
            stage = stage.transpose(1, 2).reshape(stage.shape[0], -1, grid, grid)
            resampled = self.resize_layers[s](self.projects[s](stage))
            maps.append(getattr(self.scratch, f"layer{s + 1}_rn")(resampled))
        path = None
        for s in (3, 2, 1, 0):
            size = maps[s - 1].shape[2:] if s else tuple(2 * side for side in maps[0].shape[2:])
            path = getattr(self.scratch, f"refinenet{s + 1}")(path, maps[s], size)
        return self.scratch.output_conv2(resized(self.scratch.output_conv1(path), (14 * grid, 14 * grid)))


class DepthAnything(nn.Module):
    def __init__(self, weights, grid):
        super().__init__()
        width = weights["pretrained.cls_token"].shape[-1]
        blocks = sum(key.endswith("ls1.gamma") for key in weights)
        channels = [len(weights[f"depth_head.projects.{s}.bias"]) for s in range(4)]
        fusion = len(weights["depth_head.scratch.layer1_rn.weight"])
        self.grid = grid
        self.pretrained = Encoder(width, blocks)
        self.depth_head = Head(width, channels, fusion)
        self.load_state_dict(weights)
        self.pretrained.fit_to(grid)

    def forward(self, image):
        return self.depth_head(self.pretrained(image), self.grid)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("weights")
    parser.add_argument("--size", type=int, required=True, help="pixels of a side, a multiple of 14")
    parser.add_argument("--f16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", choices=["cuda", "cpu"], help="default: cuda where there is one")
    args = parser.parse_args()

    device = args.device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.float16 if args.f16 else torch.float32
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    model = DepthAnything(read_safetensors(args.weights), args.size // 14).eval().to(device, dtype)
    if args.compile:
        model = torch.compile(model)
    where = torch.cuda.get_device_name() if device == "cuda" else f"the processor, {torch.get_num_threads()} threads"
    about = {"adapter": f"PyTorch {torch.__version__} on {where}", "cpu": 1000 * time.process_time()}
    print(json.dumps(about), flush=True)

    length = 3 * args.size * args.size * 4
    while len(picture := sys.stdin.buffer.read(length)) == length:
        with torch.inference_mode():
            image = torch.frombuffer(bytearray(picture), dtype=torch.float32).reshape(1, 3, args.size, args.size)
            depth = model(image.to(device, dtype)).float().cpu().contiguous()
        sys.stdout.buffer.write(struct.pack("<d", 1000 * time.process_time()))
        sys.stdout.buffer.write(bytes(depth.untyped_storage()))
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
