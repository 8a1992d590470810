import type { Gpu } from '../gpu.ts';
import type { Scene } from './renderer.ts';
import type { View3d } from './view3d_calls.ts';

const [W, H] = [72, 48];

/** Hills, 0…1. */
const heightAt = (u: number, v: number): number =>
  0.45 + 0.25 * Math.sin(7 * u + 0.6) * Math.sin(Math.PI * v) + 0.2 * v;

/** What stands where the surface will be: grey hills, lit from the left. */
export function greyRelief({ device, context }: Gpu): Scene {
  const places = Array.from(
    { length: W * H },
    (_, i) => [(i % W) / W, Math.floor(i / W) / H] as const,
  );
  const texture = device.createTexture({
    label: 'grey relief',
    size: [W, H],
    format: 'rgba8unorm',
    usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
  });
  const colours = Uint32Array.from(places, ([u, v]) => {
    const slope = (heightAt(u + 0.01, v) - heightAt(u - 0.01, v)) / 0.02;
    return (0xff000000 + 0x010101 * Math.round(92 + 22 * slope)) >>> 0;
  });
  device.queue.writeTexture({ texture }, colours, { bytesPerRow: 4 * W }, [W, H]);
  const nearness = Float32Array.from(places, ([u, v]) => heightAt(u, v));
  return {
    ...{ width: W, height: H, texture },
    crop: { x: 0, y: 0, width: 1, height: 1 },
    metric: false,
    nearness: context.tensor(nearness, [1, H, W], 'f32', 'grey relief'),
    mask: context.tensor(new Uint32Array(1).fill(255), [1, 1, 1], 'u32', 'no mask'),
    maskIsPicture: false,
  };
}

/** All of it, with few faces: the model has more to do meanwhile. */
export const greyView = (view: View3d): View3d => ({
  ...view,
  showDepth: false,
  surface: { ...view.surface, density: 0.15, cut: 0, threshold: 0 },
});
