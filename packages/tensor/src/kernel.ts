import { shaderSource } from '#shaders';
import { type Context, usage } from './context.ts';
import { DptError, invalidArgument } from './errors.ts';
import type { Tensor } from './tensor.ts';

export type ParamType = 'u32' | 'i32' | 'f32';
export type Params = Readonly<Record<string, ParamType>>;

/** Names of the bindings and parameters of a shader, in the order in which the shader declares them. */
export interface KernelLayout<R extends string, W extends string, P extends Params> {
  /** `var<storage, read>` of the shader. */
  readonly reads: readonly R[];
  /** `var<storage, read_write>`, bound behind the reads. */
  readonly writes: readonly W[];
  /** Members of `struct Params`, each of four bytes, bound last; `{}` where the shader has none. */
  readonly params: P;
  /**
   * Textures that it reads or writes, bound behind the buffers and before the parameters. They change from frame to
   * frame, so such a kernel runs in a `TexturePass`, never as a step of a recording.
   */
  readonly textures?: readonly string[];
  /** The WGSL text of a kernel from outside this package. Default: shaders/NAME.wgsl. */
  readonly source?: string;
}

/** What one dispatch of a kernel is made of, apart from its tensors. */
export interface DispatchOptions<P extends Params> {
  /** Replaces `alias T = …;` of the shader: `{ T: 'f16' }`. */
  readonly types?: Readonly<Record<string, string>>;
  /** Values of the shader's `override` constants. */
  readonly overrides?: Readonly<Record<string, number | boolean>>;
  readonly params: { readonly [K in keyof P]: number };
  /** How many workgroups. Above one dimension's limit they are folded; see `foldWorkgroups`. */
  readonly workgroups: number;
  /** For profiles: the op and the module it works for. Default: the shader's name. */
  readonly label?: string;
}

/** One dispatch, ready to be encoded at once or kept in a recording. */
export interface Step {
  readonly kernel: AnyKernel;
  readonly types: Readonly<Record<string, string>>;
  readonly overrides: Readonly<Record<string, number | boolean>>;
  readonly params: ArrayBuffer;
  readonly reads: readonly (Tensor | undefined)[];
  readonly writes: readonly Tensor[];
  readonly workgroups: readonly [number, number];
  readonly label: string;
}

/** A workgroup grid is at most 65535 wide; longer ones are folded into rows of this many, as shaders know. */
export const FOLD = 32_768;

/**
 * n workgroups as [x, y]. Shaders read their index as `group.x + group.y * 32768u` and skip what is past the end:
 * up to 65535 it is [n, 1], above that rows of 32768.
 */
export function foldWorkgroups(n: number, limit: number, what: string): readonly [number, number] {
  if (n <= limit) return [n, 1];
  const rows = Math.ceil(n / FOLD);
  if (rows <= limit) return [FOLD, rows];
  throw new DptError(
    'limit',
    `${what}: ${n} workgroups are more than this device runs at once (${FOLD * limit}).`,
  );
}

export type AnyKernel = Kernel<string, string, Params>;

/**
 * Describes a shader to TypeScript. A test parses the shader and fails when the two disagree.
 *
 * `text` is what shaders/NAME.wgsl holds. Only the build of the packages writes it, so that bundlers drop the shaders of ops
 * that nobody imports; in a checkout the file is read when it is first needed.
 */
export function defineKernel<
  const R extends string,
  const W extends string,
  const P extends Params,
>(shader: string, layout: KernelLayout<R, W, P>, text?: string): Kernel<R, W, P> {
  const kernel = new Kernel(shader, layout, text);
  if (layout.source === undefined) kernels.set(shader, kernel);
  return kernel;
}

/** Every kernel with a file in shaders/ that is defined so far, by the name of its shader. */
export const kernels = new Map<string, AnyKernel>();

let kernelsWithSource = 0;

/** A WGSL file with the names of its bindings: `kernel.dispatch({ x, weight, bias, y }, …)`. */
export class Kernel<R extends string, W extends string, P extends Params> {
  readonly shader: string;
  readonly layout: KernelLayout<R, W, P>;
  /** Tells shaders apart in caches: two programs on one device may both bring a `scale`. */
  readonly key: string;
  /** The WGSL, where it came with the layout or the build; else it is read from shaders/ when first needed. */
  readonly text: string | undefined;

  constructor(shader: string, layout: KernelLayout<R, W, P>, text = layout.source) {
    this.shader = shader;
    this.layout = layout;
    this.text = text;
    this.key = layout.source === undefined ? shader : `${shader}#${++kernelsWithSource}`;
  }

