// npm start -- [photo] [options]: a depth map from a photo, from a fresh clone. See examples/depth_prediction.ts.
import { join } from 'node:path';
import { checkNode, installDependencies, root, runNode } from './install.mjs';

checkNode();
installDependencies();
// Resolved here because Node looks for --import in the current folder, which may be anywhere.
const tsx = import.meta.resolve('tsx');
runNode(['--import', tsx, join(root, 'examples', 'depth_prediction.ts'), ...process.argv.slice(2)]);
