import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { moreFixtures } from './models.ts';

export interface Golden {
  readonly shape: readonly number[];
  /** Every stored type is read as numbers. */
  readonly data: Float64Array;
}

const committed = join(import.meta.dirname, '../fixtures/postprocess/postprocess.safetensors');

/** What is done to depth maps, computed elsewhere: the committed tensors, and all others where there are more. */
export const goldens: ReadonlyMap<string, Golden> = new Map([
  ...readGoldens(committed),
  ...(moreFixtures ? readGoldens(join(moreFixtures, 'postprocess.safetensors')) : []),
]);

export function golden(name: string): Golden {
  const found = goldens.get(name);
  if (!found) throw new Error(`No tensor is named ${name}.`);
  return found;
}

/** The first parts of all names that end so: `.chain_0` → scene, awkward, … */
export function mapsWith(suffix: string): string[] {
  const names = [...goldens.keys()].filter((name) => name.endsWith(suffix));
  if (names.length === 0) throw new Error(`No tensor ends in ${suffix}.`);
  return names.map((name) => name.slice(0, -suffix.length));
}

/** Parsed here in few lines, because our own reader is under test elsewhere. */
function readGoldens(path: string): Map<string, Golden> {
  const bytes = readFileSync(path);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, start)) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, Golden>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [from, to] = data_offsets;
    const { buffer } = new Uint8Array(bytes.subarray(start + from, start + to));
    const data =
      dtype === 'F32'
        ? new Float32Array(buffer)
        : dtype === 'I32'
          ? new Int32Array(buffer)
          : new Uint8Array(buffer);
    tensors.set(name, { shape, data: Float64Array.from(data) });
  }
  return tensors;
}
