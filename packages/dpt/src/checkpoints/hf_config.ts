import { type StateDict, StateDictError } from '@dpt-webgpu/tensor';

/** A `config.json` of the Hub is about one kilobyte. */
const MAX_CHARACTERS = 2 ** 20;

/**
 * The state dict with what the `config.json` of a Hugging Face repository says besides: which blocks are tapped, the
 * windows of SwinV2, what the depths mean. The file's own metadata goes first. What it holds besides is ignored, and
 * one of another program (no `model_type`) altogether.
 */
export function withHfConfig(stateDict: StateDict, json: string, name: string): StateDict {
  const fail = (problem: string): never => {
    throw new StateDictError(`${name}: ${problem}`);
  };
  const config = parse(json, fail);
  const kind = config.model_type;
  if (kind !== 'depth_anything' && kind !== 'dpt') return stateDict;
  const backbone = config.object('backbone_config');
  const said = kind === 'depth_anything' ? depthAnything(config, backbone) : dpt(config, backbone);
  // SwinV2 calls the first width embed_dim, which is the one to compare; its hidden_size is the last.
  const width = backbone?.model_type === 'swinv2' ? 'embed_dim' : 'hidden_size';
  expectSameModel(stateDict, (backbone ?? config).number(width), fail);
  const metadata = new Map(
    Object.entries(said)
      .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
      .map(([key, value]) => [key, String(value)]),
  );
  for (const [key, value] of stateDict.metadata) metadata.set(key, value);
  return { ...stateDict, metadata };
}

type Said = Readonly<Record<string, string | number | undefined>>;

function depthAnything(config: Section, backbone: Section | undefined): Said {
  const hooks = hooksOf(backbone ?? config);
  const kind = config.text('depth_estimation_type') ?? 'relative';
  if (kind !== 'relative' && kind !== 'metric') {
    config.fail(`depth_estimation_type is ${JSON.stringify(kind)}; relative and metric are known.`);
  }
  const isMetric = kind === 'metric';
  // V1 taps the last four blocks, V2 does not. Nothing else in these files tells them apart.
  const isV1 = hooks !== undefined && hooks[3] - hooks[0] === 3 && hooks[3] >= 11;
  const relative = hooks && (isV1 ? 'depth_anything_v1' : 'depth_anything_v2');
  return {
    family: isMetric ? 'depth_anything_v2_metric' : relative,
    hooks: hooks?.join(','),
    heads: backbone?.number('num_attention_heads'),
    // Relative configurations have one as well, which means nothing.
    max_depth: isMetric ? config.number('max_depth') : undefined,
  };
}

function dpt(config: Section, backbone: Section | undefined): Said {
  if (backbone?.model_type === 'swinv2') {
    const window = backbone.number('window_size');
    const [side, patch] = [backbone.number('image_size'), backbone.number('patch_size')];
    return { window, base_grid: side && patch ? side / patch : undefined };
  }
  if (backbone?.model_type === 'beit') return { hooks: hooksOf(backbone)?.join(',') };
  // A plain ViT. Its list counts blocks from 0: the code drops the embedding before it looks.
  const blocks = config.numbers('backbone_out_indices');
  return { hooks: blocks?.join(','), heads: config.number('num_attention_heads') };
}

/** `out_indices` count the embedding as number 0, hence one less; `stage3` in `out_features` is index 3. */
function hooksOf(section: Section): readonly [number, number, number, number] | undefined {
  const indices =
    section.numbers('out_indices') ??
    section.texts('out_features')?.map((stage) => Number(/^stage(\d{1,4})$/.exec(stage)?.[1]));
  if (!indices) return undefined;
  const blocks = section.number('num_hidden_layers');
  const hooks = indices.map((index) => {
    // As in Python, -1 is the last.
    const positive = index < 0 && blocks !== undefined ? index + blocks + 1 : index;
    return positive - 1;
  });
  const fits = hooks.every((hook, i) => Number.isInteger(hook) && hook > (hooks[i - 1] ?? -1));
  if (hooks.length !== 4 || !fits) {
    section.fail(`out_indices is [${indices.join(', ')}]; four rising numbers from 1 are needed.`);
  }
  return hooks as unknown as readonly [number, number, number, number];
}

const patchKeys = [
  'backbone.embeddings.patch_embeddings.projection.weight',
  'dpt.embeddings.patch_embeddings.projection.weight',
  'pretrained.patch_embed.proj.weight',
  'pretrained.model.patch_embed.proj.weight',
  'patch_embed.project.weight',
];

/** A configuration that lies beside another model's weights would tap the wrong blocks without anybody noticing. */
function expectSameModel(
  { name, tensors }: StateDict,
  features: number | undefined,
  fail: (problem: string) => never,
): void {
  const key = patchKeys.find((candidate) => tensors.has(candidate));
  const stored = key === undefined ? undefined : tensors.get(key)!.shape[0];
  if (features === undefined || stored === undefined || features === stored) return;
  fail(
    `it is of a model with ${features} features, and ${name} has ${stored}. Put the right one there, or remove it.`,
  );
}

/** An object of the JSON whose fields are checked as they are asked for. */
interface Section {
  readonly model_type: string | undefined;
  readonly number: (key: string) => number | undefined;
  readonly text: (key: string) => string | undefined;
  readonly numbers: (key: string) => readonly number[] | undefined;
  readonly texts: (key: string) => readonly string[] | undefined;
  readonly object: (key: string) => Section | undefined;
  readonly fail: (problem: string) => never;
}

function parse(json: string, fail: (problem: string) => never): Section {
  if (json.length > MAX_CHARACTERS) {
    fail(`it is ${json.length} characters long; a configuration has about a thousand.`);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    fail(`it is not JSON (${error instanceof Error ? error.message : String(error)}).`);
  }
  return isObject(value) ? section(value, fail) : fail('it is JSON, but not an object.');
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function section(values: Record<string, unknown>, fail: (problem: string) => never): Section {
  function read<T>(key: string, is: (value: unknown) => value is T, what: string): T | undefined {
    const value = Object.hasOwn(values, key) ? values[key] : undefined;
    if (value === undefined || value === null) return undefined;
    if (is(value)) return value;
    return fail(`${key} is ${JSON.stringify(value)?.slice(0, 80)}; ${what} is needed.`);
  }
  const isNumber = (value: unknown): value is number => Number.isFinite(value);
  const isText = (value: unknown): value is string => typeof value === 'string';
  const isListOf =
    <T>(is: (value: unknown) => value is T) =>
    (value: unknown): value is readonly T[] =>
      Array.isArray(value) && value.length <= 64 && value.every(is);
  return {
    model_type: read('model_type', isText, 'a text'),
    number: (key) => read(key, isNumber, 'a number'),
    text: (key) => read(key, isText, 'a text'),
    numbers: (key) => read(key, isListOf(isNumber), 'a short list of numbers'),
    texts: (key) => read(key, isListOf(isText), 'a short list of texts'),
    object: (key) => {
      const inner = read(key, isObject, 'an object');
      return inner && section(inner, fail);
    },
    fail,
  };
}
