// Every page in the dark theme: fits into 360 pixels, and has nothing that axe finds on a wide screen. Its pictures are kept in
// build/screenshots. Here, too: that axe finds what is wrong, and what pages show where there is no engine.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openPage, violations, WIDE } from "./browser.mjs";
import { everyPageFits } from "./every_page.mjs";
import { scene } from "./scene.mjs";

everyPageFits("dark", WIDE);

describe("what is not there", () => {
  const stage = scene();

  test("axe finds what is wrong with a page", async () => {
    const { page, context } = await openPage(stage.browser);
    await page.goto(`${stage.door.address}/`);
    await page.locator("main").waitFor();
    await page.evaluate(() => document.querySelector("main").append(document.createElement("img")));
    assert.deepEqual((await violations(page)).map(([id]) => id), ["image-alt"]);
    await context.close();
  });

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
