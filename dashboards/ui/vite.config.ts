import { defineConfig } from 'vite';

export default defineConfig({
  // Relative addresses: the page also works behind a proxy that serves it under a path.
  base: './',
  build: {
    target: 'es2023',
    // A data: address would not pass the page's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: { '/api': 'http://127.0.0.1:4319' },
  },
});
