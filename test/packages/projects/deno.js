import { readFileSync } from 'node:fs';
import { ownDevice, run } from './depth.js';

const weights = readFileSync('public/dpt_tiny.safetensors');
console.log(JSON.stringify(await run(await ownDevice(), weights)));
