// Services for the stories: an image that holds one program of ours, on the Docker daemon of this machine, and nothing of them afterwards.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROGRAM = join(dirname(dirname(fileURLToPath(import.meta.url))), "..", "crates", "orchestrator", "tests", "service", "main.rs");

export const IMAGE = "zona-console-test:1";

/** What a server needs to be told to run services. */
export const ENGINE = { ZONA_ENGINE__KIND: "docker" };

/** Makes the image: the service that the orchestrator is tried with, and nothing else. */
export function makeImage() {
  const directory = mkdtempSync(join(tmpdir(), "zona-image-"));
  try {
    const words = ["--edition", "2024", "-O", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o", join(directory, "service"), PROGRAM];
    execFileSync("rustc", words, { stdio: ["ignore", "ignore", "inherit"] });
    const archive = execFileSync("tar", ["-C", directory, "-cf", "-", "service"], { maxBuffer: 64 * 1024 * 1024 });
    execFileSync("docker", ["import", "--change", 'ENTRYPOINT ["/service"]', "-", IMAGE], { input: archive, stdio: ["pipe", "ignore", "inherit"] });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Takes away what a server's engine has made. Nothing may bring it back, so the server has ended. */
export function clearAway(scope) {
  const docker = (...words) => execFileSync("docker", words, { encoding: "utf8" }).split(/\s+/).filter((word) => word !== "");
  const filter = ["--filter", `label=zona.ps.scope=${scope}`];
  for (const [list, remove] of [
    [["ps", "--all", "--quiet"], ["rm", "--force", "--volumes"]],
    [["network", "ls", "--quiet"], ["network", "rm"]],
  ]) {
    const ids = docker(...list, ...filter);
    if (ids.length > 0) docker(...remove, ...ids);
  }
}

/** Whose the containers of a server are, by one of its replicas. */
export function scopeOf(replica) {
  return execFileSync("docker", ["inspect", "--format", '{{index .Config.Labels "zona.ps.scope"}}', replica], { encoding: "utf8" }).trim();
}
