// Window attention of SwinV2: softmax(σ · cos(q, k) + bias + mask) · v inside every window of a grid of tokens
//
// The formula and the geometry of window_attention.wgsl in the tiles of attention_tiled.wgsl, where they are drawn: a
// workgroup owns 64 queries of one head of one window and takes 32 of its keys a step. What this kernel adds:
//
// Tokens of a window are counted row by row; which tokens of the grid they are is worked out once per tile. The length of
// a key is summed by one thread while the tile is in workgroup memory, that of a query by the thread that has its row in
// the softmax, which also finds bias and mask. Windows of the released models have 576, 256, 144 or 64 tokens. Needs d
// up to 64 and 13.3 KiB.
alias T = f32;                              // storage; arithmetic is f32 whatever it is
override D4: u32 = 0;                       // d / 4 where the compiler may know it, else 0

struct Params {
  B: u32, H: u32, W: u32, heads: u32, d4: u32,                        // d4 = d / 4, at most 16
  window_h: u32, window_w: u32, shift_h: u32, shift_w: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, H, W, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [2h − 1, 2w − 1, heads]
@group(0) @binding(2) var<storage, read> logit_scale: array<f32>;       // [heads]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;       // [B, H, W, heads, d]
@group(0) @binding(4) var<uniform> params: Params;

const QUERIES = 64u;
const KEYS = 32u;
const q_row = QUERIES + 1u;                 // from a channel of q, or 4 keys of the scores, to the next
const k_row = KEYS + 1u;

var<workgroup> q_tile: array<vec4f, 520>;   // q [8 · 4 channels][64 queries]; then scores [8 · 4 keys][64 queries]
var<workgroup> kv_tile: array<vec4f, 264>;  // k [8 · 4 channels][32 keys]; then v [16 keys][d4]
var<workgroup> of_query: array<f32, 64>;    // by what o shrinks; at the end, 1 / l
var<workgroup> of_key: array<f32, 32>;      // 1 / ‖k‖
var<workgroup> query_token: array<u32, 64>; // in the grid
var<workgroup> key_token: array<u32, 32>;

const lowest = -3.4e38;
const headroom = 8.0;
const log2_e = 1.44269504;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let d4 = vectors();
  let C4 = params.heads * d4;
  let step = 3u * C4;                           // from one token to the next
  let size = vec2u(params.H, params.W);
  let window = vec2u(params.window_h, params.window_w);
  let shift = vec2u(params.shift_h, params.shift_w);

  // Neighbouring groups have queries of one window and head, so they read the same keys.
  let index = group.x + group.y * 32768u;
  let N = window.x * window.y;
  let windows = size / window;
  let blocks = (N + QUERIES - 1u) / QUERIES;
  let query = index % blocks * QUERIES;
  let head = index / blocks % params.heads;
  let number = index / (blocks * params.heads);
  let at = vec2u(number / windows.y % windows.x, number % windows.y);   // which window
  let b = number / (windows.x * windows.y);
  if (b >= params.B) { return; }

  // Where the grid's end lies inside this window: only the last windows have it, and only along axes with a shift.
  let seam = window - select(vec2u(), shift, at == windows - 1u);
  let origin = at * window + shift;

  // The thread's own query in the softmax.
  let own = min(query + lane, N - 1u);
  let own_row = own / window.y;
  let own_column = own % window.y;
  let token = token_of(b, origin, own_row, own_column);
  query_token[lane] = token;
  var squares = 0.0;
  for (var i = 0u; i < d4; i++) {
    let q = vec4f(qkv[token * step + head * d4 + i]);
    squares += dot(q, q);
  }
  let scale = exp(min(logit_scale[head], 4.6051702)) / max(sqrt(squares), 1e-12);       // ln 100
  let first = (own_row + window.x - 1u) * (2u * window.y - 1u) + own_column + window.y - 1u;

  let tx = lane % 8u;
  let ty = lane / 8u;
  // Where d / 4 is less than 8 or no multiple of it, the last threads repeat a column and store nothing.
  let column_0 = min(tx, d4 - 1u);
  let column_1 = min(tx + 8u, d4 - 1u);

  var m = lowest;                               // of query + lane
  var l = 0.0;
  var o0 = vec4f(); var o1 = vec4f(); var o2 = vec4f(); var o3 = vec4f();         // column_0
  var o4 = vec4f(); var o5 = vec4f(); var o6 = vec4f(); var o7 = vec4f();
  var u0 = vec4f(); var u1 = vec4f(); var u2 = vec4f(); var u3 = vec4f();         // column_1
  var u4 = vec4f(); var u5 = vec4f(); var u6 = vec4f(); var u7 = vec4f();

