// Normals as colours: round(255 · (n/2 + 1/2)) of x, y and z, opaque.
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;                 // [size, 3], −1 ‥ 1
@group(0) @binding(1) var<storage, read_write> y: array<u32>;           // [size], red in the lowest byte
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let normal = vec3f(x[i * 3u], x[i * 3u + 1u], x[i * 3u + 2u]);
  let rgb = vec3u(round(255.0 * clamp(normal * 0.5 + 0.5, vec3f(0.0), vec3f(1.0))));
  y[i] = rgb.r | (rgb.g << 8u) | (rgb.b << 16u) | 0xff000000u;
}
