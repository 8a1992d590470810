// Resize of a feature map by tables of taps: y = Σ weight_y · weight_x · x over the taps of both axes.
// Which pixels and weights is decided on the CPU: a table per axis has a line for every pixel of the result with the
// first source pixel, which may lie before the border, and one weight for each pixel from there on. Pixels outside are
// the border's. One thread per output value, or per four channels where V is a vec4.
alias T = f32;                              // storage:      f32, f16, vec4<f32> or vec4<f16>
alias V = f32;                              // arithmetic:   f32 or vec4<f32>

struct Params { B: u32, H: u32, W: u32, C: u32, H2: u32, W2: u32, taps_y: u32, taps_x: u32 }   // C in units of T

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [B, H, W, C]
@group(0) @binding(1) var<storage, read> rows: array<f32>;              // [H2, 1 + taps_y]
@group(0) @binding(2) var<storage, read> columns: array<f32>;           // [W2, 1 + taps_x]
@group(0) @binding(3) var<storage, read_write> y: array<T>;             // [B, H2, W2, C]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let C = params.C;
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let c = index % C;
  let column = index / C % params.W2 * (params.taps_x + 1u);
  let row = index / C / params.W2 % params.H2 * (params.taps_y + 1u);
  let b = index / C / params.W2 / params.H2;
  if (b >= params.B) { return; }
  let first_y = i32(rows[row]);
  let first_x = i32(columns[column]);

  var sum = V();
  for (var j = 0u; j < params.taps_y; j++) {
    let line = (b * params.H + u32(clamp(first_y + i32(j), 0, i32(params.H) - 1))) * params.W;
    var along = V();
    for (var i = 0u; i < params.taps_x; i++) {
      let at = line + u32(clamp(first_x + i32(i), 0, i32(params.W) - 1));
      along += V(x[at * C + c]) * columns[column + 1u + i];
    }
    sum += along * rows[row + 1u + j];
  }
  y[index] = T(sum);
}
