// Window attention of SwinV2: softmax(σ · cos(q, k) + bias + mask) · v inside every window of a grid of tokens
//
// The formula and the geometry of window_attention.wgsl in the blocks of attention_registers.wgsl: a thread owns 4
// queries of one head that are neighbours in a row of a window, and takes 8 keys of a row a step. So every vector of q
// and k that is loaded meets several of the other kind, the norms of the keys are worked out once for 4 queries, and of
// the bias 11 values are enough for the 32 pairs, because a pair's bias depends on the difference of their columns:
//
//                  key     c     c+1    c+2   …   c+7
//     query x            t₇     t₆     t₅   …    t₀         t₀ … t₁₀: a piece of one row of the table
//           x+1          t₈     t₇     t₆   …    t₁
//           x+2          t₉     t₈     t₇   …    t₂
//           x+3          t₁₀    t₉     t₈   …    t₃
//
// No workgroup memory and no barriers, which cost more than they save on processors that play GPU. Loops over d stay
// loops: unrolled, LLVM takes half a minute to compile them for lavapipe. Keys past the end of a row have a weight of
// zero; queries past the end repeat the last one and are not stored. Windows of the released models are 24, 16 or 8
// wide, where there are none, and 12, where every fourth key is one.
alias T = f32;                              // storage; arithmetic is f32 whatever it is
alias Row = array<f32, 32>;                 // d values of one head

struct Params {
  B: u32, H: u32, W: u32, heads: u32, d4: u32,                        // d4 = d / 4
  window_h: u32, window_w: u32, shift_h: u32, shift_w: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<T>;                 // [B, H, W, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [2h − 1, 2w − 1, heads]
@group(0) @binding(2) var<storage, read> logit_scale: array<f32>;       // [heads]
@group(0) @binding(3) var<storage, read_write> y: array<T>;             // [B, H, W, heads, d]
@group(0) @binding(4) var<uniform> params: Params;

const lowest = -3.4e38;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = vec2u(params.H, params.W);
  let window = vec2u(params.window_h, params.window_w);
  let shift = vec2u(params.shift_h, params.shift_w);
  let heads = params.heads;
  let d = params.d4 * 4u;
  let C = heads * d;
  let step = 3u * C;                            // from one token to the next

  // Neighbouring threads have neighbouring queries of one window and head, so they read the same keys.
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let windows = size / window;
  let blocks = (window.y + 3u) / 4u;            // in a row of a window
  let area = window.x * blocks;
  let row = index % area / blocks;              // of the queries, in the window
  let column = index % blocks * 4u;
  let head = index / area % heads;
  let n = index / (area * heads);
  let at = vec2u(n / windows.y % windows.x, n % windows.y);             // which window
  let b = n / (windows.x * windows.y);
  if (b >= params.B) { return; }

  // Where the grid's end lies inside this window: only the last windows have it, and only along axes with a shift.
  let seam = window - select(vec2u(), shift, at == windows - 1u);
  let origin = at * window + shift;

  let columns = min(column + vec4u(0u, 1u, 2u, 3u), vec4u(window.y - 1u));
  let tokens = line_of(b, origin.x + row) + inside(origin.y + columns, size.y);
  let left = columns < vec4u(seam.y);           // of the seam
  let q_at = tokens * step + head * d;
  var squares = vec4f();
  for (var i = 0u; i < d; i++) {
    let q = vec4f(load(q_at.x + i), load(q_at.y + i), load(q_at.z + i), load(q_at.w + i));
    squares += q * q;
  }
  let scale = exp(min(logit_scale[head], 4.6051702)) / max(sqrt(squares), vec4f(1e-12));  // ln 100

  var o0: Row; var m0 = lowest; var l0 = 0.0;
  var o1: Row; var m1 = lowest; var l1 = 0.0;
  var o2: Row; var m2 = lowest; var l2 = 0.0;
  var o3: Row; var m3 = lowest; var l3 = 0.0;

