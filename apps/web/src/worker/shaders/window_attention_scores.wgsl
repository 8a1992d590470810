// Window attention of SwinV2, step 1 of 3 in its textbook form: scores = σ · cos(q, k) + bias + mask, for one window
//
// One thread per head, query and key. Tokens stand as they do in the window, so nothing is rolled here; what the formula's
// parts are, and where a shifted window has its seams, is told in shaders/window_attention.wgsl.
struct Params {
  heads: u32, d4: u32, window_h: u32, window_w: u32,      // d4 = d / 4
  seam_h: u32, seam_w: u32,                               // rows and columns before those of the grid's other end
  first: u32, queries: u32,                               // which queries
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4f>;             // [h, w, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [2h − 1, 2w − 1, heads]
@group(0) @binding(2) var<storage, read> logit_scale: array<f32>;       // [heads]
@group(0) @binding(3) var<storage, read_write> y: array<f32>;           // [heads, queries, h · w]
@group(0) @binding(4) var<uniform> params: Params;

fn norm(start: u32) -> f32 {
  var squares = 0.0;
  for (var i = 0u; i < params.d4; i++) { squares += dot(qkv[start + i], qkv[start + i]); }
  return max(sqrt(squares), 1e-12);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let window = vec2u(params.window_h, params.window_w);
  let area = window.x * window.y;
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let key = index % area;
  let query = params.first + index / area % params.queries;
  let head = index / area / params.queries;
  if (head >= params.heads) { return; }

  let C4 = params.heads * params.d4;
  let q_at = query * 3u * C4 + head * params.d4;
  let k_at = key * 3u * C4 + C4 + head * params.d4;
  var product = 0.0;
  for (var i = 0u; i < params.d4; i++) { product += dot(qkv[q_at + i], qkv[k_at + i]); }
  let scale = exp(min(logit_scale[head], 4.6051702));     // ln 100

  let q = vec2u(query / window.y, query % window.y);
  let k = vec2u(key / window.y, key % window.y);
  let offset = q + window - 1u - k;
  let bias = table[(offset.x * (2u * window.y - 1u) + offset.y) * params.heads + head];
  let seam = vec2u(params.seam_h, params.seam_w);
  let apart = any((q < seam) != (k < seam));
  y[index] = product * scale / (norm(q_at) * norm(k_at)) + bias + select(0.0, -100.0, apart);
}
