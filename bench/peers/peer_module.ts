/** A package that is not installed by default, by its name at run time; its types are there only where it is installed. */
export async function peer<T>(name: string): Promise<T> {
  const module = (await import(name)) as { readonly default?: T } & T;
  return module.default ?? module;
}
