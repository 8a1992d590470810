// Attention on matrix units: softmax(q · kᵀ · scale) · v for every head
//
// The streaming softmax of attention_tiled.wgsl. A workgroup of four subgroups owns 64 queries of one head, each subgroup 16
// of them, and takes 16 keys a step; where matrices are 8 × 8, eight subgroups of 8 threads have 8 queries each and take 8
// keys. Products of f16 are exact in f32; scores, maxima, sums and the result are f32. With storage of f32 each of q, k, v and
// the weights p is the sum of two f16, high + low, which has 22 of 24 bits; low · low is left out. With storage of f16 it is
// one f16:
//
//                                   k: 16 keys            v: 16 keys × D
//                                   ┌────┐                ┌────┬────┬────┬────┐
//     q: 64 queries,    subgroup 0  │    │                │    │    │    │    │    a square is a matrix of 16 × 16, a
//        in registers            1  ├────┤  →  softmax  → ├────┼────┼────┼────┤    multiplication of two one instruction;
//        from the start          2  ├────┤     2 threads  ├────┼────┼────┼────┤    o stays in registers, the scores go
//                                3  ├────┤     a query    ├────┼────┼────┼────┤    through workgroup memory
//                                   └────┘                └────┴────┴────┴────┘
//
// k and v take turns in the same tiles; while matrix units work on one, the other is on its way into registers. Matrices
// cannot be looked into, so o can only be scaled in workgroup memory. That is rare: the maximum m of a row moves only where
// a score passes it by more than 8 powers of two, so no weight exceeds 256, and 16 bits have 24 powers of two below 1. The
// sum l is of the weights as they are taken.
//
// Needs what linear_subgroup_matrix.wgsl needs, heads of a multiple of MATRIX, up to 64 channels, and 15.8 KiB. Keys past the end repeat
// the last one with a weight of zero; queries past the end repeat the last one and are not stored.
enable f16;
enable subgroups;
enable subgroup_size_control;
enable chromium_experimental_subgroup_matrix;
diagnostic(off, chromium.subgroup_matrix_uniformity);   // uniform in a subgroup, which the analysis cannot see

alias T = f32;                                // storage: f32 or f16
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sums = subgroup_matrix_result<f32, 16, 16>;
alias Queries = array<Left, 8>;               // for 64 channels: 16 where matrices are 8 × 8
alias Outputs = array<Sums, 4>;               // likewise: 8
override MATRIX: u32 = 16;                    // rows and columns of these matrices: 16 or 8
override LANES: u32 = MATRIX * MATRIX / 8u;   // threads of a subgroup: 32 or 8, of which each has 8 values of a matrix
override THREADS: u32 = MATRIX * 8u;          // 128 or 64
override MATRIX4: u32 = MATRIX / 4u;
override SHARE: u32 = MATRIX / 8u;            // threads of a query
override PARTS: u32 = 2;                      // f16 that make a q, k or v: 2 of f32, 1 of f16
override D4: u32 = 16;                        // d / 4
override D: u32 = D4 * 4u;

struct Params { B: u32, N: u32, heads: u32, d4: u32, scale: f32 }       // d4 = D4

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, D]
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;       // [B, N, heads, D]
@group(0) @binding(2) var<uniform> params: Params;

const QUERIES = 64u;
override P_PITCH: u32 = MATRIX + 8u;          // rows are longer than they need be, against bank conflicts
override S_PITCH: u32 = MATRIX + 4u;
override P_VALUES: u32 = QUERIES * P_PITCH;
override S_VALUES: u32 = QUERIES * S_PITCH;
override PITCH: u32 = D + 8u;
override VALUES: u32 = MATRIX * PITCH;

var<workgroup> high: array<f16, VALUES>;                // [MATRIX keys, D and padding]: k, then v, rounded
var<workgroup> low: array<f16, VALUES>;                 // what was rounded off
var<workgroup> p_tile: array<f16, P_VALUES>;            // [64 queries, MATRIX keys and padding]; first channels of q
var<workgroup> p_low: array<f16, P_VALUES>;             // what was rounded off p
var<workgroup> scores: array<f32, S_VALUES>;            // [64 queries, MATRIX keys and padding]; in the end channels of o
var<workgroup> of_query: array<f32, 64>;                // 1 / l
var<workgroup> moved: atomic<u32>;                      // the last step, by its first key, in which a maximum moved

