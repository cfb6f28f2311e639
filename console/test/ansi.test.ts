// Colors of terminals: what becomes a style, and that nothing else of a control sequence is left.

import assert from "node:assert/strict";
import { test } from "node:test";

import { PLAIN, css, pieces, plain, styleBehind } from "../src/run/ansi";

test("colors become styles and their sequences vanish", () => {
  const found = pieces("a\x1b[31;1mred\x1b[0mb", PLAIN);
  assert.deepEqual(
    found.pieces.map((piece) => [piece.text, piece.style.foreground, piece.style.bold]),
    [
      ["a", null, false],
      ["red", 1, true],
      ["b", null, false],
    ],
  );
});

test("a style goes on in the next line", () => {
  const end = styleBehind("\x1b[38;5;208mwarm", PLAIN);
  assert.equal(end.foreground, 208);
  assert.equal(pieces("still", end).pieces[0]?.style.foreground, 208);
  assert.equal(styleBehind("plain", end), end);
});

test("every color is read in its three forms", () => {
  assert.equal(pieces("\x1b[94mx", PLAIN).pieces[0]?.style.foreground, 12);
  assert.equal(pieces("\x1b[48;2;1;2;255mx", PLAIN).pieces[0]?.style.background, "#0102ff");
  assert.equal(pieces("\x1b[38;5;300mx", PLAIN).pieces[0]?.style.foreground, null);
  assert.equal(css(1), "var(--ansi-1)");
  assert.equal(css(196), "rgb(255,0,0)");
  assert.equal(css(255), "rgb(238,238,238)");
});

test("sequences that are no colors leave nothing behind", () => {
  const cases = [
    "\x1b[2J\x1b[Hx",
    "\x1b]0;title\x07x",
    "\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\",
    "\x1bPq#0\x1b\\x",
    "\x1b(Bx",
    "\x1b[?25lx",
    "\x1b[>1mx",
  ];
  for (const line of cases) assert.equal(plain(line), "x", JSON.stringify(line));
});

test("a sequence that breaks off takes nothing along that is text", () => {
  assert.equal(plain("a\x1b"), "a");
  assert.equal(plain("a\x1b["), "a");
  assert.equal(plain("a\x1b[31"), "a");
});

test("markup stays text", () => {
  assert.equal(plain("<img src=x onerror=alert(1)>"), "<img src=x onerror=alert(1)>");
});

test("characters that nobody sees or that turn text around are shown", () => {
  assert.equal(plain("a\x00b"), "a\u2400b");
  assert.equal(plain("user\u202etxt.exe"), "user\\u202etxt.exe");
});
