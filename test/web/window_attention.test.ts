// The insight page's attention within windows, without a browser: which tokens a window has and where its pieces lie, against a grid that is
// rolled; the weights of a window against the f64 reference, for cuts with no shift, one, and two, all queries and one; and of a
// whole model: weights times values must be what the fused kernel of every block left, its probabilities sum to 1, a
// column holds what the rows hold, and the means block by block are those of single blocks. Not here: the page (insight.test.ts).
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { InsightFacts } from '../../apps/web/src/worker/insight/insight_calls.ts';
import { planOf } from '../../apps/web/src/worker/insight/insight_plan.ts';
import { type PreparedRun, readTensors } from '../../apps/web/src/worker/insight/prepared_run.ts';
import {
  WindowAttentions,
  windowWeights,
} from '../../apps/web/src/worker/insight/window_attention.ts';
import { windowPlace } from '../../apps/web/src/worker/insight/window_place.ts';
import { buildDpt, recognise } from '../../packages/dpt/src/index.ts';
import { openCheckpointFile } from '../../packages/loaders/src/node.ts';
import { Context } from '../../packages/tensor/src/index.ts';
import * as reference from '../reference/window_attention.ts';
import { fixtures } from '../support/models.ts';
import { expectValuesClose, randomNd, testContext, upload } from '../support/tensors.ts';

type Pair = readonly [number, number];
const none: Pair = [0, 0];
const cuts: readonly { grid: Pair; window: Pair; shift: Pair }[] = [
  { grid: [8, 8], window: [4, 4], shift: none },
  { grid: [8, 8], window: [4, 4], shift: [2, 2] },
  { grid: [8, 12], window: [4, 3], shift: [1, 2] },
  { grid: [6, 10], window: [6, 5], shift: [0, 2] },
  { grid: [5, 4], window: [5, 4], shift: none },
];

describe.each(cuts)('windows of $window on $grid, shifted by $shift', (cut) => {
  const { grid, window, shift } = cut;
  const [H, W] = grid;
  const [h, w] = window;

  test('a window has the tokens of the rolled grid, and its pieces cover them', () => {
    for (let row = 0; row < H; row++) {
      for (let column = 0; column < W; column++) {
        const { tokens, at, seam, pieces } = windowPlace(cut, row, column);
        expect(tokens).toHaveLength(h * w);
        expect(tokens[at]).toBe(row * W + column);
        // torch.roll by −shift, cut, and back.
        const top = Math.floor(((row - shift[0] + H) % H) / h) * h;
        const left = Math.floor(((column - shift[1] + W) % W) / w) * w;
        const rolled = Array.from({ length: h * w }, (_, i) => {
          const [down, along] = [top + Math.floor(i / w), left + (i % w)];
          return ((down + shift[0]) % H) * W + ((along + shift[1]) % W);
        });
        expect(tokens).toEqual(rolled);
        const covered = pieces.flatMap((piece) =>
          Array.from({ length: piece.rows * piece.columns }, (_, i) => {
            const down = piece.row + Math.floor(i / piece.columns);
            return down * W + piece.column + (i % piece.columns);
          }),
        );
        expect([...covered].sort((a, b) => a - b)).toEqual([...tokens].sort((a, b) => a - b));
        const own = pieces.filter((piece) => piece.own);
        expect(own).toHaveLength(1);
        expect(row - own[0]!.row).toBeGreaterThanOrEqual(0);
        expect(row - own[0]!.row).toBeLessThan(own[0]!.rows);
        expect(column - own[0]!.column).toBeGreaterThanOrEqual(0);
        expect(column - own[0]!.column).toBeLessThan(own[0]!.columns);
        // The seam cuts rows and columns as pieces do.
        const [seams] = [Number(seam[0] < h) + Number(seam[1] < w)];
        expect(pieces).toHaveLength(2 ** seams);
      }
    }
  });

  test('weights are those of the reference', async () => {
    const context = await testContext();
    const [heads, d] = [2, 8];
    const qkv = randomNd([1, H * W, 3 * heads * d], { seed: 1 });
    const table = randomNd([(2 * h - 1) * (2 * w - 1), heads], { seed: 2, mean: 8, std: 2 });
    const logitScale = randomNd([heads], { seed: 3, mean: Math.log(10), std: 0.5 });
    const problem = { heads, grid, window, shift, table, logitScale };
    const { weights: expected } = reference.windowAttention(qkv, problem);
    const area = h * w;
    const tables = { table: upload(context, table), logitScale: upload(context, logitScale) };
    for (let index = 0; index < (H / h) * (W / w); index++) {
      // Any token of it: the first one.
      const row = (Math.floor(index / (W / w)) * h + shift[0]) % H;
      const column = ((index % (W / w)) * w + shift[1]) % W;
      const { tokens, seam } = windowPlace(cut, row, column);
      const F3 = qkv.shape[2]!;
      const rows = tokens.flatMap((token) => [...qkv.data.subarray(token * F3, (token + 1) * F3)]);
      const part = upload(context, { shape: [area, F3], data: Float64Array.from(rows) });
      const options = { heads, window, seam, ...tables };
      const all = windowWeights(part, options);
      expect(all.shape).toEqual([heads, area, area]);
      const from = index * heads * area * area;
      const wanted = expected.data.subarray(from, from + heads * area * area);
      // Shares are at most 1; logits reach some 20, so they and their exponentials round to 2⁻²⁰.
      expectValuesClose(await all.read(), wanted, 2e-5);
      const query = area - 1;
      const one = await windowWeights(part, { ...options, query }).read();
      for (let head = 0; head < heads; head++) {
        const at = (head * area + query) * area;
        expectValuesClose(
          one.subarray(head * area, (head + 1) * area),
          wanted.subarray(at, at + area),
          2e-5,
        );
      }
    }
  });
});

