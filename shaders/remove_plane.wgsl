// y = z − k · (a·x + b·y + c): takes a share k of a plane away from a map.
struct Settings {                           // depthSettings() packs them
  low_percentile: f32, high_percentile: f32, plane: f32, lo: f32, hi: f32, gamma: f32, reverse: f32, invert_mask: f32,
}
struct Params { size: u32, W: u32 }

@group(0) @binding(0) var<storage, read> z: array<f32>;                 // [H, W]
@group(0) @binding(1) var<storage, read> plane: array<f32>;             // a, b, c
@group(0) @binding(2) var<storage, read> settings: Settings;            // k is settings.plane
@group(0) @binding(3) var<storage, read_write> y: array<f32>;           // [H, W]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let height = plane[0] * f32(i % params.W) + plane[1] * f32(i / params.W) + plane[2];
  y[i] = z[i] - settings.plane * height;
}
