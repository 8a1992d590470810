/// <reference types="vite/client" />

declare module '*.safetensors?url' {
  const address: string;
  export default address;
}

/** Files of the origin that a worker may write in place. TypeScript has these with the library for workers only. */
interface FileSystemSyncAccessHandle {
  read(buffer: AllowSharedBufferSource, options?: { at?: number }): number;
  write(buffer: AllowSharedBufferSource, options?: { at?: number }): number;
  getSize(): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}
interface FileSystemFileHandle {
  createSyncAccessHandle(): Promise<FileSystemSyncAccessHandle>;
}
