// Rows of a list: several chosen at once, and the way from one to the next by key.

import assert from "node:assert/strict";
import { test } from "node:test";

import { beside, toggled } from "../src/ui/rows";

test("choosing all of a page keeps what was chosen on others", () => {
  const chosen = toggled(new Set(["a"]), ["b", "c"], true);
  assert.deepEqual([...chosen], ["a", "b", "c"]);
  assert.deepEqual([...toggled(chosen, ["b", "a"], false)], ["c"]);
});

test("choosing changes nothing that somebody else holds", () => {
  const before: ReadonlySet<string> = new Set(["a"]);
  toggled(before, ["b"], true);
  assert.deepEqual([...before], ["a"]);
});

test("arrow keys lead from row to row and not beyond the ends", () => {
  assert.deepEqual([beside(3, 0, "ArrowDown"), beside(3, 2, "ArrowDown")], [1, null]);
  assert.deepEqual([beside(3, 2, "ArrowUp"), beside(3, 0, "ArrowUp")], [1, null]);
  assert.deepEqual([beside(3, 1, "End"), beside(3, 2, "End"), beside(3, 2, "Home")], [2, null, 0]);
  assert.deepEqual([beside(3, 1, "Enter"), beside(1, 0, "ArrowDown")], [null, null]);
});
