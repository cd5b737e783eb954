// What the package costs an app, stated in the README and held to it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { sizeOf } from '../../test/size.js';

/** Bytes of the whole package, minified and compressed, without livekit-client. */
const WHOLE_MAX = 14_500;
/** Bytes of an app that takes only the words of errors: what is not used must not come along. */
const PART_MAX = 1_500;

const size = (code) => sizeOf(code, { external: ['livekit-client'], cwd: new URL('..', import.meta.url).pathname });

const dist = new URL('../dist/index.js', import.meta.url).pathname;

test('the package stays as small as its README says', async () => {
  const whole = await size(`export * from ${JSON.stringify(dist)}`);
  const part = await size(`export { callFault } from ${JSON.stringify(dist)}`);
  console.log(`# ${whole} bytes, ${part} for a part`);
  assert.ok(whole <= WHOLE_MAX, `${whole} bytes`);
  assert.ok(part <= PART_MAX, `${part} bytes for a part`);
  const said = /\*\*([\d.]+) kB\*\*/.exec(readFileSync(new URL('../README.md', import.meta.url), 'utf8'))?.[1];
  assert.ok(Math.abs(Number(said) - whole / 1000) < 0.5, `the README says ${said} kB, it is ${whole} bytes`);
});

test('the one file that the server hands out is whole', async () => {
  const file = new URL('../../dist/sdk/thalweg-client.js', import.meta.url);
  const { ThalwegClient, callFault } = await import(file.href);
  assert.equal(new ThalwegClient({ url: 'https://calls.example.com', anonymous: true }).call('default', 'one').name, 'default:one');
  assert.equal(typeof callFault, 'function');
  const bytes = gzipSync(readFileSync(file)).length;
  // The quickstart says 150 kB.
  assert.ok(bytes > 100_000 && bytes < 155_000, `${bytes} bytes`);
});
