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
PER_LINE = 15  # colours

HEADER = """// Written by scripts/colour_tables.py: 256 colours per map, six hexadecimal digits each, from far to near.
// inferno, magma, viridis, plasma: Nathaniel J. Smith, Stéfan van der Walt and Eric Firing, CC0. turbo: Anton Mikhailov, Google, Apache-2.0.
// cividis: Jamie R. Nuñez, Christopher R. Anderton and Ryan S. Renslow, as matplotlib has it, CC0.
// twilight: Bastian Bechtold, CC0; 510 colours read at 256 even points.
// spectral: ColorBrewer's Spectral reversed, Cynthia Brewer, Mark Harrower and The Pennsylvania State University, Apache-2.0.
"""


def table(name: str) -> str:
    # Floats: whole numbers would be places in the map's own table, and twilight's has 510.
    colours = matplotlib.colormaps[name](np.linspace(0, 1, 256))
    digits = ["".join(f"{round(float(channel) * 255):02x}" for channel in colour[:3]) for colour in colours]
    lines = ["".join(digits[i : i + PER_LINE]) for i in range(0, 256, PER_LINE)]
    return " +\n".join(f"    '{line}'" for line in lines)


entries = [f"  {ours}:\n{table(theirs)}," for ours, theirs in NAMES.items()]
text = HEADER + "export const colourTables = {\n" + "\n".join(entries) + "\n} as const;\n"
root = Path(__file__).resolve().parent.parent
(root / "packages/dpt/src/depth_map/colour_tables.ts").write_text(text, encoding="utf8")
