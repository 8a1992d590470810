import { ownDevice, run } from './depth.js';

const weights = await (await fetch('/dpt_tiny.safetensors')).arrayBuffer();
const page = await run(await ownDevice(), weights);

const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
const inWorker = await new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
  worker.postMessage(weights);
});
globalThis.results = { page, worker: inWorker };
