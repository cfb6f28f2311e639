// What an execution has printed as one text, to be compared with another one.

import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { test } from "node:test";

import { ExecutionEventSchema, OutputStream, type ExecutionEvent } from "../src/gen/zona/execution/v1/event_pb";
import { LONGEST_TEXT, wholeOutput } from "../src/run/whole-output";

const printed = (stream: OutputStream, offset: number, text: string) =>
  create(ExecutionEventSchema, { event: { case: "output", value: { stream, offset: BigInt(offset), data: new TextEncoder().encode(text) } } });
const finished = create(ExecutionEventSchema, { event: { case: "finished", value: {} } });

async function* events(...all: ExecutionEvent[]): AsyncGenerator<ExecutionEvent> {
  yield* all;
}

test("both streams stand in the order of their lines, without colors, up to the end of the run", async () => {
  const read = await wholeOutput(
    events(printed(OutputStream.STDOUT, 0, "\x1b[31mone\x1b[0m\n"), printed(OutputStream.STDERR, 0, "two\n"), finished, printed(OutputStream.STDOUT, 13, "never")),
  );
  assert.deepEqual(read, { text: "one\ntwo\n", cut: false });
});

test("of an output without end, its beginning is read and no more is asked for", async () => {
  let asked = 0;
  async function* endless(): AsyncGenerator<ExecutionEvent> {
    for (let offset = 0; ; offset += 1000) {
      asked += 1;
      yield printed(OutputStream.STDOUT, offset, `${"x".repeat(999)}\n`);
    }
  }
  const read = await wholeOutput(endless());
  assert.deepEqual([read.cut, read.text.length, asked], [true, LONGEST_TEXT, LONGEST_TEXT / 1000 + 1]);
});
