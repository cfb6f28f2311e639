// Paths of pages, also such as nobody has made.

import assert from "node:assert/strict";
import { test } from "node:test";

import { partsOf, wayBack } from "../src/path";

const PAGE = /^\/utilities\/([^/]+)$/;

test("a path has its parts as they are called", () => {
  assert.deepEqual(partsOf(PAGE, "/utilities/a%20b"), ["a b"]);
  assert.equal(partsOf(PAGE, "/utilities"), null);
});

test("a path that is no text is the path of no page", () => {
  assert.equal(partsOf(PAGE, "/utilities/%zz"), null);
});

test("who signs in elsewhere comes back to the page, with as much of its address as the gateway takes", () => {
  assert.equal(wayBack("/utilities/a", "?input=1"), "/utilities/a?input=1");
  assert.equal(wayBack("/utilities/a", `?${"x".repeat(1_011)}`).length, 1_024);
  assert.equal(wayBack("/utilities/a", `?${"x".repeat(1_012)}`), "/utilities/a");
  assert.equal(wayBack(`/${"x".repeat(1_024)}`, ""), "/");
});
