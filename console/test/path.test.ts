// Paths of pages, also such as nobody has made.

import assert from "node:assert/strict";
import { test } from "node:test";

import { partsOf } from "../src/path";

const PAGE = /^\/utilities\/([^/]+)$/;

test("a path has its parts as they are called", () => {
  assert.deepEqual(partsOf(PAGE, "/utilities/a%20b"), ["a b"]);
  assert.equal(partsOf(PAGE, "/utilities"), null);
});

test("a path that is no text is the path of no page", () => {
  assert.equal(partsOf(PAGE, "/utilities/%zz"), null);
});
