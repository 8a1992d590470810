import { svgElement } from './dom.ts';

/** Outlines on a grid of 20, drawn with a line of 1.6 (see `.i` in the styles). */
const paths = {
  image: [
    'M5 3.5h10a2.5 2.5 0 0 1 2.5 2.5v8a2.5 2.5 0 0 1-2.5 2.5H5A2.5 2.5 0 0 1 2.5 14V6A2.5 2.5 0 0 1 5 3.5z',
    'M7 6.6a1.4 1.4 0 1 1 0 2.8 1.4 1.4 0 0 1 0-2.8z',
    'm3 14.5 4.2-3.8 3 2.6 3.3-3.6 4 4.3',
  ],
  layers: ['m10 2.5 7.5 4L10 10.5 2.5 6.5z', 'm2.5 10 7.5 4 7.5-4M2.5 13.5l7.5 4 7.5-4'],
  info: ['M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15z', 'M10 9v4.5M10 6.4v.1'],
  video: [
    'M4.5 4.5H11a2.5 2.5 0 0 1 2.5 2.5v6a2.5 2.5 0 0 1-2.5 2.5H4.5A2.5 2.5 0 0 1 2 13V7a2.5 2.5 0 0 1 2.5-2.5z',
    'm13.5 9 4.5-2.8v7.6L13.5 11',
  ],
  cube: ['m10 2 7 4v8l-7 4-7-4V6z', 'm3 6 7 4 7-4M10 10v8'],
  eye: [
    'M2 10c2.2-3.7 4.9-5.5 8-5.5s5.8 1.8 8 5.5c-2.2 3.7-4.9 5.5-8 5.5S4.2 13.7 2 10z',
    'M10 7.4a2.6 2.6 0 1 1 0 5.2 2.6 2.6 0 0 1 0-5.2z',
  ],
  chip: [
    'M7 5h6a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z',
    'M8 2v3M12 2v3M8 15v3M12 15v3M2 8h3M2 12h3M15 8h3M15 12h3',
  ],
  keyboard: [
    'M3.5 5h13a2 2 0 0 1 2 2v6.5a2 2 0 0 1-2 2h-13a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z',
    'M5 8.5h.1M8.3 8.5h.1M11.6 8.5h.1M15 8.5h.1M6 12h8',
  ],
  sun: [
    'M10 6.7a3.3 3.3 0 1 1 0 6.6 3.3 3.3 0 0 1 0-6.6z',
    'M10 1.8v1.7M10 16.5v1.7M1.8 10h1.7M16.5 10h1.7M4.2 4.2l1.2 1.2M14.6 14.6l1.2 1.2M15.8 4.2l-1.2 1.2M5.4 14.6l-1.2 1.2',
  ],
  moon: ['M16.5 11.8A7 7 0 1 1 8.2 3.5a5.6 5.6 0 0 0 8.3 8.3z'],
  contrast: [
    'M10 2.5a7.5 7.5 0 1 1 0 15 7.5 7.5 0 0 1 0-15z',
    'M10 2.5v15M10 6l5.5 2M10 10h7M10 14l5-1.5',
  ],
  more: ['M4 10h.1M10 10h.1M16 10h.1'],
  down: ['m5 7.5 5 5 5-5'],
  left: ['M12 5 7 10l5 5'],
  right: ['m8 5 5 5-5 5'],
  crop: ['M5.5 1.5v13h13M1.5 5.5h13v13'],
  pick: ['M10 2.5v4M10 13.5v4M2.5 10h4M13.5 10h4', 'M10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7z'],
  fullscreen: ['M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4'],
  divider: ['m6 6-4 4 4 4M14 6l4 4-4 4'],
  play: ['M6.5 4v12l9.5-6z'],
  pause: ['M7 4.5v11M13 4.5v11'],
  step: ['M5.5 4.5v11l7-5.5zM15 4.5v11'],
  stepBack: ['M14.5 4.5v11l-7-5.5zM5 4.5v11'],
  loop: [
    'M4 9V8a3 3 0 0 1 3-3h9M13.5 2.5 16 5l-2.5 2.5',
    'M16 11v1a3 3 0 0 1-3 3H4M6.5 17.5 4 15l2.5-2.5',
  ],
  camera: [
    'M10 3a5 5 0 1 1 0 10 5 5 0 0 1 0-10z',
    'M10 6.2a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.6z',
    'm7 12.5-2 4.5h10l-2-4.5',
  ],
  screen: ['M3 4h14v9.5H3z', 'M10 13.5V17M6.5 17h7'],
  check: ['m4 10.5 4 4 8-9'],
  plus: ['M10 4v12M4 10h12'],
  cross: ['m5 5 10 10M15 5 5 15'],
  reset: ['M4 4v4h4', 'M4.3 8A6.5 6.5 0 1 1 3.6 11.5'],
  home: ['M3 9.5 10 3.5l7 6M5 8.5V17h10V8.5'],
  panel: [
    'M5 3.5h10A2.5 2.5 0 0 1 17.5 6v8a2.5 2.5 0 0 1-2.5 2.5H5A2.5 2.5 0 0 1 2.5 14V6A2.5 2.5 0 0 1 5 3.5z',
    'M12.5 3.5v13',
  ],
  save: ['M10 2.5v10M5.8 8.5 10 12.7l4.2-4.2M3 16.5h14'],
  link: [
    'M8 12a3.5 3.5 0 0 0 5 0l2.8-2.8a3.5 3.5 0 0 0-5-5L9.5 5.5',
    'M12 8a3.5 3.5 0 0 0-5 0l-2.8 2.8a3.5 3.5 0 0 0 5 5l1.3-1.3',
  ],
  upload: ['M10 12.5v-9M6 7l4-4 4 4M3 12v3.5A1.5 1.5 0 0 0 4.5 17h11a1.5 1.5 0 0 0 1.5-1.5V12'],
  trash: ['M3.5 5.5h13M8 5.5V3h4v2.5M5.5 5.5l.8 11.5h7.4l.8-11.5'],
  warning: ['M10 2.8 18 16.7H2z', 'M10 8v4M10 14.3v.1'],
  sliders: [
    'M3 6h8M15 6h2M3 14h2M9 14h8',
    'M13 4a2 2 0 1 1 0 4 2 2 0 0 1 0-4zM7 12a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  ],
} as const;

export type IconName = keyof typeof paths;

/** An icon says nothing by itself: it stands beside words, or its button has a label. */
export function icon(name: IconName, small = false): SVGSVGElement {
  const svg = svgElement('svg', {
    class: small ? 'i sm' : 'i',
    viewBox: '0 0 20 20',
    'aria-hidden': 'true',
  });
  for (const d of paths[name]) {
    svg.append(svgElement('path', name === 'more' ? { d, 'stroke-width': 2.6 } : { d }));
  }
  return svg;
}

/** Three sheets, one behind the other: near, further, far. */
export function brandMark(): SVGSVGElement {
  const svg = svgElement('svg', {
    viewBox: '0 0 24 24',
    'aria-hidden': 'true',
    fill: 'currentColor',
  });
  for (const [x, y, opacity] of [
    [8.5, 2.5, 0.3],
    [5.5, 5.5, 0.55],
    [2.5, 8.5, 1],
  ] as const) {
    svg.append(svgElement('rect', { x, y, width: 13, height: 13, rx: 3.5, opacity }));
  }
  return svg;
}
