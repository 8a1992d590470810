// Resize to the nearest pixel, in whole numbers: source pixel ⌊i · in / out⌋, or, CENTRES, ⌊(i + ½) · in / out⌋.
alias T = f32;                              // storage: f32, f16 or u32
override CENTRES: bool = true;

struct Params { B: u32, H: u32, W: u32, C: u32, H2: u32, W2: u32 }

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [B, H, W, C]
@group(0) @binding(1) var<storage, read_write> y: array<T>;             // [B, H2, W2, C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let c = index % params.C;
  let column = index / params.C % params.W2;
  let row = index / params.C / params.W2 % params.H2;
  let b = index / params.C / params.W2 / params.H2;
  if (b >= params.B) { return; }
  let from_row = source(row, params.H, params.H2);
  let from_column = source(column, params.W, params.W2);
  y[index] = x[((b * params.H + from_row) * params.W + from_column) * params.C + c];
}

fn source(i: u32, size: u32, new_size: u32) -> u32 {
  if (CENTRES) { return (2u * i + 1u) * size / (2u * new_size); }
  return i * size / new_size;
}
