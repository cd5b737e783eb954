// Where the tiles stand: the arrangement that makes them largest.
import { arrange } from '@thalweg/react/arrange';

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
