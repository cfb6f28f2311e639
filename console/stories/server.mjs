// A real server for the stories: the binary that ZONA_BINARY names, on free ports, with a data directory of its own. It ends with the
// story.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
// A first start on a busy machine, probes of the sandbox included.
const START_DEADLINE = 90_000;
const STOP_DEADLINE = 15_000;

export async function startServer({ data = mkdtempSync(join(tmpdir(), "zona-console-")), settings = {} } = {}) {
  const binary = process.env["ZONA_BINARY"] ?? join(root, "..", "target", "debug", "zona");
  const home = mkdtempSync(join(tmpdir(), "zona-home-"));
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ZONA_")));
  const child = spawn(binary, ["dev", "--listen", "127.0.0.1:0", "--backend", "namespace", "--data", join(data, "data")], {
    cwd: home,
    env: { ...environment, XDG_CONFIG_HOME: home, ZONA_IDENTITY__LOCAL_CALLER: "false", ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  const gateway = await new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server does not say where its gateway is:\n${printed}`)), START_DEADLINE);
    const take = (chunk) => {
      printed += chunk;
      const found = /gateway\s+(http:\/\/\S+)/.exec(printed);
      if (found !== null) {
        clearTimeout(timer);
        resolve(found[1]);
      }
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("exit", (code) => reject(new Error(`the server ended with ${code}:\n${printed}`)));
  });
  const key = readFileSync(join(data, "data", "dev.key"), "utf8").trim();
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const server = {
    gateway,
    key,
    data,
    printed: () => printed,
    /** Calls a method by its name, as the account of `zona dev`. */
    async call(method, request) {
      const answer = await fetch(`${gateway}/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
        body: JSON.stringify(request),
      });
      const body = await answer.json();
      if (!answer.ok) throw new Error(`${method}: ${JSON.stringify(body)}`);
      return body;
    },
    /** Ends the process; the data stays. */
    async halt() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_DEADLINE);
      await ended;
      clearTimeout(timer);
      rmSync(home, { recursive: true, force: true });
    },
    async stop() {
      await server.halt();
      rmSync(data, { recursive: true, force: true });
    },
  };
  await eventually(async () => (await fetch(`${gateway}/healthz`)).ok);
  return server;
}

export async function eventually(test, deadline = START_DEADLINE) {
  const end = Date.now() + deadline;
  for (;;) {
    const result = await Promise.resolve()
      .then(test)
      .catch(() => false);
    if (result) return result;
    if (Date.now() > end) throw new Error("it does not come true in time");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
