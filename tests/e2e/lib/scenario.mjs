// The process of one Node scenario: runs its default export and prints one RESULT line.
import { pathToFileURL } from 'node:url';
import { Stage } from './stage.mjs';

const stage = new Stage();
let result;
try {
  const { default: scenario } = await import(pathToFileURL(process.argv[2]).href);
  await stage.begin();
  result = { note: (await scenario(stage)) ?? '' };
} catch (error) {
  console.error(error);
  result = { error: String(error?.message ?? error).split('\n')[0] };
}
console.log(`RESULT ${JSON.stringify(result)}`);
await stage.close().catch((error) => console.error(error));
process.exit(0);
