// Linear map over the last axis on matrix units: y = activation(x · weight + bias) · scale + residual, weight f16
//
// A workgroup of four subgroups owns a tile of SIDE × SIDE results, each subgroup a quarter of it as (SIDE / 32)² matrices of
// 16 × 16 that live in the registers of its 32 threads together. Products of f16 are exact in f32, and sums are f32. An x of
// f32 is taken as the sum of two f16, which has 22 of its 24 bits: what is rounded off on the way to workgroup memory follows
// as a slice of its own, for twice the multiply-adds. An x of f16 is one. Where matrices are 8 × 8 and subgroups of 8
// threads, there are sixteen of these, of which each has a sixteenth of the tile:
//
//        weight [K, N]     ┌──────┬─ SIDE ─┬──┐     per STEP of K both slices are copied to workgroup memory, padded by eight
//                     STEP │      │▒▒▒▒│▒▒▒│  │     values a row against bank conflicts; while the matrix units work, the
//     x [M, K] ┌─STEP─┐    └──────┴────┴───┴──┘     next slices are on their way into registers. 16 × 16 × 16 multiply-adds
//              │▒▒▒▒▒▒│                             are one instruction.
//         SIDE ├──────┤    →   y: subgroups 0 1
//              │▒▒▒▒▒▒│                     2 3
//              └──────┘
//
// Matrices cannot be looked into, so the epilogue goes through workgroup memory, one matrix of each subgroup at a time.
// Tiles are taken in the order of linear_tiled.wgsl.
//
// Needs shader-f16, subgroups of a size that can be asked for (subgroup-size-control) and, of the experimental
// chromium-experimental-subgroup-matrix, the configuration f16 MATRIX × MATRIX × MATRIX → f32. N and K divisible by 4. Rows and columns
// past the end read the last valid one and are not stored; past the end of K, x is zero.
enable f16;
enable subgroups;
enable subgroup_size_control;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);   // uniform in a subgroup, which the analysis cannot see

alias X = f32;                                // storage of x: f32 or f16
alias W = f16;                                // of weight
alias E = f32;                                // of bias and scale
alias R = f32;                                // of the residual
alias Y = f32;                                // of y
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;
override MATRIX: u32 = 16;                    // rows and columns of these matrices: 16 or 8
override LANES: u32 = MATRIX * MATRIX / 8u;   // threads of a subgroup: 32 or 8, of which each has 8 values of a matrix
override SIDE: u32 = 64;                      // rows and columns of a tile: 64 or 128
override PARTS: u32 = 2;                      // f16 that make an x: 2 of f32, 1 of f16
override SHRINK: f32 = select(1.0, 0.03125, PARTS == 2u);   // of an x on its way to f16, which end at 65504; an f32 may be 2 million
override STEP: u32 = 2048u / SIDE;            // of K in a slice: 32 or 16, so that both tiles fit into 16 KiB
override ACROSS: u32 = 32u / MATRIX;          // subgroups across a tile, and down: 2 or 4
override COUNT: u32 = SIDE / 32u;             // matrices across the part of a subgroup, and down
override ACTIVATION: u32 = 0;                 // 0 none, 1 ReLU, 2 GELU, 3 SiLU, 4 sigmoid
override HAS_BIAS: bool = false;
override SCALE: u32 = 0;                      // 0 none, 1 one number, 2 one per column
override HAS_RESIDUAL: bool = false;

struct Params { M: u32, N: u32, K: u32 }

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;           // [M, K]
@group(0) @binding(1) var<storage, read> weight: array<vec4<W>>;      // [K, N]
@group(0) @binding(2) var<storage, read> bias: array<vec4<E>>;        // [N]
@group(0) @binding(3) var<storage, read> scale: array<E>;             // [1] or [N]
@group(0) @binding(4) var<storage, read> residual: array<vec4<R>>;    // [M, N]
@group(0) @binding(5) var<storage, read_write> y: array<vec4<Y>>;     // [M, N]
@group(0) @binding(6) var<uniform> params: Params;

override X_PITCH: u32 = STEP + 8u;
override W_PITCH: u32 = SIDE + 8u;
override X_VALUES: u32 = SIDE * X_PITCH;
override W_VALUES: u32 = STEP * W_PITCH;
var<workgroup> x_slice: array<f16, X_VALUES>;         // [SIDE, STEP and padding]
var<workgroup> w_slice: array<f16, W_VALUES>;         // [STEP, SIDE and padding]
var<workgroup> results: array<f32, 1024>;             // [subgroups, MATRIX, MATRIX]

