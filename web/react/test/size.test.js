// What the package costs an app, stated in the README and held to it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sizeOf } from '../../test/size.js';

/** Bytes of all parts, minified and compressed, without React, @thalweg/client and livekit-client. */
const WHOLE_MAX = 14_500;
/** Bytes of an app that takes one button: what is not used must not come along. */
const PART_MAX = 400;
/** Bytes of the style sheet, compressed, as it is written. */
const STYLE_MAX = 7_500;

const size = (code) => sizeOf(code, { external: [/^react/, '@thalweg/client', 'livekit-client'], cwd: new URL('..', import.meta.url).pathname });

const place = (path) => new URL(path, import.meta.url);

test('the package stays as small as its README says', async () => {
  const dist = JSON.stringify(place('../dist/index.js').pathname);
  const whole = await size(`export * from ${dist}`);
  const part = await size(`export { Button } from ${dist}`);
  const sheets = readFileSync(place('../src/style.css'), 'utf8').matchAll(/'(.+)'/g);
  const style = gzipSync([...sheets].map(([, path]) => readFileSync(place(`../src/${path}`), 'utf8')).join('\n')).length;
  console.log(`# ${whole} bytes, ${part} for a part, ${style} of style`);
  assert.ok(whole <= WHOLE_MAX, `${whole} bytes`);
  assert.ok(part <= PART_MAX, `${part} bytes for a part`);
  assert.ok(style <= STYLE_MAX, `${style} bytes of style`);
  const said = /\*\*([\d.]+) kB\*\*/.exec(readFileSync(place('../README.md'), 'utf8'))?.[1];
  assert.ok(Math.abs(Number(said) - whole / 1000) < 0.5, `the README says ${said} kB, it is ${whole} bytes`);
});
