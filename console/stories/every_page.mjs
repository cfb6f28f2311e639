// The pages of the console, each with what is there once it is ready, what a server has to hold for them, and what holds for each in a theme.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";

import { artifacts, NARROW, violations, WIDE } from "./browser.mjs";
import { scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

const CODE = `import json


def main(count: int = 3, level: str = "low"):
    for number in range(count):
        print(f"\\x1b[3{number % 8}mline\\x1b[0m {number}")
    return [{"number": n, "text": json.dumps(n)} for n in range(count)]
`;

/** Has a server hold a utility of two versions and an execution that is over; answers the execution's name. */
export async function furnish(stage) {
  const { name, etag } = await stage.create("counter", "def main():\n    return 1\n");
  await stage.server.call("zona.utility.v1.UtilityService/UpdateUtility", { utility: { name, code: CODE, etag }, updateMask: "code" });
  const { name: execution } = await stage.server.call("zona.execution.v1.ExecutionService/StartExecution", { name, paramsJson: "{}" });
  await eventually(async () => (await stage.server.call("zona.execution.v1.ExecutionService/GetExecution", { name: execution })).resultJson);
  return execution;
}

export const PAGES = [
  ["utilities", "/utilities", ".table-scroll"],
  ["new", "/utilities/new", ".editor .cm-content"],
  ["code", "/utilities/counter", ".editor .cm-content"],
  ["versions", "/utilities/counter?tab=versions", ".diff .cm-content"],
  ["utility-executions", "/utilities/counter?tab=executions", ".chart"],
  ["properties", "/utilities/counter?tab=properties", "form.form"],
  ["sharing", "/utilities/counter?tab=sharing", ".empty"],
  ["executions", "/executions", ".table-scroll"],
  ["audit", "/audit", ".table-scroll"],
  ["users", "/access", ".table-scroll"],
  ["accounts", "/access?tab=accounts", ".table-scroll"],
  ["matrix", "/access?tab=matrix", ".matrix"],
  ["explain", "/access?tab=explain", "form"],
  ["integrations", "/services", ".empty"],
  ["tenant", "/settings", ".facts"],
  ["secrets", "/settings?tab=secrets", ".empty"],
  ["webhooks", "/settings?tab=webhooks", ".empty"],
  ["policy", "/settings?tab=policy", "form"],
  ["runtimes", "/settings?tab=runtimes", "section.card"],
  ["missing", "/nothing-here", ".empty"],
];

/**
 * Tells that every page fits into 360 pixels in one theme, and that axe finds nothing in it at one width. What it finds depends on the colors and
 * on the width, hardly on both together: it looks at each of them once.
 */
export function everyPageFits(theme, looked) {
  describe(`every page, ${theme}`, () => {
    const stage = scene();
    let execution = "";
    before(async () => {
      execution = await furnish(stage);
    });

    test("every page fits into 360 pixels, and axe finds nothing in it", async () => {
      const opened = await stage.as("ann", { ...NARROW, theme });
      const { page } = opened;
      const found = [];
      const pages = [...PAGES, ["execution", `/executions/${execution.split("/").at(-1)}`, ".row-text"]];
      for (const [name, path, ready] of pages) {
        await page.setViewportSize(NARROW);
        await page.goto(`${stage.door.address}${path}`);
        await page.locator(ready).first().waitFor();
        await page.locator(".state.loading").first().waitFor({ state: "detached" });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > NARROW.width) found.push(`${name}: ${wide} pixels wide`);
        writeFileSync(join(artifacts, `${name}-${theme}-${NARROW.width}.png`), await page.screenshot({ fullPage: true }));
        const narrow = looked === NARROW ? await violations(page) : [];
        await page.setViewportSize(WIDE);
        writeFileSync(join(artifacts, `${name}-${theme}-${WIDE.width}.png`), await page.screenshot());
        const all = looked === WIDE ? await violations(page) : narrow;
        for (const violation of all) found.push(`${name}: ${JSON.stringify(violation)}`);
      }
      assert.deepEqual(found, []);
      await stage.close(opened);
    });
  });
}
