// Attention, step 1 of 3 in its textbook form: scores = q · kᵀ · scale for every head
// One thread per pair of tokens and head. Used where the attention matrix itself is wanted.
alias T = f32;                              // storage of qkv; the scores are f32, so that none overflows f16

struct Params { B: u32, N: u32, heads: u32, d4: u32, scale: f32 }   // d4 = d / 4

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, d]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;           // [B, heads, N, N]: query, key
@group(0) @binding(2) var<uniform> params: Params;

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
  y[index] = score * params.scale;
}
