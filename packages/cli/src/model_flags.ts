import { type DptOptions, families, type Preset } from '@dpt-webgpu/dpt';
import { UsageError } from './errors.ts';
import type { Arguments, Flag } from './flags.ts';

export const modelFlag: Flag = {
  name: 'model',
  short: 'm',
  value: 'FILE',
  help: 'the checkpoint: .safetensors, .pth or .pt, original or Hugging Face names; or the name of a downloaded model: v2-small',
};

export const sizeFlag: Flag = {
  name: 'size',
  value: 'PIXELS',
  help: 'of the shorter side as the network sees it (muggled: of the longer); default: what the model was trained at',
};

export const sizeOf = (args: Arguments): number | undefined => args.wholeNumber('size', 1, 16_384);

/** Flags of every command that runs a network. */
export const networkFlags: readonly Flag[] = [
  {
    name: 'preset',
    value: 'NAME',
    help: "official (default): what the authors' code computes; muggled: what muggled_dpt does",
  },
  {
    name: 'dtype',
    value: 'TYPE',
    help: 'f32 (default), f16, which needs shader-f16, or q8: int8 matrices, the rest f32',
  },
  {
    name: 'family',
    value: 'NAME',
    help: `what the file is where it does not say: ${[...families.keys()].join(', ')}`,
  },
  {
    name: 'max-depth',
    value: 'METRES',
    help: 'the far end of a metric model: 20 for indoor (hypersim), 80 for outdoor (vkitti)',
  },
  {
    name: 'hooks',
    value: 'A,B,C,D',
    help: 'the four blocks, counted from 0, whose output is used, where the file needs others than usual',
  },
  {
    name: 'window',
    value: 'TOKENS',
    help: 'side of the windows of a SwinV2 file that does not say: 16 for tiny-256, 24 for base-384 and large-384',
  },
  {
    name: 'no-cache',
    help: 'compute position encodings in every run instead of once per size; same results',
  },
];

export function networkOptions(args: Arguments): DptOptions {
  return {
    preset: args.oneOf<Preset>('preset', ['official', 'muggled']) ?? 'official',
    dtype: args.oneOf('dtype', ['f32', 'f16', 'q8']) ?? 'f32',
    ...describingOptions(args),
    gridCache: { enabled: !args.has('no-cache') },
  };
}

/** What a file may not say about itself. */
export function describingOptions(
  args: Arguments,
): Pick<DptOptions, 'family' | 'maxDepth' | 'hooks' | 'window'> {
  const name = args.oneOf('family', [...families.keys()]);
  return {
    family: name === undefined ? undefined : families.get(name),
    maxDepth: args.positiveNumber('max-depth'),
    hooks: hooksOf(args),
    window: args.wholeNumber('window', 1, 1024),
  };
}

/** That there are as many blocks is checked against the file. */
function hooksOf(args: Arguments): number[] | undefined {
  const items = args.list('hooks');
  const hooks = items?.map((item) => (/^\d{1,4}$/.test(item) ? Number(item) : Number.NaN));
  if (!hooks || (hooks.length === 4 && hooks.every((hook, i) => hook > (hooks[i - 1] ?? -1)))) {
    return hooks;
  }
  throw new UsageError(
    `--hooks takes four rising block numbers such as 2,5,8,11, not ${JSON.stringify(items?.join(','))}.`,
  );
}
