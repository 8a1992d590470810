/** A thin space that does not break: between a number and its unit. */
const THIN = '\u202f';

/** `49.6 MB`: decimal units, three digits. */
export function bytesText(bytes: number): string {
  if (bytes === 0) return `0${THIN}MB`;
  if (bytes < 1000) return `${Math.round(bytes)}${THIN}bytes`;
  const [one, unit] = unitOf(bytes);
  return `${threeDigits(bytes / one)}${THIN}${unit}`;
}

/** `242 of 390 MB`: both in the unit of the whole. */
export function partOfBytesText(done: number, total: number): string {
  const [one] = unitOf(total);
  return `${threeDigits(done / one)} of ${bytesText(total)}`;
}

const unitOf = (bytes: number): readonly [one: number, unit: string] =>
  bytes >= 1e9 ? [1e9, 'GB'] : bytes >= 1e6 ? [1e6, 'MB'] : [1e3, 'kB'];

/** `23 ms`, `1.4 s`, `2 min 5 s`. */
export function timeText(milliseconds: number): string {
  if (milliseconds < 1000) return `${Math.round(milliseconds)}${THIN}ms`;
  const seconds = milliseconds / 1000;
  if (seconds < 60) return `${threeDigits(seconds)}${THIN}s`;
  const minutes = Math.floor(seconds / 60);
  return `${minutes}${THIN}min ${Math.round(seconds - 60 * minutes)}${THIN}s`;
}

/** Metres with the digits that a depth map can back. */
export function metresText(metres: number): string {
  if (!Number.isFinite(metres)) return `∞${THIN}m`;
  return `${metres < 10 ? metres.toFixed(2) : metres < 100 ? metres.toFixed(1) : metres.toFixed(0)}${THIN}m`;
}

export const pixelsText = (width: number, height: number): string =>
  `${width}${THIN}×${THIN}${height}`;

/** `1,234,567`. Not by the browser's own formats, whose first use holds the page up for 30 ms. */
export const countText = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',');

/** A value of a map: four significant digits, more where all stand before the point, without an exponent where that reads. */
export function valueText(value: number): string {
  if (!Number.isFinite(value)) return 'no value';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(2);
  if (size >= 1e3) return value.toFixed(0);
  return value
    .toPrecision(4)
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '');
}

export const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

function threeDigits(value: number): string {
  return value >= 100
    ? value.toFixed(0)
    : value >= 10
      ? value.toFixed(1)
      : value.toFixed(2).replace(/0$/, '');
}
