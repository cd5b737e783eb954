// Compiles the code that the guides show, and sees that what they show of a file here is that file.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const GUIDE = join(HERE, '../../docs/guide');
const READMES = ['client', 'server', 'react'].map((name) => join(HERE, '..', name, 'README.md'));
const OUT = join(HERE, '.docs');
const BLOCK = /(?:<!-- file: (\S+) -->\n)?```(tsx?|html)\n([\s\S]*?)```/g;

const guides = readdirSync(GUIDE).filter((file) => /^(quickstart-.*|moving-a-call-app)\.md$/.test(file));
rmSync(OUT, { recursive: true, force: true });
mkdirSync(join(OUT, 'html'), { recursive: true });
let blocks = 0;
for (const path of [...guides.map((file) => join(GUIDE, file)), ...READMES]) {
  for (const [, file, language, text] of readFileSync(path, 'utf8').matchAll(BLOCK)) {
    blocks += 1;
    if (file && readFileSync(join(HERE, file), 'utf8') !== text) {
      console.error(`${path}: what it shows of ${file} is not what stands there`);
      process.exitCode = 1;
    }
    const code = language === 'html' ? script(text) : text;
    // Each block is a module of its own.
    const name = language === 'html' ? `html/${blocks}.js` : `${blocks}.${language}`;
    if (code !== undefined) writeFileSync(join(OUT, name), `// ${path}\n${code}\nexport {};\n`);
  }
}
const common = { noEmit: true, rootDir: '../..', module: 'ESNext', moduleResolution: 'Bundler' };
configure(OUT, common);
// Pages hold plain JavaScript: names and fields are checked, and what needs a type written down is not.
configure(join(OUT, 'html'), { ...common, rootDir: '../../..', allowJs: true, checkJs: true, strict: false });
let failed = false;
for (const folder of [OUT, join(OUT, 'html')]) {
  try {
    execFileSync(process.execPath, [join(HERE, '../node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'inherit' });
  } catch {
    failed = true;
  }
}
if (failed) {
  console.error(`an example of the guides does not compile: see ${OUT}`);
  process.exitCode = 1;
} else {
  rmSync(OUT, { recursive: true });
  console.log(`${blocks} examples of the guides compile`);
}

function configure(folder, compilerOptions) {
  const up = folder === OUT ? '../tsconfig.json' : '../../tsconfig.json';
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ extends: up, compilerOptions, include: ['*', join(HERE, 'docs.d.ts')] }));
}

/** The module script of a page, its import of the server's own file as that of the package. */
function script(page) {
  return /<script type="module">\n([\s\S]*?)<\/script>/.exec(page)?.[1]?.replace(/from '[^']*\/thalweg-client\.js'/, "from '@thalweg/client'");
}
