// Cross-correlation over height and width, channels last: y = activation(x ⋆ weight + bias) · scale + residual
//
// linear_registers.wgsl with the rows of its left matrix gathered from the picture. Each thread owns 8 pixels × 8 channels
// of y in sixteen vec4 registers, and for every tap of the kernel walks down the input channels one at a time:
//
//     x, one tap        weight, one tap [I, O]
//     ░ ░ ░ ░ ░ ░        ┌───────┬ 8 ┬──┐        per tap and channel: 8 loads of x, 2 of weight,
//     ░ ░ 8 ▒ ▒ ▒      1 │       │▒▒▒│  │        16 multiply-adds of vec4
//     ▒ ▒ ▒ ▒ ▒ ░   ×    └───────┴───┴──┘   →   y 8 × 8
//
// The 8 pixels follow each other in memory and run over the ends of rows and pictures, so that only the last thread of
// all has idle pixels: blocks inside a row would waste a fifth of a 19 pixels wide map. Where each pixel's window lies is
// kept in vec4 registers; a tap outside the picture reads the first pixel instead and counts as zero.
// No workgroup memory and no barriers: on processors that play GPU those cost ten times what they save.
// Needs O divisible by 4.
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are

struct Params {
  B: u32, H: u32, W: u32, I: u32,             // x
  Ho: u32, Wo: u32, O: u32,                   // y
  kH: u32, kW: u32,                           // weight
  stride: u32, padding: u32,
  // Overrides in other kernels. Here one pipeline does for all: to compile takes a processor as long as a small picture.
  PRE_RELU: u32,                              // max(x, 0) as x is read
  ACTIVATION: u32,                            // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
  HAS_BIAS: u32,
  SCALE: u32,                                 // 0 none, 1 one number, 2 one per channel
  HAS_RESIDUAL: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;                 // [B, H, W, I]
@group(0) @binding(1) var<storage, read> weight: array<vec4<W>>;      // [kH, kW, I, O]
@group(0) @binding(2) var<storage, read> bias: array<vec4<E>>;        // [O]
@group(0) @binding(3) var<storage, read> scale: array<E>;             // [1] or [O]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [B, Ho, Wo, O]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<Y>>;     // [B, Ho, Wo, O]
@group(0) @binding(6) var<uniform> params: Params;

// Where the windows of four neighbouring results begin; rows and columns are negative in the padding.
struct Windows { picture: vec4i, row: vec4i, column: vec4i }
// One tap of four windows: places in x, and whether they are inside the picture.
struct Taps { at: vec4u, inside: vec4<bool> }

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let O4 = params.O / 4u;
  let tile = (group.x + group.y * 32768u) * 64u + lane;
  let tiles_across = (O4 + 1u) / 2u;
  let pixel = tile / tiles_across * 8u;
  if (pixel >= params.B * params.Ho * params.Wo) { return; }
  let left = tile % tiles_across * 2u;           // channels in units of vec4
  let right = min(left + 1u, O4 - 1u);

  // What is below becomes zero: −∞, or 0 for ReLU. With max, SwiftShader takes a quarter longer for the whole convolution.
  let lowest = bitcast<f32>(select(0xff800000u, 0u, params.PRE_RELU != 0u));
  let near = windows(pixel);
  let far = windows(pixel + 4u);
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();

  for (var ky = 0u; ky < params.kH; ky++) {
    for (var kx = 0u; kx < params.kW; kx++) {
      let n = taps(near, ky, kx);
      let f = taps(far, ky, kx);
      let tap = (ky * params.kW + kx) * params.I;
      for (var c = 0u; c < params.I; c++) {
        let wl = vec4f(weight[(tap + c) * O4 + left]);
        let wr = vec4f(weight[(tap + c) * O4 + right]);
        let a0 = value(lowest, n.at.x + c, n.inside.x); l0 += a0 * wl; r0 += a0 * wr;
        let a1 = value(lowest, n.at.y + c, n.inside.y); l1 += a1 * wl; r1 += a1 * wr;
        let a2 = value(lowest, n.at.z + c, n.inside.z); l2 += a2 * wl; r2 += a2 * wr;
        let a3 = value(lowest, n.at.w + c, n.inside.w); l3 += a3 * wl; r3 += a3 * wr;
        let a4 = value(lowest, f.at.x + c, f.inside.x); l4 += a4 * wl; r4 += a4 * wr;
        let a5 = value(lowest, f.at.y + c, f.inside.y); l5 += a5 * wl; r5 += a5 * wr;
        let a6 = value(lowest, f.at.z + c, f.inside.z); l6 += a6 * wl; r6 += a6 * wr;
        let a7 = value(lowest, f.at.w + c, f.inside.w); l7 += a7 * wl; r7 += a7 * wr;
      }
    }
  }

  // A loop, because compilers inline `store`: sixteen copies of it took longer to compile than all the rest.
  let sums = array(l0, r0, l1, r1, l2, r2, l3, r3, l4, r4, l5, r5, l6, r6, l7, r7);
  for (var i = 0u; i < 16u; i++) { store(pixel + i / 2u, left + i % 2u, sums[i]); }
}

fn windows(first: u32) -> Windows {
  // Past the end there is the last pixel again; it is not stored.
  let pixel = min(vec4u(first) + vec4u(0u, 1u, 2u, 3u), vec4u(params.B * params.Ho * params.Wo - 1u));
  let padding = vec4i(i32(params.padding));
  let row = vec4i(pixel / params.Wo % params.Ho * params.stride) - padding;
  let column = vec4i(pixel % params.Wo * params.stride) - padding;
  return Windows(vec4i(pixel / (params.Wo * params.Ho) * params.H), row, column);
}

fn taps(windows: Windows, ky: u32, kx: u32) -> Taps {
  let row = windows.row + i32(ky);
  let column = windows.column + i32(kx);
  // As unsigned numbers, negative ones are past every picture.
  let inside = (vec4u(row) < vec4u(params.H)) & (vec4u(column) < vec4u(params.W));
  let at = vec4u((windows.picture + row) * i32(params.W) + column) * params.I;
  return Taps(select(vec4u(), at, inside), inside);
}

fn value(lowest: f32, at: u32, inside: bool) -> f32 {
  let v = f32(x[at]);
  return select(0.0, v, inside & !(v < lowest));
}

fn store(pixel: u32, column: u32, sum: vec4f) {
  if (pixel >= params.B * params.Ho * params.Wo || column >= params.O / 4u) { return; }
  let i = pixel * (params.O / 4u) + column;
  var v = sum;
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
  switch (params.ACTIVATION) {
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
