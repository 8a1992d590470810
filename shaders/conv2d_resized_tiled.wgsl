// 3 × 3 cross-correlation of a map that is resized as it is read: y = activation(resize(x) ⋆ weight + bias) · scale + residual
//
// conv2d_tiled.wgsl, which draws the tile, with patches read through the bilinear resize of bilinear_resize.wgsl (corners
// aligned): a pixel of the patch is made of four of x when it is copied to workgroup memory, and then used by nine taps and
// all channels of the tile. The resized map is never stored. It would be the largest tensor of a model by far: 131 MiB for
// ViT-L at 518 × 518, where devices bind 128 unless asked.
//
// For GPUs. Needs I and O divisible by 4. Pixels outside the resized picture and channels past the end are zeros.
alias X = f32;                                // storage of x
alias W = f32;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y; arithmetic is f32 whatever they are
override ACROSS: u32 = 8;                     // pixels across a tile: 8 or 16
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per channel
override HAS_RESIDUAL: bool = false;

struct Params {
  B: u32, H: u32, W: u32, I: u32,             // x
  Hr: u32, Wr: u32,                           // the resized picture
  step_y: f32, step_x: f32,                   // how far one of its pixels goes in x
  Ho: u32, Wo: u32, O: u32,                   // y
  kH: u32, kW: u32,                           // weight: 3 and 3
  padding: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;           // [B, H, W, I]
@group(0) @binding(1) var<storage, read> weight: array<vec4<W>>;      // [3, 3, I, O]
@group(0) @binding(2) var<storage, read> bias: array<vec4<E>>;        // [O]
@group(0) @binding(3) var<storage, read> scale: array<E>;             // [1] or [O]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [B, Ho, Wo, O]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<Y>>;     // [B, Ho, Wo, O]
@group(0) @binding(6) var<uniform> params: Params;

override ROW: u32 = ACROSS + 2u;              // pixels of a row of the patch
override PLANE: u32 = 10u * ROW;              // pixels of the patch
override TX: u32 = 64u / ACROSS;              // threads across the channels
var<workgroup> patch_slice: array<vec4f, PLANE * 4u>;   // [4 vec4s of channels, 10, ROW]
var<workgroup> w_slice: array<vec4f, TX * 32u>;         // [16 channels in, 2·TX vec4s of channels out]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let I4 = params.I / 4u;
  let tiles_out = (params.O / 4u + 2u * TX - 1u) / (2u * TX);
  let tiles_across = (params.Wo + ACROSS - 1u) / ACROSS;
  let tiles_down = (params.Ho + 7u) / 8u;
  let tile = group.x + group.y * 32768u;
  if (tile >= params.B * tiles_down * tiles_across * tiles_out) { return; }
  let channels = tile % tiles_out * 2u * TX;           // in units of vec4
  let column = tile / tiles_out % tiles_across * ACROSS;
  let row = tile / tiles_out / tiles_across % tiles_down * 8u;
  let picture = tile / tiles_out / tiles_across / tiles_down;

  let tx = lane % TX;                                  // its channels
  let ty = lane / TX;                                  // its column of pixels
  var l0 = vec4f(); var r0 = vec4f();
  var l1 = vec4f(); var r1 = vec4f();
  var l2 = vec4f(); var r2 = vec4f();
  var l3 = vec4f(); var r3 = vec4f();
  var l4 = vec4f(); var r4 = vec4f();
  var l5 = vec4f(); var r5 = vec4f();
  var l6 = vec4f(); var r6 = vec4f();
  var l7 = vec4f(); var r7 = vec4f();

  // Every thread copies two or four vec4s of a tap's weights.
  var w0 = load_w(0u, 0u, channels, lane);
  var w1 = load_w(0u, 0u, channels, lane + 64u);
  var w2 = vec4f();
  var w3 = vec4f();
  if (TX == 8u) { w2 = load_w(0u, 0u, channels, lane + 128u); w3 = load_w(0u, 0u, channels, lane + 192u); }

