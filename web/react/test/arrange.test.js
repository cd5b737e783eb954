// The arithmetic of the grid, and small texts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { arrange } from '../dist/layouts/arrange.js';
import { initials } from '../dist/parts/avatar.js';
import { duration } from '../dist/parts/live-badge.js';

test('tiles fill the space and never leave it', () => {
  for (const [width, height] of [[1280, 660], [390, 700], [800, 600], [2560, 1300]]) {
    for (let count = 1; count <= 30; count += 1) {
      const { columns, width: tile, aspect } = arrange(count, width, height);
      const rows = Math.ceil(count / columns);
      const where = `${count} in ${width}x${height}`;
      assert.ok(columns * tile + (columns - 1) * 10 <= width + 1 || tile === 132, where);
      assert.ok(rows * (tile / aspect) + (rows - 1) * 10 <= height + 1 || tile === 132, where);
    }
  }
});

test('two stand side by side at a desk and one above the other on a phone', () => {
  assert.equal(arrange(2, 1280, 660).columns, 2);
  assert.equal(arrange(2, 390, 700).columns, 1);
});

test('a space of nothing is no fault', () => {
  assert.equal(arrange(4, 0, 0).width, 0);
});

test('initials are of the first and the last word', () => {
  assert.deepEqual(['Ada Lovelace', 'ada', 'Jean-Luc de la Tour', '  ', '小林 さん'].map(initials), ['AL', 'A', 'JT', '', '小さ']);
});

test('a time shows hours only when there are some', () => {
  assert.deepEqual([-5, 0, 61_000, 3_599_999, 3_600_000, 36_061_000].map(duration), ['0:00', '0:00', '1:01', '59:59', '1:00:00', '10:01:01']);
});
