// The small site that Chromium opens: the test page and livekit-client's own build, byte for byte.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const FILES = {
  '/': ['page/index.html', 'text/html'],
  '/drive.js': ['page/drive.js', 'text/javascript'],
  '/plain': ['page/plain.html', 'text/html'],
  '/plain.js': ['page/plain.js', 'text/javascript'],
  '/livekit-client.umd.js': ['node_modules/livekit-client/dist/livekit-client.umd.js', 'text/javascript'],
  '/livekit-client.e2ee.worker.js': ['node_modules/livekit-client/dist/livekit-client.e2ee.worker.js', 'text/javascript'],
};

/** Serves on a free port of an address; `made` are more files, as `{path: [content, type]}`. */
export async function servePage(made = {}, address = '127.0.0.1') {
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://page');
    const [content, type] = made[pathname] ?? [];
    const found = FILES[pathname];
    if (!content && !found) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': type ?? found[1] });
    response.end(content ?? (await readFile(join(HERE, found[0]))));
  });
  await new Promise((resolve) => server.listen(0, address, resolve));
  return {
    url: `http://${address}:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
