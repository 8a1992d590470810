// A texture as the network takes it: image_to_tensor.wgsl with its pixels read from a texture, so that a picture that is
// on the GPU never leaves it. Colours are 0 ‥ 1 in the texture; alpha is dropped.
// One thread per pixel of the result; the tables of rows and columns are those of image_to_tensor.
override LINEAR: bool = false;              // the texture holds linear light, as *-srgb and float formats do: encode it as sRGB

struct Params {
  h: u32, w: u32,                           // the picture: the upper left part of the texture
  H: u32, W: u32,                           // the result
  taps_y: u32, taps_x: u32,                 // weights in a line of each table
  mean_r: f32, mean_g: f32, mean_b: f32,
  std_r: f32, std_g: f32, std_b: f32,
}

@group(0) @binding(0) var<storage, read> rows: array<f32>;              // [H, 1 + taps_y]
@group(0) @binding(1) var<storage, read> columns: array<f32>;           // [W, 1 + taps_x]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [H, W, 3]
@group(0) @binding(3) var picture: texture_2d<f32>;
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
      along += encoded(textureLoad(picture, vec2i(at, line), 0).rgb) * columns[column + 1u + i];
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

// Linear light as sRGB stores it (IEC 61966-2-1), what is brighter than white cut off.
fn encoded(colour: vec3f) -> vec3f {
  if (!LINEAR) { return colour; }
  let light = clamp(colour, vec3f(), vec3f(1.0));
  return select(1.055 * pow(light, vec3f(1.0 / 2.4)) - 0.055, 12.92 * light, light <= vec3f(0.0031308));
}
