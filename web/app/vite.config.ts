// How the pages are built: one HTML file and hashed assets into web/dist, which the server embeds and serves.
import { defineConfig } from 'vite';

/** Where `npm run dev` finds a Thalweg server in development mode. */
const SERVER = 'http://127.0.0.1:7880';

const source = (path: string): string => new URL(path, import.meta.url).pathname;

export default defineConfig({
  resolve: {
    // Our own packages are taken as they are written, so that nothing has to be built before.
    alias: [
      { find: '@thalweg/react/style.css', replacement: source('../react/src/style.css') },
      { find: '@thalweg/react/tokens.css', replacement: source('../react/src/style/tokens.css') },
      { find: '@thalweg/react/arrange', replacement: source('../react/src/layouts/arrange.ts') },
      { find: '@thalweg/react', replacement: source('../react/src/index.ts') },
      { find: '@thalweg/client', replacement: source('../client/src/index.ts') },
    ],
  },
  build: { outDir: '../dist', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 900 },
  server: {
    host: '127.0.0.1',
    proxy: { '/rtc': { target: SERVER, ws: true }, '/api': { target: SERVER, ws: true }, '/dev': { target: SERVER } },
  },
});
