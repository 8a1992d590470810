import type { App, Page } from '../../app.ts';
import { h } from '../../dom.ts';
import { addressOf } from '../../router.ts';
import { makeNumberFigures } from './number_figures.ts';

/** What the numbers mean and where everything comes from. */
export function makeAboutPage(_app: App): Page {
  const section = (title: string, ...paragraphs: string[]): HTMLElement =>
    h(
      'section',
      { class: 'card about-card' },
      h('h2', {}, title),
      ...paragraphs.map((text) => h('p', {}, text)),
    );
  const element = h(
    'main',
    { class: 'scroll', id: 'stage', tabindex: -1 },
    h(
      'div',
      { class: 'reading' },
      h('h1', {}, 'About'),
      h(
        'p',
        { class: 'quiet' },
        'Depth from one photo, computed on your own graphics card, in this page. Photos and models stay on this device; nothing is uploaded.',
      ),
      section(
        'What the number means',
        'Most models give inverse depth: large is near, small is far, up to an unknown scale and shift. A value of 0.5 is not half as far as 0.25. Two points whose distances you know settle both: 1 / metres = A × value + B, which is what Measure does.',
        'Metric models give metres as they are, up to the range they were trained for: 20 m indoors, 80 m outdoors.',
        'The small model that comes with the page is a demonstration. It finds sky, ground and large near things, and is blurry. Get Depth Anything V2 Small on the page Models for real work.',
      ),
      h(
        'section',
        { class: 'card about-card', 'aria-label': 'Figures to move' },
        h('h2', {}, 'Move the numbers'),
        ...makeNumberFigures(),
      ),
      section(
        'How it is made',
        'The networks are written out by hand on a small tensor engine whose kernels are WGSL files, and run through WebGPU. They follow Vision Transformers for Dense Prediction (arXiv 2103.13413): Depth Anything V1 and V2, MiDaS 3 and 3.1. Their outputs are compared with stored PyTorch results at every box of the paper’s figure 1.',
      ),
      h(
        'section',
        { class: 'card about-card' },
        h('h2', {}, 'How right it is on this device'),
        h(
          'p',
          {},
          'GPUs and their drivers differ in the last digits. The parity report runs a small network with stored inputs in this browser and compares each box of the figure with what PyTorch made of them.',
        ),
        h(
          'p',
          {},
          h('a', { class: 'btn', href: `${addressOf('insight')}#tool=parity` }, 'Parity report'),
        ),
      ),
      section(
        'Where it differs from the original, muggled_dpt',
        'The rules by which a photo becomes the network’s input are those of the models’ authors, unless Rules is set to the original’s: its longer side, its square, its rounding.',
        'High contrast equalises once, after the thresholds; the original uses them twice. The plane is fitted to every pixel, so the same photo gives the same picture. Files are saved from 32-bit values, never from the 8 bits of the screen.',
      ),
      section(
        'Licences',
        'The code: MIT. Weights have licences of their own, which stand beside each model: Depth Anything V2 Small is Apache-2.0, Base and Large are CC-BY-NC-4.0, not for commercial use; MiDaS 3.1 is MIT. The small model: MIT.',
        'Films and recordings are read and written by mediabunny (MPL-2.0), whose sources are at https://github.com/Vanilagy/mediabunny.',
        'The sample photos: the dog from the repository of Segment Anything, the others from that of Depth Anything V2, reduced; both Apache-2.0. Colour maps: magma, inferno, viridis (CC0), turbo (Google, Apache-2.0), spectral (ColorBrewer by Cynthia Brewer, Apache-2.0).',
      ),
    ),
  );
  return { element };
}
