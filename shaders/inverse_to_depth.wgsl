// Distance from inverse depth brought to 0 ‥ 1:  y = 1 / (A·v + B), and `limit` where A·v + B is not above `least`.
// The limit is stored and not computed, because it may be infinite and WGSL does not promise that 1 / 0 is.
struct Params { size: u32 }

@group(0) @binding(0) var<storage, read> v: array<f32>;                 // [size]
@group(0) @binding(1) var<storage, read> line: array<f32>;              // A, B, least, limit
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [size]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  let inverse = line[0] * v[i] + line[1];
  if (inverse > line[2]) { y[i] = 1.0 / inverse; } else { y[i] = line[3]; }
}
