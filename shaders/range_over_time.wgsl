// The range of a film's maps, smoothed from frame to frame, so that brightness does not flicker:
//   change = mean |thumbnail − the one before|
//   first frame, or change > limit (a cut):  s = range          otherwise:  s += α · (range − s), both ends alike
// `state` and `previous` are kept from frame to frame and are rewritten here.
struct Params { size: u32 }                 // pixels of a thumbnail

@group(0) @binding(0) var<storage, read> range: array<f32>;             // lo, hi of this frame
@group(0) @binding(1) var<storage, read> thumbnail: array<f32>;         // [size], 0 ‥ 1
@group(0) @binding(2) var<storage, read> pace: array<f32>;              // α, limit, _
@group(0) @binding(3) var<storage, read_write> state: array<f32>;       // lo, hi, 1 once it has begun, change, 1 at a cut, 0 and 1 by turns
@group(0) @binding(4) var<storage, read_write> previous: array<f32>;    // [size]
@group(0) @binding(5) var<storage, read_write> y: array<f32>;           // lo, hi, smoothed
@group(0) @binding(6) var<uniform> params: Params;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x + group.y * 32768u > 0u) { return; }
  var sum = 0.0;
  for (var i = lane; i < params.size; i += 256u) {
    sum += abs(thumbnail[i] - previous[i]);
    previous[i] = thumbnail[i];
  }
  sums[lane] = sum;
  for (var half = 128u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  if (lane > 0u) { return; }

  let begun = state[2] > 0.5;
  let change = select(0.0, sums[0] / f32(params.size), begun);
  let is_cut = !begun || change > pace[1];
  for (var i = 0u; i < 2u; i++) {
    let s = select(state[i] + pace[0] * (range[i] - state[i]), range[i], is_cut);
    state[i] = s;
    y[i] = s;
  }
  state[2] = 1.0;
  state[3] = change;
  state[4] = select(0.0, 1.0, is_cut);
  state[5] = 1.0 - state[5];
}
