// Whether a page can be used by everybody, as far as axe-core can tell.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { check } from './check.mjs';

const SOURCE = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What axe-core calls a fault that keeps people from using a page. */
const GRAVE = ['serious', 'critical'];

/** Fails when axe-core finds a grave fault in the page as it stands. */
export async function accessible(page, where) {
  await page.evaluate(await SOURCE);
  const found = await page.evaluate(async () => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary})`).slice(0, 3).join('; ') }));
  });
  const grave = found.filter(({ impact }) => GRAVE.includes(impact));
  check(grave.length === 0, `${where}: ${grave.map(({ id, where }) => `${id} at ${where}`).join(' | ').replaceAll('\n', ' ')}`);
}
