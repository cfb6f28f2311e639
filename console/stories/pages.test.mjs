// Every page: fits into 360 pixels in both themes, and has nothing that axe finds, in either theme and at either width. Its pictures are kept in
// build/screenshots.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";

import { artifacts, NARROW, openPage, violations, WIDE } from "./browser.mjs";
import { furnish, PAGES } from "./every_page.mjs";
import { scene } from "./scene.mjs";

describe("every page", () => {
  const stage = scene();
  let execution = "";
  before(async () => {
    execution = await furnish(stage);
  });

  test("axe finds what is wrong with a page", async () => {
    const { page, context } = await openPage(stage.browser);
    await page.goto(`${stage.door.address}/`);
    await page.locator("main").waitFor();
    await page.evaluate(() => document.querySelector("main").append(document.createElement("img")));
    assert.deepEqual((await violations(page)).map(([id]) => id), ["image-alt"]);
    await context.close();
  });

  // What axe finds depends on the colors and on the width, hardly on both together: it looks at each of them once.
  for (const [theme, looked] of [
    ["light", NARROW],
    ["dark", WIDE],
  ]) {
    test(`every page fits into 360 pixels, and axe finds nothing in it, ${theme}`, async () => {
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
  }

  test("a server without an engine says what to set, on each page of services", async () => {
    const opened = await stage.asRoot();
    const { page } = opened;
    for (const path of ["/services", "/services?tab=logs"]) {
      await page.goto(`${stage.door.address}${path}`);
      await page.getByText("This server runs no services").waitFor();
      await page.getByText("set engine.kind", { exact: false }).first().waitFor();
      assert.deepEqual(await violations(page), []);
    }
    await page.goto(`${stage.door.address}/services?tab=manifest`);
    await page.getByText("No manifest was applied yet.").waitFor();
    await page.locator("textarea").fill("name: shop\nservices: []\n");
    await page.getByRole("button", { name: "Show the plan" }).click();
    await page.getByText("ENGINE_NOT_CONFIGURED").waitFor();
    await stage.close(opened);
  });
});
