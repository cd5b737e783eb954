// Pages with @thalweg/client, built as an app builds it, and the tokens that an app's back end gives them.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { servePage } from './pages.mjs';
import { token } from './calls.mjs';
import { KEY, SECRET } from './keys.mjs';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const WEB = join(HERE, '../../web');

/** One file of JavaScript out of a source and what it imports: this project's packages, and the rest from here. */
export async function bundled(entry, options = {}) {
  const { outputFiles } = await build({
    entryPoints: [entry], bundle: true, write: false, format: 'iife', target: 'es2022', logLevel: 'error',
    alias: { '@thalweg/client': join(WEB, 'client/src/index.ts'), '@thalweg/server': join(WEB, 'server/src/index.ts'), 'livekit-client': join(HERE, 'node_modules/livekit-client') },
    nodePaths: [join(HERE, 'node_modules')], ...options,
  });
  return outputFiles[0].text;
}

/** A module for Node out of a source and what it imports. */
export async function imported(entry) {
  const text = await bundled(entry, { platform: 'node', format: 'esm', banner: { js: "import { createRequire as requirer } from 'node:module'; const require = requirer('file:///');" } });
  return import(`data:text/javascript;base64,${Buffer.from(text).toString('base64')}`);
}

/** An app's back end: `@thalweg/server` with the server's key. */
export async function backEnd(stage, url = stage.http) {
  const { ThalwegServer } = await imported(join(WEB, 'server/src/index.ts'));
  return new ThalwegServer({ url, apiKey: KEY, apiSecret: SECRET });
}

/** A site whose pages have the SDK on `window.sdk`, and a route that gives tokens, like an app's. */
export class SdkSite {
  static async open(stage, { life = 600 } = {}) {
    const script = await bundled(join(HERE, 'page/sdk.js'));
    const html = '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><body><script src="/sdk.js"></script>';
    const site = await servePage({ '/sdk': [html, 'text/html'], '/sdk.js': [script, 'text/javascript'] });
    stage.atEnd(() => site.close());
    return Object.assign(new SdkSite(), { stage, site, life });
  }

  /** How many tokens each user was given, and whether none is given at present. */
  given = {};
  away = false;

  /** A page whose client is made, as a user. `url` is where it finds the server. */
  async page(user, { role, url = this.stage.http, life = this.life, context, client = {}, before } = {}) {
    const page = await this.stage.tab(user, { context });
    if (before) await page.addInitScript(before);
    await page.exposeFunction('backEnd', () => {
      if (this.away) throw new Error('the back end is away');
      this.given[user] = (this.given[user] ?? 0) + 1;
      return token({ sub: user, ...(role ? { role } : {}) }, { ttl: life });
    });
    await page.goto(`${this.site.url}sdk`);
    await page.evaluate(([url, id, more]) => window.sdk.begin({ url, user: { id, name: `${id} of Riverton` }, ...more }), [url, user, client]);
    return new SdkPage(page, user);
  }
}

/** A page's client, driven from here. */
export class SdkPage {
  constructor(page, user) {
    this.page = page;
    this.user = user;
  }

  /** Runs a function in the page, which is given `sdk` and what else is given. */
  run(work, given) {
    return this.page.evaluate(`(async () => (${work})(window.sdk, ${JSON.stringify(given) ?? 'undefined'}))()`);
  }

  /** The same for what `lib/` does to pages. */
  drive(work, given) {
    return this.page.evaluate(work, given);
  }

  /** The call's state as the page sees it. */
  look() {
    return this.page.evaluate(() => window.sdk.look());
  }
}
