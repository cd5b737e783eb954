// Firefox, by WebDriver BiDi: the second engine. Its pages answer to the few words of Playwright's that `Guest`, `SdkPage` and
// `Visitor` use, so that these drive either browser.
import { networkInterfaces } from 'node:os';
import puppeteer from 'puppeteer-core';
import { until } from './check.mjs';

/** How long an element may take to be there, in milliseconds. */
const PATIENCE_MS = 30_000;
/** Firefox names its addresses, fakes devices without asking and plays without a click. It has no H.264. */
const PREFERENCES = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.autoplay.default': 0,
  'media.gmp-manager.updateEnabled': false,
  'network.manage-offline-status': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'browser.cache.disk.enable': false,
};

/**
 * More flags for a server that Firefox is to reach; it needs a secret that cannot be guessed, too. Firefox's media never goes over 127.0.0.1, whatever `media.peerconnection.ice.loopback`
 * says: the process that looks for addresses has not read it. So the server listens at another address of this machine, too.
 */
export function withinReach() {
  const own = Object.values(networkInterfaces()).flat().find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!own) throw new Error('Firefox needs a network interface with an IPv4 address beside loopback: this machine has none');
  return ['--bind', '127.0.0.1', '--bind', own.address];
}

export class Firefox {
  /** Starts it without a window, with a profile of its own that goes with it. `preferences` are more of `about:config`. */
  static async launch(preferences = {}) {
    const options = {
      browser: 'firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', headless: true,
      acceptInsecureCerts: true, extraPrefsFirefox: { ...PREFERENCES, ...preferences },
    };
    // On a busy machine a browser sometimes ends as it starts, before it has seen anything of the server.
    return new Firefox(await puppeteer.launch(options).catch(() => puppeteer.launch(options)));
  }

  constructor(browser) {
    this.browser = browser;
  }

  /** A blank page in a context of its own, whose errors go to the log. `viewport` is `{width, height}`. */
  async tab(label, { viewport } = {}) {
    const context = await this.browser.createBrowserContext();
    const page = await context.newPage();
    if (viewport) await page.setViewport(viewport);
    page.on('console', (message) => console.error(`[${label}] ${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => console.error(`[${label}] page error: ${error.message}`));
    return new FirefoxPage(page, context);
  }

  close() {
    return this.browser.close();
  }
}

/** One page. */
class FirefoxPage {
  constructor(page, context) {
    Object.assign(this, { page, owner: context });
  }

  goto(url) {
    return this.page.goto(url, { waitUntil: 'load', timeout: PATIENCE_MS });
  }

  url() {
    return this.page.url();
  }

  /** Runs a function, or an expression, in the page. */
  evaluate(work, given) {
    return this.page.evaluate(work, given);
  }

  /** Runs a function before the scripts of every page to come. */
  addInitScript(work, given) {
    return this.page.evaluateOnNewDocument(work, given);
  }

  exposeFunction(name, work) {
    return this.page.exposeFunction(name, work);
  }

  waitForFunction(work, given) {
    return until('a condition of the page', () => this.page.evaluate(work, given), PATIENCE_MS);
  }

  setDefaultTimeout() {}

  context() {
    return this.owner;
  }

  close() {
    return this.owner.close();
  }

  locator(selector) {
    return new Found(this.page, { selector });
  }

  /** By what assistive technology calls it: its label or its text. */
  getByRole(role, { name, exact = false } = {}) {
    return new Found(this.page, { selector: role === 'button' ? 'button, [role="button"]' : `[role="${role}"]`, name: asText(name), exact });
  }

  /** The innermost element that shows a text. */
  getByText(text, { exact = false } = {}) {
    return new Found(this.page, { selector: 'body *', text: asText(text), exact });
  }

  click(selector) {
    return this.locator(selector).click();
  }

  async fill(selector, text) {
    await this.locator(selector).click();
    await this.page.keyboard.down('Control');
    await this.page.keyboard.press('a');
    await this.page.keyboard.up('Control');
    await this.page.keyboard.type(text);
  }
}

/** What a page is asked for; looked up anew each time. */
class Found {
  constructor(page, wish) {
    Object.assign(this, { page, wish });
  }

  first() {
    return this;
  }

  count() {
    return this.page.evaluate((find, wish) => new Function(`return (${find})`)()(wish).length, String(matching), this.wish);
  }

  async isVisible() {
    return (await this.count()) > 0;
  }

  waitFor() {
    return until(`an element ${JSON.stringify(this.wish)}`, () => this.isVisible(), PATIENCE_MS);
  }

  textContent() {
    return this.#with((element) => element.textContent);
  }

  async click() {
    await this.waitFor();
    const handle = await this.page.evaluateHandle((find, wish) => new Function(`return (${find})`)()(wish)[0], String(matching), this.wish);
    await handle.asElement().click();
    await handle.dispose();
  }

  async #with(work) {
    await this.waitFor();
    const handle = await this.page.evaluateHandle((find, wish) => new Function(`return (${find})`)()(wish)[0], String(matching), this.wish);
    return handle.evaluate(work).finally(() => handle.dispose());
  }
}

/** A text or a regular expression as what can go into a page. */
function asText(wanted) {
  return wanted instanceof RegExp ? { source: wanted.source, flags: wanted.flags } : wanted;
}

/** Runs in the page: the elements that are seen and meet the wish. */
function matching({ selector, name, text, exact }) {
  const meets = (said, wanted) => {
    const plain = said.replace(/\s+/g, ' ').trim();
    if (typeof wanted === 'object') return new RegExp(wanted.source, wanted.flags).test(plain);
    return exact ? plain === wanted : plain.toLowerCase().includes(wanted.toLowerCase());
  };
  const seen = [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility({ visibilityProperty: true }));
  if (name !== undefined) return seen.filter((element) => meets(element.getAttribute('aria-label') ?? element.textContent, name));
  if (text === undefined) return seen;
  const met = seen.filter((element) => meets(element.textContent, text));
  return met.filter((element) => !met.some((other) => other !== element && element.contains(other)));
}
