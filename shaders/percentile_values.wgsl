// The end of a radix select: the values whose digits were found, and between two neighbours the straight line.
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> found: array<u32>;             // [4, 2]: all digits, rank
@group(0) @binding(1) var<storage, read> percent: array<f32>;           // two, 0 ‥ 100
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [2]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(2)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x + group.y * 32768u > 0u) { return; }
  let hundredths = u32(round(clamp(percent[lane], 0.0, 100.0) * 100.0));
  let t = f32((params.size - 1u) % 10000u * hundredths % 10000u) / 10000.0;
  let below = number(found[lane * 4u]);
  let above = number(found[lane * 4u + 2u]);
  y[lane] = below * (1.0 - t) + above * t;
}

/// Back from bits that compare as integers.
fn number(key: u32) -> f32 {
  return bitcast<f32>(key ^ select(0xffffffffu, 0x80000000u, key >= 0x80000000u));
}
