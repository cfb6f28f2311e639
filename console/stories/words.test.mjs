// Every page in words: no text stands outside of the catalogue, and what is longer in German fits, too.

import assert from "node:assert/strict";
import { before, describe, test } from "node:test";

import { openPage, textsOutsideOfCatalogue } from "./browser.mjs";
import { furnish, PAGES } from "./every_page.mjs";
import { scene } from "./scene.mjs";

describe("every page in words", () => {
  const stage = scene();
  before(() => furnish(stage));

  test("every text stands in the catalogue", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.evaluate(() => localStorage.setItem("zona.locale", "pseudo"));
    const found = [];
    for (const [name, path, ready] of PAGES) {
      await page.goto(`${stage.door.address}${path}`);
      await page.locator(ready).first().waitFor();
      for (const text of await textsOutsideOfCatalogue(page)) found.push(`${name}: ${text}`);
    }
    assert.deepEqual([...new Set(found)], []);
    await stage.close(opened);
  });

  test("every page fits into 360 pixels in German, too", async () => {
    const opened = await stage.as("ann", { width: 360, height: 740, locale: "de-DE" });
    const { page } = opened;
    const found = [];
    for (const [name, path, ready] of PAGES) {
      await page.goto(`${stage.door.address}${path}`);
      await page.locator(ready).first().waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > 360) found.push(`${name}: ${wide} pixels wide`);
    }
    assert.deepEqual(found, []);
    await stage.close(opened);
  });

  test("whoever prefers German reads German", async () => {
    const opened = await openPage(stage.browser, { locale: "de-DE" });
    await opened.page.goto(`${stage.door.address}/`);
    await stage.heading(opened.page, "Bei Zona anmelden").waitFor();
    assert.equal(await opened.page.evaluate(() => document.documentElement.lang), "de");
    await stage.close(opened);
  });
});
