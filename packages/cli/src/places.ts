import { fileURLToPath } from 'node:url';

/** Only a checkout runs its sources; what is installed has been compiled. */
const isCheckout = import.meta.url.endsWith('.ts');

/** Where `models` and `apps/web/dist` lie: the root of the checkout, or of the installed package. */
export const root = fileURLToPath(new URL(isCheckout ? '../../..' : '..', import.meta.url));

/** How people call this program. */
export const dptCommand = isCheckout ? 'npm run dpt --' : 'npx dpt';
