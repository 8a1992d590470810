// Bilinear resize of a feature map. Per axis, with the source step per output pixel as `step`:
//   corners aligned      src = dst · step,                    step = (in − 1) / (out − 1), 0 where out = 1
//   otherwise            src = max(0, (dst + ½) · step − ½),  step = in / out
//   y = (1 − t) · x[i] + t · x[min(i + 1, in − 1)]            i = ⌊src⌋, t = src − i
// One thread per output value, or per four channels where V is a vec4.
alias T = f32;                              // storage:      f32, f16, vec4<f32> or vec4<f16>
alias V = f32;                              // arithmetic:   f32 or vec4<f32>
override ALIGN_CORNERS: bool = false;

struct Params { B: u32, H: u32, W: u32, C: u32, H2: u32, W2: u32, step_y: f32, step_x: f32 }   // C in units of T

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [B, H, W, C]
@group(0) @binding(1) var<storage, read_write> y: array<T>;             // [B, H2, W2, C]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let H = params.H;
  let W = params.W;
  let C = params.C;
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let c = index % C;
  let column = index / C % params.W2;
  let row = index / C / params.W2 % params.H2;
  let b = index / C / params.W2 / params.H2;
  if (b >= params.B) { return; }

  let src_y = source(row, params.step_y);
  let src_x = source(column, params.step_x);
  let top = min(u32(src_y), H - 1u);
  let left = min(u32(src_x), W - 1u);
  let bottom = min(top + 1u, H - 1u);
  let right = min(left + 1u, W - 1u);
  let ty = src_y - f32(top);
  let tx = src_x - f32(left);

  let upper = (b * H + top) * W;
  let lower = (b * H + bottom) * W;
  let above = V(x[(upper + left) * C + c]) * (1.0 - tx) + V(x[(upper + right) * C + c]) * tx;
  let below = V(x[(lower + left) * C + c]) * (1.0 - tx) + V(x[(lower + right) * C + c]) * tx;
  y[index] = T(above * (1.0 - ty) + below * ty);
}

fn source(dst: u32, step: f32) -> f32 {
  if (ALIGN_CORNERS) { return f32(dst) * step; }
  return max(0.0, (f32(dst) + 0.5) * step - 0.5);
}
