// npm run dpt -- [command] [options]: the command `dpt` of this checkout.
import { join } from 'node:path';
import { checkNode, installDependencies, root, runNode } from './install.mjs';

checkNode();
installDependencies();
runNode([join(root, 'packages', 'cli', 'bin', 'dpt.mjs'), ...process.argv.slice(2)]);
