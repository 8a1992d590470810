// z = a·x + b·y + c by least squares over every pixel. On a full grid columns and rows are uncorrelated, so with centred
//   dx = x − (W − 1)/2:  a = Σ dx·z / Σ dx²,  b likewise,  c = mean z − a·mean x − b·mean y
// Each workgroup sums 16384 pixels; the sums are added by the same shader (COMBINE) until one is left, which becomes the
// plane (LAST). Always in the same order, so the same map gives the same plane to the last bit.
override COMBINE: bool = false;             // z holds triples of sums
override LAST: bool = false;                // y is the plane in place of its sums

struct Params {
  size: u32, W: u32,                        // pixels or triples; width of the map
  mean_x: f32, mean_y: f32,
  over_x: f32, over_y: f32,                 // 1 / Σ dx², 0 where there is one column
  over_pixels: f32,
}

@group(0) @binding(0) var<storage, read> z: array<f32>;                 // [H, W], or [size, 3]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;           // [workgroups, 3]: Σ dx·z, Σ dy·z, Σ z; or a, b, c
@group(0) @binding(2) var<uniform> params: Params;

const per_thread = 64u;
var<workgroup> sums: array<vec3f, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * 32768u;
  var sum = vec3f();
  for (var n = 0u; n < per_thread; n++) {
    let i = (index * per_thread + n) * 256u + lane;
    if (i < params.size) { sum += load(i); }
  }
  sums[lane] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane > 0u || index * per_thread * 256u >= params.size) { return; }
  sum = sums[0];
  if (LAST) {
    let a = sum.x * params.over_x;
    let b = sum.y * params.over_y;
    sum = vec3f(a, b, sum.z * params.over_pixels - a * params.mean_x - b * params.mean_y);
  }
  y[index * 3u] = sum.x;
  y[index * 3u + 1u] = sum.y;
  y[index * 3u + 2u] = sum.z;
}

fn load(i: u32) -> vec3f {
  if (COMBINE) { return vec3f(z[i * 3u], z[i * 3u + 1u], z[i * 3u + 2u]); }
  let dx = f32(i % params.W) - params.mean_x;
  let dy = f32(i / params.W) - params.mean_y;
  return z[i] * vec3f(dx, dy, 1.0);
}
