// Where the tiles stand: the arrangement that makes them largest, or one on stage and the rest in a strip.

/** The space between tiles, in CSS pixels; the style sheet has the same. */
const GAP = 10;
/** No tile gets narrower than this, in CSS pixels: beyond it the grid scrolls. */
const WIDTH_MIN = 132;

/** How many columns and how wide each tile is, in CSS pixels. */
export interface Arrangement {
  columns: number;
  width: number;
  aspect: number;
}

/** Shapes a tile may take, widest first; a camera is cut to them. */
const WIDE = [16 / 9, 4 / 3];
const TALL = [16 / 9, 4 / 3, 1, 3 / 4];

/** The largest equal tiles for `count` in a space of `width` by `height` CSS pixels. */
export function arrange(count: number, width: number, height: number): Arrangement {
  let best: Arrangement = { columns: 1, width: 0, aspect: 16 / 9 };
  for (const aspect of width < height * 0.8 ? TALL : WIDE) {
    for (let columns = 1; columns <= Math.max(1, count); columns++) {
      const rows = Math.ceil(count / columns);
      const across = (width - GAP * (columns - 1)) / columns;
      const down = ((height - GAP * (rows - 1)) / rows) * aspect;
      const fits = Math.floor(Math.min(across, down));
      if (area(fits, aspect) > area(best.width, best.aspect)) best = { columns, width: fits, aspect };
    }
  }
  return { ...best, width: Math.max(best.width, Math.min(WIDTH_MIN, width)) };
}

function area(width: number, aspect: number): number {
  return (width * width) / aspect;
}

/** Applies the arrangement to the element and again whenever its size changes. */
export class Grid {
  private readonly observer = new ResizeObserver(() => this.fit());

  constructor(private readonly element: HTMLElement) {
    this.observer.observe(element);
  }

  /** Fits the tiles that stand in the element. */
  fit(): void {
    const { clientWidth, clientHeight } = this.element;
    const { width, aspect } = arrange(this.element.childElementCount, clientWidth, clientHeight);
    this.element.style.setProperty('--tile-width', `${width}px`);
    this.element.style.setProperty('--tile-aspect', String(aspect));
  }

  /** Stops watching the element. */
  close(): void {
    this.observer.disconnect();
  }
}
