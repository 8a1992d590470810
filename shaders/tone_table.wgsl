// What becomes of each of 256 levels: histogram equalisation where asked for, then reversal.
//   first = lowest filled level    table[u] = round((h[first + 1] + … + h[u]) · (255 / (Σ h − h[first]))), 0 up to first
// As OpenCV's equalizeHist, in f32 and ties to even. Fewer than two filled levels: unchanged.
override EQUALISE: bool = false;
struct Settings {                           // depthSettings() packs them
  low_percentile: f32, high_percentile: f32, plane: f32, lo: f32, hi: f32, gamma: f32, reverse: f32, invert_mask: f32,
}
struct Params { groups: u32 }

@group(0) @binding(0) var<storage, read> counts: array<u32>;            // [groups, 256]; not read unless EQUALISE
@group(0) @binding(1) var<storage, read> settings: Settings;
@group(0) @binding(2) var<storage, read_write> table: array<u32>;       // [256]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> filled: array<u32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x + group.y * 32768u > 0u) { return; }
  var level = lane;
  if (EQUALISE) {
    var count = 0u;
    for (var g = 0u; g < params.groups; g++) { count += counts[g * 256u + lane]; }
    filled[lane] = count;
  }
  workgroupBarrier();
  if (EQUALISE) {
    var first = 0u;
    while (first < 255u && filled[first] == 0u) { first++; }
    var all = 0u;
    var up_to_here = 0u;
    for (var u = first + 1u; u < 256u; u++) {
      all += filled[u];
      if (u <= lane) { up_to_here += filled[u]; }
    }
    if (all > 0u) { level = u32(round(f32(up_to_here) * quotient(255u, all))); }
  }
  table[lane] = select(level, 255u - level, settings.reverse > 0.5);
}

/// n / d rounded as IEEE 754 does, for n and d from 1 to 2³⁰: WGSL's own division may be off in the last places, and then
/// a level that falls on a half would go the other way.
fn quotient(n: u32, d: u32) -> f32 {
  var rest = n;
  var divisor = d;
  var exponent = 0i;
  while (rest < divisor) { rest *= 2u; exponent--; }
  while (rest >= 2u * divisor) { divisor *= 2u; exponent++; }
  var digits = 0u;
  for (var bit = 0u; bit < 24u; bit++) {
    let one = rest >= divisor;
    digits = digits * 2u + select(0u, 1u, one);
    rest = (rest - select(0u, divisor, one)) * 2u;
  }
  if (rest > divisor || (rest == divisor && digits % 2u == 1u)) { digits++; }
  return ldexp(f32(digits), exponent - 23);
}
