import { swiftShaderFits, swiftShaderPackage } from './swiftshader.ts';

/** What to tell someone whose `import('webgpu')` failed with this text. */
export function dawnRemedy(text: string): string {
  if (/Cannot find package 'webgpu'/.test(text)) {
    return 'the package webgpu (Dawn for Node) is not installed. Run: npm install webgpu@0.6.2';
  }
  const platform = `${process.platform} ${process.arch}`;
  const remedy =
    process.platform === 'linux'
      ? 'Its binary is for x64 and arm64 and needs glibc 2.34 or newer: Debian 12, Ubuntu 22.04, Fedora 35. It does not ' +
        'load on musl (Alpine); use a glibc image such as node:20-slim.'
      : 'Its binaries are for macOS, Windows and Linux on x64 and arm64.';
  return `the package webgpu (Dawn for Node) does not load on ${platform}: ${text}\n${remedy}`;
}

/** The way out that is open on every Linux. */
export const installMesa =
  'Install a Vulkan driver. For one that computes on the CPU, Mesa 24 or newer: ' +
  'apt install mesa-vulkan-drivers (on Debian 12: -t bookworm-backports), then run again.';

/** What to tell someone for whom no adapter was found. `driver` is the one that the user named, if any. */
export function noAdapter(policy: 'auto' | 'never' | 'only', driver: string | undefined): string {
  const what = { auto: 'no WebGPU adapter', never: 'no GPU', only: 'no software adapter' }[policy];
  if (driver && policy !== 'never') {
    return (
      `${what}: the driver set in VK_DRIVER_FILES (${driver}) gives none that Dawn accepts. ` +
      'Unset the variable to have one chosen, or point it at another driver.'
    );
  }
  if (process.platform === 'linux') {
    if (policy === 'never') return `${what} was found. Install the GPU's Vulkan driver.`;
    if (!swiftShaderFits()) return `${what} on Linux ${process.arch}. ${installMesa}`;
    return (
      `${what}: not even SwiftShader from ${swiftShaderPackage.name}@${swiftShaderPackage.version} ` +
      `gave one, which needs glibc 2.34. ${installMesa}`
    );
  }
  if (process.platform === 'win32') {
    return policy === 'never'
      ? `${what} was found. Install the GPU's driver with Direct3D 12.`
      : `${what}, and WARP (adapter=Microsoft) gave none. Update Windows and its graphics driver.`;
  }
  if (process.platform === 'darwin') {
    return policy === 'only'
      ? `${what}: macOS has none. Leave DPT_ADAPTER unset to use Metal.`
      : `${what}: Metal gave none. Dawn needs macOS 12 or newer.`;
  }
  return `${what} on ${process.platform}. Dawn runs on Linux, macOS and Windows.`;
}
