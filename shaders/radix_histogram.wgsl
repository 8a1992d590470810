// First half of a step of a radix select: values are told apart by eight bits at a time, from the highest. Four ranks
// are looked for at once; for each, this counts how many values have each of the 256 digits, among those that share the
// digits found so far. Counting is in integers within a workgroup and each workgroup stores its own counts, so the result
// does not depend on who comes first.
alias T = f32;                              // storage of x: f32 or f16
override FIRST: bool = false;               // no digit is known yet

struct Params { size: u32, groups: u32, shift: u32 }    // shift: of the digit that is counted

@group(0) @binding(0) var<storage, read> x: array<T>;                   // [size], finite
@group(0) @binding(1) var<storage, read> found: array<u32>;             // [4, 2]: digits found, rank among those that share them
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;      // [groups, 4, 256]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> bins: array<atomic<u32>, 1024>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let index = group.x + group.y * 32768u;
  var known = vec4u();
  // Ranks that share their digits share one count, which the first of them owns.
  var owns = vec4<bool>(true);
  if (!FIRST) {
    known = vec4u(found[0], found[2], found[4], found[6]);
    owns.y = known.y != known.x;
    owns.z = all(known.zz != known.xy);
    owns.w = all(known.www != known.xyz);
  }

  for (var i = index * 256u + lane; i < params.size; i += params.groups * 256u) {
    let key = sortable(f32(x[i]));
    let digit = (key >> params.shift) & 255u;
    if (FIRST) {
      atomicAdd(&bins[digit], 1u);
      continue;
    }
    // Digits not yet known are zeros in `known`. Two shifts, because one by 32 is not allowed.
    let other_digits = ((vec4u(key) ^ known) >> vec4u(params.shift)) >> vec4u(8u);
    let is_counted = owns & (other_digits == vec4u());
    if (!any(is_counted)) { continue; }
    for (var j = 0u; j < 4u; j++) {
      if (is_counted[j]) { atomicAdd(&bins[j * 256u + digit], 1u); }
    }
  }
  workgroupBarrier();
  if (index >= params.groups) { return; }
  for (var j = 0u; j < 4u; j++) {
    counts[(index * 4u + j) * 256u + lane] = atomicLoad(&bins[j * 256u + lane]);
  }
}

/// Bits that compare as integers as the numbers do.
fn sortable(v: f32) -> u32 {
  let bits = bitcast<u32>(v);
  return bits ^ select(0x80000000u, 0xffffffffu, bits >= 0x80000000u);
}