  /** Runs at once, or becomes a step of the open recording. A read that is undefined must not be touched by the shader. */
  dispatch(tensors: KernelTensors<R, W>, options: DispatchOptions<P>): void {
    const step = this.step(tensors, options);
    const { context } = step.writes[0]!;
    if (context.recorder) context.recorder.add(step);
    else if (!context.isPlanning && options.workgroups > 0) {
      try {
        runStep(context, step);
      } catch (error) {
        // The op that made them throws as well, so nobody else can.
        for (const tensor of step.writes) tensor.dispose();
        throw error;
      }
    }
  }

  /** The same as a description, which nothing runs. A kernel that writes no tensor cannot tell the context. For the engine. */
  step(
    tensors: KernelTensors<R, W>,
    options: DispatchOptions<P>,
    context: Context = (tensors as Readonly<Record<string, Tensor>>)[this.layout.writes[0]!]!
      .context,
  ): Step {
    const label = options.label ?? this.shader;
    return {
      kernel: this as unknown as AnyKernel,
      types: options.types ?? {},
      overrides: options.overrides ?? {},
      params: packParams(this.layout.params, options.params),
      reads: this.layout.reads.map((name) => tensors[name] as Tensor | undefined),
      writes: this.layout.writes.map((name) => tensors[name] as Tensor),
      workgroups: foldWorkgroups(
        options.workgroups,
        context.capabilities.maxWorkgroupsPerDimension,
        label,
      ),
      label,
    };
  }
}

/** A tensor for every binding; a read that is undefined must not be touched by the shader. */
export type KernelTensors<R extends string, W extends string> = {
  readonly [K in R]: Tensor | undefined;
} & { readonly [K in W]: Tensor };

function packParams<P extends Params>(
  types: P,
  values: { readonly [K in keyof P]: number },
): ArrayBuffer {
  const names = Object.keys(types);
  // A uniform struct is a multiple of 16 bytes long.
  const data = new DataView(new ArrayBuffer(Math.ceil(names.length / 4) * 16));
  names.forEach((name, i) => {
    const value = values[name] as number;
    if (types[name] === 'f32') data.setFloat32(i * 4, value, true);
    else if (types[name] === 'i32') data.setInt32(i * 4, value, true);
    else data.setUint32(i * 4, value, true);
  });
  return data.buffer;
}

/** The shader's text with its aliases replaced, and `enable f16;` where one of them needs it. */
export function specialise(
  { shader, text }: Pick<AnyKernel, 'shader' | 'text'>,
  types: Readonly<Record<string, string>>,
): string {
  let source = text ?? shaderSource(shader);
  for (const [name, type] of Object.entries(types)) {
    const alias = new RegExp(`^[ \\t]*alias ${name} = [^;]+;`, 'm');
    if (!alias.test(source))
      throw invalidArgument(`${shader}: the shader has no "alias ${name} = …;".`);
    source = source.replace(alias, `alias ${name} = ${type};`);
  }
  return Object.values(types).some((type) => type.includes('f16'))
    ? `enable f16;\n${source}`
    : source;
}

interface CachedPipeline {
  pipeline: GPUComputePipeline | undefined;
  pending: Promise<GPUComputePipeline> | undefined;
}

