// A map summed over 5 × 5 pixels with weights exp(−r²/100), borders mirrored without repeating the pixel at the edge.
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
  var sum = 0.0;
  for (var j = -2; j <= 2; j++) {
    for (var i = -2; i <= 2; i++) {
      let at = mirrored(row + j, params.H) * params.W + mirrored(column + i, params.W);
      sum += x[at] * exp(-0.01 * f32(i * i + j * j));
    }
  }
  y[index] = sum;
}

fn mirrored(i: i32, size: u32) -> u32 {
  let last = i32(size) - 1;
  if (last == 0) { return 0u; }
  // Maps narrower than the reach are mirrored back and forth.
  let there = abs(i) % (2 * last);
  return u32(min(there, 2 * last - there));
}
