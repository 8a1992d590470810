// A picture as the network takes it: RGBA bytes resized, then (rgb / 255 − mean) / std. Alpha is dropped.
// One thread per pixel of the result; it sums taps of both axes directly, on values 0 ‥ 255, without clamping: cubic
// filters overshoot and the models were trained with that. Which pixels and weights is decided on the CPU: a table per
// axis has a line for every pixel of the result with the first source pixel, which may lie before the border, and one
// weight for each pixel from there on. Pixels outside are the border's.
struct Params {
  h: u32, w: u32,                           // the picture
  H: u32, W: u32,                           // the result
  taps_y: u32, taps_x: u32,                 // weights in a line of each table
  mean_r: f32, mean_g: f32, mean_b: f32,
  std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> pixels: array<u32>;            // [h, w], red in the lowest byte
@group(0) @binding(1) var<storage, read> rows: array<f32>;              // [H, 1 + taps_y]
@group(0) @binding(2) var<storage, read> columns: array<f32>;           // [W, 1 + taps_x]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;           // [H, W, 3]
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
    let line = u32(clamp(first_y + i32(j), 0, i32(params.h) - 1)) * params.w;
    var along = vec3f();
    for (var i = 0u; i < params.taps_x; i++) {
      let at = line + u32(clamp(first_x + i32(i), 0, i32(params.w) - 1));
      along += rgb(pixels[at]) * columns[column + 1u + i];
    }
    sum += along * rows[row + 1u + j];
  }

  let mean = vec3f(params.mean_r, params.mean_g, params.mean_b);
  let deviation = vec3f(params.std_r, params.std_g, params.std_b);
  let normal = (sum / 255.0 - mean) / deviation;
  y[index * 3u] = normal.r;
  y[index * 3u + 1u] = normal.g;
  y[index * 3u + 2u] = normal.b;
}

fn rgb(pixel: u32) -> vec3f { return vec3f(vec3u(pixel, pixel >> 8u, pixel >> 16u) & vec3u(255u)); }
