import { DptError, invalidArgument } from './errors.ts';
import { installPoliteWaits } from './node/polite_waits.ts';
import { dawnRemedy, installMesa, noAdapter } from './node/remedies.ts';
import {
  hasVulkanLoader,
  isSwiftShader,
  mapVulkanLoader,
  type SwiftShader,
  swiftShaderFits,
  unpackSwiftShader,
  useSwiftShader,
} from './node/swiftshader.ts';
import { mayHaveVulkanDriver } from './node/vulkan_drivers.ts';

/** Which adapters are welcome: any, the real one first; only a GPU; only one that computes on the CPU. */
export type SoftwarePolicy = 'auto' | 'never' | 'only';

/** Which adapter is asked for, and with which Dawn toggles. */
export interface AdapterOptions {
  /** Default: `auto`, or what the variable `DPT_ADAPTER` says: `hardware` or `software`. */
  readonly software?: SoftwarePolicy;
  /** Dawn toggles to enable, in place of `defaultToggles`; entries with a `=` are Dawn options, such as `backend=null`. */
  readonly toggles?: readonly string[];
  /** Takes one line naming the adapter that was found. Default: nothing is said. */
  readonly log?: (line: string) => void;
}

/** What the device has to have. */
export interface DeviceOptions extends AdapterOptions {
  /** An adapter that lacks one is refused. Default: none. */
  readonly requiredFeatures?: readonly GPUFeatureName[];
  /** By the names of `GPUSupportedLimits`. Default: those that WebGPU guarantees. */
  readonly requiredLimits?: Readonly<Record<string, number>>;
  /** Says what to ask this adapter for; used in place of `requiredFeatures` and `requiredLimits`. Default: none. */
  readonly describe?: (adapter: GPUAdapter) => GPUDeviceDescriptor;
}

/** An adapter that was found, not used up yet. */
export interface NodeAdapter {
  /** Its first `requestDevice` uses it up. */
  readonly adapter: GPUAdapter;
  /** One line: the adapter, its backend, and 'software' if it computes on the CPU. */
  readonly description: string;
  /** Whether it computes on the processor. */
  readonly software: boolean;
}

/** A device and its adapter. The caller's, to be closed. */
export interface NodeGpu extends NodeAdapter {
  /** Yours until `close`; contexts on it are guests. */
  readonly device: GPUDevice;
  /** Waits for the work in flight, then destroys the device. */
  close(): Promise<void>;
}

/**
 * Dawn withholds `shader-f16` from NVIDIA's Vulkan driver, and subgroup matrices (tensor cores) everywhere. The kernels that
 * use them are tested against the plain ones, so here they are let in.
 */
export const defaultToggles: readonly string[] = [
  'vulkan_enable_f16_on_nvidia',
  'allow_unsafe_apis',
];

/** No adapter, and why; the message ends with what to do on this platform. */
export class NoAdapterError extends DptError {
  override readonly name = 'NoAdapterError';

  constructor(message: string, options?: ErrorOptions) {
    super('no-adapter', message, options);
  }
}

interface Dawn {
  create(options: string[]): GPU;
  globals: object;
}

/**
 * A WebGPU device in Node, through Dawn: the GPU's if there is one, else SwiftShader's on Linux x64 and WARP's on Windows.
 * The process ends by itself when its work is done; closing the device is for those who go on.
 */
export async function requestDevice(options: DeviceOptions = {}): Promise<NodeGpu> {
  const found = await requestAdapter(options);
  const { requiredFeatures, requiredLimits } = options;
  const device = await found.adapter.requestDevice(
    options.describe?.(found.adapter) ?? {
      label: 'dpt-webgpu',
      requiredFeatures: [...(requiredFeatures ?? [])],
      requiredLimits: { ...requiredLimits },
    },
  );
  // Dawn lists the matrices that a device multiplies in the info of its adapter, and none in the device's own.
  if (device.features.has('chromium-experimental-subgroup-matrix' as GPUFeatureName)) {
    Object.defineProperty(device, 'adapterInfo', { value: found.adapter.info });
  }
  destroyAtExit(device);
  let closed: Promise<void> | undefined;
  const close = async () => {
    // Rejects when the device is lost already, which is where this was going.
    await device.queue.onSubmittedWorkDone().catch(() => {});
    device.destroy();
    await device.lost;
  };
  return {
    ...found,
    device,
    close() {
      closed ??= close();
      return closed;
    },
  };
}

const devices = new Set<WeakRef<GPUDevice>>();
let isWatchingExit = false;

/**
 * `process.exit` unloads the driver while its threads still compute, which now and then ends in a segmentation fault;
 * destroying a device waits for what it has in flight. Devices that are gone by then cost nothing.
 */
function destroyAtExit(device: GPUDevice): void {
  if (!isWatchingExit) {
    isWatchingExit = true;
    process.once('exit', () => {
      for (const live of devices) live.deref()?.destroy();
    });
  }
  const reference = new WeakRef(device);
  devices.add(reference);
  void device.lost.then(() => devices.delete(reference));
}

/** A fresh adapter at each call: `requestDevice` uses an adapter up. */
export async function requestAdapter(options: AdapterOptions = {}): Promise<NodeAdapter> {
  const policy = options.software ?? policyFromEnvironment();
  const toggles = options.toggles ?? defaultToggles;
  const dawn = await importDawn();

  let adapter: GPUAdapter | null = null;
  for (const source of sourcesFor(policy)) {
    adapter = await source(dawn, toggles);
    if (adapter && policy === 'never' && isSoftware(adapter)) adapter = null;
    if (adapter && policy === 'only' && !isSoftware(adapter)) adapter = null;
    if (adapter) break;
  }
  if (!adapter) throw new NoAdapterError(`requestAdapter: ${noAdapter(policy, userDriver())}`);

  const software = isSoftware(adapter);
  if (software) installPoliteWaits(dawn.globals);
  const description = describeAdapter(adapter, toggles);
  options.log?.(`WebGPU adapter: ${description}`);
  return { adapter, description, software };
}

