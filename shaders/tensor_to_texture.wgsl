// A map into a storage texture of its size: the value in red, green and blue, alpha 1. One thread per value.
//   NORMALISE:  (x − lo) / (hi − lo), cut to 0 ‥ 1; 0 where hi = lo
alias T = f32;                              // of the map:   f32 or f16
alias Picture = texture_storage_2d<r32float, write>;                    // or rgba8unorm, rgba16float, …
override NORMALISE: bool = false;

struct Params { H: u32, W: u32 }

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [H, W]
@group(0) @binding(1) var<storage, read> range: array<f32>;             // lo, hi; any two values without NORMALISE
@group(0) @binding(2) var picture: Picture;
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.H * params.W) { return; }
  let value = shown(f32(x[index]));
  textureStore(picture, vec2u(index % params.W, index / params.W), vec4f(value, value, value, 1.0));
}

fn shown(value: f32) -> f32 {
  if (!NORMALISE) { return value; }
  let span = range[1] - range[0];
  return select(0.0, clamp((value - range[0]) / span, 0.0, 1.0), span > 0.0);
}
