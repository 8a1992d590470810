// Cross-correlation of a map that is resized as it is read: y = activation(resize(x) ⋆ weight + bias) · scale + residual
// The plain kernel: one result per thread. It explains and checks conv2d_resized_tiled.wgsl. The resize is bilinear with
// corners aligned, as in bilinear_resize.wgsl; taps outside the resized picture are zero.
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per channel
override HAS_RESIDUAL: bool = false;

struct Params {
  B: u32, H: u32, W: u32, I: u32,             // x
  Hr: u32, Wr: u32,                           // the resized picture
  step_y: f32, step_x: f32,                   // how far one of its pixels goes in x
  Ho: u32, Wo: u32, O: u32,                   // y
  kH: u32, kW: u32,                           // weight
  padding: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;             // [B, H, W, I]
@group(0) @binding(1) var<storage, read> weight: array<W>;        // [kH, kW, I, O]
@group(0) @binding(2) var<storage, read> bias: array<E>;          // [O]
@group(0) @binding(3) var<storage, read> scale: array<E>;         // [1] or [O]
@group(0) @binding(4) var<storage, read> residual: array<R>;      // [B, Ho, Wo, O]
@group(0) @binding(5) var<storage, read_write> y: array<Y>;       // [B, Ho, Wo, O]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let channel = i % params.O;
  let pixel = i / params.O;
  if (pixel >= params.B * params.Ho * params.Wo) { return; }
  // Where the kernel's first tap falls in the resized picture; negative in the padding.
  let left = i32(pixel % params.Wo) - i32(params.padding);
  let top = i32(pixel / params.Wo % params.Ho) - i32(params.padding);
  let picture = pixel / (params.Wo * params.Ho) * params.H;

  var sum = 0.0;
  for (var ky = 0u; ky < params.kH; ky++) {
    let row = top + i32(ky);
    if (row < 0 || row >= i32(params.Hr)) { continue; }
    for (var kx = 0u; kx < params.kW; kx++) {
      let column = left + i32(kx);
      if (column < 0 || column >= i32(params.Wr)) { continue; }
      let source = vec2f(f32(row) * params.step_y, f32(column) * params.step_x);
      let near = min(vec2u(source), vec2u(params.H, params.W) - 1u);
      let far = min(near + 1u, vec2u(params.H, params.W) - 1u);
      let t = source - vec2f(near);
      let upper = (picture + near.x) * params.W;
      let lower = (picture + far.x) * params.W;
      let tap = (ky * params.kW + kx) * params.I;
      for (var c = 0u; c < params.I; c++) {
        let above = value(upper + near.y, c) * (1.0 - t.y) + value(upper + far.y, c) * t.y;
        let below = value(lower + near.y, c) * (1.0 - t.y) + value(lower + far.y, c) * t.y;
        sum += (above * (1.0 - t.x) + below * t.x) * f32(weight[(tap + c) * params.O + channel]);
      }
    }
  }
  if (HAS_BIAS) { sum += f32(bias[channel]); }
  sum = activate(sum);
  if (SCALE != 0u) { sum *= f32(scale[select(0u, channel, SCALE == 2u)]); }
  if (HAS_RESIDUAL) { sum += f32(residual[i]); }
  y[i] = Y(sum);
}

fn value(at: u32, channel: u32) -> f32 {
  return f32(x[at * params.I + channel]);
}

fn activate(v: f32) -> f32 {
  switch (ACTIVATION) {
    case 1u: { return max(v, 0.0); }
    case 2u: { return 0.5 * v * (1.0 + erf(v * 0.70710678)); }
    case 3u: { return v / (1.0 + exp(-v)); }
    case 4u: { return 1.0 / (1.0 + exp(-v)); }
    default: { return v; }
  }
}

// Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
fn erf(v: f32) -> f32 {
  let a = abs(v);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-a * a));
}
