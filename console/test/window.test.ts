// Long lists: what is drawn is what is on the screen, also where no element could be as tall as the list.

import assert from "node:assert/strict";
import { test } from "node:test";

import { scrollTo, windowOf } from "../src/run/window";

const ROW = 20;
const VIEW = 400;

test("only what fits on the screen is drawn", () => {
  for (const count of [0, 1, 10, 100_000, 5_000_000]) {
    const range = windowOf(count, ROW, VIEW, 1000);
    assert.ok(range.end - range.first <= VIEW / ROW + 26, String(count));
  }
});

test("every row can be scrolled to and is in the middle then", () => {
  for (const count of [50, 100_000, 5_000_000]) {
    for (const row of [0, 7, Math.floor(count / 3), count - 1]) {
      const top = scrollTo(row, count, ROW, VIEW);
      const range = windowOf(count, ROW, VIEW, top);
      assert.ok(range.first <= row && row < range.end, `${row} of ${count}`);
    }
  }
});

test("the end of the list is at the end of the scrolling", () => {
  for (const count of [30, 100_000, 5_000_000]) {
    const { height } = windowOf(count, ROW, VIEW, 0);
    assert.equal(windowOf(count, ROW, VIEW, height - VIEW).end, count);
  }
});

test("rows stand where they are scrolled to", () => {
  const range = windowOf(100_000, ROW, VIEW, 40_000);
  assert.equal(range.top, range.first * ROW);
});