describe('of a whole model', async () => {
  const context = await testContext();
  const file = await openCheckpointFile(join(fixtures, 'midas_swinv2', 'model.safetensors'));
  const recognised = recognise(file, { preset: 'muggled' });
  const model = buildDpt(context, recognised);
  await model.weights.load();
  const planned = buildDpt(Context.planning(), recognised);
  // Two windows of 8 × 8 in height and three in width at the first stage.
  const size = { height: 64, width: 96 };
  const facts = planOf(planned, size) as InsightFacts;
  const image = Float32Array.from(randomNd([1, 64, 96, 3], { seed: 5 }).data);
  const prepared = { opened: { model, planned, gpu: { context } }, facts, image } as unknown;
  const run = prepared as PreparedRun;
  const blocks = facts.windows!;
  const attentions = new WindowAttentions(run, blocks);
  afterAll(async () => {
    model.dispose();
    await file.close();
  });

  test('every block is there, and some are shifted', () => {
    expect(blocks).toHaveLength(facts.blocks.length);
    expect(new Set(blocks.map(({ stage }) => stage)).size).toBe(4);
    expect(blocks.some(({ shift }) => shift[0] > 0 && shift[1] > 0)).toBe(true);
    expect(blocks.some(({ shift }) => shift[0] === 0 && shift[1] === 0)).toBe(true);
    expect(blocks.map(({ grid }) => grid.join('×'))).toContain('16×24');
  });

  test('weights times values are what the fused kernel left', async () => {
    for (const [block, cut] of blocks.entries()) {
      const { heads, grid } = cut;
      const name = `${facts.blocks[block]}.attention`;
      const [qkv, fused] = await readTensors(run, [`${name}.qkv`, `${name}.values`], {});
      const F = fused!.shape[2]!;
      const d = F / heads;
      // One patch of every window, near its seams.
      for (let row = 0; row < grid[0]; row += 5) {
        for (let column = 0; column < grid[1]; column += 7) {
          const token = row * grid[1] + column;
          const weights = await attentions.attended({ block, token, column: false }, false);
          const { tokens } = windowPlace(cut, row, column);
          const values = new Float64Array(F);
          for (let head = 0; head < heads; head++) {
            let sum = 0;
            tokens.forEach((key, i) => {
              const share = weights[head * tokens.length + i]!;
              sum += share;
              const v = key * 3 * F + 2 * F + head * d;
              for (let c = 0; c < d; c++) values[head * d + c]! += share * qkv!.data[v + c]!;
            });
            expect(sum).toBeCloseTo(1, 5);
          }
          const expected = fused!.data.subarray(token * F, (token + 1) * F);
          // Two orders of the same f32 sums.
          expectValuesClose(values, [...expected], 1e-4);
        }
      }
    }
  });

  test('a column holds what the rows hold, and means are those of single blocks', async () => {
    const block = blocks.findIndex(({ shift }) => shift[0] > 0);
    const { grid, heads } = blocks[block]!;
    const [row, column] = [grid[0] - 1, grid[1] - 1];
    const token = row * grid[1] + column;
    const { tokens, at } = windowPlace(blocks[block]!, row, column);
    const looked = await attentions.attended({ block, token, column: true }, false);
    for (const [i, other] of [...tokens.entries()].filter(([i]) => i % 7 === 0)) {
      const looks = await attentions.attended({ block, token: other, column: false }, false);
      for (let head = 0; head < heads; head++) {
        const index = head * tokens.length;
        expect(looked[index + i]).toBeCloseTo(looks[index + at]!, 6);
      }
    }
    for (const byColumn of [false, true]) {
      await attentions.read(attentions.missing);
      const means = await attentions.means(token, byColumn);
      let from = 0;
      for (const [index, cut] of blocks.entries()) {
        const place = (of: number): number => Math.floor(of / 2 ** cut.stage);
        const own = place(row) * cut.grid[1] + place(column);
        const all = await attentions.attended(
          { block: index, token: own, column: byColumn },
          false,
        );
        const area = all.length / cut.heads;
        for (let i = 0; i < area; i++) {
          let mean = 0;
          for (let head = 0; head < cut.heads; head++) mean += all[head * area + i]! / cut.heads;
          expect(means[from + i]).toBeCloseTo(mean, 5);
        }
        from += area;
      }
      expect(means).toHaveLength(from);
    }
  });
});
