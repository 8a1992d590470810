import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { defineConfig, type Plugin } from 'vite';
import { bareShader } from '../../scripts/bare_shader.ts';
import { contentSecurityPolicy } from './csp.ts';
import { pages } from './src/pages/addresses.ts';

const root = join(import.meta.dirname, '..', '..');

/** The engine and the models, which other people’s pages would bundle. Kept in one chunk, so that its size can be told. */
const library = {
  codeSplitting: {
    groups: [{ name: 'library', test: /[\\/]packages[\\/](tensor|dpt)[\\/]src[\\/]/ }],
  },
};

export default defineConfig({
  root: import.meta.dirname,
  assetsInclude: ['**/*.safetensors'],
  plugins: [shaders(), policy(), pagesAsFiles()],
  server: { host: '127.0.0.1', port: 5173, fs: { allow: [root] } },
  preview: { host: '127.0.0.1', port: 4173 },
  worker: { format: 'es', plugins: () => [shaders()], rolldownOptions: { output: library } },
  build: {
    target: 'es2022',
    // A data: URL would need a hole in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    emptyOutDir: true,
    reportCompressedSize: false,
    rolldownOptions: { output: library },
  },
});

/** A bundle has no disk to read shaders/*.wgsl from: they are embedded first, by the script that npm install runs too. */
function shaders(): Plugin {
  const embed = (): void => {
    execFileSync(process.execPath, [join(root, 'scripts', 'embed_shaders.mjs')]);
  };
  return {
    name: 'shaders',
    buildStart: embed,
    // The comments explain the kernels to people, and would be a third of the library.
    transform: {
      filter: { id: /embedded\.ts$|\.wgsl\?raw$/ },
      handler: (code) =>
        code.replace(/"(?:[^"\\]|\\.)*"/g, (text) =>
          text.includes('@compute') || text.includes('@fragment')
            ? JSON.stringify(bareShader(JSON.parse(text) as string).replace(/\n+/g, '\n'))
            : text,
        ),
    },
    configureServer(server) {
      server.watcher.add(join(root, 'shaders'));
      server.watcher.on('change', (file) => {
        if (file.endsWith('.wgsl')) embed();
      });
    },
  };
}

/** The policy stands in the page, so that it holds on any server. Vite's dev client needs inline styles, so only when built. */
function policy(): Plugin {
  return {
    name: 'policy',
    apply: 'build',
    transformIndexHtml: () => [
      {
        tag: 'meta',
        attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy },
        injectTo: 'head-prepend',
      },
    ],
  };
}

/** /models on a server of plain files: the same page again under every address. */
function pagesAsFiles(): Plugin {
  let output = '';
  return {
    name: 'pages-as-files',
    apply: 'build',
    configResolved(config) {
      output = resolve(config.root, config.build.outDir);
    },
    closeBundle() {
      for (const { path } of pages) {
        if (path === '') continue;
        mkdirSync(join(output, path), { recursive: true });
        copyFileSync(join(output, 'index.html'), join(output, path, 'index.html'));
      }
    },
  };
}