type AdapterSource = (dawn: Dawn, toggles: readonly string[]) => Promise<GPUAdapter | null>;

function sourcesFor(policy: SoftwarePolicy): AdapterSource[] {
  const system: AdapterSource = async (dawn, toggles) => {
    // This process or its parent has looked before and found none.
    if (isSwiftShader(process.env.VK_DRIVER_FILES ?? '')) return null;
    if (process.platform === 'linux' && !usesBackendOption(toggles)) {
      // Without a driver or a loader there is no adapter, and Dawn says so on stderr.
      if (!userDriver() && !mayHaveVulkanDriver()) return null;
      if (!hasVulkanLoader()) {
        // A driver that the user names needs a loader all the same.
        if (!userDriver() || !swiftShaderFits()) return null;
        mapVulkanLoader(unpack());
      }
    }
    const instance = dawnInstance(dawn, 'system', toggles);
    return instance.requestAdapter({ powerPreference: 'high-performance' });
  };

  const swiftShader: AdapterSource = (dawn, toggles) => {
    useSwiftShader(unpack());
    return dawnInstance(dawn, 'swiftshader', toggles).requestAdapter();
  };

  const warp: AdapterSource = async (dawn, toggles) => {
    try {
      return await dawnInstance(dawn, 'warp', ['adapter=Microsoft', ...toggles]).requestAdapter();
    } catch {
      return null; // Dawn throws when no adapter has the name that it is asked for
    }
  };

  const software =
    swiftShaderFits() && !userDriver() ? [swiftShader] : process.platform === 'win32' ? [warp] : [];
  // A driver that the user set may be a software one, so 'only' tries it too.
  if (policy === 'only') return software.length > 0 ? software : [system];
  return policy === 'never' ? [system] : [system, ...software];
}

function unpack(): SwiftShader {
  try {
    return unpackSwiftShader();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new NoAdapterError(`requestAdapter: no GPU, and no ${text}\n${installMesa}`, { cause });
  }
}

/** The Vulkan driver that the user set, if any; it is never overridden. */
function userDriver(): string | undefined {
  const driver = process.env.VK_DRIVER_FILES || process.env.VK_ICD_FILENAMES;
  return driver && !isSwiftShader(driver) ? driver : undefined;
}

const instancesKey = Symbol.for('dpt-webgpu.dawnInstances');
type Holder = typeof globalThis & { [instancesKey]?: Map<string, GPU> };

/**
 * One Dawn instance per kind and set of toggles, referenced for ever: when an instance is garbage collected, promises never
 * settle or the process crashes.
 */
function dawnInstance(dawn: Dawn, kind: string, toggles: readonly string[]): GPU {
  const holder: Holder = globalThis;
  holder[instancesKey] ??= new Map();
  const instances = holder[instancesKey];
  const options = toggles.filter((toggle) => toggle.includes('='));
  const features = toggles.filter((toggle) => !toggle.includes('='));
  if (features.length > 0) options.push(`enable-dawn-features=${features.join(',')}`);

  const key = [kind, ...options].join(' ');
  let instance = instances.get(key);
  if (!instance) {
    instance = dawn.create(options);
    instances.set(key, instance);
  }
  return instance;
}

async function importDawn(): Promise<Dawn> {
  let dawn: Dawn;
  try {
    dawn = await import('webgpu');
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    throw new NoAdapterError(`requestAdapter: ${dawnRemedy(text)}`, { cause });
  }
  // Programs written for browsers expect GPUBufferUsage and its like to be global.
  for (const [name, value] of Object.entries(dawn.globals)) {
    if (name in globalThis) continue;
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return dawn;
}

function policyFromEnvironment(): SoftwarePolicy {
  const value = process.env.DPT_ADAPTER;
  if (!value || value === 'auto') return 'auto';
  if (value === 'hardware') return 'never';
  if (value === 'software') return 'only';
  throw invalidArgument(`DPT_ADAPTER is '${value}'; it can be hardware, software or auto.`);
}

function isSoftware({ info }: GPUAdapter): boolean {
  return info.isFallbackAdapter || /swiftshader|llvmpipe|lavapipe/i.test(info.device);
}

function usesBackendOption(toggles: readonly string[]): boolean {
  return toggles.some((toggle) => toggle.startsWith('backend='));
}

function describeAdapter(adapter: GPUAdapter, toggles: readonly string[]): string {
  const { device, vendor, architecture, description } = adapter.info;
  const name =
    device.replace(/-+$/, '') ||
    [vendor, architecture].filter(Boolean).join(' ') ||
    'unnamed adapter';
  const backends: Partial<Record<NodeJS.Platform, string>> = {
    linux: 'Vulkan',
    darwin: 'Metal',
    win32: 'Direct3D 12',
  };
  const asked = toggles.find((toggle) => toggle.startsWith('backend='))?.slice('backend='.length);
  const notes = [
    isSoftware(adapter) && 'software',
    asked ?? backends[process.platform] ?? process.platform,
    description,
  ];
  return `${name} (${notes.filter(Boolean).join(', ')})`;
}
