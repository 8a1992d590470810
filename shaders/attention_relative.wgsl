// Attention with relative positions: softmax(q · kᵀ · scale + bias) · v for every head, as BEiT has it
//
// The streaming softmax of attention.wgsl with a bias per pair of tokens. Token 0 is the readout token, the others are
// patches, row by row. The bias of two patches depends on their offset alone, so a table holds it once per offset:
//
//   row (y − y' + H − 1) · (2W − 1) + (x − x' + W − 1)        query patch (y, x), key patch (y', x')
//   the last three rows                                       readout → patch, patch → readout, readout → readout
//
// While the keys go by, that row goes back by one per column and by W − 1 more at the end of a row of patches; no
// division, and no N × N bias in memory.
alias T = f32;                              // storage of qkv and y; arithmetic is f32 whatever it is
alias Row = array<vec4f, 16>;               // d values of one head: d / 4 vectors
override D4: u32 = 0;                       // d / 4 where the loops over it may be unrolled, else 0

struct Params { B: u32, N: u32, heads: u32, d4: u32, H: u32, W: u32, scale: f32 }   // d4 = d / 4, N = 1 + H · W

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [heads, (2H − 1)(2W − 1) + 3]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;       // [B, N, heads, d]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  let W = params.W;
  // Known to the compiler, q and o can stay in a GPU's registers; processors that play GPU would compile for seconds.
  let d4 = select(params.d4, D4, D4 > 0u);
  let C4 = params.heads * d4;
  // Neighbouring threads have neighbouring queries of one head, so they read the same keys and neighbouring rows.
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let query = index % N;
  let head = index / N % params.heads;
  let b = index / N / params.heads;
  if (b >= params.B) { return; }

  let q_at = (b * N + query) * 3u * C4 + head * d4;
  var q: Row;
  for (var i = 0u; i < d4; i++) { q[i] = vec4f(qkv[q_at + i]); }

  let offsets = (2u * params.H - 1u) * (2u * W - 1u);
  let table_at = head * (offsets + 3u);
  let is_readout = query == 0u;
  let patch_row = (query - 1u) / W;             // only of a patch
  let patch_column = (query - 1u) % W;
  let first = (patch_row + params.H - 1u) * (2u * W - 1u) + patch_column + W - 1u;
  // All patches are alike to the readout token.
  var bias_at = table_at + select(first, offsets, is_readout);
  let back = select(1u, 0u, is_readout);
  var column = 0u;

  var o: Row;
  var m = -3.4e38;
  var l = 0.0;
  for (var key = 0u; key < N; key++) {
    let k_at = (b * N + key) * 3u * C4 + C4 + head * d4;
    let v_at = k_at + C4;

    var bias: f32;
    if (key == 0u) {
      bias = table[table_at + offsets + select(1u, 2u, is_readout)];
    } else {
      bias = table[bias_at];
      bias_at -= back;
      column++;
      if (column == W) { column = 0u; bias_at -= back * (W - 1u); }
    }

    var score = 0.0;
    for (var i = 0u; i < d4; i++) { score += dot(q[i], vec4f(qkv[k_at + i])); }
    score = score * params.scale + bias;

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
