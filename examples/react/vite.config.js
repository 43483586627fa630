// The pages and the server have one origin, as behind a proxy in production; so no address stands
// in the code.
const target = process.env.ROLLCALL_URL ?? 'http://127.0.0.1:8080';

export default {
  root: import.meta.dirname ?? new URL('.', import.meta.url).pathname,
  esbuild: { jsx: 'automatic' },
  server: {
    proxy: {
      '/rollcall': { target, ws: true },
      '/ws': { target, ws: true },
    },
  },
};
