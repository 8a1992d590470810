// Attention with relative positions: softmax(q · kᵀ · scale + bias) · v for every head, as BEiT has it
//
// attention_tiled.wgsl, where the tiles are drawn: a workgroup owns 64 queries of one head and takes 32 keys a step. The
// table of biases and its rows are explained in attention_relative.wgsl. What this kernel adds:
//
// In the softmax a thread has one query, so it knows its place in the table. On a grid 2W − 1 wide, patch (y, x) has the
// place y · (2W − 1) + x, and the row of a pair is the middle of the table plus place(query) − place(key). Counted with
// the readout token in front, place(token) = token + y · (W − 1), and the 1 too many cancels in the difference. Neighbours
// have neighbouring queries and the same keys, so they read neighbouring rows. Needs d up to 64 and 12.5 KiB.
alias T = f32;                              // storage of qkv and y; arithmetic is f32 whatever it is
override D4: u32 = 0;                       // d / 4 where the compiler may know it, else 0

struct Params { B: u32, N: u32, heads: u32, d4: u32, H: u32, W: u32, scale: f32 }   // d4 = d / 4 ≤ 16, N = 1 + H · W

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [heads, (2H − 1)(2W − 1) + 3]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;       // [B, N, heads, d]
@group(0) @binding(3) var<uniform> params: Params;

const QUERIES = 64u;
const KEYS = 32u;
const q_row = QUERIES + 1u;                 // from a channel of q, or 4 keys of the scores, to the next
const k_row = KEYS + 1u;

var<workgroup> q_tile: array<vec4f, 520>;   // q [8 · 4 channels][64 queries]; then scores [8 · 4 keys][64 queries]
var<workgroup> kv_tile: array<vec4f, 264>;  // k [8 · 4 channels][32 keys]; then v [16 keys][d4]
var<workgroup> of_query: array<f32, 64>;    // by what o shrinks; at the end, 1 / l