  for (var k_row = 0u; k_row < window.x; k_row++) {
    let line = line_of(b, origin.x + k_row);
    let rows_apart = (k_row < seam.x) != (row < seam.x);
    let offsets = (row + window.x - 1u - k_row) * (2u * window.y - 1u) + column + window.y - 1u;
    for (var k_column = 0u; k_column < window.y; k_column += 8u) {
      let k_a = k_column + vec4u(0u, 1u, 2u, 3u);
      let k_b = k_a + 4u;
      let last = vec4u(window.y - 1u);
      var at_a = (line + inside(origin.y + min(k_a, last), size.y)) * step + C + head * d;
      var at_b = (line + inside(origin.y + min(k_b, last), size.y)) * step + C + head * d;

      // Scores: one row of a and b per query, one column per key.
      var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
      var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
      var squares_a = vec4f();
      var squares_b = vec4f();
      for (var i = 0u; i < d; i++) {
        let k = vec4f(load(at_a.x + i), load(at_a.y + i), load(at_a.z + i), load(at_a.w + i));
        let r = vec4f(load(at_b.x + i), load(at_b.y + i), load(at_b.z + i), load(at_b.w + i));
        squares_a += k * k;
        squares_b += r * r;
        let q0 = load(q_at.x + i); a0 += q0 * k; b0 += q0 * r;
        let q1 = load(q_at.y + i); a1 += q1 * k; b1 += q1 * r;
        let q2 = load(q_at.z + i); a2 += q2 * k; b2 += q2 * r;
        let q3 = load(q_at.w + i); a3 += q3 * k; b3 += q3 * r;
      }

      // The bias from 11 values. Past the ends of the table are pairs that are not there; any value will do for them.
      let first = i32(offsets) - i32(k_column) - 7;
      let t_0 = vec4f(bias(first, head), bias(first + 1, head), bias(first + 2, head), bias(first + 3, head));
      let t_4 = vec4f(bias(first + 4, head), bias(first + 5, head), bias(first + 6, head), bias(first + 7, head));
      let t_8 = vec3f(bias(first + 8, head), bias(first + 9, head), bias(first + 10, head));
      let left_a = k_a < vec4u(seam.y);
      let left_b = k_b < vec4u(seam.y);
      let there_a = k_a < vec4u(window.y);
      let there_b = k_b < vec4u(window.y);
      let inverse_a = 1.0 / max(sqrt(squares_a), vec4f(1e-12));
      let inverse_b = 1.0 / max(sqrt(squares_b), vec4f(1e-12));
      a0 = a0 * scale.x * inverse_a + t_4.wzyx + mask(rows_apart, left_a, left.x);
      b0 = b0 * scale.x * inverse_b + t_0.wzyx + mask(rows_apart, left_b, left.x);
      a1 = a1 * scale.y * inverse_a + vec4f(t_8.x, t_4.wzy) + mask(rows_apart, left_a, left.y);
      b1 = b1 * scale.y * inverse_b + vec4f(t_4.x, t_0.wzy) + mask(rows_apart, left_b, left.y);
      a2 = a2 * scale.z * inverse_a + vec4f(t_8.yx, t_4.wz) + mask(rows_apart, left_a, left.z);
      b2 = b2 * scale.z * inverse_b + vec4f(t_4.yx, t_0.wz) + mask(rows_apart, left_b, left.z);
      a3 = a3 * scale.w * inverse_a + vec4f(t_8.zyx, t_4.w) + mask(rows_apart, left_a, left.w);
      b3 = b3 * scale.w * inverse_b + vec4f(t_4.zyx, t_0.w) + mask(rows_apart, left_b, left.w);
      a0 = select(vec4f(lowest), a0, there_a); b0 = select(vec4f(lowest), b0, there_b);
      a1 = select(vec4f(lowest), a1, there_a); b1 = select(vec4f(lowest), b1, there_b);
      a2 = select(vec4f(lowest), a2, there_a); b2 = select(vec4f(lowest), b2, there_b);
      a3 = select(vec4f(lowest), a3, there_a); b3 = select(vec4f(lowest), b3, there_b);

      // The maximum so far, and by how much it shrinks what was summed before.
      let n0 = max(m0, largest(max(a0, b0))); let f0 = exp(m0 - n0); m0 = n0;
      let n1 = max(m1, largest(max(a1, b1))); let f1 = exp(m1 - n1); m1 = n1;
      let n2 = max(m2, largest(max(a2, b2))); let f2 = exp(m2 - n2); m2 = n2;
      let n3 = max(m3, largest(max(a3, b3))); let f3 = exp(m3 - n3); m3 = n3;
      a0 = exp(a0 - n0); b0 = exp(b0 - n0); l0 = l0 * f0 + dot(a0 + b0, vec4f(1.0));
      a1 = exp(a1 - n1); b1 = exp(b1 - n1); l1 = l1 * f1 + dot(a1 + b1, vec4f(1.0));
      a2 = exp(a2 - n2); b2 = exp(b2 - n2); l2 = l2 * f2 + dot(a2 + b2, vec4f(1.0));
      a3 = exp(a3 - n3); b3 = exp(b3 - n3); l3 = l3 * f3 + dot(a3 + b3, vec4f(1.0));

      // Values, weighted.
      at_a += C;
      at_b += C;
      for (var i = 0u; i < d; i++) {
        let v = vec4f(load(at_a.x + i), load(at_a.y + i), load(at_a.z + i), load(at_a.w + i));
        let w = vec4f(load(at_b.x + i), load(at_b.y + i), load(at_b.z + i), load(at_b.w + i));
        o0[i] = o0[i] * f0 + (dot(v, a0) + dot(w, b0));
        o1[i] = o1[i] * f1 + (dot(v, a1) + dot(w, b1));
        o2[i] = o2[i] * f2 + (dot(v, a2) + dot(w, b2));
        o3[i] = o3[i] * f3 + (dot(v, a3) + dot(w, b3));
      }
    }
  }

  let y_at = tokens * C + head * d;
  for (var i = 0u; i < d; i++) {
    y[y_at.x + i] = T(o0[i] / l0);
    if (column + 1u < window.y) { y[y_at.y + i] = T(o1[i] / l1); }
    if (column + 2u < window.y) { y[y_at.z + i] = T(o2[i] / l2); }
    if (column + 3u < window.y) { y[y_at.w + i] = T(o3[i] / l3); }
  }
}

fn load(i: u32) -> f32 { return f32(qkv[i]); }

// The first token of a row of the grid; rows go on at the start.
fn line_of(b: u32, row: u32) -> u32 { return (b * params.H + row % params.H) * params.W; }

// Columns of the grid, which go on at the start; none is a whole grid too far.
fn inside(columns: vec4u, W: u32) -> vec4u {
  return select(columns, columns - W, columns >= vec4u(W));
}

fn bias(row: i32, head: u32) -> f32 {
  return table[u32(max(row, 0)) * params.heads + head];
}

// −100 for keys of another region than the query's.
fn mask(rows_apart: bool, keys_left: vec4<bool>, query_left: bool) -> vec4f {
  return select(vec4f(), vec4f(-100.0), (keys_left != vec4<bool>(query_left)) | vec4<bool>(rows_apart));
}

fn largest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
