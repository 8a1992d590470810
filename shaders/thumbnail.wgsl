// A picture's brightness, 0.299 R + 0.587 G + 0.114 B, averaged over the areas of a coarse grid. One workgroup per area,
// which holds the pixels from ⌊i · h / H⌋ up to the next area's first, at least one.
struct Params { h: u32, w: u32, H: u32, W: u32 }

@group(0) @binding(0) var<storage, read> pixels: array<u32>;            // [h, w], red in the lowest byte
@group(0) @binding(1) var<storage, read_write> y: array<f32>;           // [H, W], 0 ‥ 1
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> sums: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * 32768u;
  if (index >= params.H * params.W) { return; }
  let row = index / params.W;
  let column = index % params.W;
  let top = row * params.h / params.H;
  let left = column * params.w / params.W;
  let height = max((row + 1u) * params.h / params.H, top + 1u) - top;
  let width = max((column + 1u) * params.w / params.W, left + 1u) - left;

  var sum = 0.0;
  for (var i = lane; i < height * width; i += 64u) {
    let rgb = unpack4x8unorm(pixels[(top + i / width) * params.w + left + i % width]).rgb;
    sum += dot(rgb, vec3f(0.299, 0.587, 0.114));
  }
  sums[lane] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane == 0u) { y[index] = sums[0] / f32(height * width); }
}
