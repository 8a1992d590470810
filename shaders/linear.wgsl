// Linear map over the last axis: y = activation(x · weight + bias) · scale + residual
// The plain kernel: one result per thread. It explains and checks the others.
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per column
override HAS_RESIDUAL: bool = false;

struct Params { M: u32, N: u32, K: u32 }

@group(0) @binding(0) var<storage, read> x: array<X>;             // [M, K]
@group(0) @binding(1) var<storage, read> weight: array<W>;        // [K, N]
@group(0) @binding(2) var<storage, read> bias: array<E>;          // [N]
@group(0) @binding(3) var<storage, read> scale: array<E>;         // [1] or [N]
@group(0) @binding(4) var<storage, read> residual: array<R>;      // [M, N]
@group(0) @binding(5) var<storage, read_write> y: array<Y>;       // [M, N]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * 32768u) * 64u + lane;
  let row = i / params.N;
  let column = i % params.N;
  if (row >= params.M) { return; }

  var sum = 0.0;
  for (var k = 0u; k < params.K; k++) {
    sum += f32(x[row * params.K + k]) * f32(weight[k * params.N + column]);
  }
  if (HAS_BIAS) { sum += f32(bias[column]); }
  sum = activate(sum);
  if (SCALE != 0u) { sum *= f32(scale[select(0u, column, SCALE == 2u)]); }
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
