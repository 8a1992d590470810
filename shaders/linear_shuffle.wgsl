// Linear map over the last axis: y = activation(x · weight + bias) · scale + residual
//
// A workgroup is one subgroup of LANES lanes and owns 16 rows × LANES · 4 columns of y; a lane has 16 rows × 4 columns.
//
//        weight [K, N]    ┌──────┬ 4 a lane ┬──┐     per step of LANES k: every lane loads one k of each of the 16 rows;
//             LANES k     │      │▒▒▒▒▒▒▒▒▒▒│  │     then lane after lane hands its values round, and all multiply them
//     x ┌1 k a lane┐      └──────┴──────────┴──┘     with that row of their columns.
//    16 │▒▒▒▒▒▒▒▒▒▒│   →   y 16 × LANES · 4
//       └──────────┘
//
// For Vulkan drivers that run a lane per element of a processor's vector (lavapipe). A load is a branch and an insert per
// lane there, as dear as twenty multiply-adds of whole vectors; handing a value round is one permutation. So no lane loads
// what another has: 3 values for 32 multiply-adds with LANES = 8, where linear_registers loads 8. And there are few loads
// in the text, which is what such drivers take long to compile.
// Needs subgroups of LANES or more, N divisible by 4. Rows and columns past the end read the last valid one and are not
// stored.
enable subgroups;
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override LANES: u32 = 4;                      // of a workgroup, and of a subgroup at least

struct Params {
  M: u32, N: u32, K: u32,
  // Overrides in the other kernels. Here one pipeline does for all, since drivers are slow to compile for processors.
  ACTIVATION: u32,                            // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
  HAS_BIAS: u32,
  SCALE: u32,                                 // 0 none, 1 one number, 2 one per column
  HAS_RESIDUAL: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;                 // [M, K]
@group(0) @binding(1) var<storage, read> weight: array<vec4<W>>;      // [K, N]
@group(0) @binding(2) var<storage, read> bias: array<vec4<E>>;        // [N]
@group(0) @binding(3) var<storage, read> scale: array<E>;             // [1] or [N]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [M, N]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<Y>>;     // [M, N]
@group(0) @binding(6) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let M = params.M;
  let N4 = params.N / 4u;
  let K = params.K;
  let tile = group.x + group.y * 32768u;
  let tiles_across = (N4 + LANES - 1u) / LANES;
  let row = tile / tiles_across * 16u;
  let column = tile % tiles_across * LANES + lane;
  let nearest = min(column, N4 - 1u);

  var sums: array<vec4f, 16>;
  for (var k = 0u; k < K; k += LANES) {
    let at = min(k + lane, K - 1u);
    let x0 = load(row, at);
    let x1 = load(row + 1u, at);
    let x2 = load(row + 2u, at);
    let x3 = load(row + 3u, at);
    let x4 = load(row + 4u, at);
    let x5 = load(row + 5u, at);
    let x6 = load(row + 6u, at);
    let x7 = load(row + 7u, at);
    let x8 = load(row + 8u, at);
    let x9 = load(row + 9u, at);
    let x10 = load(row + 10u, at);
    let x11 = load(row + 11u, at);
    let x12 = load(row + 12u, at);
    let x13 = load(row + 13u, at);
    let x14 = load(row + 14u, at);
    let x15 = load(row + 15u, at);
    let steps = min(LANES, K - k);
    for (var i = 0u; i < steps; i++) {
      let w = vec4f(weight[(k + i) * N4 + nearest]);
      sums[0] += w * subgroupShuffle(x0, i);
      sums[1] += w * subgroupShuffle(x1, i);
      sums[2] += w * subgroupShuffle(x2, i);
      sums[3] += w * subgroupShuffle(x3, i);
      sums[4] += w * subgroupShuffle(x4, i);
      sums[5] += w * subgroupShuffle(x5, i);
      sums[6] += w * subgroupShuffle(x6, i);
      sums[7] += w * subgroupShuffle(x7, i);
      sums[8] += w * subgroupShuffle(x8, i);
      sums[9] += w * subgroupShuffle(x9, i);
      sums[10] += w * subgroupShuffle(x10, i);
      sums[11] += w * subgroupShuffle(x11, i);
      sums[12] += w * subgroupShuffle(x12, i);
      sums[13] += w * subgroupShuffle(x13, i);
      sums[14] += w * subgroupShuffle(x14, i);
      sums[15] += w * subgroupShuffle(x15, i);
    }
  }

  if (column >= N4) { return; }
  // Counted from `row`, so that compilers do not unroll it: sixteen copies of `store` take longer to compile than the rest.
  let end = min(row + 16u, M);
  for (var r = row; r < end; r++) { store(r, column, sums[r - row]); }
}

fn load(row: u32, k: u32) -> f32 { return f32(x[min(row, params.M - 1u) * params.K + k]); }

fn store(row: u32, column: u32, sum: vec4f) {
  let i = row * (params.N / 4u) + column;
  var v = sum;
  if (params.HAS_BIAS == 1u) { v += vec4f(bias[column]); }
  v = activate(v);
  if (params.SCALE == 1u) { v *= f32(scale[0]); }
  if (params.SCALE == 2u) {
    let c = column * 4u;
    v *= vec4f(f32(scale[c]), f32(scale[c + 1u]), f32(scale[c + 2u]), f32(scale[c + 3u]));
  }
  if (params.HAS_RESIDUAL == 1u) { v += vec4f(residual[i]); }
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
