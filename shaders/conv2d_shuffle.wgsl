// Cross-correlation over height and width, channels last: y = activation(x ⋆ weight + bias) · scale + residual
//
// linear_shuffle.wgsl, where the tile is drawn, with the rows of its left matrix gathered from the picture: a workgroup is
// one subgroup of LANES lanes and owns 16 pixels × LANES · 4 channels of y. For every tap of the kernel each lane loads a
// channel of the 16 pixels, and lane after lane hands its values round.
//
// Pixels follow each other in memory, over the ends of rows and pictures; see conv2d_registers.wgsl.
// Needs subgroups of LANES or more, O divisible by 4.
enable subgroups;
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override LANES: u32 = 4;                      // of a workgroup, and of a subgroup at least

struct Params {
  B: u32, H: u32, W: u32, I: u32,             // x
  Ho: u32, Wo: u32, O: u32,                   // y
  kH: u32, kW: u32,                           // weight
  stride: u32, padding: u32,
  // Overrides in the other kernels. Here one pipeline does for all, since drivers are slow to compile for processors.
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

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(subgroup_invocation_id) lane: u32) {
  let I = params.I;
  let O4 = params.O / 4u;
  let tile = group.x + group.y * 32768u;
  let tiles_across = (O4 + LANES - 1u) / LANES;
  let pixel = tile / tiles_across * 16u;
  let column = tile % tiles_across * LANES + lane;
  let nearest = min(column, O4 - 1u);

  let windows_a = windows(pixel);
  let windows_b = windows(pixel + 4u);
  let windows_c = windows(pixel + 8u);
  let windows_d = windows(pixel + 12u);
  var sums: array<vec4f, 16>;
  for (var ky = 0u; ky < params.kH; ky++) {
    for (var kx = 0u; kx < params.kW; kx++) {
      let a = taps(windows_a, ky, kx);
      let b = taps(windows_b, ky, kx);
      let c = taps(windows_c, ky, kx);
      let d = taps(windows_d, ky, kx);
      let tap = (ky * params.kW + kx) * I * O4 + nearest;
      for (var channel = 0u; channel < I; channel += LANES) {
        let own = min(channel + lane, I - 1u);
        let x0 = value(a.at.x + own, a.inside.x);
        let x1 = value(a.at.y + own, a.inside.y);
        let x2 = value(a.at.z + own, a.inside.z);
        let x3 = value(a.at.w + own, a.inside.w);
        let x4 = value(b.at.x + own, b.inside.x);
        let x5 = value(b.at.y + own, b.inside.y);
        let x6 = value(b.at.z + own, b.inside.z);
        let x7 = value(b.at.w + own, b.inside.w);
        let x8 = value(c.at.x + own, c.inside.x);
        let x9 = value(c.at.y + own, c.inside.y);
        let x10 = value(c.at.z + own, c.inside.z);
        let x11 = value(c.at.w + own, c.inside.w);
        let x12 = value(d.at.x + own, d.inside.x);
        let x13 = value(d.at.y + own, d.inside.y);
        let x14 = value(d.at.z + own, d.inside.z);
        let x15 = value(d.at.w + own, d.inside.w);
        let steps = min(LANES, I - channel);
        for (var i = 0u; i < steps; i++) {
          let w = vec4f(weight[tap + (channel + i) * O4]);
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
    }
  }

  if (column >= O4) { return; }
  // Counted from `pixel`, so that compilers do not unroll it.
  let end = min(pixel + 16u, params.B * params.Ho * params.Wo);
  for (var p = pixel; p < end; p++) { store(p, column, sums[p - pixel]); }
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

fn value(at: u32, inside: bool) -> f32 {
  let v = select(0.0, f32(x[at]), inside);
  return select(v, max(v, 0.0), params.PRE_RELU == 1u);
}

fn store(pixel: u32, column: u32, sum: vec4f) {
  let i = pixel * (params.O / 4u) + column;
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
