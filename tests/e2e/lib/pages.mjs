// The small site that Chromium opens: the test page and livekit-client's own build, byte for byte.
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = join(dirname(fileURLToPath(import.meta.url)), '..');
const FILES = {
  '/': ['page/index.html', 'text/html'],
  '/drive.js': ['page/drive.js', 'text/javascript'],
  '/livekit-client.umd.js': ['node_modules/livekit-client/dist/livekit-client.umd.js', 'text/javascript'],
};

/** Serves on a free loopback port. */
export async function servePage() {
  const server = createServer(async (request, response) => {
    const found = FILES[new URL(request.url, 'http://page').pathname];
    if (!found) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-type': found[1] });
    response.end(await readFile(join(HERE, found[0])));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
