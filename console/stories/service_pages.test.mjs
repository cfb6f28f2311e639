// Every page about services: fits, has nothing that axe finds, and no text outside of the catalogue. Its pictures are kept in
// build/screenshots.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";

import { artifacts, NARROW, textsOutsideOfCatalogue, violations, WIDE } from "./browser.mjs";
import { ENGINE } from "./engine.mjs";
import { scene } from "./scene.mjs";
import { PATIENT, shopOn } from "./shop.mjs";

describe("every page of services", () => {
  const stage = scene({ settings: ENGINE });
  const shop = shopOn(stage);
  before(() => shop.open());

  const PAGES = [
    ["board", "/services", ".graph"],
    ["logs", "/services?tab=logs&services=db,web", ".row-text"],
    ["manifest", "/services?tab=manifest", "textarea"],
    ["integrations", "/services?tab=integrations", ".empty"],
  ];

  // As of every page: what axe finds is looked for once in each theme and at each width.
  for (const [theme, looked] of [
    ["light", NARROW],
    ["dark", WIDE],
  ]) {
    test(`every page of services fits into 360 pixels, and axe finds nothing in it, ${theme}`, async () => {
      const opened = await stage.asRoot({ ...NARROW, theme });
      const { page } = opened;
      const found = [];
      const look = async (name) => {
        for (const size of [NARROW, WIDE]) {
          await page.setViewportSize(size);
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          if (wide > size.width) found.push(`${name}: ${wide} of ${size.width} pixels`);
          writeFileSync(join(artifacts, `services-${name}-${theme}-${size.width}.png`), await page.screenshot({ fullPage: true }));
          if (size === looked) for (const violation of await violations(page)) found.push(`${name} ${size.width}: ${JSON.stringify(violation)}`);
        }
      };
      for (const [name, path, ready] of PAGES) {
        await page.goto(`${stage.door.address}${path}`);
        await page.locator(ready).first().waitFor(PATIENT);
        await look(name);
      }
      await page.goto(`${stage.door.address}/services`);
      await page.getByRole("button", { name: "Show web" }).click();
      await page.getByRole("dialog").locator("table").waitFor();
      await look("detail");
      assert.deepEqual(found, []);
      await stage.close(opened);
    });
  }

  test("every text of the services' pages stands in the catalogue, and German fits", async () => {
    const opened = await stage.asRoot(NARROW);
    const { page } = opened;
    const found = [];
    for (const locale of ["pseudo", "de"]) {
      await page.evaluate((next) => localStorage.setItem("zona.locale", next), locale);
      for (const [name, path, ready] of PAGES) {
        await page.goto(`${stage.door.address}${path}`);
        await page.locator(ready).first().waitFor(PATIENT);
        if (locale === "pseudo") for (const text of await textsOutsideOfCatalogue(page)) found.push(`${name}: ${text}`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (locale === "de" && wide > NARROW.width) found.push(`${name}: ${wide} pixels wide`);
      }
    }
    assert.deepEqual([...new Set(found)], []);
    await stage.close(opened);
  });
});
