// Every page: fits into 360 pixels in both themes, has nothing that axe finds, and no text outside of the catalogue. Its pictures are kept
// in build/screenshots.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { openPage, textsOutsideOfCatalogue, violations } from "./browser.mjs";
import { scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

const artifacts = process.env["CONSOLE_ARTIFACTS"] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), "build", "screenshots");

const CODE = `import json


def main(count: int = 3, level: str = "low"):
    for number in range(count):
        print(f"\\x1b[3{number % 8}mline\\x1b[0m {number}")
    return [{"number": n, "text": json.dumps(n)} for n in range(count)]
`;

describe("every page", () => {
  const stage = scene();
  before(async () => {
    mkdirSync(artifacts, { recursive: true });
    const { name, etag } = await stage.create("counter", "def main():\n    return 1\n");
    await stage.server.call("zona.utility.v1.UtilityService/UpdateUtility", { utility: { name, code: CODE, etag }, updateMask: "code" });
    const { name: execution } = await stage.server.call("zona.execution.v1.ExecutionService/StartExecution", { name, paramsJson: "{}" });
    await eventually(async () => (await stage.server.call("zona.execution.v1.ExecutionService/GetExecution", { name: execution })).resultJson);
  });

  const PAGES = [
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

  test("axe finds what is wrong with a page", async () => {
    const { page, context } = await openPage(stage.browser);
    await page.goto(`${stage.door.address}/`);
    await page.locator("main").waitFor();
    await page.evaluate(() => document.querySelector("main").append(document.createElement("img")));
    assert.deepEqual((await violations(page)).map(([id]) => id), ["image-alt"]);
    await context.close();
  });

  for (const theme of ["light", "dark"]) {
    test(`every page fits into 360 pixels, and axe finds nothing in it, ${theme}`, async () => {
      const opened = await stage.as("ann", { width: 360, height: 740, theme });
      const { page } = opened;
      const execution = (await stage.server.call("zona.execution.v1.ExecutionService/ListExecutions", { parent: "tenants/demo" })).executions[0].name;
      const found = [];
      const pages = [...PAGES, ["execution", `/executions/${execution.split("/").at(-1)}`, ".row-text"]];
      for (const [name, path, ready] of pages) {
        await page.goto(`${stage.door.address}${path}`);
        await page.locator(ready).first().waitFor();
        await page.locator(".state.loading").first().waitFor({ state: "detached" });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > 360) found.push(`${name}: ${wide} pixels wide`);
        writeFileSync(join(artifacts, `${name}-${theme}-360.png`), await page.screenshot({ fullPage: true }));
        for (const violation of await violations(page)) found.push(`${name}: ${JSON.stringify(violation)}`);
      }
      await opened.page.setViewportSize({ width: 1280, height: 900 });
      for (const [name, path, ready] of pages) {
        await page.goto(`${stage.door.address}${path}`);
        await page.locator(ready).first().waitFor();
        writeFileSync(join(artifacts, `${name}-${theme}-1280.png`), await page.screenshot());
        for (const violation of await violations(page)) found.push(`${name} wide: ${JSON.stringify(violation)}`);
      }
      assert.deepEqual(found, []);
      await stage.close(opened);
    });
  }

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

  test("whoever prefers German reads German", async () => {
    const opened = await openPage(stage.browser, { locale: "de-DE" });
    await opened.page.goto(`${stage.door.address}/`);
    await stage.heading(opened.page, "Bei Zona anmelden").waitFor();
    assert.equal(await opened.page.evaluate(() => document.documentElement.lang), "de");
    await stage.close(opened);
  });
});
