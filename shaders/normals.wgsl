// Normals of a depth map: the cross product of the differences between a pixel's neighbours, placed in space.
//   X = depth · vx · sx · t,  Y = depth · vy · sy · t,  Z = −depth      t = tan(fov/2), of the longer side, whose s is 1
//   vx = 2x/(W − 1) − 1,  vy = 1 − 2y/(H − 1), 0 where there is one column, one row
// x right, y up, z towards the camera: a wall that faces it is (0, 0, 1). At the border the pixel stands in for the missing
// neighbour. Where there is no surface, in one row or column and next to an infinite depth, the result is (0, 0, 1).
struct Params { H: u32, W: u32 }

@group(0) @binding(0) var<storage, read> depth: array<f32>;             // [H, W]
@group(0) @binding(1) var<storage, read> view: array<f32>;              // t
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [H, W, 3]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  if (i >= params.H * params.W) { return; }
  let row = i / params.W;
  let column = i % params.W;
  let right = place(row, min(column + 1u, params.W - 1u)) - place(row, max(column, 1u) - 1u);
  let up = place(max(row, 1u) - 1u, column) - place(min(row + 1u, params.H - 1u), column);

  // Of lengths near one, so that neither large nor small depths leave the range of f32.
  let across = cross(right / largest(right), up / largest(up));
  let squared = dot(across, across);
  let is_surface = squared > 0.0 && (bitcast<u32>(squared) & 0x7f800000u) != 0x7f800000u;
  var normal = vec3f(0.0, 0.0, 1.0);
  if (is_surface) { normal = across * inverseSqrt(squared); }
  y[i * 3u] = normal.x;
  y[i * 3u + 1u] = normal.y;
  y[i * 3u + 2u] = normal.z;
}

fn place(row: u32, column: u32) -> vec3f {
  let H = f32(params.H);
  let W = f32(params.W);
  let vx = select(0.0, 2.0 * f32(column) / (W - 1.0) - 1.0, params.W > 1u);
  let vy = select(0.0, 1.0 - 2.0 * f32(row) / (H - 1.0), params.H > 1u);
  let longer = max(H, W);
  return depth[row * params.W + column] * vec3f(vx * W / longer * view[0], vy * H / longer * view[0], -1.0);
}

fn largest(v: vec3f) -> f32 { return max(max(abs(v.x), abs(v.y)), max(abs(v.z), 1e-30)); }
