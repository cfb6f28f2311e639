// What people do with the console, from the first sign-in on, in a real browser and against the real server.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import { openPage, signIn, startBrowser, textsOutsideOfCatalogue, violations } from "./browser.mjs";
import { openDoor } from "./door.mjs";
import { eventually, startServer } from "./server.mjs";

const PASSWORD = "correct horse battery 9";
const artifacts = process.env["CONSOLE_ARTIFACTS"] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), "build", "screenshots");

const COUNTER = `import time


def main(count: int, word: str = "line"):
    for number in range(count):
        print(f"\\x1b[32m{word}\\x1b[0m {number}")
        time.sleep(0.02)
    return [{"number": n, "square": n * n} for n in range(3)]
`;

const FAILING = `def main():
    print("<img src=x onerror=document.title='owned'>")
    values = {}
    return values["missing"]
`;

describe("console", () => {
  let server;
  let door;
  let browser;
  const create = (id, code) =>
    server.call("zona.utility.v1.UtilityService/CreateUtility", { parent: "tenants/demo", utilityId: id, utility: { code } });

  before(async () => {
    server = await startServer();
    door = await openDoor(server.gateway);
    browser = await startBrowser();
    for (const [userId, role] of [
      ["ann", "ROLE_ADMIN"],
      ["cora", "ROLE_CREATOR"],
      ["uma", "ROLE_USER"],
    ]) {
      await server.call("zona.identity.v1.IdentityService/CreateUser", {
        parent: "tenants/demo",
        userId,
        user: { role, password: PASSWORD, displayName: userId },
      });
    }
    mkdirSync(artifacts, { recursive: true });
  });
  after(async () => {
    await browser?.close();
    door?.close();
    await server?.stop();
  });

  /** A page of somebody who is signed in. */
  async function as(user, how = {}) {
    const opened = await openPage(browser, how);
    await signIn(opened.page, door.address, { user, password: PASSWORD });
    return opened;
  }

  async function close({ context, faults }) {
    await context.close();
    assert.deepEqual(faults, []);
  }

  const heading = (page, text) => page.getByRole("heading", { level: 1, name: text });

  /** Puts this code into the editor, as by typing. */
  async function write(page, code) {
    const content = page.locator(".editor .cm-content");
    await content.click();
    await page.keyboard.press("Control+A");
    // Text that is put in the place of highlighted text, the browser gives an inline style, which the page's policy refuses.
    await page.keyboard.press("Delete");
    await page.keyboard.insertText(code);
  }

  test("somebody signs in, is told of a wrong password, and leaves no token behind", async () => {
    const opened = await openPage(browser);
    const { page, context } = opened;
    await page.goto(`${door.address}/executions`);
    await page.locator('input[name="tenant"]').fill("demo");
    await page.locator('input[name="user"]').fill("cora");
    await page.locator('input[name="secret"]').fill("wrong horse battery 9");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("UNAUTHENTICATED").first().waitFor();
    await page.locator('input[name="secret"]').fill(PASSWORD);
    await page.keyboard.press("Enter");
    await heading(page, "Executions").waitFor();
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.equal(kept, '[{},{},""]');
    const [cookie] = await context.cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
    await page.reload();
    await heading(page, "Executions").waitFor();
    await page.locator("details.menu summary").click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await heading(page, "Sign in to Zona").waitFor();
    await page.reload();
    await heading(page, "Sign in to Zona").waitFor();
    await close(opened);
  });

  test("a finding appears and vanishes while somebody writes, and what they save runs and shows its output", async () => {
    const opened = await as("cora");
    const { page } = opened;
    await page.getByRole("link", { name: "New utility" }).first().click();
    await page.locator('input[name="utility-id"]').fill("counter");
    await write(page, COUNTER.replace("import time", "import os"));
    const finding = page.locator(".findings li.error", { hasText: "ZPY-IMPORT-001" });
    await finding.waitFor();
    await page.locator(".editor .cm-lint-marker-error").first().waitFor();
    await finding.getByRole("button", { name: "ZPY-IMPORT-001" }).click();
    await page.getByRole("dialog").getByText("Import of a system module").first().waitFor();
    await page.keyboard.press("Escape");
    await write(page, COUNTER);
    await page.locator(".standing").getByText("No errors").waitFor();
    assert.equal(await page.locator(".findings li.error").count(), 0);
    await page.keyboard.press("Control+S");
    await heading(page, "counter").waitFor();
    await page.locator('[name="param-count"]').fill("5");
    await page.locator('[name="param-count"]').press("Control+Enter");
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    assert.deepEqual(await page.locator(".row-text").allTextContents(), [0, 1, 2, 3, 4].map((n) => `line ${n}`));
    await page.getByRole("tab", { name: "Result" }).click();
    assert.deepEqual(await page.locator(".result td").allTextContents(), ["0", "0", "1", "1", "2", "4"]);
    await page.getByRole("button", { name: "Isolated" }).click();
    await page.getByRole("dialog").getByText("It could reach no network.").waitFor();
    await page.keyboard.press("Escape");
    // What was typed is there the next time.
    await page.reload();
    await page.locator('[name="param-count"]').waitFor();
    assert.equal(await page.locator('[name="param-count"]').inputValue(), "5");
    await close(opened);
  });

  test("a network that goes away and comes back loses and doubles nothing of a run", async () => {
    await create("ticker", COUNTER);
    const opened = await as("ann");
    const { page } = opened;
    await page.goto(`${door.address}/utilities/ticker`);
    await page.locator('[name="param-count"]').fill("150");
    await page.keyboard.press("Control+Enter");
    await page.locator(".row-text").nth(9).waitFor({ state: "attached" });
    door.cut();
    await page.getByText("Connection lost, trying again").waitFor();
    door.mend();
    await page.locator(".run-status").getByText("Runs").waitFor();
    door.interrupt();
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
    let text = "";
    for await (const chunk of await download.createReadStream()) text += chunk;
    const expected = Array.from({ length: 150 }, (_, n) => `\x1b[32mline\x1b[0m ${n}`).join("\n");
    assert.equal(text, expected);
    await close(opened);
  });

  test("a run that fails names the line in the editor, and what it prints is text and nothing else", async () => {
    await create("failing", FAILING);
    const opened = await as("ann");
    const { page } = opened;
    await page.goto(`${door.address}/utilities/failing`);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator(".run-failure").getByText("KeyError").first().waitFor();
    await page.locator(".editor .cm-blamed", { hasText: 'values["missing"]' }).waitFor();
    assert.deepEqual(await page.locator(".row.stdout .row-text").allTextContents(), ["<img src=x onerror=document.title='owned'>"]);
    assert.equal(await page.locator(".output-view img").count(), 0);
    await close(opened);
  });

  test("whoever saves late sees what others and they themselves have changed, and loses nothing", async () => {
    const { name } = await create("shared-code", "def main():\n    first = 1\n\n    # between\n\n    return first\n");
    const opened = await as("ann");
    const { page } = opened;
    await page.goto(`${door.address}/utilities/shared-code`);
    await page.locator(".editor .cm-content").waitFor();
    await write(page, "def main():\n    first = 1\n\n    # between\n\n    return [first]\n");
    const now = await server.call("zona.utility.v1.UtilityService/GetUtility", { name });
    await server.call("zona.utility.v1.UtilityService/UpdateUtility", {
      utility: { name, code: now.code.replace("first = 1", "first = 2"), etag: now.etag },
      updateMask: "code",
    });
    await page.keyboard.press("Control+S");
    const dialog = page.getByRole("dialog");
    await dialog.getByText("The changes touch different places").waitFor();
    await dialog.getByRole("tab", { name: "What they changed" }).click();
    await dialog.locator(".cm-content", { hasText: "first = 2" }).waitFor();
    await dialog.getByRole("button", { name: "Go on with the result" }).click();
    await page.keyboard.press("Control+S");
    await page.locator("#announcer", { hasText: "Saved." }).waitFor({ state: "attached" });
    const saved = await server.call("zona.utility.v1.UtilityService/GetUtility", { name });
    assert.equal(saved.code, "def main():\n    first = 2\n\n    # between\n\n    return [first]\n");
    assert.equal(saved.latestVersion, 3);
    await close(opened);
  });

  test("an old version is compared and restored", async () => {
    const { name, etag } = await create("old", "def main():\n    return 1\n");
    await server.call("zona.utility.v1.UtilityService/UpdateUtility", {
      utility: { name, code: "import json\n\n\ndef main(n: int = 2):\n    return json.dumps(n)\n", etag },
      updateMask: "code",
      message: "says it as text",
    });
    const opened = await as("ann");
    const { page } = opened;
    await page.goto(`${door.address}/utilities/old?tab=versions`);
    await page.getByText("says it as text").waitFor();
    await page.locator(".note", { hasText: "Newly imports:" }).getByText("json").waitFor();
    await page.locator("caption", { hasText: "Changed parameters" }).waitFor();
    await page.getByRole("button", { name: "Restore version 1" }).click();
    await eventually(async () => (await server.call("zona.utility.v1.UtilityService/GetUtility", { name })).latestVersion === 3);
    const restored = await server.call("zona.utility.v1.UtilityService/GetUtility", { name });
    assert.equal(restored.code, "def main():\n    return 1\n");
    await close(opened);
  });

  test("a user meets what they may not see, in words, and no way leads there", async () => {
    const opened = await as("uma");
    const { page } = opened;
    assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
    await page.goto(`${door.address}/audit`);
    await page.getByText("You may not see or do this").first().waitFor();
    await page.getByText("PERMISSION_DENIED").first().waitFor();
    await page.goto(`${door.address}/utilities/counter`);
    await page.getByText("There is no such thing, or it is not yours to see").waitFor();
    await page.goto(`${door.address}/access?tab=explain`);
    await page.getByLabel("About what").fill("counter");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText("They may not", { exact: true }).waitFor();
    await close(opened);
  });

  test("keys lead everywhere: find, help, and back", async () => {
    const opened = await as("ann");
    const { page } = opened;
    await heading(page, "Utilities").waitFor();
    await page.keyboard.press("Control+K");
    await page.keyboard.type("coun");
    await page.getByRole("option", { name: "counter" }).waitFor();
    await page.keyboard.press("Enter");
    await heading(page, "counter").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("h1").focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Ctrl/Cmd + Enter").waitFor();
    await page.keyboard.press("Escape");
    await page.goBack();
    await heading(page, "Utilities").waitFor();
    await close(opened);
  });

  test("changes that are not saved are asked about before they are left", async () => {
    const opened = await as("ann");
    const { page } = opened;
    await page.goto(`${door.address}/utilities/old`);
    await write(page, "def main():\n    return 'mine'\n");
    const asked = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.message());
      void (asked.length === 1 ? dialog.dismiss() : dialog.accept());
    });
    await page.getByRole("link", { name: "Executions", exact: true }).click();
    await eventually(() => asked.length === 1);
    await page.locator(".editor .cm-content", { hasText: "'mine'" }).waitFor();
    await page.getByRole("link", { name: "Executions", exact: true }).click();
    await heading(page, "Executions").waitFor();
    await close(opened);
  });

  test("the log is verified in the browser", async () => {
    const opened = await as("ann");
    const { page } = opened;
    await page.goto(`${door.address}/audit`);
    await page.getByRole("button", { name: "Verify", exact: true }).click();
    await page.getByText("The log is whole").waitFor();
    await page.getByText("This was the first time").waitFor();
    await page.getByRole("button", { name: "Verify", exact: true }).click();
    await page.getByText("It has only grown since the checkpoint that you keep.").waitFor();
    await page.getByRole("button", { name: /^Open record/ }).last().click();
    await page.getByRole("dialog").getByText("This record is in the log").waitFor();
    await close(opened);
  });

  const PAGES = [
    ["utilities", "/utilities", ".table-scroll"],
    ["new", "/utilities/new", ".editor .cm-content"],
    ["code", "/utilities/counter", ".editor .cm-content"],
    ["versions", "/utilities/old?tab=versions", ".diff .cm-content"],
    ["utility-executions", "/utilities/counter?tab=executions", ".chart"],
    ["sharing", "/utilities/counter?tab=sharing", ".empty"],
    ["executions", "/executions", ".table-scroll"],
    ["audit", "/audit", ".table-scroll"],
    ["users", "/access", ".table-scroll"],
    ["accounts", "/access?tab=accounts", ".table-scroll"],
    ["matrix", "/access?tab=matrix", ".matrix"],
    ["explain", "/access?tab=explain", "form"],
    ["tenant", "/settings", ".facts"],
    ["policy", "/settings?tab=policy", "form"],
    ["runtimes", "/settings?tab=runtimes", "section.card"],
    ["missing", "/nothing-here", ".empty"],
  ];

  test("axe finds what is wrong with a page", async () => {
    const { page, context } = await openPage(browser);
    await page.goto(`${door.address}/`);
    await page.evaluate(() => document.querySelector("main").append(document.createElement("img")));
    assert.deepEqual((await violations(page)).map(([id]) => id), ["image-alt"]);
    await context.close();
  });

  for (const theme of ["light", "dark"]) {
    test(`every page fits into 360 pixels, and axe finds nothing in it, ${theme}`, async () => {
      const opened = await as("ann", { width: 360, height: 740, theme });
      const { page } = opened;
      const execution = (await server.call("zona.execution.v1.ExecutionService/ListExecutions", { parent: "tenants/demo" })).executions[0].name;
      const found = [];
      const pages = [...PAGES, ["execution", `/executions/${execution.split("/").at(-1)}`, ".row-text"]];
      for (const [name, path, ready] of pages) {
        await page.goto(`${door.address}${path}`);
        await page.locator(ready).first().waitFor();
        await page.locator(".state.loading").first().waitFor({ state: "detached" });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        if (wide > 360) found.push(`${name}: ${wide} pixels wide`);
        writeFileSync(join(artifacts, `${name}-${theme}-360.png`), await page.screenshot({ fullPage: true }));
        for (const violation of await violations(page)) found.push(`${name}: ${JSON.stringify(violation)}`);
      }
      await opened.page.setViewportSize({ width: 1280, height: 900 });
      for (const [name, path, ready] of pages) {
        await page.goto(`${door.address}${path}`);
        await page.locator(ready).first().waitFor();
        writeFileSync(join(artifacts, `${name}-${theme}-1280.png`), await page.screenshot());
        for (const violation of await violations(page)) found.push(`${name} wide: ${JSON.stringify(violation)}`);
      }
      assert.deepEqual(found, []);
      await close(opened);
    });
  }

  test("every text stands in the catalogue", async () => {
    const opened = await as("ann");
    const { page } = opened;
    await page.evaluate(() => localStorage.setItem("zona.locale", "pseudo"));
    const found = [];
    for (const [name, path, ready] of PAGES) {
      await page.goto(`${door.address}${path}`);
      await page.locator(ready).first().waitFor();
      for (const text of await textsOutsideOfCatalogue(page)) found.push(`${name}: ${text}`);
    }
    assert.deepEqual([...new Set(found)], []);
    await close(opened);
  });

  test("whoever prefers German reads German", async () => {
    const opened = await openPage(browser, { locale: "de-DE" });
    await opened.page.goto(`${door.address}/`);
    await heading(opened.page, "Bei Zona anmelden").waitFor();
    assert.equal(await opened.page.evaluate(() => document.documentElement.lang), "de");
    await close(opened);
  });
});
