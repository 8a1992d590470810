import { h } from '../dom.ts';

const MODEL = /\.(safetensors|pth|pt|ckpt|bin)$/i;

export const isModelFile = (file: { readonly name: string }): boolean => MODEL.test(file.name);

/** Asks for files. Resolves with none when the dialog is left. */
export function chooseFiles(options: {
  readonly accept?: string;
  readonly multiple?: boolean;
  readonly folder?: boolean;
}): Promise<File[]> {
  const input = h('input', {
    type: 'file',
    accept: options.accept,
    multiple: options.multiple,
    webkitdirectory: options.folder,
    hidden: true,
  });
  document.body.append(input);
  return new Promise((resolve) => {
    const done = (files: File[]): void => {
      input.remove();
      resolve(files);
    };
    input.addEventListener('change', () => done([...(input.files ?? [])]));
    input.addEventListener('cancel', () => done([]));
    input.click();
  });
}

/** Files of a drop, with those of folders, which only the old interface gives. */
export async function droppedFiles(transfer: DataTransfer): Promise<File[]> {
  // Entries must be asked for before the event ends.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null || entry.isFile)) return [...transfer.files];
  const found: File[] = [];
  const take = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      found.push(
        await new Promise<File>((resolve, reject) =>
          (entry as FileSystemFileEntry).file(resolve, reject),
        ),
      );
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
        reader.readEntries(resolve, reject),
      );
      if (some.length === 0) return;
      for (const inner of some) await take(inner);
    }
  };
  for (const entry of entries) if (entry) await take(entry);
  return found;
}

/** Hands a file to the browser's downloads. */
export function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  h('a', { href: address, download: name }).click();
  // The browser has taken it long before that.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
