// How the page is built: one HTML file and hashed assets into web/dist, which the server embeds or serves at `/`.
import { defineConfig } from 'vite';

/** Where `npm run dev` finds a Thalweg server in dev mode. */
const SERVER = 'http://127.0.0.1:7880';

export default defineConfig({
  base: './',
  build: { outDir: '../dist', emptyOutDir: true, target: 'es2022', chunkSizeWarningLimit: 900 },
  server: {
    host: '127.0.0.1',
    proxy: { '/rtc': { target: SERVER, ws: true }, '/dev': { target: SERVER } },
  },
});
