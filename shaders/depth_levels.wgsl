// Thresholds, gamma and bytes:
//   t = clamp((z − lo) / max(0.001, hi − lo), 0, 1)    value = t^gamma, or 1 − t^gamma reversed    level = round(255 · t^gamma)
// Levels are reversed later: equalisation comes between.
struct Settings {                           // depthSettings() packs them
  low_percentile: f32, high_percentile: f32, plane: f32, lo: f32, hi: f32, gamma: f32, reverse: f32, invert_mask: f32,
}
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> z: array<f32>;                 // [size], 0 ‥ 1
@group(0) @binding(1) var<storage, read> settings: Settings;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;      // [size], 0 ‥ 1
@group(0) @binding(3) var<storage, read_write> levels: array<u32>;      // [size], 0 ‥ 255
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let t = clamp((z[i] - settings.lo) / max(0.001, settings.hi - settings.lo), 0.0, 1.0);
  // pow goes through a logarithm: 1 as exponent and 0 as base are kept out of it.
  var v = t;
  if (t > 0.0 && settings.gamma != 1.0) { v = min(pow(t, settings.gamma), 1.0); }
  levels[i] = u32(round(255.0 * v));
  values[i] = select(v, 1.0 - v, settings.reverse > 0.5);
}