const lowest = -3.4e38;
const headroom = 8.0;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
) {
  let N = params.N;
  let C4 = params.heads * D4;
  let token = 3u * C4;                          // from one token to the next
  // Neighbouring groups have neighbouring queries of one head, so they read the same keys.
  let index = group.x + group.y * 32768u;
  let blocks = (N + QUERIES - 1u) / QUERIES;
  let query = index % blocks * QUERIES;
  let head = index / blocks % params.heads;
  let b = index / blocks / params.heads;
  if (b >= params.B) { return; }

  let q_at = b * N * token + head * D4;
  let first = subgroup * MATRIX;                   // of the subgroup's queries
  var q: Queries;                               // of even place high, of odd low
  for (var i = 0u; i < D / MATRIX; i++) {
    // Every thread copies two vec4s.
    let at = q_at + i * MATRIX4 + lane % MATRIX4;
    var q0 = qkv[at + min(query + lane / MATRIX4, N - 1u) * token];
    var q1 = qkv[at + min(query + lane / MATRIX4 + 32u, N - 1u) * token];
    for (var part = 0u; part < PARTS; part++) {
      q0 = put_q(lane, q0);
      q1 = put_q(lane + THREADS, q1);
      workgroupBarrier();
      q[2u * i + part] = subgroupMatrixLoad<Left, row_major>(&p_tile, first * P_PITCH, P_PITCH);
      workgroupBarrier();
    }
  }

  // Two threads, or one, have the maximum of a query, and each the sum of 8 keys' weights a step.
  let row = lane / SHARE;
  let half = lane % SHARE * 8u;
  var m = lowest;
  var l = 0.0;
  var o: Outputs;

  // Every thread copies two vec4s of k, then of v.
  let k_at = q_at + C4;
  let v_at = k_at + C4;
  var next0 = load(k_at, 0u, lane);
  var next1 = load(k_at, 0u, lane + THREADS);

  for (var key = 0u; key < N; key += MATRIX) {
    workgroupBarrier();                         // everybody has read the last v
    put(lane, next0);
    put(lane + THREADS, next1);
    workgroupBarrier();
    next0 = load(v_at, key, lane);
    next1 = load(v_at, key, lane + THREADS);

    var s = Sums();
    for (var i = 0u; i < D / MATRIX; i++) {
      let k = subgroupMatrixLoad<Right, col_major>(&high, i * MATRIX, PITCH);
      s = subgroupMatrixMultiplyAccumulate(q[2u * i], k, s);
      if (PARTS == 2u) {
        s = subgroupMatrixMultiplyAccumulate(q[2u * i + 1u], k, s);
        let rest = subgroupMatrixLoad<Right, col_major>(&low, i * MATRIX, PITCH);
        s = subgroupMatrixMultiplyAccumulate(q[2u * i], rest, s);
      }
    }
    subgroupMatrixStore<row_major>(&scores, first * S_PITCH, s, S_PITCH);
    workgroupBarrier();                         // and everybody has read k
    put(lane, next0);
    put(lane + THREADS, next1);
    next0 = load(k_at, key + MATRIX, lane);
    next1 = load(k_at, key + MATRIX, lane + THREADS);

    // Softmax.
    var top = lowest;
    for (var j = 0u; j < MATRIX; j++) { top = max(top, score(row, j, key)); }
    let n = select(m, top, top > m + headroom);
    let shrink = exp2(m - n);
    m = n;
    l *= shrink;
    for (var j = half; j < half + 8u; j++) {
      let p = exp2(score(row, j, key) - n);
      let held = select(f32(f16(p)), leading(vec4f(p)).x, PARTS == 2u);
      p_tile[row * P_PITCH + j] = f16(held);
      if (PARTS == 2u) { p_low[row * P_PITCH + j] = f16(p - held); }
      l += select(held, p, PARTS == 2u);
    }
    if (shrink < 1.0) { atomicStore(&moved, key); }

    let last_moved = workgroupUniformLoad(&moved);      // a barrier as well
    if (key > 0u && last_moved == key) {
      for (var c = 0u; c < D / MATRIX; c++) {
        subgroupMatrixStore<row_major>(&scores, first * S_PITCH, o[c], S_PITCH);
        workgroupBarrier();
        for (var j = half; j < half + 8u; j++) { scores[row * S_PITCH + j] *= shrink; }
        workgroupBarrier();
        o[c] = subgroupMatrixLoad<Sums, row_major>(&scores, first * S_PITCH, S_PITCH);
        workgroupBarrier();
      }
    }

    // Values, weighted.
    let p = subgroupMatrixLoad<Left, row_major>(&p_tile, first * P_PITCH, P_PITCH);
    var rest_of_p: Left;
    if (PARTS == 2u) { rest_of_p = subgroupMatrixLoad<Left, row_major>(&p_low, first * P_PITCH, P_PITCH); }
    for (var c = 0u; c < D / MATRIX; c++) {
      let v = subgroupMatrixLoad<Right, row_major>(&high, c * MATRIX, PITCH);
      o[c] = subgroupMatrixMultiplyAccumulate(p, v, o[c]);
      if (PARTS == 2u) {
        let rest = subgroupMatrixLoad<Right, row_major>(&low, c * MATRIX, PITCH);
        o[c] = subgroupMatrixMultiplyAccumulate(p, rest, o[c]);
        o[c] = subgroupMatrixMultiplyAccumulate(rest_of_p, v, o[c]);
      }
    }
  }

  scores[lane] = l;
  workgroupBarrier();
  if (lane < QUERIES) {
    var sum = 0.0;
    for (var i = 0u; i < SHARE; i++) { sum += scores[lane * SHARE + i]; }
    of_query[lane] = 1.0 / sum;
  }
  workgroupBarrier();
  for (var c = 0u; c < D / MATRIX; c++) {
    subgroupMatrixStore<row_major>(&scores, first * S_PITCH, o[c], S_PITCH);
    workgroupBarrier();
    // Two vec4s for each thread.
    for (var place = lane; place < QUERIES * MATRIX4; place += THREADS) {
      let r = place / MATRIX4;
      let at = r * S_PITCH + place % MATRIX4 * 4u;
      let v = vec4f(scores[at], scores[at + 1u], scores[at + 2u], scores[at + 3u]) * of_query[r];
      if (query + r < N) { y[(b * N + query + r) * C4 + head * D4 + c * MATRIX4 + place % MATRIX4] = vec4<T>(v); }
    }
    workgroupBarrier();
  }
}

