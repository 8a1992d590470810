// Attention, step 3 of 3 in its textbook form: the values of all tokens, weighted: y = weights · v for every head
// One thread per token and four channels.
alias T = f32;                              // storage of qkv and y; the weights are f32

struct Params { B: u32, N: u32, heads: u32, d4: u32 }               // d4 = d / 4

@group(0) @binding(0) var<storage, read> weights: array<f32>;           // [B, heads, N, N]: query, key
@group(0) @binding(1) var<storage, read> qkv: array<vec4<T>>;           // [B, N, 3, heads, d]
@group(0) @binding(2) var<storage, read_write> y: array<vec4<T>>;       // [B, N, heads, d]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let N = params.N;
  let C4 = params.heads * params.d4;
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let channel = index % C4;                     // of all heads, four at a time
  let head = channel / params.d4;
  let query = index / C4 % N;
  let b = index / C4 / N;
  if (b >= params.B) { return; }

  let w_at = ((b * params.heads + head) * N + query) * N;
  let v_at = b * N * 3u * C4 + 2u * C4 + channel;
  var sum = vec4f();
  for (var key = 0u; key < N; key++) { sum += weights[w_at + key] * vec4f(qkv[v_at + key * 3u * C4]); }
  y[index] = vec4<T>(sum);
}
