/** Element types that checkpoint files store. */
export type StoredDtype =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'i64'
  | 'u64'
  | 'i32'
  | 'u32'
  | 'i16'
  | 'u16'
  | 'i8'
  | 'u8'
  | 'bool';

/** One tensor of a checkpoint. Nothing is read from the file until `read` is called. */
export interface StoredTensor {
  /** In the file; models convert as they load. */
  readonly dtype: StoredDtype;
  /** Outermost axis first; [] is a scalar. */
  readonly shape: readonly number[];
  /** The bytes of the tensor: row-major, contiguous, little-endian. Rejects when the file lies or `signal` aborts. */
  read(options?: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array>;
}

/**
 * What passes between a checkpoint reader and a model: names and tensors that are read when asked for.
 * `tensors` is a Map, so a key such as `__proto__` is only a name.
 */
export interface StateDict {
  /** Where it came from, for messages: a file name, a URL. */
  readonly name: string;
  /** Free text stored beside the tensors (safetensors `__metadata__`); empty for PyTorch files. */
  readonly metadata: ReadonlyMap<string, string>;
  /** By their keys, in the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Releases the file behind it. Reading afterwards rejects. */
  close(): Promise<void>;
}
