#!/usr/bin/env node
// The command `dpt` of a checkout: its TypeScript sources, translated while they are loaded.
import { register } from 'tsx/esm/api';

register();
const { run } = await import('../src/main.ts');
await run();
