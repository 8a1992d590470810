/** Hosts that listed models come from. Nothing is asked of them before somebody presses Download. */
const modelHosts = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];

/**
 * What the site may load. Everything comes from where the page does; a depth map, a photo and a recording are blobs.
 * No inline script and no inline style: components set styles through the CSSOM.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "media-src 'self' blob: mediastream:",
  "worker-src 'self'",
  `connect-src 'self' blob: ${modelHosts.join(' ')}`,
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
