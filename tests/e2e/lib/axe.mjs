// Whether a page can be used by everybody, as far as axe-core can tell.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { check } from './check.mjs';

const SOURCE = readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What axe-core calls a fault that keeps people from using a page. */
const GRAVE = ['serious', 'critical'];

/** Fails when axe-core finds a grave fault in the page as it stands, in light; and in dark, where only the colours differ. */
export async function accessible(page, where) {
  await page.evaluate(await SOURCE);
  await examine(page, where, {});
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await examine(page, `${where}, in dark`, { runOnly: ['color-contrast'] });
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: null });
}

async function examine(page, where, options) {
  const found = await page.evaluate(async (options) => {
    const { violations } = await axe.run(document, { resultTypes: ['violations'], ...options });
    return violations.map(({ id, impact, nodes }) => ({ id, impact, where: nodes.map(({ target, failureSummary }) => `${target.join(' ')} (${failureSummary})`).slice(0, 3).join('; ') }));
  }, options);
  const grave = found.filter(({ impact }) => GRAVE.includes(impact));
  check(grave.length === 0, `${where}: ${grave.map(({ id, where }) => `${id} at ${where}`).join(' | ').replaceAll('\n', ' ')}`);
}
