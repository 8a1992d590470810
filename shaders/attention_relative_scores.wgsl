// Attention with relative positions, step 1 of 3 in its textbook form: scores = q · kᵀ · scale + bias for every head
// One thread per pair of tokens and head. The table and its rows are explained in attention_relative.wgsl.
alias T = f32;                              // storage of qkv; the scores are f32, so that none overflows f16

struct Params { B: u32, N: u32, heads: u32, d4: u32, H: u32, W: u32, scale: f32 }   // d4 = d / 4, N = 1 + H · W

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [heads, (2H − 1)(2W − 1) + 3]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;           // [B, heads, N, N]: query, key
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  let d4 = params.d4;
  let C4 = params.heads * d4;
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let key = index % N;
  let query = index / N % N;
  let head = index / N / N % params.heads;
  let b = index / N / N / params.heads;
  if (b >= params.B) { return; }

  let q_at = (b * N + query) * 3u * C4 + head * d4;
  let k_at = (b * N + key) * 3u * C4 + C4 + head * d4;
  var score = 0.0;
  for (var i = 0u; i < d4; i++) { score += dot(vec4f(qkv[q_at + i]), vec4f(qkv[k_at + i])); }
  let rows = (2u * params.H - 1u) * (2u * params.W - 1u) + 3u;
  y[index] = score * params.scale + table[head * rows + row_of(query, key)];
}

fn row_of(query: u32, key: u32) -> u32 {
  let H = params.H;
  let W = params.W;
  let offsets = (2u * H - 1u) * (2u * W - 1u);
  if (query == 0u && key == 0u) { return offsets + 2u; }
  if (key == 0u) { return offsets + 1u; }
  if (query == 0u) { return offsets; }
  let down = (query - 1u) / W + H - 1u - (key - 1u) / W;
  let across = (query - 1u) % W + W - 1u - (key - 1u) % W;
  return down * (2u * W - 1u) + across;
}
