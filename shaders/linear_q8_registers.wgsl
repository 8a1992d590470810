// Linear map with int8 weights: y = activation((x · weight) · scales + bias) · scale + residual
//
// linear_registers.wgsl, which draws the tile, with a word of four int8 where it reads a vec4 of weights. A weight is its
// int8 times the scale of its column, which multiplies the finished sum. Sums are f32, of int8 / 127: unpacked by shifts
// that differ from column to column, whole numbers would cost SwiftShader a third more.
// Needs N divisible by 4.
alias X = f32;                                // storage of x
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid

struct Params {
  M: u32, N: u32, K: u32,
  HAS_BIAS: u32,
  SCALE: u32,                                 // 0 none, 1 one number, 2 one per column
  HAS_RESIDUAL: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;                 // [M, K]
@group(0) @binding(1) var<storage, read> weight: array<u32>;          // [K, N / 4]: int8, four columns to a word
@group(0) @binding(2) var<storage, read> bias: array<vec4<E>>;        // [N]
@group(0) @binding(3) var<storage, read> scale: array<E>;             // [1] or [N]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [M, N]
@group(0) @binding(5) var<storage, read> scales: array<vec4f>;      // [N]: of the int8
@group(0) @binding(6) var<storage, read_write> y: array<vec4<Y>>;     // [M, N]
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let M = params.M;
  let K = params.K;
  let N4 = params.N / 4u;
  let tile = (group.x + group.y * 32768u) * 64u + lane;
  let tiles_across = (N4 + 1u) / 2u;
  let row = tile / tiles_across * 8u;
  if (row >= M) { return; }
  let left = tile % tiles_across * 2u;           // columns in units of vec4
  let right = min(left + 1u, N4 - 1u);

  let x0 = row * K;
  let x1 = min(row + 1u, M - 1u) * K;
  let x2 = min(row + 2u, M - 1u) * K;
  let x3 = min(row + 3u, M - 1u) * K;
  let x4 = min(row + 4u, M - 1u) * K;
  let x5 = min(row + 5u, M - 1u) * K;
  let x6 = min(row + 6u, M - 1u) * K;
  let x7 = min(row + 7u, M - 1u) * K;
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();

  for (var k = 0u; k < K; k++) {
    let wl = unpack4x8snorm(weight[k * N4 + left]);
    let wr = unpack4x8snorm(weight[k * N4 + right]);
    let a0 = f32(x[x0 + k]); l0 += a0 * wl; r0 += a0 * wr;
    let a1 = f32(x[x1 + k]); l1 += a1 * wl; r1 += a1 * wr;
    let a2 = f32(x[x2 + k]); l2 += a2 * wl; r2 += a2 * wr;
    let a3 = f32(x[x3 + k]); l3 += a3 * wl; r3 += a3 * wr;
    let a4 = f32(x[x4 + k]); l4 += a4 * wl; r4 += a4 * wr;
    let a5 = f32(x[x5 + k]); l5 += a5 * wl; r5 += a5 * wr;
    let a6 = f32(x[x6 + k]); l6 += a6 * wl; r6 += a6 * wr;
    let a7 = f32(x[x7 + k]); l7 += a7 * wl; r7 += a7 * wr;
  }

  // A loop, because compilers inline `store`: sixteen copies of it took longer to compile than all the rest.
  let sums = array(l0, r0, l1, r1, l2, r2, l3, r3, l4, r4, l5, r5, l6, r6, l7, r7);
  for (var i = 0u; i < 16u; i++) { store(row + i / 2u, left + i % 2u, sums[i]); }
}

fn store(row: u32, column: u32, sum: vec4f) {
  if (row >= params.M || column >= params.N / 4u) { return; }
  let i = row * (params.N / 4u) + column;
  var v = sum * scales[column] * 127.0;
  if (params.HAS_BIAS != 0u) { v += vec4f(bias[column]); }
  v = activate(v);
  if (params.SCALE == 1u) { v *= f32(scale[0]); }
  if (params.SCALE == 2u) {
    let c = column * 4u;
    v *= vec4f(f32(scale[c]), f32(scale[c + 1u]), f32(scale[c + 2u]), f32(scale[c + 3u]));
  }
  if (params.HAS_RESIDUAL != 0u) { v += vec4f(residual[i]); }
  y[i] = vec4<Y>(v);
}

fn activate(v: vec4f) -> vec4f {
  switch (ACTIVATION) {
    case 1u: { return max(v, vec4f()); }
    case 2u: { return 0.5 * v * (1.0 + erf(v * 0.70710678)); }
    case 3u: { return v / (1.0 + exp(-v)); }
    case 4u: { return 1.0 / (1.0 + exp(-v)); }
    default: { return v; }
  }
}

// Abramowitz and Stegun 7.1.26, absolute error below 1.5e-7.
fn erf(v: vec4f) -> vec4f {
  let a = abs(v);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let p = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(v) * (1.0 - p * exp(-a * a));
}
