// 255 where lo ≤ z ≤ hi, else 0; inverted 0 and 255.
struct Settings {                           // depthSettings() packs them
  low_percentile: f32, high_percentile: f32, plane: f32, lo: f32, hi: f32, gamma: f32, reverse: f32, invert_mask: f32,
}
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> z: array<f32>;                 // [size]
@group(0) @binding(1) var<storage, read> settings: Settings;
@group(0) @binding(2) var<storage, read_write> y: array<u32>;           // [size]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let is_kept = z[i] >= settings.lo && z[i] <= settings.hi;
  y[i] = select(0u, 255u, is_kept != (settings.invert_mask > 0.5));
}
