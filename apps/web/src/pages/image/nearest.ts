import type { Place } from '../../worker/image/image_calls.ts';

const SIDE = 9;
const rows = ['upper', '', 'lower'];
const columns = ['left', '', 'right'];

/** Places that stand for a whole map, row by row, 0…1. */
export const places: readonly Place[] = Array.from({ length: SIDE * SIDE }, (_, i) => ({
  x: ((i % SIDE) + 0.5) / SIDE,
  y: (Math.floor(i / SIDE) + 0.5) / SIDE,
}));

/** `, nearest at lower left`: what the name of a picture ends with. Empty where nothing is nearer, or the map has gone. */
export async function nearestWords(
  pick: (places: readonly Place[]) => Promise<readonly number[]>,
): Promise<string> {
  const nearness = await pick(places).catch(() => []);
  const part = nearness.length > 0 && nearestPart(nearness);
  return part ? `, nearest at ${part}` : '';
}

/** `lower left`: the ninth of a picture that is nearest, from the nearness at these places. Undefined where none is nearer. */
export function nearestPart(nearness: readonly number[]): string | undefined {
  const sums = Array.from({ length: 9 }, () => 0);
  places.forEach(({ x, y }, i) => {
    sums[3 * Math.floor(3 * y) + Math.floor(3 * x)]! += nearness[i]!;
  });
  const most = Math.max(...sums);
  if (!(most > Math.min(...sums))) return undefined;
  const at = sums.indexOf(most);
  const words = [rows[Math.floor(at / 3)], columns[at % 3]].filter(Boolean);
  return words.join(' ') || 'the middle';
}
