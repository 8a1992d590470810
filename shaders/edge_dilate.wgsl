// The darkest value within a disc of `radius` pixels: the edges of a mask reach farther. Nothing lies beyond the border.
struct Params { H: u32, W: u32, radius: u32 }

@group(0) @binding(0) var<storage, read> x: array<u32>;                 // [H, W]
@group(0) @binding(1) var<storage, read_write> y: array<u32>;           // [H, W]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.H * params.W) { return; }
  let row = i32(index / params.W);
  let column = i32(index % params.W);
  let r = i32(params.radius);
  var darkest = x[index];
  for (var j = max(-r, -row); j <= min(r, i32(params.H) - 1 - row); j++) {
    for (var i = max(-r, -column); i <= min(r, i32(params.W) - 1 - column); i++) {
      if (i * i + j * j > r * r) { continue; }
      darkest = min(darkest, x[u32(row + j) * params.W + u32(column + i)]);
    }
  }
  y[index] = darkest;
}
