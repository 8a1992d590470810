import { invalidArgument } from '../errors.ts';
import { defineKernel } from '../kernel.ts';
import { shapeText, sizeOf } from '../shape.ts';
import type { Tensor } from '../tensor.ts';

const kernel = defineKernel('copy_rows', {
  reads: ['x'],
  writes: ['y'],
  params: {
    outer: 'u32',
    count: 'u32',
    inner: 'u32',
    x_outer: 'u32',
    x_axis: 'u32',
    x_from: 'u32',
    y_axis: 'u32',
    y_from: 'u32',
  },
});

interface Block {
  readonly outer: number;
  readonly count: number;
  readonly inner: number;
  readonly xOuter: number;
  readonly xAxis: number;
  readonly xFrom: number;
  readonly yAxis: number;
  readonly yFrom: number;
}

function copyBlock(op: string, x: Tensor, y: Tensor, block: Block): void {
  const wide = block.inner % 4 === 0 && x.dtype !== 'u32';
  const inner = wide ? block.inner / 4 : block.inner;
  const type = (dtype: string): string => (wide ? `vec4<${dtype}>` : dtype);
  kernel.dispatch(
    { x, y },
    {
      types: { X: type(x.dtype), Y: type(y.dtype) },
      params: {
        outer: block.outer,
        count: block.count,
        inner,
        x_outer: block.xOuter,
        x_axis: block.xAxis,
        x_from: block.xFrom,
        y_axis: block.yAxis,
        y_from: block.yFrom,
      },
      workgroups: Math.ceil((block.outer * block.count * inner) / 64),
      label: `${op} ${x.name}`,
    },
  );
}

/** The part of x from `from` up to, not including, `to` along one axis.   x [..., n, ...] → [..., to − from, ...] */
export function slice(
  x: Tensor,
  { axis, from, to = x.shape[axis] ?? 0 }: { axis: number; from: number; to?: number },
): Tensor {
  const side = x.shape[axis];
  if (side === undefined || from < 0 || to > side || from >= to) {
    throw invalidArgument(
      `slice: ${x.name} is ${shapeText(x.shape)}; axis ${axis} from ${from} to ${to} is not inside it.`,
    );
  }
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const shape = x.shape.map((n, i) => (i === axis ? to - from : n));
  const y = x.context.empty(shape, x.dtype, x.name);
  copyBlock('slice', x, y, {
    outer,
    count: to - from,
    inner,
    xOuter: outer,
    xAxis: side,
    xFrom: from,
    yAxis: to - from,
    yFrom: 0,
  });
  return y;
}

/**
 * Tensors one after the other along an axis. Where the first side of one is 1 and that of others is not, it is repeated:
 * the readout token [1, 1, F] stands before the patches of every picture.   [..., n, ...] … → [..., Σn, ...]
 */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0];
  if (!first) throw invalidArgument('concat: needs at least one tensor.');
  const B = axis === 0 ? 0 : Math.max(...parts.map((part) => part.shape[0]!));
  const whole = parts.find((part) => part.shape[0] === B) ?? first;
  for (const part of parts) {
    const fits =
      part.shape.length === whole.shape.length &&
      part.shape.every(
        (side, i) => i === axis || side === whole.shape[i] || (i === 0 && side === 1),
      );
    if (!fits || part.dtype !== whole.dtype) {
      throw invalidArgument(
        `concat: ${part.name} is ${shapeText(part.shape)} ${part.dtype}, which does not fit ${whole.name} ${shapeText(whole.shape)} ${whole.dtype} along axis ${axis}.`,
      );
    }
  }
  const total = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  const shape = whole.shape.map((side, i) => (i === axis ? total : side));
  const y = first.context.empty(shape, first.dtype, parts.at(-1)!.name);
  const outer = sizeOf(shape.slice(0, axis));
  const inner = sizeOf(shape.slice(axis + 1));
  let yFrom = 0;
  for (const part of parts) {
    const count = part.shape[axis]!;
    const repeated = axis > 0 && part.shape[0] !== B;
    if (repeated && axis !== 1) {
      throw invalidArgument(`concat: ${part.name} can be repeated only in front of axis 1.`);
    }
    copyBlock('concat', part, y, {
      outer,
      count,
      inner,
      xOuter: repeated ? 1 : outer,
      xAxis: count,
      xFrom: 0,
      yAxis: total,
      yFrom,
    });
    yFrom += count;
  }
  return y;
}
