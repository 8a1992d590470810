// A map as the rows of an r16float texture, for copyBufferToTexture: two halves in a word, rows padded to a pitch. Not every
// device lets a shader store to r16float, and all can copy to it. One thread per word. NORMALISE as in tensor_to_texture.wgsl.
alias T = f32;                              // of the map:   f32 or f16
override NORMALISE: bool = false;

struct Params { H: u32, W: u32, pitch: u32 }                            // pitch: words from row to row

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [H, W]
@group(0) @binding(1) var<storage, read> range: array<f32>;             // lo, hi; any two values without NORMALISE
@group(0) @binding(2) var<storage, read_write> y: array<u32>;           // [H, pitch]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.H * params.pitch) { return; }
  let row = index / params.pitch;
  let left = index % params.pitch * 2u;
  if (left >= params.W) { return; }
  let start = row * params.W;
  let first = shown(f32(x[start + left]));
  let second = shown(f32(x[start + min(left + 1u, params.W - 1u)]));
  y[index] = pack2x16float(vec2f(first, second));
}

fn shown(value: f32) -> f32 {
  if (!NORMALISE) { return value; }
  let span = range[1] - range[0];
  return select(0.0, clamp((value - range[0]) / span, 0.0, 1.0), span > 0.0);
}
