// A frame of a film as the network takes it: texture_to_tensor.wgsl for an external texture, which a browser makes of a
// video element or VideoFrame without a copy. Its colours are read as sRGB, 0 ‥ 1, whatever the film stores.
// One thread per pixel of the result; the tables of rows and columns are those of image_to_tensor.

struct Params {
  h: u32, w: u32,                           // the frame, upright and cropped
  H: u32, W: u32,                           // the result
  taps_y: u32, taps_x: u32,                 // weights in a line of each table
  mean_r: f32, mean_g: f32, mean_b: f32,
  std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> rows: array<f32>;              // [H, 1 + taps_y]
@group(0) @binding(1) var<storage, read> columns: array<f32>;           // [W, 1 + taps_x]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [H, W, 3]
@group(0) @binding(3) var frame: texture_external;
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.H * params.W) { return; }
  let row = index / params.W * (params.taps_y + 1u);
  let column = index % params.W * (params.taps_x + 1u);
  let first_y = i32(rows[row]);
  let first_x = i32(columns[column]);

  var sum = vec3f();
  for (var j = 0u; j < params.taps_y; j++) {
    let line = clamp(first_y + i32(j), 0, i32(params.h) - 1);
    var along = vec3f();
    for (var i = 0u; i < params.taps_x; i++) {
      let at = clamp(first_x + i32(i), 0, i32(params.w) - 1);
      along += textureLoad(frame, vec2i(at, line)).rgb * columns[column + 1u + i];
    }
    sum += along * rows[row + 1u + j];
  }

  let mean = vec3f(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3f(params.std_r, params.std_g, params.std_b);
  let normal = (sum - mean) / deviation;
  y[index * 3u] = normal.r;
  y[index * 3u + 1u] = normal.g;
  y[index * 3u + 2u] = normal.b;
}
