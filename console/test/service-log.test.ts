// Lines of several services: each once, in order, and no more than a view can hold.

import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { test } from "node:test";

import { ReadLogsResponseSchema } from "../src/gen/zona/process/v1/process_service_pb";
import { MOST_ROWS, secondsBack, ServiceLog } from "../src/process/service-log";
import { LONGEST_ROW } from "../src/run/log";

const line = (replica: string, nanos: number, text: string, how: { isError?: boolean; truncated?: boolean } = {}) =>
  create(ReadLogsResponseSchema, { serviceName: replica.split("-")[0], replica, time: { seconds: 1n, nanos }, text, ...how });

const texts = (log: ServiceLog) => log.rows.map((row) => row.text);

test("a stream that is opened again brings nothing twice and loses nothing", () => {
  const log = new ServiceLog();
  const before = [line("web-1", 1, "a"), line("db-1", 2, "b"), line("web-1", 3, "c"), line("web-1", 3, "c")];
  before.forEach((one) => log.append(one));
  log.reopen();
  // A third line of the very same time, a newer one, and one of a replica that was not heard before.
  [...before, line("web-1", 3, "c"), line("web-1", 4, "d"), line("web-2", 1, "e")].forEach((one) => log.append(one));
  assert.deepEqual(texts(log), ["a", "b", "c", "c", "c", "d", "e"]);
});

test("equal lines of one time are all taken", () => {
  const log = new ServiceLog();
  for (let count = 0; count < 3; count += 1) log.append(line("web-1", 1, "same"));
  assert.equal(log.rows.length, 3);
  assert.equal(log.revision, 3);
});

test("a line says which service and which stream it came by", () => {
  const log = new ServiceLog();
  log.append(line("web-1", 1, "out"));
  log.append(line("db-1", 2, "bad", { isError: true }));
  log.append(line("db-1", 3, "long", { truncated: true }));
  assert.deepEqual(log.rows.map(({ source, stream }) => `${source} ${stream}`), ["web stdout", "db stderr", "db stdout"]);
  assert.equal(log.text(null), "web out\ndb bad\ndb long…\n");
  assert.equal(log.text("stderr"), "db bad\n");
});

test("a long line goes on in the next row and is one line in a file", () => {
  const log = new ServiceLog();
  const text = "x".repeat(LONGEST_ROW * 2 + 1);
  log.append(line("web-1", 1, text));
  log.append(line("web-1", 2, ""));
  assert.deepEqual(log.rows.map((row) => row.continued), [false, true, true, false]);
  assert.equal(log.text(null), `web ${text}\nweb \n`);
});

test("the oldest lines make room, and that is told", () => {
  const log = new ServiceLog();
  for (let at = 0; at <= MOST_ROWS; at += 1) log.append(line("web-1", at, String(at)));
  assert.ok(log.rows.length < MOST_ROWS);
  assert.equal(log.rows[0]?.gap, true);
  assert.equal(log.rows.at(-1)?.text, String(MOST_ROWS));
  assert.ok(!log.text(null).startsWith("undefined"));
});

test("a stream that is opened again begins before its newest line, however late that one came", () => {
  const log = new ServiceLog();
  assert.equal(log.newest, null);
  [line("web-1", 5_000_000, "a"), line("db-1", 2_000_000, "b")].forEach((one) => log.append(one));
  assert.equal(log.newest, 1_005);
  assert.equal(secondsBack(10_000, log.newest, 301_005), 360);
  assert.equal(secondsBack(10_000, log.newest, 1_000), 70);
  assert.equal(secondsBack(10_000, null, 301_005), 70);
});
