import type { Call, Emitter, Operand } from './emitter.ts';
import type { Side } from './sizes.ts';

export function attention(t: Emitter, call: Call): void {
  const { q, k, v } = headsOf(t, call);
  const scale = t.fixed(call.param('scale'), 'the scale');
  weigh(t, call, scoresOf(t, q, k, scale, call.write.name), v);
}

export function attention_relative(t: Emitter, call: Call): void {
  const [, table] = call.reads as [Operand, Operand];
  const { q, k, v } = headsOf(t, call);
  const { name } = call.write;
  const scale = t.fixed(call.param('scale'), 'the scale');
  const rows = relativeRowsOf(t, call.param('H'), call.param('W'));
  const bias = t.graph.node('Gather', [t.plain(table), rows], { axis: 1 }, `${name}.bias`);
  const scores = t.graph.node('Add', [scoresOf(t, q, k, scale, name), bias], {}, `${name}.scores`);
  weigh(t, call, scores, v);
}

/** Which row of the table a pair of tokens takes, [N, N]; as attention_relative.wgsl finds it. */
function relativeRowsOf(t: Emitter, H: Side, W: Side): string {
  return t.once(`relative ${H.join()} ${W.join()}`, () => {
    const graph = t.graph;
    const name = 'relative_rows';
    const op = (type: string, a: string, b: string): string => graph.node(type, [a, b], {}, name);
    const number = (value: number): string => graph.integers([value]);
    const [h, w] = [t.sizes.length(H), t.sizes.length(W)];
    const scalar = (value: string): string =>
      graph.node('Squeeze', [value, graph.integers([0])], {}, name);
    const patches = graph.node(
      'Range',
      [t.index(0), scalar(op('Mul', h, w)), t.index(1)],
      {},
      name,
    );
    const row = op('Div', patches, w);
    const column = op('Sub', patches, op('Mul', row, w));
    const pairs = (value: string, more: string): string => {
      const query = graph.node(
        'Unsqueeze',
        [op('Add', value, more), graph.integers([1])],
        {},
        name,
      );
      return op('Sub', query, value); // [N, 1] − [N]
    };
    const last = (side: string): string => op('Sub', side, number(1));
    const across = op('Sub', op('Mul', w, number(2)), number(1));
    const down = op('Sub', op('Mul', h, number(2)), number(1));
    const inside = op('Add', op('Mul', pairs(row, last(h)), across), pairs(column, last(w)));
    // The readout token in front: readout → patch, patch → readout, readout → readout.
    const offsets = op('Mul', across, down);
    const count = op('Mul', h, w);
    const one = number(1);
    const expanded = (value: string, shape: readonly string[]): string => {
      const target = graph.node('Concat', shape, { axis: 0 }, name);
      return graph.node('Expand', [value, target], {}, name);
    };
    const top = expanded(offsets, [one, count]);
    const side = expanded(op('Add', offsets, one), [count, one]);
    const corner = expanded(op('Add', offsets, number(2)), [one, one]);
    const first = graph.node('Concat', [corner, top], { axis: 1 }, name);
    const others = graph.node('Concat', [side, inside], { axis: 1 }, name);
    return graph.node('Concat', [first, others], { axis: 0 }, name);
  });
}

/** Windows are cut out of a rolled grid here, by the book; the kernel finds them by arithmetic on indices. */
export function window_attention(t: Emitter, call: Call): void {
  const [qkv, table, logitScale] = call.reads as [Operand, Operand, Operand];
  const graph = t.graph;
  const { name, sides } = call.write;
  const fixed = (param: string): number => t.fixed(call.param(param), `the ${param} of windows`);
  const [H, W, heads, d] = [fixed('H'), fixed('W'), fixed('heads'), 4 * fixed('d4')];
  const [h, w, down, across] = ['window_h', 'window_w', 'shift_h', 'shift_w'].map(fixed) as [
    number,
    number,
    number,
    number,
  ];
  const [B] = qkv.sides as [Side];
  const [rows, columns] = [H / h, W / w];
  const of = (...lengths: readonly number[]): Side[] => lengths.map((length) => t.always(length));
  const open = -1;

  const grid = t.reshape(t.plain(qkv), [B, ...of(H, W, 3 * heads * d)], `${name}.grid`);
  const rolled = roll(t, roll(t, grid, 1, down, name), 2, across, name);
  const cut = t.reshape(rolled, of(open, rows, h, columns, w, 3, heads, d), `${name}.windows`);
  // [3, B, rows, columns, heads, h, w, d] → [3, B · windows, heads, area, d]
  const ordered = t.transpose(cut, [5, 0, 1, 3, 6, 2, 4, 7], `${name}.windows`);
  const windows = t.reshape(ordered, of(3, open, heads, h * w, d), `${name}.windows`);
  const { q, k, v } = apart(t, windows, name);

  const norm = (x: string): string => {
    const squares = graph.node('ReduceL2', [x], { axes: [-1], keepdims: 1 }, `${name}.norm`);
    const above = graph.node('Max', [squares, graph.scalar(1e-12)], {}, `${name}.norm`);
    return graph.node('Div', [x, above], {}, `${name}.unit`);
  };
  const capped = graph.node(
    'Min',
    [t.plain(logitScale), graph.scalar(Math.log(100))],
    {},
    `${name}.sigma`,
  );
  const sigma = t.reshape(
    graph.node('Exp', [capped], {}, `${name}.sigma`),
    of(heads, 1, 1),
    `${name}.sigma`,
  );
  const turned = t.transpose(norm(k), [0, 1, 3, 2], `${name}.keys`);
  const cosine = graph.node('MatMul', [norm(q), turned], {}, `${name}.cosine`);
  const scaled = graph.node('Mul', [cosine, sigma], {}, `${name}.scores`);
  const pairs = t.once(`window pairs ${h} ${w}`, () =>
    graph.indices(`window_rows ${h}×${w}`, [h * w, h * w], windowRows(h, w)),
  );
  const gathered = graph.node('Gather', [t.plain(table), pairs], { axis: 0 }, `${name}.bias`);
  const bias = t.transpose(gathered, [2, 0, 1], `${name}.bias`); // [heads, area, area]
  let scores = graph.node('Add', [scaled, bias], {}, `${name}.scores`); // [B · windows, heads, area, area]
  if (down || across) {
    const mask = t.once(`mask ${[H, W, h, w, down, across].join()}`, () =>
      graph.floats(
        'window_mask',
        [rows * columns, 1, h * w, h * w],
        windowMask([H, W], [h, w], [down, across]),
      ),
    );
    const byWindow = t.reshape(
      scores,
      of(open, rows * columns, heads, h * w, h * w),
      `${name}.masked`,
    );
    const masked = graph.node('Add', [byWindow, mask], {}, `${name}.masked`);
    scores = t.reshape(masked, of(open, heads, h * w, h * w), `${name}.masked`);
  }
  const weights = graph.node('Softmax', [scores], { axis: -1 }, `${name}.weights`);
  const values = graph.node('MatMul', [weights, v], {}, name);
  const joined = t.reshape(values, of(open, rows, columns, heads, h, w, d), name);
  // [B, rows, columns, heads, h, w, d] → [B, rows, h, columns, w, heads, d] → [B, H, W, C]
  const inOrder = t.transpose(joined, [0, 1, 4, 2, 5, 3, 6], name);
  const whole = t.reshape(inOrder, of(open, H, W, heads * d), name);
  const back = roll(
    t,
    roll(t, whole, 1, down ? H - down : 0, name),
    2,
    across ? W - across : 0,
    name,
  );
  t.write(call, t.reshape(back, sides, name));
}