@compute @workgroup_size(128) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) own: u32,
) {
  let K4 = params.K / 4u;
  let tiles_down = (params.M + SIDE - 1u) / SIDE;
  let tiles_across = (params.N + SIDE - 1u) / SIDE;
  let tile = group.x + group.y * 32768u;
  if (tile >= tiles_down * tiles_across) { return; }
  let band = tile / (8u * tiles_across);
  let in_band = tile % (8u * tiles_across);
  let band_height = min(8u, tiles_down - band * 8u);
  let top = (band * 8u + in_band % band_height) * SIDE;
  let left = in_band / band_height * SIDE;

  // Corner of the subgroup's part inside the tile.
  let part_top = subgroup / ACROSS * (SIDE / ACROSS);
  let part_left = subgroup % ACROSS * (SIDE / ACROSS);
  var sums: array<Sums, 16>;

  // Every thread copies four vec4s of each slice.
  var x0 = load_x(top, 0u, lane);
  var x1 = load_x(top, 0u, lane + 128u);
  var x2 = load_x(top, 0u, lane + 256u);
  var x3 = load_x(top, 0u, lane + 384u);
  var w0 = load_w(left, 0u, lane);
  var w1 = load_w(left, 0u, lane + 128u);
  var w2 = load_w(left, 0u, lane + 256u);
  var w3 = load_w(left, 0u, lane + 384u);

  for (var k = 0u; k < K4; k += STEP / 4u) {
    for (var part = 0u; part < PARTS; part++) {
      workgroupBarrier();                             // everybody has read the last slices
      x0 = put_x(lane, x0);
      x1 = put_x(lane + 128u, x1);
      x2 = put_x(lane + 256u, x2);
      x3 = put_x(lane + 384u, x3);
      if (part == 0u) {
        put_w(lane, w0);
        put_w(lane + 128u, w1);
        put_w(lane + 256u, w2);
        put_w(lane + 384u, w3);
      }
      workgroupBarrier();

      if (part + 1u == PARTS) {
        let next = k + STEP / 4u;
        x0 = load_x(top, next, lane);
        x1 = load_x(top, next, lane + 128u);
        x2 = load_x(top, next, lane + 256u);
        x3 = load_x(top, next, lane + 384u);
        w0 = load_w(left, next, lane);
        w1 = load_w(left, next, lane + 128u);
        w2 = load_w(left, next, lane + 256u);
        w3 = load_w(left, next, lane + 384u);
      }

      for (var step = 0u; step < STEP; step += MATRIX) {
        var rows: array<Left, 4>;
        for (var r = 0u; r < COUNT; r++) {
          let at = (part_top + r * MATRIX) * X_PITCH + step;
          rows[r] = subgroupMatrixLoad<Left, row_major>(&x_slice, at, X_PITCH);
        }
        for (var c = 0u; c < COUNT; c++) {
          let at = step * W_PITCH + part_left + c * MATRIX;
          let columns = subgroupMatrixLoad<Right, row_major>(&w_slice, at, W_PITCH);
          for (var r = 0u; r < COUNT; r++) {
            sums[r * 4u + c] = subgroupMatrixMultiplyAccumulate(rows[r], columns, sums[r * 4u + c]);
          }
        }
      }
    }
  }

  for (var r = 0u; r < COUNT; r++) {
    for (var c = 0u; c < COUNT; c++) {
      let own_results = subgroup * MATRIX * MATRIX;
      subgroupMatrixStore<row_major>(&results, own_results, sums[r * 4u + c], MATRIX);
      workgroupBarrier();
      // Two vec4s for each thread.
      for (var half = 0u; half < 2u; half++) {
        let place = own + half * LANES;
        let at = own_results + place * 4u;
        let sum = vec4f(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
        let row = top + part_top + r * MATRIX + place / (MATRIX / 4u);
        let column = left + part_left + c * MATRIX;
        store(row, column / 4u + place % (MATRIX / 4u), sum);
      }
      workgroupBarrier();
    }
  }
}

// The vec4 of x that stands at a place of the slice: STEP / 4 to a row, from column k (in units of vec4) on.
fn load_x(top: u32, k: u32, place: u32) -> vec4<X> {
  let K4 = params.K / 4u;
  let row = min(top + place / (STEP / 4u), params.M - 1u);
  let column = k + place % (STEP / 4u);
  return select(vec4<X>(), x[row * K4 + min(column, K4 - 1u)], column < K4);
}

// Puts what f16 can hold of v into the slice and gives back the rest.
fn put_x(place: u32, v: vec4<X>) -> vec4<X> {
  let at = place / (STEP / 4u) * X_PITCH + place % (STEP / 4u) * 4u;
  let held = leading(vec4f(v));
  let shrunk = held * SHRINK;
  x_slice[at] = f16(shrunk.x);
  x_slice[at + 1u] = f16(shrunk.y);
  x_slice[at + 2u] = f16(shrunk.z);
  x_slice[at + 3u] = f16(shrunk.w);
  return v - vec4<X>(held);
}

// The eleven leading bits, which f16 has. Not by way of f16: compilers take that for nothing, and leave no rest.
fn leading(v: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(v) & vec4u(0xffffe000u)); }

// The vec4 of weight that stands at a place of the slice: SIDE / 4 to a row, from row 4·k on.
fn load_w(left: u32, k: u32, place: u32) -> vec4<f16> {
  let N4 = params.N / 4u;
  let row = min(k * 4u + place / (SIDE / 4u), params.K - 1u);
  return weight[row * N4 + min(left / 4u + place % (SIDE / 4u), N4 - 1u)];
}

fn put_w(place: u32, v: vec4<f16>) {
  let at = place / (SIDE / 4u) * W_PITCH + place % (SIDE / 4u) * 4u;
  w_slice[at] = v.x;
  w_slice[at + 1u] = v.y;
  w_slice[at + 2u] = v.z;
  w_slice[at + 3u] = v.w;
}

fn store(row: u32, column: u32, sum: vec4f) {
  if (row >= params.M || column >= params.N / 4u) { return; }
  let i = row * (params.N / 4u) + column;
  var v = sum / SHRINK;
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