  for (var slice = 0u; slice < I4; slice += 4u) {
    for (var tap = 0u; tap < 9u; tap++) {
      workgroupBarrier();                              // everybody is done with the last tap, and with the patch
      if (tap == 0u) {
        for (var place = lane; place < PLANE * 4u; place += 64u) {
          // Neighbouring threads read neighbouring channels; planes of channels keep later reads out of each other's banks.
          let at = place / 4u;
          patch_slice[place % 4u * PLANE + at] =
            load_x(picture, row + at / ROW, column + at % ROW, slice + place % 4u);
        }
      }
      w_slice[lane] = w0;
      w_slice[lane + 64u] = w1;
      if (TX == 8u) { w_slice[lane + 128u] = w2; w_slice[lane + 192u] = w3; }
      workgroupBarrier();

      let next_tap = select(tap + 1u, 0u, tap == 8u);
      let next_slice = select(slice, slice + 4u, tap == 8u);
      w0 = load_w(next_tap, next_slice, channels, lane);
      w1 = load_w(next_tap, next_slice, channels, lane + 64u);
      if (TX == 8u) {
        w2 = load_w(next_tap, next_slice, channels, lane + 128u);
        w3 = load_w(next_tap, next_slice, channels, lane + 192u);
      }

      let corner = tap / 3u * ROW + tap % 3u + ty;
      for (var c = 0u; c < 4u; c++) {
        let w = c * 8u * TX + tx;
        let wl0 = w_slice[w];               let wr0 = w_slice[w + TX];
        let wl1 = w_slice[w + 2u * TX];     let wr1 = w_slice[w + 3u * TX];
        let wl2 = w_slice[w + 4u * TX];     let wr2 = w_slice[w + 5u * TX];
        let wl3 = w_slice[w + 6u * TX];     let wr3 = w_slice[w + 7u * TX];
        let at = c * PLANE + corner;
        let a0 = patch_slice[at];
        l0 += a0.x * wl0 + a0.y * wl1 + a0.z * wl2 + a0.w * wl3;
        r0 += a0.x * wr0 + a0.y * wr1 + a0.z * wr2 + a0.w * wr3;
        let a1 = patch_slice[at + ROW];
        l1 += a1.x * wl0 + a1.y * wl1 + a1.z * wl2 + a1.w * wl3;
        r1 += a1.x * wr0 + a1.y * wr1 + a1.z * wr2 + a1.w * wr3;
        let a2 = patch_slice[at + 2u * ROW];
        l2 += a2.x * wl0 + a2.y * wl1 + a2.z * wl2 + a2.w * wl3;
        r2 += a2.x * wr0 + a2.y * wr1 + a2.z * wr2 + a2.w * wr3;
        let a3 = patch_slice[at + 3u * ROW];
        l3 += a3.x * wl0 + a3.y * wl1 + a3.z * wl2 + a3.w * wl3;
        r3 += a3.x * wr0 + a3.y * wr1 + a3.z * wr2 + a3.w * wr3;
        let a4 = patch_slice[at + 4u * ROW];
        l4 += a4.x * wl0 + a4.y * wl1 + a4.z * wl2 + a4.w * wl3;
        r4 += a4.x * wr0 + a4.y * wr1 + a4.z * wr2 + a4.w * wr3;
        let a5 = patch_slice[at + 5u * ROW];
        l5 += a5.x * wl0 + a5.y * wl1 + a5.z * wl2 + a5.w * wl3;
        r5 += a5.x * wr0 + a5.y * wr1 + a5.z * wr2 + a5.w * wr3;
        let a6 = patch_slice[at + 6u * ROW];
        l6 += a6.x * wl0 + a6.y * wl1 + a6.z * wl2 + a6.w * wl3;
        r6 += a6.x * wr0 + a6.y * wr1 + a6.z * wr2 + a6.w * wr3;
        let a7 = patch_slice[at + 7u * ROW];
        l7 += a7.x * wl0 + a7.y * wl1 + a7.z * wl2 + a7.w * wl3;
        r7 += a7.x * wr0 + a7.y * wr1 + a7.z * wr2 + a7.w * wr3;
      }
    }
  }

  // One copy of the epilogue rather than sixteen.
  var sums = array<vec4f, 16>(l0, r0, l1, r1, l2, r2, l3, r3, l4, r4, l5, r5, l6, r6, l7, r7);
  for (var i = 0u; i < 16u; i++) {
    store(picture, row + i / 2u, column + ty, channels + tx + i % 2u * TX, sums[i]);
  }
}

// Four channels of a resized pixel; rows and columns are counted from the top left corner of the padding.
fn load_x(picture: u32, row: u32, column: u32, channel: u32) -> vec4f {
  // As unsigned numbers, negative ones are past every picture.
  let at = vec2u(row, column) - vec2u(params.padding);
  if (at.x >= params.Hr || at.y >= params.Wr || channel >= params.I / 4u) { return vec4f(); }
  let size = vec2u(params.H, params.W);
  let source = vec2f(at) * vec2f(params.step_y, params.step_x);
  let near = min(vec2u(source), size - 1u);
  let far = min(near + 1u, size - 1u);
  let t = source - vec2f(near);
  let upper = (picture * params.H + near.x) * params.W;
  let lower = (picture * params.H + far.x) * params.W;
  let above = pixel(upper + near.y, channel) * (1.0 - t.y) + pixel(upper + far.y, channel) * t.y;
  let below = pixel(lower + near.y, channel) * (1.0 - t.y) + pixel(lower + far.y, channel) * t.y;
  return above * (1.0 - t.x) + below * t.x;
}

fn pixel(at: u32, channel: u32) -> vec4f {
  return vec4f(x[at * (params.I / 4u) + channel]);
}

// The vec4 of a tap's weights that stands at a place of the slice: 2·TX to a row, from input channel 4·slice on.
fn load_w(tap: u32, slice: u32, channels: u32, place: u32) -> vec4f {
  let O4 = params.O / 4u;
  // Past the end there is the last again: it meets a zero of x, or is not stored.
  let channel = min(slice * 4u + place / (2u * TX), params.I - 1u);
  return vec4f(weight[(tap * params.I + channel) * O4 + min(channels + place % (2u * TX), O4 - 1u)]);
}

fn store(picture: u32, row: u32, column: u32, channel: u32, sum: vec4f) {
  let O4 = params.O / 4u;
  if (row >= params.Ho || column >= params.Wo || channel >= O4) { return; }
  let i = ((picture * params.Ho + row) * params.Wo + column) * O4 + channel;
  var v = sum;
  if (HAS_BIAS) { v += vec4f(bias[channel]); }
  v = activate(v);
  if (SCALE == 1u) { v *= f32(scale[0]); }
  if (SCALE == 2u) {
    let c = channel * 4u;
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
