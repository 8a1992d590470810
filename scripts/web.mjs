// npm run web [-- --port 5173] [--open]: the web app on this machine, from its sources. With --built: as `npm run web:build` makes it.
import { join } from 'node:path';
import { checkNode, installDependencies, root, runNode } from './install.mjs';

checkNode();
installDependencies();
const args = process.argv.slice(2);
const vite = join(root, 'node_modules', 'vite', 'bin', 'vite.js');
const command = args.includes('--built') ? ['preview'] : [];
runNode([vite, ...command, ...args.filter((argument) => argument !== '--built')], {
  cwd: join(root, 'apps', 'web'),
});
