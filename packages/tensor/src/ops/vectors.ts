/**
 * Aliases for a shader that works on single values or on four neighbours at a time, depending on whether the innermost
 * size allows it: storage types become `vec4<…>`, and V is the type of the arithmetic.
 */
export function vectorTypes<T extends Readonly<Record<string, string>>>(
  types: T,
  innermost: number,
): { readonly types: T & { readonly V: string }; readonly lanes: 1 | 4 } {
  if (innermost % 4) return { types: { ...types, V: 'f32' }, lanes: 1 };
  const wide = Object.fromEntries(
    Object.entries(types).map(([name, type]) => [name, `vec4<${type}>`]),
  );
  return { types: { ...(wide as T), V: 'vec4<f32>' }, lanes: 4 };
}
