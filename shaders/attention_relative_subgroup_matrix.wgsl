// Attention with relative positions on matrix units: softmax(q · kᵀ · scale + bias) · v for every head, as BEiT has it
//
// attention_subgroup_matrix.wgsl, where the tiles are drawn: a workgroup owns 64 queries of one head and takes 16 keys a step,
// or 8 where matrices are 8 × 8. The table of biases and its rows are explained in attention_relative.wgsl, how a place gives
// a row in attention_relative_tiled.wgsl. What this kernel adds:
//
// Matrices cannot be looked into, so a bias joins its score where scores leave workgroup memory. It is looked up once: each
// of the two threads of a query has 8 of the keys, and they tell each other their maximum by a shuffle. The places of a
// step's keys are the same for all queries; they are found by one thread each and lie in workgroup memory.
//
// Needs what attention_subgroup_matrix.wgsl needs: heads of a multiple of MATRIX, up to 64 channels, and 15.8 KiB.
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

struct Params { B: u32, N: u32, heads: u32, d4: u32, H: u32, W: u32, scale: f32 }   // d4 = D4, N = 1 + H · W

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, D]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [heads, (2H − 1)(2W − 1) + 3]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;       // [B, N, heads, D]
@group(0) @binding(3) var<uniform> params: Params;

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
var<workgroup> key_place: array<u32, 16>;               // of a step
var<workgroup> of_query: array<f32, 64>;                // 1 / l
var<workgroup> moved: atomic<u32>;                      // the last step, by its first key, in which a maximum moved

const lowest = -3.4e38;
const headroom = 8.0;
const log2_e = 1.44269504;

@compute @workgroup_size(THREADS) @subgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(subgroup_id) subgroup: u32,
  @builtin(subgroup_invocation_id) own: u32,
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

  // Two threads, or one, have a query, and each the scores of 8 keys a step.
  let row = first + own / SHARE;
  let half = own % SHARE * 8u;
  // The row of a score's bias is origin − place(key); to the readout token all patches are alike.
  let token_of_row = min(query + row, N - 1u);
  let is_readout = token_of_row == 0u;
  let offsets = (2u * params.H - 1u) * (2u * params.W - 1u);
  let to_patch = head * (offsets + 3u) + offsets;       // the first of the three rows of the readout token
  let middle = head * (offsets + 3u) + (offsets - 1u) / 2u;
  let origin = select(middle + place_of(token_of_row), to_patch, is_readout);
  let back = select(1u, 0u, is_readout);
  let to_readout = to_patch + select(1u, 2u, is_readout);

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
    if (lane < MATRIX) { key_place[lane] = place_of(min(key + lane, N - 1u)); }
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

    // Softmax, of logarithms of base 2; a key past the end has a weight of zero.
    var logits: array<f32, 8>;
    var top = lowest;
    for (var i = 0u; i < 8u; i++) {
      let j = half + i;
      let bias = table[select(origin - key_place[j] * back, to_readout, key + j == 0u)];
      let logit = (scores[row * S_PITCH + j] * params.scale + bias) * log2_e;
      logits[i] = select(lowest, logit, key + j < N);
      top = max(top, logits[i]);
    }
    if (SHARE == 2u) { top = max(top, subgroupShuffleXor(top, 1u)); }
    let n = select(m, top, top > m + headroom);
    let shrink = exp2(m - n);
    m = n;
    l *= shrink;
    for (var i = 0u; i < 8u; i++) {
      let p = exp2(logits[i] - n);
      let held = select(f32(f16(p)), leading(vec4f(p)).x, PARTS == 2u);
      p_tile[row * P_PITCH + half + i] = f16(held);
      if (PARTS == 2u) { p_low[row * P_PITCH + half + i] = f16(p - held); }
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

  if (SHARE == 2u) { l += subgroupShuffleXor(l, 1u); }
  if (half == 0u) { of_query[row] = 1.0 / l; }
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

// token + y · (W − 1), where y = ⌊(token − 1) / W⌋ is a patch's row. The half keeps the quotient away from whole numbers
// by ½ / W, far more than the rounding of f32, and makes 0 of the readout token. Dividing integers would cost more.
fn place_of(token: u32) -> u32 {
  let y = u32((f32(token) - 0.5) / f32(params.W));
  return token + y * (params.W - 1u);
}
