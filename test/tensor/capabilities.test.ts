// capabilities: matrix units by features and configurations; what deviceRequest asks for and what it refuses; capabilities of a
// real device; software adapters by their names; bytes as text.
import { describe, expect, test } from 'vitest';
import {
  capabilitiesOf,
  defaultCapabilities,
  deviceRequest,
  isSoftware,
  matrixSide,
  mib,
} from '../../packages/tensor/src/capabilities.ts';
import { requestAdapter } from '../../packages/tensor/src/node.ts';
import { testDevice } from '../support/device.ts';

const MiB = 2 ** 20;

/** As much of an adapter as is asked about. */
function adapter({
  binding = 128 * MiB,
  buffer = 256 * MiB,
  features = [] as string[],
}): GPUAdapter {
  const parts: Pick<GPUAdapter, 'features'> & { limits: Partial<GPUSupportedLimits> } = {
    features: new Set(features) as unknown as GPUSupportedFeatures,
    limits: { maxStorageBufferBindingSize: binding, maxBufferSize: buffer },
  };
  return parts as GPUAdapter;
}
const large = adapter({
  binding: 2048 * MiB,
  buffer: 4096 * MiB,
  features: ['shader-f16', 'timestamp-query', 'subgroups'],
});

describe('deviceRequest', () => {
  test('asks for nothing that every device has, and for subgroups where there are some', () => {
    const nothing = { requiredFeatures: ['subgroups'], requiredLimits: {} };
    expect(deviceRequest(adapter({})).requiredFeatures).toEqual([]);
    expect(deviceRequest(large)).toEqual(nothing);
    expect(deviceRequest(large, { largestBinding: 128 * MiB })).toEqual(nothing);
    expect(deviceRequest(large, { f16: false, timestamps: false })).toEqual(nothing);
  });

  test('asks for the binding that is needed, in whole words', () => {
    expect(deviceRequest(large, { largestBinding: 131 * MiB - 3 }).requiredLimits).toEqual({
      maxStorageBufferBindingSize: 131 * MiB,
    });
  });

  test('asks for a larger buffer only when the binding needs one', () => {
    expect(deviceRequest(large, { largestBinding: 300 * MiB }).requiredLimits).toEqual({
      maxStorageBufferBindingSize: 300 * MiB,
      maxBufferSize: 300 * MiB,
    });
  });

  test('asks for f16 when it is needed and for timestamps where there are some', () => {
    const needs = { f16: true, timestamps: true };
    expect(deviceRequest(large, needs).requiredFeatures).toEqual([
      'subgroups',
      'shader-f16',
      'timestamp-query',
    ]);
    const f16 = adapter({ features: ['shader-f16'] });
    expect(deviceRequest(f16, needs).requiredFeatures).toEqual(['shader-f16']);
  });

  test('an adapter that is too small is told with both numbers', () => {
    const small = adapter({ binding: 128 * MiB });
    expect(() =>
      deviceRequest(small, { largestBinding: 131 * MiB }),
    ).toThrowErrorMatchingInlineSnapshot(
      `[DptError: deviceRequest: needs a 131.0 MiB buffer; this adapter allows 128.0 MiB (maxStorageBufferBindingSize). Use a smaller picture size or model.]`,
    );
    const short = adapter({ binding: 512 * MiB, buffer: 256 * MiB });
    expect(() => deviceRequest(short, { largestBinding: 300 * MiB })).toThrow(
      'needs a 300.0 MiB buffer; this adapter allows 256.0 MiB (maxBufferSize)',
    );
  });

  test('an adapter without f16', () => {
    expect(() => deviceRequest(adapter({}), { f16: true })).toThrowErrorMatchingInlineSnapshot(
      `[DptError: deviceRequest: this adapter has no shader-f16, so dtype f16 cannot run on it. Use f32.]`,
    );
  });
});

