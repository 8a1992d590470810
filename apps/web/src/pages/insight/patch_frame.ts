import { fill, h, setStyle, setText, uniqueId } from '../../dom.ts';
import type { InsightFacts } from '../../worker/insight/insight_calls.ts';
import type { AttendedBlock } from './attended_block.ts';
import type { ShownPhoto } from './insight_runner.ts';
import { mapCanvas } from './paint.ts';

/**
 * The photo with a map over it, the patch in question marked, and the window that it attends within. Hover, touch, click or
 * arrows choose the patch.
 */
export class PatchFrame {
  readonly element: HTMLElement;
  readonly map = mapCanvas();
  readonly #photo = h('canvas', { class: 'under', 'aria-hidden': 'true' });
  readonly #pieces = h('div', { class: 'pieces', 'aria-hidden': 'true' });
  readonly #mark = h('span', { class: 'patch', 'aria-hidden': 'true' });
  readonly #words = h('span', { class: 'tag words', id: uniqueId('patch') });
  readonly #lock = h('span', { class: 'tag lock' }, 'Click or K locks');
  #grid: readonly [number, number] = [1, 1];
  #at: readonly [number, number] = [0, 0];
  #locked = false;

  constructor({ onPatch }: { readonly onPatch: (row: number, column: number) => void }) {
    this.map.classList.add('blend');
    this.element = h(
      'div',
      {
        class: 'frame main',
        tabindex: 0,
        role: 'application',
        'aria-roledescription': 'patch picker',
        'aria-label': 'Photo with the attention of a patch. Arrow keys choose the patch.',
        'aria-describedby': this.#words.id,
      },
      this.#photo,
      this.map,
      this.#pieces,
      this.#mark,
      this.#words,
      this.#lock,
    );
    const take = ({ clientX, clientY }: PointerEvent): void => {
      const { left, top, width, height } = this.element.getBoundingClientRect();
      const [H, W] = this.#grid;
      const cell = (at: number, of: number): number =>
        Math.min(Math.max(Math.floor(at * of), 0), of - 1);
      onPatch(cell((clientY - top) / height, H), cell((clientX - left) / width, W));
    };
    this.element.addEventListener('pointermove', (event) => {
      if (!this.#locked && event.pointerType !== 'touch') take(event);
    });
    this.element.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      // A touch picks; a mouse has hovered to the patch and holds it, or lets it go.
      const wasLocked = this.#locked && event.pointerType === 'mouse';
      take(event);
      this.#setLocked(!wasLocked);
    });
    this.element.addEventListener('keydown', (event) => {
      const by = (
        { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] } as const
      )[event.key as 'ArrowLeft'];
      if (!by) return;
      event.preventDefault();
      event.stopPropagation();
      const [H, W] = this.#grid;
      const [row, column] = this.#at;
      const within = (at: number, of: number): number => Math.min(Math.max(at, 0), of - 1);
      this.#setLocked(true);
      onPatch(within(row + by[0], H), within(column + by[1], W));
    });
  }

  show(photo: ShownPhoto | undefined, { width, height }: InsightFacts): void {
    if (!photo) return;
    // The network sees the photo stretched to its grid, by at most half a patch.
    const scale = 720 / width;
    Object.assign(this.#photo, {
      width: Math.round(width * scale),
      height: Math.round(height * scale),
    });
    const context = this.#photo.getContext('2d')!;
    context.drawImage(photo.bitmap, 0, 0, this.#photo.width, this.#photo.height);
  }

  mark({ row, column, grid, window }: AttendedBlock): void {
    this.#at = [row, column];
    this.#grid = grid;
    const lay = (element: HTMLElement, at: Place): void => {
      const [H, W] = grid;
      setStyle(element, 'left', `${(100 * at.column) / W}%`);
      setStyle(element, 'top', `${(100 * at.row) / H}%`);
      setStyle(element, 'width', `${(100 * at.columns) / W}%`);
      setStyle(element, 'height', `${(100 * at.rows) / H}%`);
    };
    lay(this.#mark, { row, column, rows: 1, columns: 1 });
    fill(
      this.#pieces,
      ...(window?.pieces ?? []).map((piece) => {
        const outline = h('span', { class: piece.own ? 'piece own' : 'piece' });
        lay(outline, piece);
        return outline;
      }),
    );
    setText(this.#words, `Row ${row + 1}, column ${column + 1}`);
  }

  toggleLock(): void {
    this.#setLocked(!this.#locked);
  }

  #setLocked(on: boolean): void {
    this.#locked = on;
    this.element.classList.toggle('locked', on);
    setText(this.#lock, on ? 'Locked' : 'Click or K locks');
  }
}

interface Place {
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}
