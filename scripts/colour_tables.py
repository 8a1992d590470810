"""python3 scripts/colour_tables.py: writes packages/dpt/src/depth_map/colour_tables.ts from matplotlib's colour maps.

Run once, with matplotlib 3.11.2; the tables are published data and do not change. Colours are rounded to the nearest byte.
"""
from pathlib import Path

import matplotlib
import numpy as np

# Near is warm and bright, so Spectral runs from blue to red, as in the demos of Depth-Anything.
NAMES = {
    "inferno": "inferno", "magma": "magma", "viridis": "viridis", "plasma": "plasma",
    "cividis": "cividis", "turbo": "turbo", "twilight": "twilight", "spectral": "Spectral_r",
}
PER_LINE = 85  # steps

HEADER = """// Written by scripts/colour_tables.py: 256 colours per map from far to near. The first in hexadecimal digits, then per channel what
// each adds to the one before it, `m` for 0, `n` for 1, `l` for −1: a fifth of the colours themselves when compressed.
// inferno, magma, viridis, plasma: Nathaniel J. Smith, Stéfan van der Walt and Eric Firing, CC0. turbo: Anton Mikhailov, Google, Apache-2.0.
// cividis: Jamie R. Nuñez, Christopher R. Anderton and Ryan S. Renslow, as matplotlib has it, CC0.
// twilight: Bastian Bechtold, CC0; 510 colours read at 256 even points.
// spectral: ColorBrewer's Spectral reversed, Cynthia Brewer, Mark Harrower and The Pennsylvania State University, Apache-2.0.
"""


def table(name: str) -> str:
    # Floats: whole numbers would be places in the map's own table, and twilight's has 510.
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))
    bytes = [[round(float(channel) * 255) for channel in colour[:3]] for colour in colours]
    lines = [f"    '{''.join(f'{byte:02x}' for byte in bytes[0])}',"]
    for channel in range(3):
        steps = "".join(chr(ord("m") + b[channel] - a[channel]) for a, b in zip(bytes, bytes[1:]))
        parts = [f"'{steps[i : i + PER_LINE]}'" for i in range(0, 255, PER_LINE)]
        lines.append("    " + " +\n      ".join(parts) + ",")
    return "\n".join(lines)


entries = [f"  {ours}: [\n{table(theirs)}\n  ]," for ours, theirs in NAMES.items()]
text = HEADER + "export const colourTables = {\n" + "\n".join(entries) + "\n} as const;\n"
root = Path(__file__).resolve().parent.parent
(root / "packages/dpt/src/depth_map/colour_tables.ts").write_text(text, encoding="utf8")
