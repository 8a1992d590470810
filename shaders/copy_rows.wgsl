// Copies a block of x into a block of y, both seen as [outer, axis, inner]: slices, concatenations, conversions.
// One value (or four) per thread.
alias X = f32;                              // storage of x:  f32, f16, u32, vec4<f32> or vec4<f16>
alias Y = f32;                              // of y:          likewise

// x_outer is 1 where x is repeated along the outer axis of y.
struct Params {
  outer: u32, count: u32, inner: u32,
  x_outer: u32, x_axis: u32, x_from: u32,
  y_axis: u32, y_from: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let column = i % params.inner;
  let row = i / params.inner % params.count;
  let outer = i / (params.inner * params.count);
  if (outer >= params.outer) { return; }
  let source = (outer % params.x_outer * params.x_axis + params.x_from + row) * params.inner + column;
  y[(outer * params.y_axis + params.y_from + row) * params.inner + column] = Y(x[source]);
}
