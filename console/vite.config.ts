// How the bundle is built: bytes that depend on the sources alone, one chunk for each page, nothing inline.

import { defineConfig } from "vite";

// Where `zona dev` serves the gateway; the proxy of `npm run dev` asks it.
const GATEWAY = process.env["ZONA_GATEWAY"] ?? "http://127.0.0.1:7080";

export default defineConfig({
  base: "/",
  publicDir: "public",
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsDir: "assets",
    // A data: address would need a wider content security policy.
    assetsInlineLimit: 0,
    sourcemap: false,
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      "^/(zona\\.|v1/|console/|healthz|openapi\\.json)": {
        target: GATEWAY,
        // The gateway refuses pages of other origins: the proxy stands in for its own.
        changeOrigin: true,
        headers: { origin: GATEWAY },
      },
    },
  },
});
