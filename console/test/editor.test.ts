// Places in code, three texts that become one, pages of rules, and the pause of typing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { checker } from "../src/editor/check";
import { blocks, spans } from "../src/editor/markdown";
import { isUnsettled, merge } from "../src/editor/merge";
import { span, unitsBefore } from "../src/editor/positions";
import { rulePage } from "../src/editor/rule-pages";
import { readMatrix } from "../src/access/matrix";
import { matrix } from "../src/access/permissions";
import { barHeight, quantiles } from "../src/pages/chart-numbers";
import { changes, toDuration } from "../src/pages/properties-form";

function lines(text: string) {
  const all = text.split("\n");
  return {
    lines: all.length,
    line: (n: number) => {
      const from = all.slice(0, n - 1).reduce((sum, line) => sum + line.length + 1, 0);
      const line = all[n - 1] ?? "";
      return { from, to: from + line.length, text: line };
    },
  };
}

test("columns count characters, not the two halves of one", () => {
  assert.equal(unitsBefore("\u{1f40d}x", 1), 0);
  assert.equal(unitsBefore("\u{1f40d}x", 2), 2);
  assert.equal(unitsBefore("ab", 99), 2);
});

test("a finding marks what the server names, and something wherever it is", () => {
  const doc = lines("x = 1\ny = \u{1f40d}open('f')\n");
  assert.deepEqual(span(doc, { line: 2, column: 6, endLine: 2, endColumn: 10 }), { from: 12, to: 16 });
  assert.deepEqual(span(doc, { line: 1, column: 5, endLine: 0, endColumn: 0 }), { from: 4, to: 5 });
  assert.deepEqual(span(doc, { line: 99, column: 1, endLine: 99, endColumn: 1 }), { from: doc.line(3).from, to: doc.line(3).from });
});

test("changes at different places become one text", () => {
  const base = "a\nb\nc\nd\ne\n";
  assert.deepEqual(merge(base, "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", { theirs: "v2", mine: "mine" }), { text: "A\nb\nc\nd\nE\n", conflicts: 0 });
});

test("what both have changed stands between markers, and nothing of either is lost", () => {
  const merged = merge("a\n", "theirs\n", "mine\n", { theirs: "v2", mine: "mine" });
  assert.equal(merged.conflicts, 1);
  assert.ok(merged.text.includes("theirs") && merged.text.includes("mine"));
});

test("each rule has a page that begins with its heading", () => {
  const page = rulePage("ZPY-CALL-001");
  assert.ok(page !== null);
  assert.equal(blocks(page)[0]?.kind, "heading");
  assert.ok(blocks(page).some((block) => block.kind === "code" && block.text.includes("input()")));
  assert.equal(rulePage("ZPY-NONE-000"), null);
});

test("code and links within a line are told apart from text", () => {
  assert.deepEqual(spans("see [`x`](y.md), or `z`"), [
    { text: "see ", code: false },
    { text: "x", code: true },
    { text: ", or ", code: false },
    { text: "z", code: true },
  ]);
});

test("only the newest answer of a check is shown", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const shown: string[] = [];
  const pending = new Map<string, () => void>();
  const check = checker<string>({
    ask: (code) => new Promise((resolve) => pending.set(code, () => resolve(code))),
    show: (answer) => shown.push(answer),
    fail: () => assert.fail("no check fails here"),
    pause: 100,
  });
  check.changed("a");
  context.mock.timers.tick(50);
  check.changed("ab");
  context.mock.timers.tick(100);
  assert.deepEqual([...pending.keys()], ["ab"]);
  check.changed("abc");
  pending.get("ab")?.();
  context.mock.timers.tick(100);
  pending.get("abc")?.();
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(shown, ["abc"]);
});

test("the matrix has a row for each method of the document", () => {
  assert.ok(matrix.length > 50);
  const row = matrix.find((one) => one.action === "utility.delete");
  assert.deepEqual(row?.roles, ["-", "own", "tenant", "everywhere"]);
  assert.deepEqual(readMatrix("| role | x |\n|---|---|\n"), []);
});

test("half and 95 of a hundred are what they say", () => {
  assert.deepEqual(quantiles(Array.from({ length: 100 }, (_, n) => n + 1)), { p50: 50, p95: 95 });
  assert.deepEqual(quantiles([7]), { p50: 7, p95: 7 });
  assert.equal(barHeight(1000, 1000, 100), 100);
  assert.ok(barHeight(10, 1000, 100) > 40 && barHeight(10, 1000, 100) < 60);
});

test("seconds are read as people write them", () => {
  assert.deepEqual(toDuration("1.5"), { seconds: 1n, nanos: 500_000_000 });
  assert.deepEqual(toDuration(" 0,000000001 "), { seconds: 0n, nanos: 1 });
  for (const text of ["", "-1", "1e3", "1.0000000001", "x"]) assert.equal(toDuration(text), null, text);
});

test("only what was changed is said to be changed", () => {
  const before = { displayName: "a", description: "", tags: ["x"], runtime: "", isolation: 0, storeValues: false, freshProcesses: false };
  assert.deepEqual(changes(before, { ...before, limits: { timeout: { seconds: 0n, nanos: 0 }, memoryBytes: 0n } }), []);
  const after = { ...before, displayName: "b", tags: [], limits: { timeout: { seconds: 2n, nanos: 0 }, memoryBytes: 1n } };
  assert.deepEqual(changes(before, after), ["display_name", "tags", "limits.timeout", "limits.memory_bytes"]);
});

test("a merge is settled when its own markers are gone, whatever else looks like some", () => {
  const sides = { mine: "mine", theirs: "v3" };
  const merged = merge("a\nb\nc", "a\nB\nc", "a\nbb\nc", sides);
  assert.equal(merged.conflicts, 1);
  assert.ok(isUnsettled(merged.text, sides));
  assert.ok(!isUnsettled("a\n=======\n<<<<<<< of a test\nB\nc", sides));
});
