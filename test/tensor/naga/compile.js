// Run by Deno, whose WebGPU is wgpu: compiles what comes in on stdin with naga, and prints what naga says against it.
import { readFileSync } from 'node:fs';

const programs = JSON.parse(readFileSync(0, 'utf8'));
const adapter = await navigator.gpu.requestAdapter();
const hasF16 = adapter.features.has('shader-f16');
const device = await adapter.requestDevice({ requiredFeatures: hasF16 ? ['shader-f16'] : [] });

const messages = [];
for (const { code, constants, needsF16 } of programs) {
  messages.push(needsF16 && !hasF16 ? 'no shader-f16 here' : await compile(code, constants));
}
console.log(JSON.stringify({ hasF16, messages }));

async function compile(code, constants) {
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const error = await device.popErrorScope();
  if (error) return error.message;
  if (Object.keys(constants).length === 0) return '';
  try {
    // Overrides get their values here. What follows is the driver's, and slow.
    const compute = { module, entryPoint: 'main', constants };
    await device.createComputePipelineAsync({ layout: 'auto', compute });
    return '';
  } catch ({ message }) {
    return message;
  }
}
