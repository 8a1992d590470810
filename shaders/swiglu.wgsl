// The gate of a SwiGLU feed-forward: y = silu(gate) · value, where x = [gate ; value] along the last axis.
alias X = f32;                              // storage of x
alias Y = f32;                              // of y; arithmetic is f32 whatever they are

struct Params { rows: u32, m: u32 }

@group(0) @binding(0) var<storage, read> x: array<X>;             // [rows, 2m]
@group(0) @binding(1) var<storage, read_write> y: array<Y>;       // [rows, m]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let row = i / params.m;
  if (row >= params.rows) { return; }
  let at = row * 2u * params.m + i % params.m;
  let gate = f32(x[at]);
  y[i] = Y(gate / (1.0 + exp(-gate)) * f32(x[at + params.m]));
}