/** q, k and v, [B, heads, N, d] each. */
function headsOf(t: Emitter, call: Call): { q: string; k: string; v: string } {
  const [qkv] = call.reads as [Operand];
  const [B, N] = qkv.sides as [Side, Side];
  const heads = t.fixed(call.param('heads'), 'the number of heads');
  const d = 4 * t.fixed(call.param('d4'), 'the size of heads');
  const name = qkv.name;
  const split = t.reshape(
    t.plain(qkv),
    [B, N, t.always(3), t.always(heads), t.always(d)],
    `${name}.heads`,
  );
  const ordered = t.transpose(split, [2, 0, 3, 1, 4], `${name}.heads`); // [3, B, heads, N, d]
  return apart(t, ordered, name);
}

/** [3, …] → three times […] */
function apart(t: Emitter, qkv: string, name: string): { q: string; k: string; v: string } {
  const part = (i: number, letter: string): string =>
    t.graph.node('Gather', [qkv, t.index(i)], { axis: 0 }, `${name}.${letter}`);
  return { q: part(0, 'q'), k: part(1, 'k'), v: part(2, 'v') };
}

/** softmax(scores) · v, heads joined again: [B, heads, N, N], [B, heads, N, d] → [B, N, C] */
function weigh(t: Emitter, call: Call, scores: string, v: string): void {
  const { name, sides } = call.write;
  const weights = t.graph.node('Softmax', [scores], { axis: -1 }, `${name}.weights`);
  const values = t.graph.node('MatMul', [weights, v], {}, name);
  t.write(call, t.reshape(t.transpose(values, [0, 2, 1, 3], name), sides, name));
}

/** q · kᵀ · scale */
function scoresOf(t: Emitter, q: string, k: string, scale: number, name: string): string {
  const scaled = t.graph.node('Mul', [q, t.graph.scalar(scale)], {}, `${name}.scaled`);
  const turned = t.transpose(k, [0, 1, 3, 2], `${name}.keys`);
  return t.graph.node('MatMul', [scaled, turned], {}, `${name}.scores`);
}

/** What lies `by` further along comes to the start. */
function roll(t: Emitter, x: string, axis: number, by: number, name: string): string {
  if (by === 0) return x;
  const start = t.slice(x, axis, t.always(0), t.always(by), `${name}.roll`);
  const rest = t.slice(x, axis, t.always(by), undefined, `${name}.roll`);
  return t.graph.node('Concat', [rest, start], { axis }, `${name}.roll`);
}

/** Which row of the table of biases a pair of tokens of a window takes. */
function windowRows(h: number, w: number): number[] {
  const rows: number[] = [];
  for (let query = 0; query < h * w; query++) {
    for (let key = 0; key < h * w; key++) {
      const dy = Math.floor(query / w) - Math.floor(key / w) + h - 1;
      const dx = (query % w) - (key % w) + w - 1;
      rows.push(dy * (2 * w - 1) + dx);
    }
  }
  return rows;
}

/** −100 between tokens that the shift brought together from opposite ends of the grid, [windows, area, area]. */
function windowMask(
  [H, W]: readonly [number, number],
  [h, w]: readonly [number, number],
  [down, across]: readonly [number, number],
): Float32Array {
  const area = h * w;
  const mask = new Float32Array((H / h) * (W / w) * area * area);
  let at = 0;
  for (let row = 0; row < H / h; row++) {
    for (let column = 0; column < W / w; column++) {
      const regionOf = (place: number): number => {
        const below = row === H / h - 1 && Math.floor(place / w) >= h - down;
        const right = column === W / w - 1 && place % w >= w - across;
        return 2 * Number(below) + Number(right);
      };
      for (let query = 0; query < area; query++) {
        for (let key = 0; key < area; key++)
          mask[at++] = regionOf(query) === regionOf(key) ? 0 : -100;
      }
    }
  }
  return mask;
}
