// Pickles, opcode by opcode: the honest ones that torch.save writes, and any other.

/** Opcodes given as text or bytes, put together. */
export function pickle(...parts: (string | Uint8Array)[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as string, 'latin1'))));
}

export const global = (module: string, name: string) => `c${module}\n${name}\n`;
export const mark = '(';
export const stop = '.';
export const proto = '\x80\x02';

export function text(value: string): string {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return `X${length.toString('latin1')}${bytes.toString('latin1')}`;
}

/** BININT1, BININT, or LONG1 for what needs it. */
export function int(value: number | bigint): string {
  if (typeof value === 'number' && value >= 0 && value < 256)
    return `K${String.fromCharCode(value)}`;
  if (typeof value === 'number' && Math.abs(value) < 2 ** 31) {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return `J${bytes.toString('latin1')}`;
  }
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (let i = 0; i < 16; i++, rest >>= 8n) bytes.push(Number(rest & 0xffn));
  return `\x8a\x10${String.fromCharCode(...bytes)}`;
}

export const tuple = (...items: string[]) => `(${items.join('')}t`;
export const list = (...items: string[]) => `](${items.join('')}e`;
export const dict = (...pairs: [key: string, value: string][]) =>
  `}(${pairs.map(([key, value]) => key + value).join('')}u`;
export const orderedDict = (...pairs: [key: string, value: string][]) =>
  `${global('collections', 'OrderedDict')})R(${pairs.map(([key, value]) => key + value).join('')}u`;
