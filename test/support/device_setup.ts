import { afterEach } from 'vitest';
import { expectNoErrors } from './device.ts';

// Run again for every test file, as device.ts is not.
afterEach(expectNoErrors);
