// Results as tables: what is shown is what was returned.

import assert from "node:assert/strict";
import { test } from "node:test";

import { parse } from "lossless-json";

import { asTable, cell } from "../src/run/result-table";

test("numbers within a cell stay numbers, each as it was written", () => {
  const table = asTable(parse('[{"a": 1.0, "b": [1, 12345678901234567890, "1"], "c": {"d": 2.50}, "e": null}]'));
  const row = table?.rows[0] ?? {};
  assert.deepEqual(Object.values(row).map(cell), ["1.0", '[1,12345678901234567890,"1"]', '{"d":2.50}', "null"]);
});

test("what is no list of objects is no table", () => {
  for (const text of ["[]", "[1]", "{}", "[[1]]"]) assert.equal(asTable(parse(text)), null, text);
});
