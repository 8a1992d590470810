// y = table[x]; beyond the end the last entry.
struct Params { size: u32, entries: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;                 // [size]
@group(0) @binding(1) var<storage, read> table: array<u32>;             // [entries]
@group(0) @binding(2) var<storage, read_write> y: array<u32>;           // [size]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.size) { return; }
  y[i] = table[min(x[i], params.entries - 1u)];
}