// Puts what f16 can hold of a vec4 of q into its tile and gives back the rest.
fn put_q(place: u32, v: vec4<T>) -> vec4<T> {
  let at = place / MATRIX4 * P_PITCH + place % MATRIX4 * 4u;
  let held = leading(vec4f(v));
  p_tile[at] = f16(held.x);
  p_tile[at + 1u] = f16(held.y);
  p_tile[at + 2u] = f16(held.z);
  p_tile[at + 3u] = f16(held.w);
  return v - vec4<T>(held);
}

// The eleven leading bits, which f16 has. Not by way of f16: compilers take that for nothing, and leave no rest.
fn leading(v: vec4f) -> vec4f { return bitcast<vec4f>(bitcast<vec4u>(v) & vec4u(0xffffe000u)); }

// The vec4 of k or v that stands at a place of the tile: D4 to a key, from `key` on.
fn load(at: u32, key: u32, place: u32) -> vec4<T> {
  let token = min(key + place / D4, params.N - 1u);
  return qkv[at + token * 3u * params.heads * D4 + place % D4];
}

fn put(place: u32, v: vec4<T>) {
  if (place >= MATRIX * D4) { return; }         // of fewer than 64 channels
  let at = place / D4 * PITCH + place % D4 * 4u;
  let held = leading(vec4f(v));
  high[at] = f16(held.x);
  high[at + 1u] = f16(held.y);
  high[at + 2u] = f16(held.z);
  high[at + 3u] = f16(held.w);
  if (PARTS == 2u) {
    let rest = vec4f(v) - held;
    low[at] = f16(rest.x);
    low[at + 1u] = f16(rest.y);
    low[at + 2u] = f16(rest.z);
    low[at + 3u] = f16(rest.w);
  }
}

// The logarithm, of base 2, of the weight of key + j for a query; a key past the end has none.
fn score(row: u32, j: u32, key: u32) -> f32 {
  let s = scores[row * S_PITCH + j] * (params.scale * 1.44269504);      // log₂ e
  return select(lowest, s, key + j < params.N);
}
