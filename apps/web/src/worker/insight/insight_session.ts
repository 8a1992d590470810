import type { Size } from '@dpt-webgpu/dpt';
import { encodeNpy } from '@dpt-webgpu/loaders';
import type { Gpu } from '../gpu.ts';
import { decode, type Photo, uploadPhoto } from '../image/photo.ts';
import { inputSize } from '../input_size.ts';
import type { ModelHost } from '../model_host.ts';
import { EngineError, type Handlers, type Job } from '../protocol.ts';
import { boxOf } from './boxes.ts';
import { compareModels } from './compare_models.ts';
import { FusionScaling } from './fusion_scaling.ts';
import type {
  AttentionQuery,
  BlockNorms,
  FusionResult,
  InsightCalls,
  InsightFacts,
  ModelComparison,
  NamedBlob,
  TensorFacts,
  Timing,
} from './insight_calls.ts';
import { planOf, sizeForAttention } from './insight_plan.ts';
import { modelFile } from './model_files.ts';
import { runParity } from './parity.ts';
import {
  networkImage,
  type PreparedRun,
  type ReadTensor,
  readTensors,
  recordModel,
} from './prepared_run.ts';
import { ShownMaps } from './shown_maps.ts';
import { channelsOf, gridFor, type HostTensor, sliceOf, statistics } from './tensor_maps.ts';
import { type BrowsedTensor, TensorReference } from './tensor_reference.ts';
import { timingOf } from './timing.ts';
import { WholeAttention } from './whole_attention.ts';
import { WindowAttentions } from './window_attention.ts';

type Comparing = InsightCalls['insight.compare'];
type Fusing = InsightCalls['insight.fusion'];
type Counted = Job<InsightCalls['insight.setup']['progress']>;

/** Of what is kept on the host to answer the next question without a run. */
const HOST_BYTES = 256 * 2 ** 20;
/** Of intermediates kept at once on the device. */
const KEPT_BYTES = 64 * 2 ** 20;
/** The longer side of the photo as the page shows it. */
const SHOWN = 960;

/** A prepared run, and what it left on the host. */
interface Prepared extends PreparedRun {
  attention?: WindowAttentions | WholeAttention;
  outputs?: readonly HostTensor[];
  tensor?: ReadTensor | undefined;
  fusion?: FusionScaling;
}

/**
 * The insight page's half on the worker. Runs are made for one question, read and given back: what stays is on the host,
 * so that the GPU's memory is free for the next.
 */
export class InsightSession {
  readonly #host: ModelHost;
  readonly #shownPhoto: () => NamedBlob | undefined;
  #photo: NamedBlob | undefined;
  #prepared: Prepared | undefined;
  #last: Promise<unknown> = Promise.resolve();
  readonly #browsed = new TensorReference();
  readonly #maps = new ShownMaps();

  constructor(host: ModelHost, shownPhoto: () => NamedBlob | undefined) {
    this.#host = host;
    this.#shownPhoto = shownPhoto;
    host.onClose(() => this.#forget());
  }

  readonly handlers: Handlers<InsightCalls> = {
    'insight.open': async ({ photo }, job) => {
      const chosen = photo ?? this.#shownPhoto();
      if (!chosen) return undefined;
      const decoded = await decode(chosen.blob, chosen.name);
      const { width, height } = decoded;
      const scale = Math.min(1, SHOWN / Math.max(width, height));
      const bitmap = await createImageBitmap(decoded, {
        resizeWidth: Math.max(1, Math.round(width * scale)),
        resizeHeight: Math.max(1, Math.round(height * scale)),
        resizeQuality: 'medium',
      });
      decoded.close();
      job.transfer(bitmap);
      this.#photo = chosen;
      return { name: chosen.name, width, height, bitmap };
    },
    'insight.setup': ({ size }, job) => this.#inTurn(() => this.#setup(size, job), job.signal),
    'insight.attention': (query, { signal }) => this.#inTurn(() => this.#attention(query), signal),
    'insight.meanAttention': (query, job) => this.#meanAttention(query, job),
    'insight.norms': ({ channel }, job) => this.#inTurn(() => this.#norms(channel, job)),
    'insight.fusion': (what, job) => this.#inTurn(() => this.#fusion(what, job), job.signal),
    'insight.tensor': ({ name }, { signal }) => this.#inTurn(() => this.#tensor(name), signal),
    'insight.slice': (what, job) =>
      this.#maps.slice(
        this.#chosen(),
        (shown) => this.#browsed.shown(this.#chosen(), shown),
        what,
        job,
      ),
    'insight.npy': ({ of }) => {
      const { data, shape } = this.#values(of);
      return new Blob([new Uint8Array(encodeNpy(data, [...shape]))]);
    },
    'insight.keep': ({ keep }) => {
      this.#browsed.keep(keep ? this.#chosen() : undefined);
      this.#maps.forgetSlice();
      return undefined;
    },
    'insight.time': (_, { signal }) => this.#inTurn(() => this.#time(signal), signal),
    'insight.compare': (what, job) => this.#inTurn(() => this.#compare(what, job)),
    'insight.comparePictures': ({ map }, job) =>
      this.#inTurn(() => this.#maps.compared(this.#ready().opened, map, job)),
    'insight.parity': (what, job) => this.#inTurn(() => runParity(this.#host, what, job)),
  };

