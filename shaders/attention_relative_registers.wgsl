// Attention with relative positions: softmax(q · kᵀ · scale + bias) · v for every head, as BEiT has it
//
// attention_registers.wgsl, where the tile is drawn: a thread owns 4 queries of one head and takes 8 keys a step. The
// table of biases and its rows are explained in attention_relative.wgsl. What this kernel adds:
//
// On a grid 2W − 1 wide, patch (y, x) has the place y · (2W − 1) + x, and the row of a pair is the middle of the table
// plus place(query) − place(key): one place per key, shared by the 4 queries, and one subtraction per pair. Counted with
// the readout token in front, place(token) = token + y · (W − 1), and the 1 too many cancels in the difference.
// Of the 4 queries only the first can be the readout token, and of the 8 keys only the first of the first step.
alias T = f32;                              // storage of qkv and y; arithmetic is f32 whatever it is
alias Row = array<f32, 64>;                 // d values of one head

struct Params { B: u32, N: u32, heads: u32, d4: u32, H: u32, W: u32, scale: f32 }   // d4 = d / 4, N = 1 + H · W

@group(0) @binding(0) var<storage, read> qkv: array<T>;                 // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [heads, (2H − 1)(2W − 1) + 3]
@group(0) @binding(2) var<storage, read_write> y: array<T>;             // [B, N, heads, d]
@group(0) @binding(3) var<uniform> params: Params;

const lowest = -3.4e38;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  let d = params.d4 * 4u;
  let C = params.heads * d;
  let token = 3u * C;                           // from one token to the next
  // Neighbouring threads have neighbouring queries of one head, so they read the same keys.
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let blocks = (N + 3u) / 4u;
  let query = index % blocks * 4u;
  let head = index / blocks % params.heads;
  let b = index / blocks / params.heads;
  if (b >= params.B) { return; }

  let q_at = b * N * token + head * d;
  let q_0 = q_at + query * token;
  let q_1 = q_at + min(query + 1u, N - 1u) * token;
  let q_2 = q_at + min(query + 2u, N - 1u) * token;
  let q_3 = q_at + min(query + 3u, N - 1u) * token;

  let offsets = (2u * params.H - 1u) * (2u * params.W - 1u);
  let table_at = head * (offsets + 3u);
  let to_patch = table_at + offsets;            // the rows of the readout token
  let to_readout = to_patch + 1u;
  let is_readout = query == 0u;
  let middle = table_at + (offsets - 1u) / 2u;
  // Row for a patch as key: origin − place(key); for the readout token as query, all patches are alike.
  let origins = middle + places(min(query + vec4u(0u, 1u, 2u, 3u), vec4u(N - 1u)));
  let origin_0 = select(origins.x, to_patch, is_readout);
  let back_0 = select(1u, 0u, is_readout);

  var o0: Row; var m0 = lowest; var l0 = 0.0;
  var o1: Row; var m1 = lowest; var l1 = 0.0;
  var o2: Row; var m2 = lowest; var l2 = 0.0;
  var o3: Row; var m3 = lowest; var l3 = 0.0;

  for (var key = 0u; key < N; key += 8u) {
    let k_a = key + vec4u(0u, 1u, 2u, 3u);
    let k_b = k_a + 4u;
    let inside_a = k_a < vec4u(N);
    let inside_b = k_b < vec4u(N);
    let token_a = min(k_a, vec4u(N - 1u));
    let token_b = min(k_b, vec4u(N - 1u));
    var at_a = q_at + C + token_a * token;
    var at_b = q_at + C + token_b * token;

    // Scores: one row of a and b per query, one column per key.
    var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
    var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
    for (var i = 0u; i < d; i++) {
      let k = vec4f(load(at_a.x + i), load(at_a.y + i), load(at_a.z + i), load(at_a.w + i));
      let r = vec4f(load(at_b.x + i), load(at_b.y + i), load(at_b.z + i), load(at_b.w + i));
      let q0 = load(q_0 + i); a0 += q0 * k; b0 += q0 * r;
      let q1 = load(q_1 + i); a1 += q1 * k; b1 += q1 * r;
      let q2 = load(q_2 + i); a2 += q2 * k; b2 += q2 * r;
      let q3 = load(q_3 + i); a3 += q3 * k; b3 += q3 * r;
    }
    // Rows of the table.
    let place_a = places(token_a);
    let place_b = places(token_b);
    var row_a0 = origin_0 - place_a * back_0;
    var row_a1 = origins.y - place_a;
    var row_a2 = origins.z - place_a;
    var row_a3 = origins.w - place_a;
    if (key == 0u) {
      row_a0.x = to_readout + select(0u, 1u, is_readout);
      row_a1.x = to_readout;
      row_a2.x = to_readout;
      row_a3.x = to_readout;
    }
    a0 = select(vec4f(lowest), a0 * params.scale + biases(row_a0), inside_a);
    a1 = select(vec4f(lowest), a1 * params.scale + biases(row_a1), inside_a);
    a2 = select(vec4f(lowest), a2 * params.scale + biases(row_a2), inside_a);
    a3 = select(vec4f(lowest), a3 * params.scale + biases(row_a3), inside_a);
    b0 = select(vec4f(lowest), b0 * params.scale + biases(origin_0 - place_b * back_0), inside_b);
    b1 = select(vec4f(lowest), b1 * params.scale + biases(origins.y - place_b), inside_b);
    b2 = select(vec4f(lowest), b2 * params.scale + biases(origins.z - place_b), inside_b);
    b3 = select(vec4f(lowest), b3 * params.scale + biases(origins.w - place_b), inside_b);

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

  let y_at = (b * N + query) * C + head * d;
  for (var i = 0u; i < d; i++) {
    y[y_at + i] = T(o0[i] / l0);
    if (query + 1u < N) { y[y_at + C + i] = T(o1[i] / l1); }
    if (query + 2u < N) { y[y_at + 2u * C + i] = T(o2[i] / l2); }
    if (query + 3u < N) { y[y_at + 3u * C + i] = T(o3[i] / l3); }
  }
}

// token + y · (W − 1), where y = ⌊(token − 1) / W⌋ is a patch's row. The half keeps the quotient away from whole numbers
// by ½ / W, far more than the rounding of f32, and makes 0 of the readout token. Dividing integers would cost more.
fn places(token: vec4u) -> vec4u {
  let y = vec4u((vec4f(token) - 0.5) / f32(params.W));
  return token + y * (params.W - 1u);
}

fn biases(rows: vec4u) -> vec4f {
  return vec4f(table[rows.x], table[rows.y], table[rows.z], table[rows.w]);
}

fn load(i: u32) -> f32 { return f32(qkv[i]); }

fn largest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
