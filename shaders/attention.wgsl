// Attention: softmax(q · kᵀ · scale) · v for every head, without ever storing the N × N scores
//
// One thread per query and head. It walks over the keys with a running maximum m, a running sum of exponentials l and a
// running output o (Milakov and Gimelshein 2018). When a larger score appears, what was summed so far is scaled down by
// exp(old m − new m), so no exponent is ever positive and none overflows. At the end o / l is the softmax-weighted sum.
//
// Every token of qkv holds q, k and v one after the other, each with its heads one after the other: [3, heads, d].
// A bias that depends on the pair of tokens belongs where the score is computed; that is all a sibling would change.
alias T = f32;                              // storage; arithmetic is f32 whatever it is
alias Row = array<vec4f, 16>;               // d values of one head: d / 4 vectors
override D4: u32 = 0;                       // d / 4 where the loops over it may be unrolled, else 0

struct Params { B: u32, N: u32, heads: u32, d4: u32, scale: f32 }   // d4 = d / 4

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read_write> y: array<vec4<T>>;       // [B, N, heads, d]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  // Known to the compiler, q and o can stay in a GPU's registers; processors that play GPU would compile for seconds.
  let d4 = select(params.d4, D4, D4 > 0u);
  let C4 = params.heads * d4;
  // Neighbouring threads have neighbouring queries of one head, so they read the same keys.
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let query = index % N;
  let head = index / N % params.heads;
  let b = index / N / params.heads;
  if (b >= params.B) { return; }

  let q_at = (b * N + query) * 3u * C4 + head * d4;
  var q: Row;
  for (var i = 0u; i < d4; i++) { q[i] = vec4f(qkv[q_at + i]); }

  var o: Row;
  var m = -3.4e38;
  var l = 0.0;
  for (var key = 0u; key < N; key++) {
    let k_at = (b * N + key) * 3u * C4 + C4 + head * d4;
    let v_at = k_at + C4;

    var score = 0.0;
    for (var i = 0u; i < d4; i++) { score += dot(q[i], vec4f(qkv[k_at + i])); }
    score *= params.scale;

    let larger = max(m, score);
    let shrink = exp(m - larger);
    let p = exp(score - larger);
    l = l * shrink + p;
    for (var i = 0u; i < d4; i++) { o[i] = o[i] * shrink + p * vec4f(qkv[v_at + i]); }
    m = larger;
  }

  let y_at = (b * N + query) * C4 + head * d4;
  for (var i = 0u; i < d4; i++) { y[y_at + i] = vec4<T>(o[i] / l); }
}