  #forget(): void {
    this.#prepared?.fusion?.dispose();
    this.#prepared = undefined;
    this.#maps.forget();
  }

  /** One run after another: two at once would need the memory of both. */
  #inTurn<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const result = this.#last.then(() => {
      signal?.throwIfAborted();
      return work();
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #ready(): Prepared {
    const prepared = this.#prepared;
    if (prepared && prepared.opened === this.#host.current) return prepared;
    throw new EngineError({ code: 'no-photo', message: 'No photo is open.' });
  }

  async #setup(wanted: number, job: Counted): Promise<InsightFacts> {
    const opened = this.#host.expectModel();
    const { planned, info, gpu, model } = opened;
    const { image } = model.config;
    const total = 3;
    const step = async (done: number): Promise<void> => {
      job.progress({ done, total });
      await pause(job.signal);
    };
    return this.#withPhoto(gpu, async (photo, name) => {
      const networkAt = (size: number): Size => inputSize(image, photo, { size, square: false });
      const asked = wanted || image.baseSize;
      await step(0);
      const size = await sizeForAttention(planned, networkAt, asked, gpu.info, () =>
        pause(job.signal),
      );
      this.#host.expectFits(photo, size, false);
      await step(1);
      const network = networkAt(size);
      const facts: InsightFacts = {
        ...planOf(planned, network),
        model: info.title,
        photo: name,
        size,
        reducedFrom: size < asked ? asked : undefined,
        levels: [1, 2, 3, 4].map((level) => `reassembled_${level}`),
      };
      await step(2);
      const pixels = await networkImage(gpu, image, photo, network);
      await step(total);
      this.#forget();
      this.#prepared = { opened, facts, image: pixels };
      return facts;
    });
  }

  /** The photo on the device, for as long as the work takes. */
  async #withPhoto<T>(gpu: Gpu, work: (photo: Photo, name: string) => Promise<T>): Promise<T> {
    const source = this.#photo;
    if (!source) throw new EngineError({ code: 'no-photo', message: 'No photo is open.' });
    const decoded = await decode(source.blob, source.name);
    const photo = await uploadPhoto(gpu, decoded);
    decoded.close();
    try {
      return await work(photo, source.name);
    } finally {
      photo.texture.destroy();
    }
  }

  #attention(query: AttentionQuery): Promise<Float32Array<ArrayBuffer>> {
    const attention = attentionIn(this.#ready());
    return attention.attended(query, attention.bytes > HOST_BYTES);
  }

  /** Undefined where that of all blocks would not fit on the host. Between runs, others have their turn. */
  async #meanAttention(
    { token, column }: Omit<AttentionQuery, 'block'>,
    job: Job<{ done: number; total: number }>,
  ): Promise<Float32Array<ArrayBuffer> | undefined> {
    const prepared = this.#ready();
    const attention = attentionIn(prepared);
    if (attention.bytes > HOST_BYTES) return undefined;
    const total = prepared.facts.blocks.length;
    const sizeOf = (block: number): number => attention.bytesOf(block);
    for (const part of inParts(attention.missing, sizeOf, KEPT_BYTES)) {
      await this.#inTurn(async () => {
        this.#expectStill(prepared, job.signal);
        await attention.read(part);
      });
      job.progress({ done: total - attention.missing.length, total });
    }
    return this.#inTurn(async () => {
      this.#expectStill(prepared, job.signal);
      return attention.means(token, column);
    });
  }

  #expectStill(prepared: Prepared, signal: AbortSignal): void {
    if (signal.aborted || this.#prepared !== prepared) {
      throw new EngineError({ code: 'cancelled', message: 'Cancelled.' });
    }
  }

  async #norms(
    channel: number | undefined,
    job: Job<{ done: number; total: number }>,
  ): Promise<readonly BlockNorms[]> {
    const prepared = this.#ready();
    const { facts } = prepared;
    const { blocks, grid } = facts;
    const map = (tensor: HostTensor, block: number): BlockNorms => ({
      block,
      ...sliceOf(tensor, grid, 0, channel),
    });
    if (prepared.outputs) return prepared.outputs.map(map);
    const bytesOf = new Map(
      facts.tensors.map(({ name, shape }) => [name, 4 * shape.reduce(product)]),
    );
    const bytes = blocks.reduce((sum, name) => sum + bytesOf.get(name)!, 0);
    const outputs: HostTensor[] = [];
    const maps: BlockNorms[] = [];
    for (const names of inParts(blocks, (name) => bytesOf.get(name)!, KEPT_BYTES)) {
      this.#expectStill(prepared, job.signal);
      for (const tensor of await readTensors(prepared, names, {})) {
        if (bytes <= HOST_BYTES) outputs.push(tensor);
        maps.push(map(tensor, maps.length));
      }
      job.progress({ done: maps.length, total: blocks.length });
    }
    if (bytes <= HOST_BYTES) prepared.outputs = outputs;
    return maps;
  }

  async #fusion({ scales, shades }: Fusing['params'], job: Job<never>): Promise<FusionResult> {
    const prepared = this.#ready();
    prepared.fusion ??= await FusionScaling.make(prepared);
    const depths = await prepared.fusion.run(scales);
    return this.#maps.fusion(prepared.opened, depths, shades, job);
  }

  async #tensor(name: string): Promise<TensorFacts> {
    const prepared = this.#ready();
    if (prepared.tensor?.name !== name) {
      const whole = boxOf(name) !== 'encoder' && boxOf(name) !== 'patch_embed';
      const attentionWeights = name.endsWith('.attention.weights');
      [prepared.tensor] = await readTensors(prepared, [name], { whole, attentionWeights });
    }
    const { shape, dtype, data } = prepared.tensor!;
    const chosen = this.#chosen();
    const channels = channelsOf(shape, chosen.grid, chosen.tokens);
    const compared = this.#browsed.compared(chosen);
    return { name, shape, dtype, channels, ...statistics(data), ...compared };
  }

  /** The tensor that was asked for last, with where it comes from. */
  #chosen(): BrowsedTensor {
    const { facts, tensor } = this.#ready();
    if (!tensor) throw new EngineError({ code: 'failed', message: 'No tensor is chosen.' });
    const { model, photo, width, height } = facts;
    const grid = gridFor(tensor.name, facts.grid);
    return { ...tensor, model, photo, width, height, grid, tokens: tokensOf(facts) };
  }

  #values(of: InsightCalls['insight.npy']['params']['of']): HostTensor {
    if (of !== 'fusion' && of !== 'compared') return this.#browsed.shown(this.#chosen(), of);
    const map = of === 'fusion' ? this.#ready().fusion?.last?.scaled : this.#maps.difference;
    if (map) return { shape: [map.height, map.width], data: map.values };
    throw new EngineError({ code: 'failed', message: 'There are no numbers to save yet.' });
  }

  async #compare(
    { source, ...how }: Comparing['params'],
    job: Job<Comparing['progress']>,
  ): Promise<ModelComparison> {
    job.signal.throwIfAborted();
    const prepared = this.#ready();
    const { opened } = prepared;
    const other = await modelFile(source ?? opened.info.source, job.signal);
    const compared = await this.#withPhoto(opened.gpu, (photo) =>
      compareModels(prepared, photo, { ...how, other }, job),
    );
    return this.#maps.keep(compared);
  }

  async #time(signal: AbortSignal): Promise<Timing> {
    const prepared = this.#ready();
    const recording = await recordModel(prepared, {});
    try {
      recording.run({ image: prepared.image });
      await recording.outputs.last.read();
      return timingOf(await recording.profile({ signal }));
    } finally {
      recording.dispose();
    }
  }
}

/** Within windows, or over the whole picture. */
function attentionIn(prepared: Prepared): WindowAttentions | WholeAttention {
  const { windows, attention } = prepared.facts;
  if (windows) prepared.attention ??= new WindowAttentions(prepared, windows);
  else if (attention) prepared.attention ??= new WholeAttention(prepared, attention);
  if (prepared.attention) return prepared.attention;
  throw new EngineError({ code: 'failed', message: 'This encoder has no attention to show.' });
}

/** A moment for what was sent meanwhile: that the visitor stopped it, say. */
async function pause(signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
  signal.throwIfAborted();
}

const product = (a: number, b: number): number => a * b;

const tokensOf = ({ attention }: InsightFacts): number => attention?.tokens ?? 0;

/** Consecutive parts that stay below a limit, each with one entry at least. */
function inParts<T>(all: readonly T[], sizeOf: (entry: T) => number, limit: number): T[][] {
  const parts: T[][] = [];
  let room = 0;
  for (const entry of all) {
    const size = sizeOf(entry);
    if (parts.length === 0 || size > room) {
      parts.push([]);
      room = limit;
    }
    parts.at(-1)!.push(entry);
    room -= size;
  }
  return parts;
}