/** Shader modules, layouts and pipelines of one device. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #modules = new Map<string, GPUShaderModule>();
  readonly #layouts = new Map<string, { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout }>();
  readonly #pipelines = new Map<string, CachedPipeline>();

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Number of pipelines made so far. */
  get size(): number {
    return this.#pipelines.size;
  }

  bindGroupLayout(step: Step): GPUBindGroupLayout {
    const { kernel } = step;
    return kernel.layout.textures
      ? this.get(step).getBindGroupLayout(0)
      : this.#layout(kernel).group;
  }

  /** The pipeline now; made on the spot when it does not exist yet. */
  get(step: Step): GPUComputePipeline {
    const cached = this.#cached(step);
    cached.pipeline ??= this.#device.createComputePipeline(this.#descriptor(step));
    return cached.pipeline;
  }

  /** The pipeline once it is compiled, without blocking. */
  async compile(step: Step): Promise<void> {
    const cached = this.#cached(step);
    if (cached.pipeline) return;
    // What is wrong with the text of a shader is said of its module; the pipeline only says that the module is invalid.
    this.#device.pushErrorScope('validation');
    cached.pending ??= this.#device.createComputePipelineAsync(this.#descriptor(step));
    const complaint = this.#device.popErrorScope().catch(() => null);
    try {
      cached.pipeline = await cached.pending;
    } catch (cause) {
      const said = (await complaint)?.message ?? (cause instanceof Error && cause.message);
      throw new DptError('gpu', `${step.label}: the shader does not compile: ${said}`, { cause });
    } finally {
      // A failure is not remembered: the next recording tries again.
      cached.pending = undefined;
    }
  }

  #cached(step: Step): CachedPipeline {
    const key = pipelineKey(step);
    let cached = this.#pipelines.get(key);
    if (!cached) {
      cached = { pipeline: undefined, pending: undefined };
      this.#pipelines.set(key, cached);
    }
    return cached;
  }

  #descriptor(step: Step): GPUComputePipelineDescriptor {
    const constants = Object.fromEntries(
      Object.entries(step.overrides).map(([name, value]) => [name, Number(value)]),
    );
    return {
      label: pipelineKey(step),
      // What a texture is, and its format, is said by the shader alone.
      layout: step.kernel.layout.textures ? 'auto' : this.#layout(step.kernel).pipeline,
      compute: { module: this.#module(step), entryPoint: 'main', constants },
    };
  }

  #module(step: Step): GPUShaderModule {
    const key = `${step.kernel.key} ${JSON.stringify(step.types)}`;
    let module = this.#modules.get(key);
    if (!module) {
      const code = specialise(step.kernel, step.types);
      module = this.#device.createShaderModule({ label: key, code });
      this.#modules.set(key, module);
    }
    return module;
  }

  #layout(kernel: AnyKernel): { group: GPUBindGroupLayout; pipeline: GPUPipelineLayout } {
    const { reads, writes, params } = kernel.layout;
    const count = Object.keys(params).length;
    const buffers: GPUBufferBindingLayout[] = [
      ...reads.map(() => ({ type: 'read-only-storage' }) as const),
      ...writes.map(() => ({ type: 'storage' }) as const),
      // Said here, a size is checked once per bind group and not at every dispatch, where wgpu confuses kernels of one layout.
      ...(count ? [{ type: 'uniform', minBindingSize: count * 4 } as const] : []),
    ];
    const key = `${reads.length} reads, ${writes.length} writes, ${count} parameters`;
    let layout = this.#layouts.get(key);
    if (!layout) {
      const COMPUTE = 4; // GPUShaderStage.COMPUTE
      const group = this.#device.createBindGroupLayout({
        label: key,
        entries: buffers.map((buffer, binding) => ({ binding, visibility: COMPUTE, buffer })),
      });
      const pipeline = this.#device.createPipelineLayout({ label: key, bindGroupLayouts: [group] });
      layout = { group, pipeline };
      this.#layouts.set(key, layout);
    }
    return layout;
  }
}

/** The same key means the same pipeline. */
export function pipelineKey(step: Step): string {
  return `${step.kernel.key} ${JSON.stringify(step.types)} ${JSON.stringify(step.overrides)}`;
}

const caches = new WeakMap<GPUDevice, PipelineCache>();

/** The pipelines of a context's device; contexts of one device share them. */
export function pipelinesOf(context: Context): PipelineCache {
  const { device } = context;
  const cache = caches.get(device) ?? new PipelineCache(device);
  caches.set(device, cache);
  context.countPipelines = () => cache.size;
  return cache;
}

/** The bind group of a step, given where its parameters are and, in their order, what its textures are. */
export function bindGroupOf(
  context: Context,
  step: Step,
  bufferOf: (tensor: Tensor) => GPUBuffer,
  parameters: GPUBufferBinding,
  textures: readonly GPUBindingResource[] = [],
): GPUBindGroup {
  const buffers = [
    ...step.reads.map((tensor) => (tensor ? bufferOf(tensor) : context.nothing)),
    ...step.writes.map(bufferOf),
  ];
  const entries: GPUBindGroupEntry[] = buffers.map((buffer, binding) => {
    const tensor = [...step.reads, ...step.writes][binding];
    // A slot may be larger than the tensor in it; shaders may ask for the length of an array.
    return { binding, resource: { buffer, size: tensor ? tensor.storage.bytes : buffer.size } };
  });
  for (const resource of textures) entries.push({ binding: entries.length, resource });
  if (step.params.byteLength) entries.push({ binding: entries.length, resource: parameters });
  return context.device.createBindGroup({
    label: step.label,
    layout: pipelinesOf(context).bindGroupLayout(step),
    entries,
  });
}

/** Encodes and submits one step by itself. */
function runStep(context: Context, step: Step): void {
  const { device } = context;
  for (const tensor of [...step.reads, ...step.writes]) {
    if (tensor) context.expectFits(tensor.storage.bytes, `${step.label}: ${tensor.name}`);
  }
  const pipeline = pipelinesOf(context).get(step);
  const parameters = context.createBuffer(
    Math.max(step.params.byteLength, 16),
    usage.uniform | usage.copyDst,
    'parameters',
    step.label,
  );
  try {
    context.watched(step.label, () => {
      device.queue.writeBuffer(parameters, 0, step.params);
      const group = bindGroupOf(context, step, (tensor) => tensor.buffer, { buffer: parameters });
      const encoder = device.createCommandEncoder({ label: step.label });
      const pass = encoder.beginComputePass({ label: step.label });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...step.workgroups);
      pass.end();
      device.queue.submit([encoder.finish()]);
    });
  } finally {
    context.destroyBuffer(parameters);
  }
}
