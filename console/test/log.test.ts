// Output as rows: whatever way the bytes are cut, the text is the same; what comes twice is taken once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LONGEST_ROW, Log } from "../src/run/log";

const encode = (text: string) => new TextEncoder().encode(text);

/** Numbers that look random and are the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

test("however bytes are cut, the rows are those of the whole text", () => {
  const text = "one\ntwo \u00fcml\u00e4ut \u{1f40d}\n\n\x1b[31mred\nstill red\x1b[0m\r\nlast without end";
  const bytes = encode(text);
  const whole = new Log();
  whole.append("stdout", 0, bytes);
  whole.finish();
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = numbers(seed);
    const log = new Log();
    for (let at = 0; at < bytes.length; ) {
      const length = 1 + Math.floor(random() * 7);
      log.append("stdout", at, bytes.slice(at, at + length));
      at += length;
    }
    log.finish();
    assert.deepEqual(log.rows, whole.rows, `seed ${seed}`);
  }
  assert.deepEqual(
    whole.rows.map((row) => row.text),
    ["one", "two \u00fcml\u00e4ut \u{1f40d}", "", "\x1b[31mred", "still red\x1b[0m", "last without end"],
  );
  assert.equal(whole.rows[4]?.start.foreground, 1);
  assert.equal(whole.text("stdout"), text);
});

test("what is repeated after a reconnection is taken once", () => {
  const log = new Log();
  log.append("stdout", 0, encode("abc\n"));
  log.append("stdout", 0, encode("abc\n"));
  log.append("stdout", 2, encode("c\nde"));
  assert.equal(log.text("stdout"), "abc\nde");
  assert.equal(log.bytes("stdout"), 6);
});

test("what is missing is marked", () => {
  const log = new Log();
  log.append("stderr", 0, encode("a"));
  log.append("stderr", 10, encode("b"));
  assert.deepEqual(
    log.rows.map((row) => [row.text, row.gap]),
    [
      ["a", false],
      ["", true],
      ["b", false],
    ],
  );
});

test("streams that take turns within a line keep their lines whole", () => {
  const log = new Log();
  log.append("stdout", 0, encode("out "));
  log.append("stderr", 0, encode("err\n"));
  log.append("stdout", 4, encode("goes on\n"));
  assert.equal(log.text("stdout"), "out goes on\n");
  assert.equal(log.text("stderr"), "err\n");
  assert.equal(log.text(null), "out goes on\nerr\n");
});

test("a line that is too long for a row goes on in the next one", () => {
  const log = new Log();
  const text = "\u{1f40d}".repeat(LONGEST_ROW);
  log.append("stdout", 0, encode(`${text}\nnext`));
  assert.equal(log.text("stdout"), `${text}\nnext`);
  assert.ok(log.rows.every((row) => row.text.length <= LONGEST_ROW));
  assert.ok(log.rows[1]?.continued);
});

test("empty first lines stay", () => {
  const log = new Log();
  log.append("stdout", 0, encode("\n\nx\n"));
  assert.equal(log.text(null), "\n\nx\n");
});

test("what is downloaded has every line of both streams on a line of its own", () => {
  const log = new Log();
  const long = "a".repeat(LONGEST_ROW);
  log.append("stdout", 0, encode(long));
  log.append("stderr", 0, encode("err"));
  log.append("stdout", LONGEST_ROW, encode("rest\r\nnext\n"));
  log.finish();
  assert.equal(log.text(null), `${long}\nerr\nrest\r\nnext\n`);
  assert.equal(log.text("stdout"), `${long}rest\r\nnext\n`);
});
