import { type ManifestEntry, manifest } from '@dpt-webgpu/cli/manifest';
import type { Engine } from './engine.ts';

/** A fragment that also says which published model is in use: the same link gives the same map. */
export function withModel({ info }: Engine, fragment: string): string {
  const file = info?.source.kind === 'stored' ? info.source.file : undefined;
  const entry = manifest.find((known) => known.file === file);
  return [fragment, entry && `model=${entry.name}`].filter(Boolean).join('&');
}

/** The published model that a link names. */
export function linkedModel(fragment: string): ManifestEntry | undefined {
  const name = new URLSearchParams(fragment.replace(/^#/, '')).get('model');
  return manifest.find((known) => known.name === name);
}
