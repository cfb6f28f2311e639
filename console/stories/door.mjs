// A network between browser and server that can fail: an HTTP proxy before the gateway. It passes on what it gets, and can be cut, with
// every connection that it has. Where the gateway serves no sessions and no files yet, it does that itself, in the way that the gateway
// will, so that the console can be worked on beside it.

import { randomBytes } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer, request } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(dirname(fileURLToPath(import.meta.url))), "dist");

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
  "worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export async function openDoor(gateway) {
  const target = new URL(gateway);
  const own = (await fetch(`${gateway}/console/session`)).status === 404;
  // For trying a newer bundle beside a binary that holds another one.
  const ownFiles = own || process.env["CONSOLE_FILES"] === "own";
  const sockets = new Set();
  const sessions = new Map();
  let cut = false;
  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch((failure) => {
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end(String(failure));
    });
  });
  server.on("connection", (socket) => {
    if (cut) return socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });

  async function handle(incoming, outgoing) {
    const url = new URL(incoming.url, "http://door");
    if (own && url.pathname.startsWith("/console/")) return session(incoming, outgoing, url);
    if (ownFiles && !/^\/(zona\.|v1\/|healthz|console\/|openapi\.json)/.test(url.pathname)) return file(outgoing, url.pathname);
    pass(incoming, outgoing);
  }

  function pass(incoming, outgoing) {
    const headers = { ...incoming.headers, host: target.host };
    if (headers.origin !== undefined) headers.origin = gateway;
    if (own) {
      const found = sessions.get(/zona-session=([^;]+)/.exec(headers.cookie ?? "")?.[1]);
      if (found !== undefined) {
        if (incoming.method === "POST" && headers["x-zona-csrf"] !== found.shown.csrfToken) {
          outgoing.writeHead(403);
          return outgoing.end();
        }
        headers.authorization = `Bearer ${found.token}`;
      }
      delete headers.cookie;
    }
    const onward = request({ host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  }

  async function session(incoming, outgoing, url) {
    const id = /zona-session=([^;]+)/.exec(incoming.headers.cookie ?? "")?.[1];
    const say = (status, body, more = {}) => {
      outgoing.writeHead(status, { "content-type": "application/json", ...more });
      outgoing.end(body === null ? "" : JSON.stringify(body));
    };
    const call = async (method, body, token) => {
      const headers = { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
      const answer = await fetch(`${gateway}/zona.identity.v1.IdentityService/${method}`, { method: "POST", headers, body: JSON.stringify(body) });
      return answer.ok ? answer.json() : null;
    };
    if (url.pathname === "/console/session") {
      const found = sessions.get(id);
      const known = found !== undefined && (await call("WhoAmI", {}, found.token)) !== null;
      return known ? say(200, found.shown) : say(401, refusal(16, "UNAUTHENTICATED"));
    }
    if (url.pathname === "/console/sign-out") {
      sessions.delete(id);
      return say(204, null, { "set-cookie": "zona-session=; Max-Age=0; Path=/" });
    }
    let text = "";
    for await (const chunk of incoming) text += chunk;
    const asked = JSON.parse(text);
    const token =
      asked.apiKey ??
      (await call("IssueToken", { password: { user: `tenants/${asked.tenant}/users/${asked.user}`, password: asked.password } }))?.accessToken;
    const who = token === undefined ? null : await call("WhoAmI", {}, token);
    if (who === null) return say(401, refusal(16, "UNAUTHENTICATED"));
    const shown = {
      principal: who.principal,
      tenant: who.principal.split("/")[1],
      role: who.role,
      csrfToken: randomBytes(16).toString("hex"),
      expireTime: new Date(Date.now() + 3_600_000).toISOString(),
      canSignOutEverywhere: asked.apiKey === undefined,
    };
    const made = randomBytes(16).toString("hex");
    sessions.set(made, { token, shown });
    return say(200, shown, { "set-cookie": `zona-session=${made}; Path=/; HttpOnly; SameSite=Strict` });
  }

  function refusal(code, reason) {
    return { code, message: reason, details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason, domain: "zona.dev" }] };
  }

  function file(outgoing, path) {
    let found = join(dist, normalize(path));
    if (!found.startsWith(dist) || !existsSync(found) || !statSync(found).isFile()) found = join(dist, "index.html");
    outgoing.writeHead(200, {
      "content-type": TYPES[extname(found)] ?? "application/octet-stream",
      "content-security-policy": POLICY,
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    createReadStream(found).pipe(outgoing);
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    /** Breaks every connection and takes no new one, until it is mended. */
    cut() {
      cut = true;
      for (const socket of sockets) socket.destroy();
    },
    /** Breaks every connection once. */
    interrupt() {
      for (const socket of sockets) socket.destroy();
    },
    mend() {
      cut = false;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
