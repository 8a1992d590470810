// 255 − round(255 · m / max m): dark where a map is steep. 255 everywhere where max m ≤ 10⁻⁶.
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> steepness: array<f32>;         // [size]
@group(0) @binding(1) var<storage, read> ends: array<f32>;              // smallest and largest steepness
@group(0) @binding(2) var<storage, read_write> y: array<u32>;           // [size], 0 ‥ 255
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let steepest = ends[1];
  y[i] = 255u;
  if (steepest > 1e-6) { y[i] = 255u - u32(round(255.0 * clamp(steepness[i] / steepest, 0.0, 1.0))); }
}
