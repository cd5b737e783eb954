// A network between a page and a server that can be cut and mended: HTTP, WebSockets and media.
import { createServer, connect } from 'node:net';
import { detour, lossy } from './lossy.mjs';

/** Lays a cable to a server. `url` is its near end for HTTP; `lead(page)` has a page's media go through it, too. */
export async function cable(stage, { port, udp } = stage) {
  const lines = new Set();
  let whole = true;
  const front = createServer({ allowHalfOpen: false }, (near) => {
    const far = connect(port, '127.0.0.1');
    const line = [near, far];
    lines.add(line);
    const over = () => {
      lines.delete(line);
      near.destroy();
      far.destroy();
    };
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => to.write(bytes));
      from.on('error', over);
      from.on('close', over);
    }
    if (!whole) line.forEach((end) => end.pause());
  });
  await new Promise((resolve) => front.listen(0, '127.0.0.1', resolve));
  const relay = await lossy({ udp, atEnd: (close) => stage.atEnd(close) });
  stage.atEnd(() => {
    front.close();
    for (const line of lines) line.forEach((end) => end.destroy());
  });
  return {
    url: `http://127.0.0.1:${front.address().port}`,
    lead: (page) => detour(page, relay),
    /** What is on its way waits, as it does with TCP; media is lost. */
    cut() {
      whole = false;
      relay.lose(1);
      for (const line of lines) line.forEach((end) => end.pause());
    },
    mend() {
      whole = true;
      relay.lose(0);
      for (const line of lines) line.forEach((end) => end.resume());
    },
  };
}
