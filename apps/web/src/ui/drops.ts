import { h, setText } from '../dom.ts';
import { icon } from '../icons.ts';
import { droppedFiles } from './files.ts';

/** The whole page takes files, by a drop or from the clipboard. While they hover, one sentence says what would happen. */
export function takeDrops(page: {
  readonly say: (items: readonly DataTransferItem[]) => string | undefined;
  readonly take: (files: readonly File[]) => void;
}): void {
  const words = h('p', {});
  const veil = h('div', { class: 'veil', hidden: true }, icon('upload'), words);
  document.body.append(veil);
  let depth = 0;
  const hasFiles = ({ dataTransfer }: DragEvent): boolean =>
    dataTransfer?.types.includes('Files') ?? false;
  const leave = (): void => {
    depth = 0;
    veil.hidden = true;
  };
  addEventListener('dragenter', (event) => {
    if (!hasFiles(event)) return;
    depth++;
    const items = [...(event.dataTransfer?.items ?? [])].filter(({ kind }) => kind === 'file');
    setText(words, page.say(items) ?? 'Open this file');
    veil.hidden = false;
  });
  addEventListener('dragleave', (event) => {
    if (hasFiles(event) && --depth <= 0) leave();
  });
  addEventListener('dragover', (event) => {
    if (hasFiles(event)) event.preventDefault();
  });
  addEventListener('drop', (event) => {
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    leave();
    void droppedFiles(event.dataTransfer).then((files) => {
      if (files.length > 0) page.take(files);
    });
  });
  addEventListener('paste', ({ clipboardData }) => {
    const files = [...(clipboardData?.files ?? [])];
    if (files.length > 0) page.take(files);
  });
}
