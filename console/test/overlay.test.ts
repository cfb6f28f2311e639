// A manifest with what was asked laid over it: read by a reader of YAML, it says the same but for what was asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";

import { overlaid, type Asked } from "../src/process/overlay";

const SHOP = `# the shop
name: shop
services:
  - &web
    name: web
    context: {image: 'shop:7', environment: {VERSION: 1.10, MODE: 014, EMPTY: "", QUOTED: "no"}}
    replicas: 3
  - <<: *web
    name: web-two
x-note: |
  two
  lines
`;

const PRODUCTION = `${SHOP}environments:
  production: &production
    services:
      web: &more {replicas: 6, context: {command: }}
  staging: *production
  merged:
    <<: *production
    parameters: {A: b}
`;

const asked = (entries: Record<string, Asked>) => new Map(Object.entries(entries));

function laid(manifest: string, environment: string, entries: Record<string, Asked>) {
  const over = overlaid(manifest, environment, asked(entries));
  assert.ok(over !== null);
  const read = parse(over.manifest, { schema: "failsafe", merge: true }) as Record<string, any>;
  return { ...over, read, changed: read["environments"][over.environment] };
}

test("what is asked stands in an environment of its own, and nothing else is changed", () => {
  const { read, environment, changed } = laid(SHOP, "", { web: { enabled: false }, "web-two": { replicas: 2 } });
  assert.equal(environment, "console-plan");
  assert.deepEqual(changed, { services: { web: { enabled: "false" }, "web-two": { replicas: "2" } } });
  const { environments: _, ...rest } = read;
  assert.deepEqual(rest, parse(SHOP, { schema: "failsafe", merge: true }));
});

test("scalars keep their text and their quotes", () => {
  const { manifest } = laid(SHOP, "", { web: { replicas: 2 } });
  for (const kept of ["VERSION: 1.10", "MODE: 014", 'EMPTY: ""', 'QUOTED: "no"', "'shop:7'", "# the shop"]) assert.ok(manifest.includes(kept), `${kept} in ${manifest}`);
  assert.ok(manifest.includes("replicas: 2") && !manifest.includes('"2"'), manifest);
});

test("what the environment in force says is kept below what is asked", () => {
  const { changed, read } = laid(PRODUCTION, "production", { web: { enabled: false }, other: { replicas: 0 } });
  assert.equal(changed.services.web.replicas, "6");
  assert.equal(changed.services.web.enabled, "false");
  assert.deepEqual(changed.services.other, { replicas: "0" });
  assert.equal(read["environments"].production.services.web.enabled, undefined);
  assert.equal(read["environments"].staging.services.web.enabled, undefined);
});

test("an environment that is another one by its anchor is taken as that", () => {
  const { changed } = laid(PRODUCTION, "staging", { web: { replicas: 1 } });
  assert.equal(changed.services.web.replicas, "1");
});

test("a value that is not there stays null, which takes a field away", () => {
  const { manifest } = laid(PRODUCTION, "production", { web: { replicas: 1 } });
  const read = parse(manifest, { merge: true }) as Record<string, any>;
  assert.equal(read["environments"].production.services.web.context.command, null);
  assert.equal(read["environments"]["console-plan"].services.web.context.command, null);
});

test("what would need a guess is not laid over", () => {
  const one = asked({ web: { replicas: 1 } });
  assert.equal(overlaid(PRODUCTION, "merged", one), null, "services that come by a merge");
  assert.equal(overlaid(PRODUCTION, "absent", one), null);
  assert.equal(overlaid("a: [", "", one), null);
  assert.equal(overlaid("- a", "", one), null);
  assert.equal(overlaid('{"name": ', "", one), null);
  assert.equal(overlaid("x-all: &all {environments: {}}\n<<: *all\nname: shop\n", "", one), null);
});

test("a manifest in JSON stays one, with every digit of its numbers", () => {
  const text = '{"name": "shop", "services": [{"name": "web"}], "x-n": 9007199254740993, "environments": {"console-plan": {"services": {"web": {"replicas": 6}}}}}';
  const over = overlaid(text, "console-plan", asked({ web: { enabled: true } }));
  assert.ok(over !== null);
  assert.equal(over.environment, "console-plan-2");
  assert.ok(over.manifest.includes("9007199254740993"));
  const read = JSON.parse(over.manifest) as Record<string, any>;
  assert.deepEqual(read["environments"]["console-plan-2"], { services: { web: { replicas: 6, enabled: true } } });
  assert.deepEqual(read["environments"]["console-plan"], { services: { web: { replicas: 6 } } });
});
