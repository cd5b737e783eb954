// What code costs an app: bundled, minified and compressed, as the packages' tests hold it to their READMEs.
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

/** Compressed bytes of a module's text with what it imports, save for `external`. `cwd` is where its imports are looked for. */
export async function sizeOf(code, { external, cwd }) {
  const entry = 'virtual:entry';
  const virtual = {
    name: 'virtual',
    resolveId: (id) => (id === entry ? id : undefined),
    load: (id) => (id === entry ? code : undefined),
  };
  const bundle = await rolldown({ input: entry, external, plugins: [virtual], cwd });
  const { output } = await bundle.generate({ format: 'esm', minify: true });
  await bundle.close();
  return gzipSync(output.map(({ code }) => code).join('\n')).length;
}
