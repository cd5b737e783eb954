// What a visitor has to load, held to what docs/guide/pages.md says.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

/** Bytes, compressed, until the start page is drawn. */
const START_MAX = 92_000;
/** Bytes, compressed, that a call takes beyond that; most of them are livekit-client. */
const CALL_MAX = 166_000;

const assets = new URL('../../dist/assets/', import.meta.url);

/** The compressed size of all assets whose names begin so. */
function sizeOf(...names) {
  const files = readdirSync(assets).filter((file) => names.some((name) => file.startsWith(`${name}-`)));
  assert.ok(files.length >= names.length, `${names} are not all in web/dist: ${readdirSync(assets)}`);
  return files.reduce((sum, file) => sum + gzipSync(readFileSync(new URL(file, assets))).length, 0);
}

test('the pages stay light', () => {
  const [start, call] = [sizeOf('index', 'start'), sizeOf('client', 'call', 'livekit-client.esm')];
  console.log(`# ${start} bytes for the start page, ${call} more for a call`);
  assert.ok(start <= START_MAX, `${start} bytes for the start page`);
  assert.ok(call <= CALL_MAX, `${call} bytes for a call`);
});
