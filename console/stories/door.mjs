// A network between browser and server that can fail: an HTTP proxy before the gateway. It passes on what it gets, and can be cut, with
// every connection that it has.

import { createServer, request } from "node:http";

export async function openDoor(gateway) {
  const target = new URL(gateway);
  const sockets = new Set();
  let cut = false;
  const server = createServer((incoming, outgoing) => {
    const headers = { ...incoming.headers, host: target.host };
    if (headers.origin !== undefined) headers.origin = gateway;
    const onward = request({ host: target.hostname, port: target.port, method: incoming.method, path: incoming.url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode, answer.headers);
      answer.pipe(outgoing);
      answer.on("error", () => outgoing.destroy());
    });
    onward.on("error", () => outgoing.destroy());
    outgoing.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  server.on("connection", (socket) => {
    if (cut) return socket.destroy();
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });

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
