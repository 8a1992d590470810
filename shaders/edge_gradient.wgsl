// Length of the gradient by 3 × 3 differences with weights 3, 10, 3, borders mirrored without repeating the pixel at the edge.
struct Params { H: u32, W: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;                 // [H, W]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;           // [H, W]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.H * params.W) { return; }
  let row = i32(index / params.W);
  let column = i32(index % params.W);
  var gradient = vec2f();
  for (var i = -1; i <= 1; i++) {
    let weight = select(3.0, 10.0, i == 0);
    gradient.x += weight * (value(row + i, column + 1) - value(row + i, column - 1));
    gradient.y += weight * (value(row + 1, column + i) - value(row - 1, column + i));
  }
  y[index] = length(gradient);
}

fn value(row: i32, column: i32) -> f32 { return x[mirrored(row, params.H) * params.W + mirrored(column, params.W)]; }

fn mirrored(i: i32, size: u32) -> u32 {
  let last = i32(size) - 1;
  if (last == 0) { return 0u; }
  let there = abs(i) % (2 * last);
  return u32(min(there, 2 * last - there));
}
