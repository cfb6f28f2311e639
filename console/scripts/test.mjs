// Runs the unit tests: builds them as Vite builds the console, so that both read the same sources the same way, and hands them to
// Node's own runner. Arguments go to the runner.

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const out = join(root, "build", "test");
rmSync(out, { recursive: true, force: true });
const tests = readdirSync(join(root, "test")).filter((name) => name.endsWith(".test.ts"));
await build({
  root,
  logLevel: "warn",
  build: {
    ssr: true,
    outDir: out,
    emptyOutDir: true,
    target: "node20",
    minify: false,
    rolldownOptions: { input: tests.map((name) => join(root, "test", name)) },
  },
});
const built = readdirSync(out).filter((name) => name.endsWith(".test.js"));
if (built.length !== tests.length) throw new Error(`${tests.length} files of tests, ${built.length} built`);
const run = spawnSync(process.execPath, ["--test", ...process.argv.slice(2), ...built.map((name) => join(out, name))], { stdio: "inherit" });
process.exit(run.status ?? 1);
