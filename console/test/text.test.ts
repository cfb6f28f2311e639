// The catalogue: each language is whole, and says the same with the same values.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { executionReasonText, preferred, pseudo, reasonText, ruleTitle, violationText } from "../src/text";
import { de } from "../src/text/de";
import { en } from "../src/text/en";
import { english } from "../src/text/english";
import { german } from "../src/text/german";

// Reasons that have no German text yet: where the documents get a new one, it is translated, or stands here for a while.
const UNTRANSLATED: readonly string[] = [];

const values = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("every text has the same values in each language", () => {
  for (const [id, text] of Object.entries(en)) {
    const other = de[id as keyof typeof en];
    assert.ok(other !== "", id);
    assert.deepEqual(values(other), values(text), id);
  }
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
});

test("every text that is asked for by its number has both forms", () => {
  for (const id of Object.keys(en)) {
    if (id.endsWith(".one")) assert.ok(id.replace(/one$/, "other") in en, id);
    if (id.endsWith(".other") && id !== "execution.other") assert.ok(id.replace(/other$/, "one") in en, id);
  }
});

test("every reason and every rule of the documents is in each language", () => {
  assert.ok(Object.keys(english.reasons).length > 50 && Object.keys(english.rules).length > 60);
  for (const kind of ["reasons", "violations", "executionReasons", "rules"] as const) {
    for (const name of Object.keys(english[kind])) {
      if (!UNTRANSLATED.includes(name)) assert.ok((german[kind][name] ?? "") !== "", `${kind}: ${name}`);
    }
  }
});

test("the English catalogue has every reason that the documents list", () => {
  const errors = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
  const listed = new Set([...errors.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((match) => match[1] ?? ""));
  const known = new Set([...Object.keys(english.reasons), ...Object.keys(english.violations), ...Object.keys(english.executionReasons)]);
  assert.deepEqual([...listed].filter((name) => !known.has(name)), []);
});

test("the browser's preference decides on the language", () => {
  assert.equal(preferred(["de-CH", "en"]), "de");
  assert.equal(preferred(["fr", "de"]), "de");
  assert.equal(preferred(["fr"]), "en");
  assert.equal(preferred([]), "en");
});

test("the pseudo-locale marks every text and keeps its values", () => {
  const made = pseudo(english);
  for (const [id, text] of Object.entries(made.texts)) {
    assert.ok(text.startsWith("\u27e6") && text.endsWith("\u27e7"), id);
    assert.deepEqual(values(text), values(en[id as keyof typeof en]));
  }
});

test("what is no reason has no text, however it is called", () => {
  for (const text of [reasonText, violationText, executionReasonText, ruleTitle]) {
    for (const name of ["__proto__", "constructor", "toString", "NOBODY_KNOWS_THIS"]) assert.equal(text(name), "", name);
  }
});