const lowest = -3.4e38;
const headroom = 8.0;
const log2_e = 1.44269504;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  let d4 = vectors();
  let C4 = params.heads * d4;
  let token = 3u * C4;                          // from one token to the next
  // Neighbouring groups have neighbouring queries of one head, so they read the same keys.
  let index = group.x + group.y * 32768u;
  let blocks = (N + QUERIES - 1u) / QUERIES;
  let query = index % blocks * QUERIES;
  let head = index / blocks % params.heads;
  let b = index / blocks / params.heads;
  if (b >= params.B) { return; }

  let q_at = b * N * token + head * d4;
  let tx = lane % 8u;
  let ty = lane / 8u;
  // Where d / 4 is less than 8 or no multiple of it, the last threads repeat a column and store nothing.
  let column_0 = min(tx, d4 - 1u);
  let column_1 = min(tx + 8u, d4 - 1u);

  // The row of the thread's own query in the softmax is origin − place(key); to the readout token all patches are alike.
  let own = min(query + lane, N - 1u);
  let is_readout = own == 0u;
  let offsets = (2u * params.H - 1u) * (2u * params.W - 1u);
  let to_patch = head * (offsets + 3u) + offsets;       // the first of the three rows of the readout token
  let middle = head * (offsets + 3u) + (offsets - 1u) / 2u;
  let origin = select(middle + places(vec4u(own)).x, to_patch, is_readout);
  let back = select(1u, 0u, is_readout);
  let to_readout = to_patch + select(1u, 2u, is_readout);

  var m = lowest;                               // of query + lane
  var l = 0.0;
  var o0 = vec4f(); var o1 = vec4f(); var o2 = vec4f(); var o3 = vec4f();         // column_0
  var o4 = vec4f(); var o5 = vec4f(); var o6 = vec4f(); var o7 = vec4f();
  var u0 = vec4f(); var u1 = vec4f(); var u2 = vec4f(); var u3 = vec4f();         // column_1
  var u4 = vec4f(); var u5 = vec4f(); var u6 = vec4f(); var u7 = vec4f();

  for (var key = 0u; key < N; key += KEYS) {
    // Scores: a row per query, four keys that are neighbours.
    var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
    var s4 = vec4f(); var s5 = vec4f(); var s6 = vec4f(); var s7 = vec4f();
    for (var piece = 0u; piece < d4; piece += 8u) {
      if (piece + tx < d4) {
        let at = q_at + piece + tx;
        for (var r = ty; r < QUERIES; r += 8u) {
          q_tile[tx * q_row + r] = vec4f(qkv[at + min(query + r, N - 1u) * token]);
        }
        // Key 4tx + j lies at 8j + tx: the threads of a row read neighbours and own four keys in a row.
        for (var r = ty; r < KEYS; r += 8u) {
          kv_tile[tx * k_row + r % 4u * 8u + r / 4u] = vec4f(qkv[at + C4 + min(key + r, N - 1u) * token]);
        }
      }
      workgroupBarrier();
      for (var i = 0u; i < min(8u, d4 - piece); i++) {
        let k_at = i * k_row + tx;
        let k = mat4x4f(kv_tile[k_at], kv_tile[k_at + 8u], kv_tile[k_at + 16u], kv_tile[k_at + 24u]);
        let r = i * q_row + ty;
        s0 += q_tile[r] * k;
        s1 += q_tile[r + 8u] * k;
        s2 += q_tile[r + 16u] * k;
        s3 += q_tile[r + 24u] * k;
        s4 += q_tile[r + 32u] * k;
        s5 += q_tile[r + 40u] * k;
        s6 += q_tile[r + 48u] * k;
        s7 += q_tile[r + 56u] * k;
      }
      workgroupBarrier();
    }
    let s_at = tx * q_row + ty;
    q_tile[s_at] = s0;
    q_tile[s_at + 8u] = s1;
    q_tile[s_at + 16u] = s2;
    q_tile[s_at + 24u] = s3;
    q_tile[s_at + 32u] = s4;
    q_tile[s_at + 40u] = s5;
    q_tile[s_at + 48u] = s6;
    q_tile[s_at + 56u] = s7;
    workgroupBarrier();

    // Softmax: the thread's own row, in place.
    var highest = vec4f(lowest);
    for (var i = 0u; i < 8u; i++) {
      let keys = key + 4u * i + vec4u(0u, 1u, 2u, 3u);
      var rows = origin - places(min(keys, vec4u(N - 1u))) * back;
      if (key + i == 0u) { rows.x = to_readout; }
      let bias = vec4f(table[rows.x], table[rows.y], table[rows.z], table[rows.w]);
      let products = q_tile[i * q_row + lane];
      let s = select(vec4f(lowest), (products * params.scale + bias) * log2_e, keys < vec4u(N));
      q_tile[i * q_row + lane] = s;
      highest = max(highest, s);
    }
    let high = max(max(highest.x, highest.y), max(highest.z, highest.w));
    let n = select(m, high, high > m + headroom);
    let shrink = exp2(m - n);
    m = n;
    var sum = vec4f();
    for (var i = 0u; i < 8u; i++) {
      let p = exp2(q_tile[i * q_row + lane] - n);
      sum += p;
      q_tile[i * q_row + lane] = p;
    }
    l = l * shrink + dot(sum, vec4f(1.0));
    of_query[lane] = shrink;

    // Values, weighted.
    for (var part = 0u; part < 2u; part++) {
      let v_at = q_at + 2u * C4;
      for (var e = lane; e < 16u * d4; e += 64u) {
        kv_tile[e] = vec4f(qkv[v_at + min(key + part * 16u + e / d4, N - 1u) * token + e % d4]);
      }
      workgroupBarrier();
      if (part == 0u) {
        let a = vec4f(of_query[ty], of_query[ty + 8u], of_query[ty + 16u], of_query[ty + 24u]);
        let c = vec4f(of_query[ty + 32u], of_query[ty + 40u], of_query[ty + 48u], of_query[ty + 56u]);
        if (any(min(a, c) < vec4f(1.0))) {
          o0 *= a.x; o1 *= a.y; o2 *= a.z; o3 *= a.w; o4 *= c.x; o5 *= c.y; o6 *= c.z; o7 *= c.w;
          u0 *= a.x; u1 *= a.y; u2 *= a.z; u3 *= a.w; u4 *= c.x; u5 *= c.y; u6 *= c.z; u7 *= c.w;
        }
      }
      for (var i = 0u; i < 4u; i++) {
        let r = (part * 4u + i) * q_row + ty;
        let p0 = q_tile[r];
        let p1 = q_tile[r + 8u];
        let p2 = q_tile[r + 16u];
        let p3 = q_tile[r + 24u];
        let p4 = q_tile[r + 32u];
        let p5 = q_tile[r + 40u];
        let p6 = q_tile[r + 48u];
        let p7 = q_tile[r + 56u];
        let v = values(i, column_0);
        o0 += v * p0; o1 += v * p1; o2 += v * p2; o3 += v * p3;
        o4 += v * p4; o5 += v * p5; o6 += v * p6; o7 += v * p7;
        if (d4 > 8u) {
          let w = values(i, column_1);
          u0 += w * p0; u1 += w * p1; u2 += w * p2; u3 += w * p3;
          u4 += w * p4; u5 += w * p5; u6 += w * p6; u7 += w * p7;
        }
      }
      workgroupBarrier();
    }
  }

  of_query[lane] = 1.0 / l;
  workgroupBarrier();
  let y_at = b * N * C4 + head * d4;
  store(y_at, query + ty, tx, o0, u0, of_query[ty]);
  store(y_at, query + ty + 8u, tx, o1, u1, of_query[ty + 8u]);
  store(y_at, query + ty + 16u, tx, o2, u2, of_query[ty + 16u]);
  store(y_at, query + ty + 24u, tx, o3, u3, of_query[ty + 24u]);
  store(y_at, query + ty + 32u, tx, o4, u4, of_query[ty + 32u]);
  store(y_at, query + ty + 40u, tx, o5, u5, of_query[ty + 40u]);
  store(y_at, query + ty + 48u, tx, o6, u6, of_query[ty + 48u]);
  store(y_at, query + ty + 56u, tx, o7, u7, of_query[ty + 56u]);
}

// Vectors of a head. Known to the compiler, its divisions cost nothing; CPU drivers would compile anew for every d.
fn vectors() -> u32 { return select(params.d4, D4, D4 > 0u); }

// token + y · (W − 1), where y = ⌊(token − 1) / W⌋ is a patch's row. The half keeps the quotient away from whole numbers
// by ½ / W, far more than the rounding of f32, and makes 0 of the readout token. Dividing integers would cost more.
fn places(token: vec4u) -> vec4u {
  let y = vec4u((vec4f(token) - 0.5) / f32(params.W));
  return token + y * (params.W - 1u);
}

// Four channels of four keys.
fn values(i: u32, column: u32) -> mat4x4f {
  let d4 = vectors();
  let at = 4u * i * d4 + column;
  return mat4x4f(kv_tile[at], kv_tile[at + d4], kv_tile[at + 2u * d4], kv_tile[at + 3u * d4]);
}

fn store(y_at: u32, query: u32, tx: u32, o: vec4f, u: vec4f, inverse: f32) {
  if (query >= params.N) { return; }
  let d4 = vectors();
  let at = y_at + query * params.heads * d4 + tx;
  if (tx < d4) { y[at] = vec4<T>(o * inverse); }
  if (tx + 8u < d4) { y[at + 8u] = vec4<T>(u * inverse); }
}
