// three.js on the same device: a plane whose vertices stand out by the depth of its picture. The material reads our buffer
// where it is; each frame only the picture goes to the GPU.   npx vite examples/pages → ?three_displacement
import { DepthPredictor, loadDpt } from '@dpt-webgpu/dpt';
import { httpSource, openCheckpoint } from '@dpt-webgpu/loaders';
import { Context, type Tensor } from '@dpt-webgpu/tensor';
import { normalLocal, positionLocal, storage, vertexIndex } from 'three/tsl';
import * as THREE from 'three/webgpu';

const [width, height] = [96, 64]; // pixels of the picture, and vertices of the plane
const status = document.getElementById('status')!;
const errors: string[] = [];

// One device for both: asked for here, given to three.
const adapter = await navigator.gpu.requestAdapter();
if (!adapter) throw new Error('There is no GPU adapter.');
const device = await adapter.requestDevice();
const renderer = new THREE.WebGPURenderer({ device, antialias: false });
renderer.setSize(480, 320);
document.body.appendChild(renderer.domElement);
await renderer.init();
device.onuncapturederror = ({ error }) => errors.push(error.message);

const file = new URL('../../models/dpt_tiny.safetensors', import.meta.url);
const { model } = await loadDpt(await openCheckpoint(await httpSource(file.href)), {
  context: new Context(device),
});
const live = await new DepthPredictor(model).live({ width, height }, { size: 56 });

/** An attribute that stands for a tensor: three binds the buffer itself and copies nothing. */
function attributeOf({ size, buffer }: Tensor) {
  const attribute = new THREE.StorageBufferAttribute(new Float32Array(size), 1);
  const backend = renderer.backend as unknown as { get(of: object): { buffer?: GPUBuffer } };
  backend.get(attribute).buffer = buffer;
  return storage(attribute, 'float', size).toReadOnly();
}
const [values, range] = [attributeOf(live.depth), attributeOf(live.range)];
const [low, high] = [range.element(0), range.element(1)];

const picture = new OffscreenCanvas(width, height);
const paint = picture.getContext('2d')!;
const texture = new THREE.CanvasTexture(picture);
texture.colorSpace = THREE.SRGBColorSpace;
const material = new THREE.MeshBasicNodeMaterial({ map: texture });
const nearness = values.element(vertexIndex).sub(low).div(high.sub(low)); // 0…1, near is large
material.positionNode = positionLocal.add(normalLocal.mul(nearness.mul(0.7)));
const plane = new THREE.Mesh(new THREE.PlaneGeometry(3, 2, width - 1, height - 1), material);
const scene = new THREE.Scene().add(plane);
const camera = new THREE.PerspectiveCamera(50, 480 / 320, 0.1, 20);
camera.position.set(0.8, -1.2, 3);
camera.lookAt(0, 0, 0);

let frames = 0;
await renderer.setAnimationLoop(() => {
  // A ball that crosses a room.
  paint.fillStyle = '#9ab';
  paint.fillRect(0, 0, width, height);
  paint.fillStyle = '#765';
  paint.fillRect(0, 40, width, 24);
  paint.fillStyle = '#d62';
  paint.beginPath();
  paint.arc(48 + 30 * Math.sin(frames / 20), 36, 14, 0, 7);
  paint.fill();
  texture.needsUpdate = true;

  const encoder = device.createCommandEncoder();
  live.encode(encoder, picture);
  device.queue.submit([encoder.finish()]); // three submits its own encoder behind it, in order
  renderer.render(scene, camera);
  status.textContent = `${++frames} frames; ${errors.length} errors ${errors[0] ?? ''}`;
});
