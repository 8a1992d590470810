// Cross-correlation over height and width, channels last: y = activation(x ⋆ weight + bias) · scale + residual
// The plain kernel: one result per thread. It explains and checks the others. Taps outside the picture are zero.
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override PRE_RELU: bool = false;              // max(x, 0) as x is read
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per channel
override HAS_RESIDUAL: bool = false;

struct Params {
  B: u32, H: u32, W: u32, I: u32,             // x
  Ho: u32, Wo: u32, O: u32,                   // y
  kH: u32, kW: u32,                           // weight
  stride: u32, padding: u32,
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
  // Where the kernel's first tap falls; negative in the padding.
  let left = i32(pixel % params.Wo * params.stride) - i32(params.padding);
  let top = i32(pixel / params.Wo % params.Ho * params.stride) - i32(params.padding);
  let picture = pixel / (params.Wo * params.Ho) * params.H;

  var sum = 0.0;
  for (var ky = 0u; ky < params.kH; ky++) {
    let row = top + i32(ky);
    if (row < 0 || row >= i32(params.H)) { continue; }
    for (var kx = 0u; kx < params.kW; kx++) {
      let column = left + i32(kx);
      if (column < 0 || column >= i32(params.W)) { continue; }
      let pixel_at = ((picture + u32(row)) * params.W + u32(column)) * params.I;
      let tap = (ky * params.kW + kx) * params.I;
      for (var c = 0u; c < params.I; c++) {
        var v = f32(x[pixel_at + c]);
        if (PRE_RELU) { v = max(v, 0.0); }
        sum += v * f32(weight[(tap + c) * params.O + channel]);
      }
    }
  }
  if (HAS_BIAS) { sum += f32(bias[channel]); }
  sum = activate(sum);
  if (SCALE != 0u) { sum *= f32(scale[select(0u, channel, SCALE == 2u)]); }
  if (HAS_RESIDUAL) { sum += f32(residual[i]); }
  y[i] = Y(sum);
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
