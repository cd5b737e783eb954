// The types of @thalweg/api say the words that the guide of the Calls API tells, which the server's own tests hold to its code.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const types = readFileSync(new URL('../../api/index.d.ts', import.meta.url), 'utf8');
const guide = readFileSync(new URL('../../../docs/guide/calls.md', import.meta.url), 'utf8');

/** The first column of the table below a heading that begins so. */
function table(heading) {
  const from = guide.indexOf(`\n## ${heading}`);
  const section = guide.slice(from, guide.indexOf('\n## ', from + 1));
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, word]) => word).sort();
}

/** The texts that a union of texts may be. */
function union(name) {
  const body = new RegExp(`export type ${name} =([^;]+);`).exec(types)[1];
  return [...body.matchAll(/'([^']+)'/g)].map(([, word]) => word).sort();
}

test('capabilities, codes of errors and events are those of the guide', () => {
  assert.deepEqual(union('Capability'), table('Who may do what'));
  assert.deepEqual(union('ErrorCode'), table('Errors'));
  const facts = /interface EventFacts \{([\s\S]+?)\n\}/.exec(types)[1];
  assert.deepEqual([...facts.matchAll(/^ {2}(\w+):/gm)].map(([, word]) => word).sort(), table('Events'));
});
