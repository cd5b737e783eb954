// Elements from data: the few lines that stand where a framework would.

type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | ((event: never) => void) | null | undefined>;

/**
 * Makes an element. `onclick`-like keys take a listener; `true` sets an empty attribute; `false`, `null` and
 * `undefined` leave it out. Children that are falsy are left out.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(key.slice(2), value as EventListener);
    else if (value === true) element.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/** Shows one child and nothing else. */
export function show(parent: Element, child: Node): void {
  parent.replaceChildren(child);
}

const SHAPES = {
  mic: '<path d="M12 3a3 3 0 0 0-3 3v5a3 3 0 0 0 6 0V6a3 3 0 0 0-3-3Z"/><path d="M5.500 11a6.500 6.500 0 0 0 13 0M12 17.500V21"/>',
  micOff:
    '<path d="M15 10.500V6a3 3 0 0 0-5.800-1.100M9 9v2a3 3 0 0 0 4.600 2.500"/><path d="M5.500 11a6.500 6.500 0 0 0 10.300 5.300M18.500 11a6.400 6.400 0 0 1-.5 2.500M12 17.500V21M4 3.500l16 17"/>',
  camera: '<rect x="3" y="6.500" width="12.500" height="11" rx="2.500"/><path d="m15.500 10.700 5.500-3v8.600l-5.500-3"/>',
  cameraOff:
    '<path d="M9 6.500h4a2.500 2.500 0 0 1 2.500 2.500v1.700l5.500-3v8.600l-1.500-.8M15 16.500a2.500 2.500 0 0 1-2 1H5.500A2.500 2.500 0 0 1 3 15V9a2.500 2.500 0 0 1 2-2.450M4 3.500l16 17"/>',
  screen: '<rect x="3" y="4.500" width="18" height="12" rx="2"/><path d="M8.500 20.500h7M12 13.500v-6m-2.800 2.700L12 7.500l2.800 2.700"/>',
  leave: '<path d="M3.600 14.300c-.9-.9-.8-2.200.1-3.100 4.600-4.300 12-4.300 16.600 0 .9.900 1 2.200.1 3.100l-.9.900c-.5.5-1.300.6-1.900.2l-1.900-1.200c-.5-.3-.8-.9-.7-1.500l.1-1a11 11 0 0 0-6.200 0l.1 1c.1.600-.2 1.200-.7 1.500l-1.900 1.200c-.6.4-1.400.3-1.900-.2Z"/>',
  sliders: '<path d="M4 7.500h9M18 7.500h2M4 16.500h2M11 16.500h9"/><circle cx="15.500" cy="7.500" r="2.500"/><circle cx="8.500" cy="16.500" r="2.500"/>',
  link: '<path d="M10 14a4 4 0 0 0 5.700 0l3-3A4 4 0 0 0 13 5.300l-1 1"/><path d="M14 10a4 4 0 0 0-5.700 0l-3 3a4 4 0 0 0 5.700 5.700l1-1"/>',
  theme: '<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16Z" fill="currentColor"/>',
  pin: '<path d="M9 4h6l-.7 5.500 3.200 3V14h-11v-1.500l3.200-3ZM12 14v6"/>',
  warn: '<path d="M12 4 2.800 19.500h18.400ZM12 10v4.500M12 17v.1"/>',
  close: '<path d="m6 6 12 12M18 6 6 18"/>',
  speaker: '<path d="M4 9.500v5h3.500L12 19V5L7.500 9.500ZM15.500 9a4.200 4.200 0 0 1 0 6M18 6.500a8 8 0 0 1 0 11"/>',
} as const;

/** The name of a drawing. */
export type IconName = keyof typeof SHAPES;

/** A drawing that only decorates: the control that holds it carries the words. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('class', 'icon');
  svg.setAttribute('aria-hidden', 'true');
  svg.innerHTML = SHAPES[name];
  return svg;
}

/** The mark: two banks and the line of fastest flow between them. */
export function mark(): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 32 32');
  svg.setAttribute('class', 'mark');
  svg.setAttribute('aria-hidden', 'true');
  svg.innerHTML =
    '<path class="bank" d="M10 3c-4 6 3 9 0 14s-3 7-2 12M26 3c-4 6 2 9-1 14s-3 7-2 12"/>' +
    '<path class="flow" d="M18 3c-4 6 3 9 0 14s-4 7-2.500 12"/>';
  return svg;
}

/** The brand as it stands at the top of every view. */
export function brand(): HTMLElement {
  return el('span', { class: 'brand' }, mark(), el('span', { class: 'brand-name' }, 'Thalweg'));
}
