// Following an execution over a network that breaks: each event once and in order, however it breaks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";

import { follow, SILENCE, type Link } from "../src/run/follow";

interface Event {
  sequence: bigint;
  last: boolean;
}

const LENGTH = 40;

/** A server that keeps events and breaks off after a number of them. */
function server(cuts: number[], repeat: number) {
  const asked: bigint[] = [];
  return {
    asked,
    async *open(after: bigint): AsyncGenerator<Event> {
      asked.push(after);
      const cut = cuts.shift() ?? Number.POSITIVE_INFINITY;
      let sent = 0;
      // A server may repeat what a client has already; it must not be taken again.
      for (let sequence = Math.max(1, Number(after) + 1 - repeat); sequence <= LENGTH; sequence += 1) {
        if (sent === cut) throw new ConnectError("the network has gone", Code.Unavailable);
        sent += 1;
        yield { sequence: 0n, last: false };
        yield { sequence: BigInt(sequence), last: sequence === LENGTH };
      }
    },
  };
}

async function run(cuts: number[], repeat = 0) {
  const from = server(cuts, repeat);
  const taken: bigint[] = [];
  const links: Link[] = [];
  const pauses: number[] = [];
  await follow<Event>({
    open: (after) => from.open(after),
    number: (event) => event,
    take: (event) => {
      if (event.sequence !== 0n) taken.push(event.sequence);
    },
    link: (link) => links.push(link),
    pause: async (milliseconds) => void pauses.push(milliseconds),
    signal: new AbortController().signal,
  });
  return { taken, asked: from.asked, links, pauses };
}

const all = Array.from({ length: LENGTH }, (_, index) => BigInt(index + 1));

test("nothing is lost or doubled wherever the network breaks", async () => {
  for (let cut = 0; cut <= LENGTH; cut += 1) {
    for (const repeat of [0, 3]) {
      assert.deepEqual((await run([cut, 2, 0, 1], repeat)).taken, all, `cut ${cut}`);
    }
  }
});

test("it asks again behind the last event that it has", async () => {
  assert.deepEqual((await run([5, 0, 3])).asked, [0n, 5n, 5n, 8n]);
});

test("pauses grow while nothing comes and begin anew once something does", async () => {
  assert.deepEqual((await run([0, 0, 0, 4, 0])).pauses, [250, 500, 1000, 250, 500]);
});

test("a stream that ends without its last event is opened again", async () => {
  let opened = 0;
  const taken: bigint[] = [];
  await follow<Event>({
    async *open(after) {
      opened += 1;
      yield { sequence: after + 1n, last: after + 1n === 3n };
    },
    number: (event) => event,
    take: (event) => taken.push(event.sequence),
    link: () => undefined,
    pause: async () => undefined,
    signal: new AbortController().signal,
  });
  assert.deepEqual([opened, taken], [3, [1n, 2n, 3n]]);
});

test("what the server has decided is not asked again", async () => {
  for (const code of [Code.NotFound, Code.PermissionDenied, Code.Unauthenticated, Code.OutOfRange]) {
    let opened = 0;
    const failing = follow<Event>({
      async *open() {
        opened += 1;
        throw new ConnectError("no", code);
      },
      number: (event) => event,
      take: () => undefined,
      link: () => undefined,
      pause: async () => undefined,
      signal: new AbortController().signal,
    });
    await assert.rejects(failing);
    assert.equal(opened, 1);
  }
});

test("it ends when nobody looks any more", async () => {
  const stop = new AbortController();
  await follow<Event>({
    async *open() {
      yield { sequence: 1n, last: false };
    },
    number: (event) => event,
    take: () => stop.abort(),
    link: () => undefined,
    pause: async () => undefined,
    signal: stop.signal,
  });
  assert.ok(stop.signal.aborted);
});

test("what begins anew is taken, whatever number it has", async () => {
  const streams = [[90n, 91n], [3n, 4n]];
  const taken: bigint[] = [];
  await follow<Event & { anew: boolean }>({
    async *open() {
      const numbers = streams.shift() ?? [];
      for (const [at, sequence] of numbers.entries()) yield { sequence, last: sequence === 4n, anew: at === 0 };
    },
    number: (event) => event,
    take: ({ sequence }) => void taken.push(sequence),
    link: () => undefined,
    pause: async () => undefined,
    signal: new AbortController().signal,
  });
  assert.deepEqual(taken, [90n, 91n, 3n, 4n]);
});

test("silence is a connection that is gone, but not where nothing may come for long", async (context) => {
  for (const quiet of [false, true]) {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const stop = new AbortController();
    const attempts: AbortSignal[] = [];
    const ended = follow<Event>({
      async *open(_, signal) {
        attempts.push(signal);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      },
      number: (event) => event,
      take: () => undefined,
      link: () => undefined,
      pause: async () => stop.abort(),
      quiet,
      signal: stop.signal,
    });
    context.mock.timers.tick(SILENCE);
    assert.deepEqual(attempts.map(({ aborted }) => aborted), [!quiet]);
    if (quiet) stop.abort();
    await ended;
    context.mock.timers.reset();
  }
});
