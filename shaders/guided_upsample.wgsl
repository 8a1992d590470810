// Joint bilateral upsampling (Kopf, Cohen, Lischinski, Uyttendaele, Joint Bilateral Upsampling, SIGGRAPH 2007): a small
// map S becomes as large as the picture I, and its edges move to where the picture has them.
//   y(p) = Σ w·S(q) / Σ w,    w = exp(−|p↓ − q|² / 2σ²) · (exp(−|I(p) − I↓(q)|² / 2ρ²) + 10⁻⁴)
// q runs over 5 × 5 pixels of the map around p↓, the place of p in it; I↓ is the picture at the map's size. 10⁻⁴ is ours:
// where no neighbour has the colour of p, the average goes by distance alone in place of by rounding errors.
struct Params { H: u32, W: u32, H2: u32, W2: u32, step_y: f32, step_x: f32, over_space: f32, over_colour: f32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;                 // [H, W]
@group(0) @binding(1) var<storage, read> small: array<f32>;             // [H, W, 3], 0 ‥ 1
@group(0) @binding(2) var<storage, read> pixels: array<u32>;            // [H2, W2], red in the lowest byte
@group(0) @binding(3) var<storage, read_write> y: array<f32>;           // [H2, W2]
@group(0) @binding(4) var<uniform> params: Params;                      // over_…: 1 / 2σ², 1 / 2ρ²

const radius = 2;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = (group.x + group.y * 32768u) * 64u + lane;
  if (index >= params.H2 * params.W2) { return; }
  let place = vec2f(
    (f32(index % params.W2) + 0.5) * params.step_x - 0.5,
    (f32(index / params.W2) + 0.5) * params.step_y - 0.5,
  );
  let middle = vec2i(round(place));
  let colour = unpack4x8unorm(pixels[index]).rgb;

  var sum = 0.0;
  var weights = 0.0;
  for (var dy = -radius; dy <= radius; dy++) {
    for (var dx = -radius; dx <= radius; dx++) {
      let q = middle + vec2i(dx, dy);
      // Pixels outside of the map are left out, so the border is not counted twice.
      if (q.x < 0 || q.y < 0 || q.x >= i32(params.W) || q.y >= i32(params.H)) { continue; }
      let at = u32(q.y) * params.W + u32(q.x);
      let away = vec2f(q) - place;
      let other = colour - vec3f(small[at * 3u], small[at * 3u + 1u], small[at * 3u + 2u]);
      let w = exp(-dot(away, away) * params.over_space) * (exp(-dot(other, other) * params.over_colour) + 1e-4);
      sum += w * x[at];
      weights += w;
    }
  }
  y[index] = sum / weights;
}
