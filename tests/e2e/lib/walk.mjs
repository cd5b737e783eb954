// A walk through every page and state of the pages for calls; `look(page, name)` is called at each.
import { Calls } from './calls.mjs';

/** How long a page may take to show what it is asked for, in milliseconds. */
const PATIENCE_MS = 30_000;
const DESKTOP = { viewport: { width: 1280, height: 800 } };
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** One person at the pages. */
export class Visitor {
  static async open(stage, name, { context = {}, token, before, firefox = false } = {}) {
    const page = await stage.tab(name, { firefox, context: { ...DESKTOP, locale: 'en-GB', ...context } });
    page.setDefaultTimeout(PATIENCE_MS);
    await page.addInitScript((name) => localStorage.setItem('thalweg.name', name), name);
    await page.addInitScript(smallCamera);
    if (before) await page.addInitScript(before);
    return new Visitor(stage, page, name, token);
  }

  constructor(stage, page, name, token) {
    Object.assign(this, { stage, page, name, token });
  }

  /** Opens a path, with a token behind the # for who has one. */
  async goto(path) {
    await this.page.goto(`${this.stage.http}${path}${this.token ? `#token=${this.token}` : ''}`);
  }

  /** Goes through the lobby. */
  async enter(path, button) {
    await this.goto(path);
    await this.press(button);
    await this.page.locator('.th-controls').waitFor();
  }

  press(name) {
    return this.page.getByRole('button', { name, exact: typeof name === 'string' }).first().click();
  }

  /** Waits for words. */
  async sees(text) {
    await this.page.getByText(text).first().waitFor();
  }

  /** Waits until pictures of so many others move. */
  async watches(count, selector = '.th-tile:not([data-me]) video') {
    await this.page.waitForFunction(
      ([selector, count]) => [...document.querySelectorAll(selector)].filter((video) => video.videoWidth > 0 && video.currentTime > 0.3).length >= count,
      [selector, count],
    );
  }

  async leave() {
    await this.page.click('.th-leave');
    const dialog = this.page.locator('.just-leave');
    if (await dialog.isVisible().catch(() => false)) await dialog.click();
    await this.sees(/You left/);
  }

  close() {
    return this.page.context().close();
  }
}

/** A small picture now and then: four browsers that encode large ones are too much for two cores. */
function smallCamera() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wish) => real(wish.video ? { ...wish, video: { width: 320, height: 180, frameRate: 10 } } : wish);
}

/** Shows a painted person in place of the browser's test picture. */
export function paintedCamera() {
  const tint = Math.floor(Math.random() * 360);
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    const stream = await real(wish);
    if (!wish.video) return stream;
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 });
    const paint = canvas.getContext('2d');
    paint.scale(0.5, 0.5);
    const draw = () => {
      const sway = Math.sin(performance.now() / 900) * 12;
      const wall = paint.createLinearGradient(0, 0, 1280, 720);
      wall.addColorStop(0, `hsl(${tint} 28% 62%)`);
      wall.addColorStop(1, `hsl(${tint + 40} 32% 34%)`);
      paint.fillStyle = wall;
      paint.fillRect(0, 0, 1280, 720);
      paint.fillStyle = `hsl(${tint + 180} 24% 26%)`;
      paint.beginPath();
      paint.ellipse(640 + sway, 760, 330, 300, 0, 0, 7);
      paint.fill();
      paint.fillStyle = `hsl(${20 + (tint % 20)} 38% ${46 + (tint % 28)}%)`;
      paint.beginPath();
      paint.ellipse(640 + sway, 340, 128, 158, 0, 0, 7);
      paint.fill();
    };
    setInterval(draw, 160);
    draw();
    const painted = canvas.captureStream(6).getVideoTracks()[0];
    return new MediaStream([...stream.getAudioTracks(), painted]);
  };
}

/** A back end of the test's own. */
export function backEnd(stage) {
  return new Calls(stage.http);
}

/** Sings a steady tone in place of the browser's test sound, which is silent most of the time. */
export function singing() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wish) => {
    if (!wish.audio) return real(wish);
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: 440 });
    const out = context.createMediaStreamDestination();
    tone.connect(new GainNode(context, { gain: 0.5 })).connect(out);
    tone.start();
    return out.stream;
  };
}

/** Shares a painted slide in place of a screen. */
export function paintedScreen() {
  navigator.mediaDevices.getDisplayMedia = async () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
    const paint = canvas.getContext('2d');
    const draw = () => {
      paint.fillStyle = '#f7f5ef';
      paint.fillRect(0, 0, 1280, 720);
      paint.fillStyle = '#17343a';
      paint.font = '600 54px sans-serif';
      paint.fillText('What we did last week', 90, 130);
      paint.font = '34px sans-serif';
      ['The river gauge is repaired', 'Two new harbours are on the chart', 'Next: the flood plan'].forEach((line, at) => paint.fillText(`•  ${line}`, 100, 240 + at * 76));
    };
    setInterval(draw, 200);
    draw();
    return canvas.captureStream(5);
  };
}
