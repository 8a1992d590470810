// Linear map with int8 weights: y = activation((x · weight) · scales + bias) · scale + residual
//
// linear_tiled.wgsl, which draws the tile, with a word of four int8 where it reads a vec4 of weights: a quarter of the memory
// and of its traffic. They become f32 as they are copied to workgroup memory. A weight is its int8 times the scale of its
// column, which multiplies the finished sum.
//
// For GPUs. Needs K and N divisible by 4.
alias X = f32;                                // storage of x
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override TX: u32 = 8;                         // threads across a tile: 8 or 16
override TY: u32 = 8;                         // threads down a tile: 8 or 16
override THREADS: u32 = TX * TY;
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per column
override HAS_RESIDUAL: bool = false;

struct Params { M: u32, N: u32, K: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;           // [M, K]
@group(0) @binding(1) var<storage, read> weight: array<u32>;          // [K, N / 4]: int8, four columns to a word
@group(0) @binding(2) var<storage, read> bias: array<vec4<E>>;        // [N]
@group(0) @binding(3) var<storage, read> scale: array<E>;             // [1] or [N]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [M, N]
@group(0) @binding(5) var<storage, read> scales: array<vec4f>;      // [N]: of the int8
@group(0) @binding(6) var<storage, read_write> y: array<vec4<Y>>;     // [M, N]
@group(0) @binding(7) var<uniform> params: Params;

var<workgroup> x_slice: array<vec4f, TY * 24u>;      // [8·TY rows, 2 vec4s of k and one of padding]
var<workgroup> w_slice: array<vec4f, TX * 16u>;      // [8 k, 2·TX vec4s of columns]

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let K4 = params.K / 4u;
  let tiles_down = (params.M + 8u * TY - 1u) / (8u * TY);
  let tiles_across = (params.N / 4u + 2u * TX - 1u) / (2u * TX);
  let tile = group.x + group.y * 32768u;
  if (tile >= tiles_down * tiles_across) { return; }
  let band = tile / (8u * tiles_across);
  let in_band = tile % (8u * tiles_across);
  let band_height = min(8u, tiles_down - band * 8u);
  let top = (band * 8u + in_band % band_height) * 8u * TY;
  let left = in_band / band_height * 2u * TX;          // columns in units of vec4

  let tx = lane % TX;
  let ty = lane / TX;
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();

  // Every thread copies one or two vec4s of each slice: the first at its own place, the second a workgroup further.
  let second = lane + THREADS;
  var x_first = load_x(top, 0u, lane);
  var w_first = load_w(left, 0u, lane);
  var x_second = vec4f();
  var w_second = vec4f();
  if (TX == 8u) { x_second = load_x(top, 0u, second); }
  if (TY == 8u) { w_second = load_w(left, 0u, second); }

  for (var k = 0u; k < K4; k += 2u) {
    workgroupBarrier();                                // everybody has read the last slices
    x_slice[lane / 2u * 3u + lane % 2u] = x_first;
    w_slice[lane] = w_first;
    if (TX == 8u) { x_slice[second / 2u * 3u + second % 2u] = x_second; }
    if (TY == 8u) { w_slice[second] = w_second; }
    workgroupBarrier();

    x_first = load_x(top, k + 2u, lane);
    w_first = load_w(left, k + 2u, lane);
    if (TX == 8u) { x_second = load_x(top, k + 2u, second); }
    if (TY == 8u) { w_second = load_w(left, k + 2u, second); }

    for (var step = 0u; step < 2u; step++) {
      let w = step * 8u * TX + tx;
      let wl0 = w_slice[w];               let wr0 = w_slice[w + TX];
      let wl1 = w_slice[w + 2u * TX];     let wr1 = w_slice[w + 3u * TX];
      let wl2 = w_slice[w + 4u * TX];     let wr2 = w_slice[w + 5u * TX];
      let wl3 = w_slice[w + 6u * TX];     let wr3 = w_slice[w + 7u * TX];
      let at = ty * 3u + step;
      let a0 = x_slice[at];
      l0 += a0.x * wl0 + a0.y * wl1 + a0.z * wl2 + a0.w * wl3;
      r0 += a0.x * wr0 + a0.y * wr1 + a0.z * wr2 + a0.w * wr3;
      let a1 = x_slice[at + TY * 3u];
      l1 += a1.x * wl0 + a1.y * wl1 + a1.z * wl2 + a1.w * wl3;
      r1 += a1.x * wr0 + a1.y * wr1 + a1.z * wr2 + a1.w * wr3;
      let a2 = x_slice[at + TY * 6u];
      l2 += a2.x * wl0 + a2.y * wl1 + a2.z * wl2 + a2.w * wl3;
      r2 += a2.x * wr0 + a2.y * wr1 + a2.z * wr2 + a2.w * wr3;
      let a3 = x_slice[at + TY * 9u];
      l3 += a3.x * wl0 + a3.y * wl1 + a3.z * wl2 + a3.w * wl3;
      r3 += a3.x * wr0 + a3.y * wr1 + a3.z * wr2 + a3.w * wr3;
      let a4 = x_slice[at + TY * 12u];
      l4 += a4.x * wl0 + a4.y * wl1 + a4.z * wl2 + a4.w * wl3;
      r4 += a4.x * wr0 + a4.y * wr1 + a4.z * wr2 + a4.w * wr3;
      let a5 = x_slice[at + TY * 15u];
      l5 += a5.x * wl0 + a5.y * wl1 + a5.z * wl2 + a5.w * wl3;
      r5 += a5.x * wr0 + a5.y * wr1 + a5.z * wr2 + a5.w * wr3;
      let a6 = x_slice[at + TY * 18u];
      l6 += a6.x * wl0 + a6.y * wl1 + a6.z * wl2 + a6.w * wl3;
      r6 += a6.x * wr0 + a6.y * wr1 + a6.z * wr2 + a6.w * wr3;
      let a7 = x_slice[at + TY * 21u];
      l7 += a7.x * wl0 + a7.y * wl1 + a7.z * wl2 + a7.w * wl3;
      r7 += a7.x * wr0 + a7.y * wr1 + a7.z * wr2 + a7.w * wr3;
    }
  }

  // One copy of the epilogue rather than sixteen.
  var sums = array<vec4f, 16>(l0, r0, l1, r1, l2, r2, l3, r3, l4, r4, l5, r5, l6, r6, l7, r7);
  for (var i = 0u; i < 16u; i++) {
    store(top + ty + i / 2u * TY, left + tx + i % 2u * TX, sums[i]);
  }
}

// The vec4 of x that stands at a place of the slice: two to a row, from column k (in units of vec4) on.
fn load_x(top: u32, k: u32, place: u32) -> vec4f {
  let K4 = params.K / 4u;
  let row = min(top + place / 2u, params.M - 1u);
  let column = k + place % 2u;
  return select(vec4f(), vec4f(x[row * K4 + min(column, K4 - 1u)]), column < K4);
}

// The vec4 of weight that stands at a place of the slice: 2·TX to a row, from row 4·k on.
fn load_w(left: u32, k: u32, place: u32) -> vec4f {
  let N4 = params.N / 4u;
  let row = min(k * 4u + place / (2u * TX), params.K - 1u);
  return four(weight[row * N4 + min(left + place % (2u * TX), N4 - 1u)]);
}

// Four int8 of a word, the first in its lowest byte.
fn four(word: u32) -> vec4f {
  return vec4f(vec4i(vec4u(word) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u));
}

fn store(row: u32, column: u32, sum: vec4f) {
  if (row >= params.M || column >= params.N / 4u) { return; }
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
