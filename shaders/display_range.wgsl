// The range that a map is shown in: between its percentiles, or from end to end where these coincide.
@group(0) @binding(0) var<storage, read> percentiles: array<f32>;       // [2]
@group(0) @binding(1) var<storage, read> ends: array<f32>;              // smallest and largest value
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [2]

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
  if (group.x + group.y * 32768u > 0u) { return; }
  let lo = percentiles[0];
  let hi = percentiles[1];
  y[0] = select(ends[0], lo, hi > lo);
  y[1] = select(ends[1], hi, hi > lo);
}
