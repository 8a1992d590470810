import { readFileSync } from 'node:fs';
import { requestDevice } from '@dpt-webgpu/tensor/node';
import { run } from './depth.js';

const { device } = await requestDevice();
console.log(JSON.stringify(await run(device, readFileSync('public/dpt_tiny.safetensors'))));
