// The range of a film's maps that makes a map most like the one shown before it. Relative depth is known up to scale and
// shift, and a network settles both anew for every frame; the range of the last frame, however smooth, would show that as
// flicker. With v the samples of this map brought to 0 ‥ 1 by its own range, and p those of the last as it was shown:
//   k, b = argmin Σ (k v + b − p)²        so that (v + b / k) · k ≈ p: the ends are at −b / k and (1 − b) / k
//   r += α · (own − r)                    back to the map's own ends 0, 1, slowly
// At a cut, and where nothing fits (flat, or k beyond ¼ ‥ 4), the map's own range is taken.
struct Params { size: u32 }                 // samples of a map

@group(0) @binding(0) var<storage, read> x: array<f32>;                 // [size], of the map
@group(0) @binding(1) var<storage, read> range: array<f32>;             // lo, hi of this map
@group(0) @binding(2) var<storage, read> pace: array<f32>;              // α, limit, _
@group(0) @binding(3) var<storage, read> state: array<f32>;             // of range_over_time: 1 at a cut in [4]
@group(0) @binding(4) var<storage, read_write> shown: array<f32>;       // [size], kept from frame to frame
@group(0) @binding(5) var<storage, read_write> y: array<f32>;           // lo, hi
@group(0) @binding(6) var<uniform> params: Params;

// Σ v, Σ p, Σ v², Σ v p, each about ½, so that squares do not cancel.
var<workgroup> sums: array<vec4f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x + group.y * 32768u > 0u) { return; }
  let lo = range[0];
  let span = range[1] - range[0];
  let scale = select(0.0, 1.0 / span, span > 0.0);
  var sum = vec4f();
  for (var i = lane; i < params.size; i += 256u) {
    let v = (x[i] - lo) * scale - 0.5;
    let p = shown[i] - 0.5;
    sum += vec4f(v, p, v * v, v * p);
  }
  sums[lane] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  workgroupBarrier();

  let mean = sums[0] / f32(params.size);
  let variance = mean.z - mean.x * mean.x;
  let k = select(0.0, (mean.w - mean.x * mean.y) / variance, variance > 1e-8);
  var ends = vec2f(0.0, 1.0);
  if (state[4] < 0.5 && k > 0.25 && k < 4.0) {
    let b = mean.y - k * mean.x;            // of v and p less ½ each
    let fitted = (vec2f(-0.5, 0.5) - b) / k + 0.5;
    ends = fitted + pace[0] * (ends - fitted);
  }
  for (var i = lane; i < params.size; i += 256u) {
    shown[i] = ((x[i] - lo) * scale - ends.x) / (ends.y - ends.x);
  }
  if (lane < 2u) { y[lane] = lo + ends[lane] * span; }
}
