// Attention: softmax(q · kᵀ · scale) · v for every head, without ever storing the N × N scores
//
// The streaming softmax of attention.wgsl in blocks: a thread owns 4 queries of one head and takes 8 keys a step.
//
//                        k: 8 keys                    v: 8 keys
//                     ┌──4──┬──4──┐                  ┌────────┐     per channel of d: 12 loads and 32 products for the
//      q: 4 queries   │ k_a │ k_b │   →  softmax     │  v_a   │     scores, 8 loads and 32 multiply-adds for the values,
//         ┌────┐      ├─────┼─────┤      over the    ├────────┤     and o is read and written once per 8 keys.
//         │    │      │ a0‥3│ b0‥3│      running     │  v_b   │
//         └─d──┘      └─────┴─────┘      maximum     └────────┘
//
// Four channels a step load no fewer numbers on SwiftShader, and take twice as long to compile.
// Loops over d stay loops: unrolled, LLVM takes half a minute to compile them for lavapipe. No workgroup memory and no
// barriers, which cost more than they save on processors that play GPU. Keys past the end repeat the last one with a
// weight of zero; queries past the end repeat the last one and are not stored.
// A bias that depends on the pair of tokens belongs where a and b are scaled; that is all a sibling would change.
alias T = f32;                              // storage; arithmetic is f32 whatever it is
alias Row = array<f32, 64>;                 // d values of one head

struct Params { B: u32, N: u32, heads: u32, d4: u32, scale: f32 }   // d4 = d / 4

@group(0) @binding(0) var<storage, read> qkv: array<T>;                 // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read_write> y: array<T>;             // [B, N, heads, d]
@group(0) @binding(2) var<uniform> params: Params;

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

  var o0: Row; var m0 = lowest; var l0 = 0.0;
  var o1: Row; var m1 = lowest; var l1 = 0.0;
  var o2: Row; var m2 = lowest; var l2 = 0.0;
  var o3: Row; var m3 = lowest; var l3 = 0.0;

  for (var key = 0u; key < N; key += 8u) {
    let k_a = key + vec4u(0u, 1u, 2u, 3u);
    let k_b = k_a + 4u;
    let inside_a = k_a < vec4u(N);
    let inside_b = k_b < vec4u(N);
    var at_a = q_at + C + min(k_a, vec4u(N - 1u)) * token;
    var at_b = q_at + C + min(k_b, vec4u(N - 1u)) * token;

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
    a0 = select(vec4f(lowest), a0 * params.scale, inside_a);
    a1 = select(vec4f(lowest), a1 * params.scale, inside_a);
    a2 = select(vec4f(lowest), a2 * params.scale, inside_a);
    a3 = select(vec4f(lowest), a3 * params.scale, inside_a);
    b0 = select(vec4f(lowest), b0 * params.scale, inside_b);
    b1 = select(vec4f(lowest), b1 * params.scale, inside_b);
    b2 = select(vec4f(lowest), b2 * params.scale, inside_b);
    b3 = select(vec4f(lowest), b3 * params.scale, inside_b);

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

fn load(i: u32) -> f32 { return f32(qkv[i]); }

fn largest(v: vec4f) -> f32 { return max(max(v.x, v.y), max(v.z, v.w)); }
