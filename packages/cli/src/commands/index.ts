import type { Command } from '../command.ts';
import { image } from './image.ts';

/** In the order of the help. */
export const commands: readonly Command[] = [image];
