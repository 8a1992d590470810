import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/**
 * Whether Dawn may find a Vulkan driver on this Linux. Asked beforehand because Dawn complains on stderr where there is none.
 * A GPU's device file counts as well: a distribution may keep the descriptions of its drivers elsewhere.
 */
export function mayHaveVulkanDriver(): boolean {
  return (
    driverFolders().some((folder) => list(folder).some((name) => name.endsWith('.json'))) ||
    list('/dev').some((name) => /^(dri|nvidia\d+|dxg|mali\d+|kgsl.*)$/.test(name))
  );
}

/** Where the Vulkan loader looks: `vulkan/icd.d` in the folders for configuration and data of user and system. */
function driverFolders(): string[] {
  const { env } = process;
  const lists = [
    env.XDG_CONFIG_HOME || join(homedir(), '.config'),
    env.XDG_CONFIG_DIRS || '/etc/xdg',
    '/usr/local/etc:/etc',
    env.XDG_DATA_HOME || join(homedir(), '.local', 'share'),
    env.XDG_DATA_DIRS || '/usr/local/share:/usr/share',
  ];
  return [
    ...lists.flatMap((paths) => paths.split(delimiter)).map((at) => join(at, 'vulkan', 'icd.d')),
    ...(env.VK_ADD_DRIVER_FILES ?? '').split(delimiter).map((file) => join(file, '..')),
  ];
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