describe('matrix units', () => {
  const features = [
    'shader-f16',
    'subgroups',
    'subgroup-size-control',
    'chromium-experimental-subgroup-matrix',
  ];
  const config = { componentType: 'f16', resultComponentType: 'f32', M: 16, N: 16, K: 16 };
  // What Dawn says of an H100: several kinds, of which one suits.
  const info = {
    subgroupMinSize: 32,
    subgroupMaxSize: 32,
    subgroupMatrixConfigs: [{ ...config, resultComponentType: 'f16' }, { ...config, K: 8 }, config],
  };
  const has = (changes: object, without = '') =>
    matrixSide(new Set(features.filter((feature) => feature !== without)), {
      ...info,
      ...changes,
    });

  test('need every feature, the configuration, and subgroups of 32', () => {
    expect(has({})).toBe(16);
    for (const feature of features) expect(has({}, feature)).toBe(0);
    expect(has({ subgroupMatrixConfigs: [] })).toBe(0);
    expect(has({ subgroupMatrixConfigs: [{ ...config, M: 8 }] })).toBe(0);
    expect(has({ subgroupMatrixConfigs: undefined })).toBe(0);
    expect(has({ subgroupMinSize: 64, subgroupMaxSize: 64 })).toBe(0);
    expect(has({ subgroupMinSize: 4, subgroupMaxSize: 16 })).toBe(0);
    expect(matrixSide(new Set(features), undefined)).toBe(0);
  });

  test('may be of 8 × 8, with subgroups of 8', () => {
    const eight = { ...config, M: 8, N: 8, K: 8 };
    const lavapipe = { subgroupMinSize: 8, subgroupMaxSize: 8, subgroupMatrixConfigs: [eight] };
    expect(has(lavapipe)).toBe(8);
    expect(has({ ...lavapipe, subgroupMinSize: 32, subgroupMaxSize: 32 })).toBe(0);
    expect(has({ ...lavapipe, subgroupMatrixConfigs: [config] })).toBe(0);
    expect(has({ subgroupMinSize: 8, subgroupMatrixConfigs: [eight, config] })).toBe(16);
  });

  test('are asked for together with f16', () => {
    const gpu = { ...adapter({ features }), info } as unknown as GPUAdapter;
    expect(deviceRequest(gpu, { f16: true }).requiredFeatures).toEqual([
      'subgroups',
      'shader-f16',
      'subgroup-size-control',
      'chromium-experimental-subgroup-matrix',
    ]);
    expect(deviceRequest(gpu).requiredFeatures).toEqual(['subgroups']);
    const other = { ...gpu, info: { ...info, subgroupMatrixConfigs: [] } } as unknown as GPUAdapter;
    expect(deviceRequest(other, { f16: true }).requiredFeatures).toEqual([
      'subgroups',
      'shader-f16',
    ]);
  });
});

test('capabilitiesOf a device', async () => {
  const device = await testDevice();
  // Dawn leaves matrices out of a device's own info.
  const { adapter } = await requestAdapter();
  const { limits, features } = device;
  expect(capabilitiesOf(device)).toEqual({
    f16: features.has('shader-f16'),
    subgroups: features.has('subgroups'),
    subgroupSize: features.has('subgroups') ? device.adapterInfo.subgroupMinSize : 0,
    subgroupMatrix: matrixSide(adapter.features, adapter.info),
    timestamps: features.has('timestamp-query'),
    software: isSoftware(device.adapterInfo),
    maxBufferSize: limits.maxBufferSize,
    maxStorageBinding: limits.maxStorageBufferBindingSize,
    maxWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    uniformAlignment: limits.minUniformBufferOffsetAlignment,
  });
  expect(limits.maxBufferSize).toBeGreaterThanOrEqual(defaultCapabilities.maxBufferSize);
});

test.each([
  { info: { architecture: 'swiftshader' }, software: true },
  { info: { device: 'SwiftShader Device (Subzero)' }, software: true },
  { info: { description: 'llvmpipe (LLVM 15.0.7, 256 bits)' }, software: true },
  { info: { device: 'Microsoft Basic Render Driver' }, software: true },
  { info: { isFallbackAdapter: true }, software: true },
  { info: { vendor: 'nvidia', architecture: 'ampere', device: 'RTX 3060' }, software: false },
  { info: {}, software: false },
  { info: undefined, software: false },
])('isSoftware $info', ({ info, software }) => {
  expect(isSoftware(info)).toBe(software);
});

test('mib', () => {
  expect(mib(131 * MiB)).toBe('131.0 MiB');
  expect(mib(4)).toBe('0.0 MiB');
});
