// Linear map with int8 weights: y = activation((x · weight) · scales + bias) · scale + residual
//
// linear_registers.wgsl, which draws the tile, with a word of four int8 where it reads a vec4 of weights. A weight is its
// int8 times the scale of its column, which multiplies the finished sum. Sums are f32.
// Needs K and N divisible by 4.
alias X = f32;                                // storage of x
alias W = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per column
override HAS_RESIDUAL: bool = false;

struct Params { M: u32, N: u32, K: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;           // [M, K]
@group(0) @binding(1) var<storage, read> weight: array<u32>;          // [K, N / 4]: int8, four columns to a word
@group(0) @binding(2) var<storage, read> bias: array<vec4<W>>;        // [N]
@group(0) @binding(3) var<storage, read> scale: array<W>;             // [1] or [N]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [M, N]
@group(0) @binding(5) var<storage, read> scales: array<vec4f>;      // [N]: of the int8
@group(0) @binding(6) var<storage, read_write> y: array<vec4<Y>>;     // [M, N]
@group(0) @binding(7) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let M = params.M;
  let N4 = params.N / 4u;
  let K4 = params.K / 4u;
  let tile = (group.x + group.y * 32768u) * 64u + lane;
  let tiles_across = (N4 + 1u) / 2u;
  let row = tile / tiles_across * 8u;
  if (row >= M) { return; }
  let left = tile % tiles_across * 2u;           // columns in units of vec4
  let right = min(left + 1u, N4 - 1u);

  let x0 = row * K4;
  let x1 = min(row + 1u, M - 1u) * K4;
  let x2 = min(row + 2u, M - 1u) * K4;
  let x3 = min(row + 3u, M - 1u) * K4;
  let x4 = min(row + 4u, M - 1u) * K4;
  let x5 = min(row + 5u, M - 1u) * K4;
  let x6 = min(row + 6u, M - 1u) * K4;
  let x7 = min(row + 7u, M - 1u) * K4;
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();

  for (var k = 0u; k < K4; k++) {
    let w = k * 4u * N4;
    let wl0 = four(weight[w + left]);               let wr0 = four(weight[w + right]);
    let wl1 = four(weight[w + N4 + left]);          let wr1 = four(weight[w + N4 + right]);
    let wl2 = four(weight[w + 2u * N4 + left]);     let wr2 = four(weight[w + 2u * N4 + right]);
    let wl3 = four(weight[w + 3u * N4 + left]);     let wr3 = four(weight[w + 3u * N4 + right]);
    let a0 = vec4f(x[x0 + k]);
    l0 += a0.x * wl0 + a0.y * wl1 + a0.z * wl2 + a0.w * wl3;
    r0 += a0.x * wr0 + a0.y * wr1 + a0.z * wr2 + a0.w * wr3;
    let a1 = vec4f(x[x1 + k]);
    l1 += a1.x * wl0 + a1.y * wl1 + a1.z * wl2 + a1.w * wl3;
    r1 += a1.x * wr0 + a1.y * wr1 + a1.z * wr2 + a1.w * wr3;
    let a2 = vec4f(x[x2 + k]);
    l2 += a2.x * wl0 + a2.y * wl1 + a2.z * wl2 + a2.w * wl3;
    r2 += a2.x * wr0 + a2.y * wr1 + a2.z * wr2 + a2.w * wr3;
    let a3 = vec4f(x[x3 + k]);
    l3 += a3.x * wl0 + a3.y * wl1 + a3.z * wl2 + a3.w * wl3;
    r3 += a3.x * wr0 + a3.y * wr1 + a3.z * wr2 + a3.w * wr3;
    let a4 = vec4f(x[x4 + k]);
    l4 += a4.x * wl0 + a4.y * wl1 + a4.z * wl2 + a4.w * wl3;
    r4 += a4.x * wr0 + a4.y * wr1 + a4.z * wr2 + a4.w * wr3;
    let a5 = vec4f(x[x5 + k]);
    l5 += a5.x * wl0 + a5.y * wl1 + a5.z * wl2 + a5.w * wl3;
    r5 += a5.x * wr0 + a5.y * wr1 + a5.z * wr2 + a5.w * wr3;
    let a6 = vec4f(x[x6 + k]);
    l6 += a6.x * wl0 + a6.y * wl1 + a6.z * wl2 + a6.w * wl3;
    r6 += a6.x * wr0 + a6.y * wr1 + a6.z * wr2 + a6.w * wr3;
    let a7 = vec4f(x[x7 + k]);
    l7 += a7.x * wl0 + a7.y * wl1 + a7.z * wl2 + a7.w * wl3;
    r7 += a7.x * wr0 + a7.y * wr1 + a7.z * wr2 + a7.w * wr3;
  }

  // A loop, because compilers inline `store`: sixteen copies of it took longer to compile than all the rest.
  let lefts = array(l0, l1, l2, l3, l4, l5, l6, l7);
  let rights = array(r0, r1, r2, r3, r4, r5, r6, r7);
  for (var i = 0u; i < 8u; i++) {
    store(row + i, left, lefts[i]);
    if (left < right) { store(row + i, right, rights[i]); }
  }
}

fn store(row: u32, column: u32, sum: vec4f) {
  if (row >= params.M) { return; }
  let i = row * (params.N / 4u) + column;
  var v = sum * scales[column];
  if (HAS_BIAS) { v += vec4f(bias[column]); }
  v = activate(v);
  if (SCALE == 1u) { v *= f32(scale[0]); }
  if (SCALE == 2u) {
    let c = column * 4u;
    v *= vec4f(f32(scale[c]), f32(scale[c + 1u]), f32(scale[c + 2u]), f32(scale[c + 3u]));
  }
  if (HAS_RESIDUAL) { v += vec4f(residual[i]); }
  y[i] = vec4<Y>(v);
}

// Four int8 of a word, the first in its lowest byte.
fn four(word: u32) -> vec4f {
  return vec4f(vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
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
