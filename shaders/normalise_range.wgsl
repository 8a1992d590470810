// y = clamp((x − lo) / (hi − lo), 0, 1); all 0 where hi − lo is not above `flat`.
// Halves are subtracted, because hi − lo of two large numbers may overflow.
override NEAR_IS_LOW: bool = false;         // 1 − y: metres, of which the smallest is the nearest

struct Params { size: u32, flat: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;                 // [size]
@group(0) @binding(1) var<storage, read> range: array<f32>;             // lo, hi
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [size]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let lo = 0.5 * range[0];
  let half_span = 0.5 * range[1] - lo;
  if (!(half_span > 0.5 * params.flat)) {
    y[i] = 0.0;
    return;
  }
  let v = clamp((0.5 * x[i] - lo) / half_span, 0.0, 1.0);
  y[i] = select(v, 1.0 - v, NEAR_IS_LOW);
}
