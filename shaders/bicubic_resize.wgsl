// Bicubic resize of a feature map as PyTorch does it: A = −0.75, no antialiasing, corners not aligned. Per axis:
//   src = (dst + ½) · step − ½,  i = ⌊src⌋,  t = src − i;  taps i − 1 ‥ i + 2, clamped to the border
//   weight(distance) = (A + 2)|d|³ − (A + 3)|d|² + 1         |d| ≤ 1
//                    = A|d|³ − 5A|d|² + 8A|d| − 4A           1 < |d| < 2
// One thread per output value, or per four channels where V is a vec4.
alias T = f32;                              // storage:      f32, f16, vec4<f32> or vec4<f16>
alias V = f32;                              // arithmetic:   f32 or vec4<f32>
const A = -0.75;

struct Params { B: u32, H: u32, W: u32, C: u32, H2: u32, W2: u32, step_y: f32, step_x: f32 }   // C in units of T

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [B, H, W, C]
@group(0) @binding(1) var<storage, read_write> y: array<T>;             // [B, H2, W2, C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let C = params.C;
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let c = index % C;
  let column = index / C % params.W2;
  let row = index / C / params.W2 % params.H2;
  let b = index / C / params.W2 / params.H2;
  if (b >= params.B) { return; }

  let src_y = (f32(row) + 0.5) * params.step_y - 0.5;
  let src_x = (f32(column) + 0.5) * params.step_x - 0.5;
  let first_y = i32(floor(src_y)) - 1;
  let first_x = i32(floor(src_x)) - 1;
  let weights_y = weights(src_y - floor(src_y));
  let weights_x = weights(src_x - floor(src_x));

  var sum = V();
  for (var j = 0; j < 4; j++) {
    let line = (b * params.H + u32(clamp(first_y + j, 0, i32(params.H) - 1))) * params.W;
    var along = V();
    for (var i = 0; i < 4; i++) {
      let tap = u32(clamp(first_x + i, 0, i32(params.W) - 1));
      along += V(x[(line + tap) * C + c]) * weights_x[i];
    }
    sum += along * weights_y[j];
  }
  y[index] = T(sum);
}

// Of the taps at distances 1 + t, t, 1 − t and 2 − t.
fn weights(t: f32) -> vec4f { return vec4f(far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)); }
fn near(d: f32) -> f32 { return ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0; }
fn far(d: f32) -> f32 { return ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A; }