  for (var key = 0u; key < N; key += KEYS) {
    if (lane < KEYS) {
      let k = min(key + lane, N - 1u);
      key_token[lane] = token_of(b, origin, k / window.y, k % window.y);
    }
    workgroupBarrier();
    squares = 0.0;                              // of key + lane
    // Scores: a row per query, four keys that are neighbours.
    var s0 = vec4f(); var s1 = vec4f(); var s2 = vec4f(); var s3 = vec4f();
    var s4 = vec4f(); var s5 = vec4f(); var s6 = vec4f(); var s7 = vec4f();
    for (var piece = 0u; piece < d4; piece += 8u) {
      if (piece + tx < d4) {
        let channel = head * d4 + piece + tx;
        for (var r = ty; r < QUERIES; r += 8u) {
          q_tile[tx * q_row + r] = vec4f(qkv[query_token[r] * step + channel]);
        }
        // Key 4tx + j lies at 8j + tx: the threads of a row read neighbours and own four keys in a row.
        for (var r = ty; r < KEYS; r += 8u) {
          kv_tile[tx * k_row + r % 4u * 8u + r / 4u] = vec4f(qkv[key_token[r] * step + C4 + channel]);
        }
      }
      workgroupBarrier();
      if (lane < KEYS) {
        for (var i = 0u; i < min(8u, d4 - piece); i++) {
          let k = kv_tile[i * k_row + lane % 4u * 8u + lane / 4u];
          squares += dot(k, k);
        }
      }
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
    if (lane < KEYS) { of_key[lane] = 1.0 / max(sqrt(squares), 1e-12); }
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
      let k = min(keys, vec4u(N - 1u));
      // The half keeps the quotient away from whole numbers. Dividing integers would cost more.
      let row = vec4u((vec4f(k) + 0.5) / f32(window.y));
      let column = k - row * window.y;
      let rows = (first - row * (2u * window.y - 1u) - column) * params.heads + head;
      let bias = vec4f(table[rows.x], table[rows.y], table[rows.z], table[rows.w]);
      let rows_apart = (row < vec4u(seam.x)) != vec4<bool>(own_row < seam.x);
      let columns_apart = (column < vec4u(seam.y)) != vec4<bool>(own_column < seam.y);
      let apart = rows_apart | columns_apart;
      let mask = select(vec4f(), vec4f(-100.0), apart);
      let lengths = vec4f(of_key[4u * i], of_key[4u * i + 1u], of_key[4u * i + 2u], of_key[4u * i + 3u]);
      let logits = q_tile[i * q_row + lane] * scale * lengths + bias + mask;
      let s = select(vec4f(lowest), logits * log2_e, keys < vec4u(N));
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
      let v_at = 2u * C4 + head * d4;
      for (var e = lane; e < 16u * d4; e += 64u) {
        kv_tile[e] = vec4f(qkv[key_token[part * 16u + e / d4] * step + v_at + e % d4]);
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
  let inside = N - query;                       // queries of this group
  if (ty < inside) { store(ty, head, tx, o0, u0); }
  if (ty + 8u < inside) { store(ty + 8u, head, tx, o1, u1); }
  if (ty + 16u < inside) { store(ty + 16u, head, tx, o2, u2); }
  if (ty + 24u < inside) { store(ty + 24u, head, tx, o3, u3); }
  if (ty + 32u < inside) { store(ty + 32u, head, tx, o4, u4); }
  if (ty + 40u < inside) { store(ty + 40u, head, tx, o5, u5); }
  if (ty + 48u < inside) { store(ty + 48u, head, tx, o6, u6); }
  if (ty + 56u < inside) { store(ty + 56u, head, tx, o7, u7); }
}

// Vectors of a head. Known to the compiler, its divisions cost nothing; CPU drivers would compile anew for every d.
fn vectors() -> u32 { return select(params.d4, D4, D4 > 0u); }

// The token at a place in the window; rows and columns of the grid go on at their start.
fn token_of(b: u32, origin: vec2u, row: u32, column: u32) -> u32 {
  return (b * params.H + (origin.x + row) % params.H) * params.W + (origin.y + column) % params.W;
}

// Four channels of four keys.
fn values(i: u32, column: u32) -> mat4x4f {
  let d4 = vectors();
  let at = 4u * i * d4 + column;
  return mat4x4f(kv_tile[at], kv_tile[at + d4], kv_tile[at + 2u * d4], kv_tile[at + 3u * d4]);
}

fn store(row: u32, head: u32, tx: u32, o: vec4f, u: vec4f) {
  let d4 = vectors();
  let at = (query_token[row] * params.heads + head) * d4 + tx;
  if (tx < d4) { y[at] = vec4<T>(o * of_query[row]); }
  if (tx + 8u < d4) { y[at + 8u] = vec4<T>(u * of_query[row]); }
}
