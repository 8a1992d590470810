// Window attention of SwinV2: softmax(σ · cos(q, k) + bias + mask) · v inside every window of a grid of tokens
//
// One thread per query and head, with the streaming softmax of attention.wgsl. The grid is never rolled or cut: a token
// knows its window and its place in it, and windows know where their tokens lie. A shifted grid is the grid seen from
// `shift` on, coming back to its start at the end:
//
//        grid               seen from the shift       windows, and the regions that the shift brought together
//     ┌────┬──┐                 ┌──┬────┐                 ┌──┬──┬──┐
//     │ a  │ b│                 │ d│ c  │                 │ d  │c╎ │      rows and columns after the dashes come from
//     ├────┼──┤   shift →       ├──┼────┤                 ├──┼──┼──┤      the other end of the grid: they are no
//     │ c  │ d│                 │ b│ a  │                 │ b╌╌│a╎ │      neighbours, and the mask keeps them apart
//     └────┴──┘                 └──┴────┘                 └──┴──┴──┘
//
//   cos(q, k)   q · k / (max(‖q‖, 1e-12) · max(‖k‖, 1e-12))
//   σ           exp(min(logit_scale, ln 100)), one number per head
//   bias        table[yq − yk, xq − xk], one number per head; offsets count from −(h − 1) and −(w − 1)
//   mask        −100 where q and k are of different regions. Not −∞: σ reaches 100, so the models feel the difference
alias T = f32;                              // storage; arithmetic is f32 whatever it is
alias Row = array<vec4f, 8>;                // d values of one head: d / 4 vectors
override D4: u32 = 0;                       // d / 4 where the loops over it may be unrolled, else 0

struct Params {
  B: u32, H: u32, W: u32, heads: u32, d4: u32,                        // d4 = d / 4
  window_h: u32, window_w: u32, shift_h: u32, shift_w: u32,
}

@group(0) @binding(0) var<storage, read> qkv: array<vec4<T>>;           // [B, H, W, 3, heads, d]
@group(0) @binding(1) var<storage, read> table: array<f32>;             // [2h − 1, 2w − 1, heads]
@group(0) @binding(2) var<storage, read> logit_scale: array<f32>;       // [heads]
@group(0) @binding(3) var<storage, read_write> y: array<vec4<T>>;       // [B, H, W, heads, d]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let size = vec2u(params.H, params.W);
  let window = vec2u(params.window_h, params.window_w);
  let shift = vec2u(params.shift_h, params.shift_w);
  let heads = params.heads;
  // Known to the compiler, q and o can stay in a GPU's registers; processors that play GPU would compile for seconds.
  let d4 = select(params.d4, D4, D4 > 0u);
  let C4 = heads * d4;

  // Neighbouring threads have neighbouring queries of one window and head, so they read the same keys.
  let index = (group.x + group.y * 32768u) * 64u + lane;
  let windows = size / window;
  let area = window.x * window.y;
  let query = vec2u(index % area / window.y, index % window.y);         // its place in the window: row, column
  let head = index / area % heads;
  let n = index / (area * heads);
  let at = vec2u(n / windows.y % windows.x, n % windows.y);             // which window
  let b = n / (windows.x * windows.y);
  if (b >= params.B) { return; }

  // Where the grid's end lies inside this window: only the last windows have it, and only along axes with a shift.
  let seam = window - select(vec2u(), shift, at == windows - 1u);
  let region = query < seam;
  let origin = at * window + shift;

  let token = (b * size.x + (origin.x + query.x) % size.x) * size.y + (origin.y + query.y) % size.y;
  let q_at = token * 3u * C4 + head * d4;
  var q: Row;
  var squares = 0.0;
  for (var i = 0u; i < d4; i++) {
    q[i] = vec4f(qkv[q_at + i]);
    squares += dot(q[i], q[i]);
  }
  let scale = exp(min(logit_scale[head], 4.6051702)) / max(sqrt(squares), 1e-12);     // ln 100

  var o: Row;
  var m = -3.4e38;
  var l = 0.0;
  for (var row = 0u; row < window.x; row++) {
    let line = (b * size.x + (origin.x + row) % size.x) * size.y;
    let offsets = (query.x + window.x - 1u - row) * (2u * window.y - 1u) + query.y + window.y - 1u;
    for (var column = 0u; column < window.y; column++) {
      let k_at = (line + (origin.y + column) % size.y) * 3u * C4 + C4 + head * d4;
      let v_at = k_at + C4;

      var product = 0.0;
      squares = 0.0;
      for (var i = 0u; i < d4; i++) {
        let k = vec4f(qkv[k_at + i]);
        product += dot(q[i], k);
        squares += dot(k, k);
      }
      let bias = table[(offsets - column) * heads + head];
      let apart = any((vec2u(row, column) < seam) != region);
      let score = product * scale / max(sqrt(squares), 1e-12) + bias + select(0.0, -100.0, apart);

      let larger = max(m, score);
      let shrink = exp(m - larger);
      let p = exp(score - larger);
      l = l * shrink + p;
      for (var i = 0u; i < d4; i++) { o[i] = o[i] * shrink + p * vec4f(qkv[v_at + i]); }
      m = larger;
    }
  }

  let y_at = token * C4 + head * d4;
  for (var i = 0u; i < d4; i++) { y[y_at + i] = vec4<T>(o[i] / l); }
}
