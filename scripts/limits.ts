// npm run docs:limits: writes the table of docs/limits.md, what each model takes on a GPU. Planned from the shapes of the
// published files, as `dpt` and the web app plan before they load: nothing runs, no GPU is needed.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type DptConfig, largestSizeThatFits, planFor, recognise } from '@dpt-webgpu/dpt';
import { type Dtype, mib } from '@dpt-webgpu/tensor';
import { stateDictOfShapes } from './state_dict_shapes.ts';

export const page = fileURLToPath(new URL('../docs/limits.md', import.meta.url));

/** One of each architecture: files of the same shapes take the same. */
const models = [
  'v2-small',
  'v2-base',
  'v2-large',
  'v2-giant',
  'beit-base-384',
  'beit-large-384',
  'beit-large-512',
  'swinv2-tiny-256',
  'swinv2-base-384',
  'swinv2-large-384',
  'dpt-large-384',
];

const everyDevice = { maxBufferSize: 2 ** 28, maxStorageBufferBindingSize: 2 ** 27 };

/** The page with its table made anew, between the two marks. */
export function withTable(text: string): string {
  const rows = models.map((name) => `| ${rowOf(name).join(' | ')} |`);
  const header =
    '| model | size | f32 | f16 | q8 | largest binding, f32 | largest size on every device, f32 |';
  const table = [header, '| --- | --- | --- | --- | --- | --- | --- |', ...rows].join('\n');
  const [from, to] = ['<!-- npm run docs:limits -->\n', '\n<!-- end -->'];
  const [before, rest] = text.split(from);
  const after = rest?.split(to)[1];
  if (after === undefined) throw new Error(`docs/limits.md has lost its marks ${from}and ${to}.`);
  return `${before}${from}${table}${to}${after}`;
}

function rowOf(name: string): string[] {
  const { config } = recognise(stateDictOfShapes(name));
  const side = config.image.baseSize;
  const bytes = (dtype: Dtype): string => mib(planOf(config, side, dtype).bytes.total);
  // A photo large enough to set no limit itself.
  const largest = largestSizeThatFits(config, { width: 4096, height: 4096 }, everyDevice, {
    output: 'network',
  });
  return [
    name,
    `${side} × ${side}`,
    bytes('f32'),
    bytes('f16'),
    bytes('q8'),
    mib(planOf(config, side, 'f32').largestBinding),
    largest === undefined ? 'none' : `${largest} × ${largest}`,
  ];
}

function planOf(config: DptConfig, side: number, dtype: Dtype) {
  return planFor(config, { width: side, height: side }, everyDevice, { size: side, dtype });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(page, withTable(readFileSync(page, 'utf8')));
}
