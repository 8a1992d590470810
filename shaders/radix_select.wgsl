// Second half of a step of a radix select: for each of four ranks, the digit at which the running count passes it.
// The ranks are those around two percentiles: (size − 1) · percent / 100 rounded down, and the next.
override FIRST: bool = false;               // no digit is known yet

struct Params { size: u32, groups: u32, shift: u32 }

@group(0) @binding(0) var<storage, read> counts: array<u32>;            // [groups, 4, 256]
@group(0) @binding(1) var<storage, read> percent: array<f32>;           // two, 0 ‥ 100
@group(0) @binding(2) var<storage, read> found: array<u32>;             // [4, 2]: digits found, rank among those that share them
@group(0) @binding(3) var<storage, read_write> y: array<u32>;           // [4, 2]: the same, one digit further
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> totals: array<u32, 1024>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  if (group.x + group.y * 32768u > 0u) { return; }
  for (var j = 0u; j < 4u; j++) {
    var total = 0u;
    for (var g = 0u; g < params.groups; g++) { total += counts[(g * 4u + j) * 256u + lane]; }
    totals[j * 256u + lane] = total;
  }
  workgroupBarrier();
  if (lane >= 4u) { return; }

  var known = 0u;
  var rank = rank_of(lane);
  var owner = 0u;
  if (!FIRST) {
    known = found[lane * 2u];
    rank = found[lane * 2u + 1u];
    while (found[owner * 2u] != known) { owner++; }
  }
  var digit = 0u;
  while (digit < 255u && rank >= totals[owner * 256u + digit]) {
    rank -= totals[owner * 256u + digit];
    digit++;
  }
  y[lane * 2u] = known | (digit << params.shift);
  y[lane * 2u + 1u] = rank;
}

/// In whole numbers, because f32 cannot count the pixels of a large map; percentages are taken to two decimals.
fn rank_of(j: u32) -> u32 {
  let last = params.size - 1u;
  let hundredths = u32(round(clamp(percent[j / 2u], 0.0, 100.0) * 100.0));
  let rank = last / 10000u * hundredths + last % 10000u * hundredths / 10000u;
  return min(rank + j % 2u, last);
}
