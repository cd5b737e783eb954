// The flow of docs/guide/calls.md, as it stands there, in a shell: every command answers what the guide says.
import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Calls } from '../lib/calls.mjs';
import { brief, check, until } from '../lib/check.mjs';
import { killTree } from '../lib/process.mjs';

const GUIDE = join(dirname(fileURLToPath(import.meta.url)), '../../../docs/guide/calls.md');
const MARK = '@line ';

export default async function (stage) {
  const guide = readFileSync(GUIDE, 'utf8');
  const blocks = [...guide.matchAll(/^```sh\n(.*?)^```/gms)].map(([, block]) => block.replace('http://127.0.0.1:7880', stage.http));
  check(blocks.length >= 6, `the guide has only ${blocks.length} blocks of commands`);
  const endless = blocks.findIndex((block) => block.includes('curl -N'));
  const [tools, ...flow] = blocks.filter((_, index) => index !== endless);
  const lines = flow.join('').split('\n').filter((line) => line.startsWith('api '));
  const script = `set -eu\n${tools}${lines.map((line, index) => `echo '${MARK}${index}'\n${line}\n`).join('')}`;
  const { stdout } = await promisify(execFile)('bash', ['-c', script]);
  const answers = stdout.split(MARK).slice(1);
  check(answers.length === lines.length, `${answers.length} of ${lines.length} lines were carried out`);
  answers.forEach((answer, index) => compare(lines[index], answer.split('\n').slice(1).filter(Boolean)));
  await listen(stage, tools, blocks[endless]);

  const calls = new Calls(stage.http);
  const { body } = await calls.ask('GET', '/calls?type=livestream', calls.server);
  check(body.calls.length === 1 && body.calls[0].state === 'live' && body.calls[0].custom.title === 'Friday show', `the show: ${brief(body)}`);
  return `${lines.length} lines`;
}

/** Each answer is JSON, and an error only where the line says so: `# 403 call_not_live`. */
function compare(line, answers) {
  const commands = line.replace(/#.*/, '').split(/;\s*(?=api )/).length;
  check(answers.length === commands, `${answers.length} answers to: ${line}`);
  const [, status, code] = /# (4\d\d) (\w+)/.exec(line) ?? [];
  for (const answer of answers) {
    const error = JSON.parse(answer).error;
    check(error?.code === code, `${line}\nanswered ${brief(answer)}, wanted ${code ? `${status} ${code}` : 'no error'}`);
  }
}

/** The stream of events goes on until somebody ends it. */
async function listen(stage, tools, block) {
  const child = spawn('bash', ['-c', tools + block], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  stage.atEnd(() => killTree(child.pid));
  let heard = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (heard += text));
  const calls = new Calls(stage.http);
  await until('the guide\'s listener hears a message', async () => {
    if (heard === '') await calls.post('/calls/livestream/show/messages', calls.server, { text: 'hello' });
    return heard.includes('"call_message"');
  });
  killTree(child.pid);
}
