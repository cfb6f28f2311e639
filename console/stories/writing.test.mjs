// Writing and running code in the console, from the first sign-in on, in a real browser and against the real server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openPage } from "./browser.mjs";
import { PASSWORD, scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

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

describe("writing and running", () => {
  const stage = scene();

  test("somebody signs in, is told of a wrong password, and leaves no token behind", async () => {
    const opened = await openPage(stage.browser);
    const { page, context } = opened;
    await page.goto(`${stage.door.address}/executions`);
    await page.locator('input[name="tenant"]').fill("demo");
    await page.locator('input[name="user"]').fill("cora");
    await page.locator('input[name="secret"]').fill("wrong horse battery 9");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("UNAUTHENTICATED").first().waitFor();
    await page.locator('input[name="secret"]').fill(PASSWORD);
    await page.keyboard.press("Enter");
    await stage.heading(page, "Executions").waitFor();
    const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
    assert.equal(kept, '[{},{},""]');
    const [cookie] = await context.cookies();
    assert.deepEqual([cookie.httpOnly, cookie.sameSite], [true, "Strict"]);
    await page.reload();
    await stage.heading(page, "Executions").waitFor();
    await page.locator("details.menu summary").click();
    await page.getByRole("button", { name: "Sign out", exact: true }).click();
    await stage.heading(page, "Sign in to Zona").waitFor();
    await page.reload();
    await stage.heading(page, "Sign in to Zona").waitFor();
    await stage.close(opened);
  });

  test("a finding appears and vanishes while somebody writes, and what they save runs and shows its output", async () => {
    const opened = await stage.as("cora");
    const { page } = opened;
    await page.getByRole("link", { name: "New utility" }).first().click();
    await page.locator('input[name="utility-id"]').fill("counter");
    await stage.write(page, COUNTER.replace("import time", "import os"));
    const finding = page.locator(".findings li.error", { hasText: "ZPY-IMPORT-001" });
    await finding.waitFor();
    await page.locator(".editor .cm-lint-marker-error").first().waitFor();
    await finding.getByRole("button", { name: "ZPY-IMPORT-001" }).click();
    await page.getByRole("dialog").getByText("Import of a system module").first().waitFor();
    await page.keyboard.press("Escape");
    await stage.write(page, COUNTER);
    await page.locator(".standing").getByText("No errors").waitFor();
    assert.equal(await page.locator(".findings li.error").count(), 0);
    await page.keyboard.press("Control+S");
    await stage.heading(page, "counter").waitFor();
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
    await stage.close(opened);
  });

  test("what is new is saved and run by one key, and its run is on its page", async () => {
    const opened = await stage.as("cora");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/new`);
    await page.locator('input[name="utility-id"]').fill("at-once");
    await stage.write(page, "def main():\n    print('ran')\n");
    await page.locator(".standing").getByText("No errors").waitFor();
    await page.keyboard.press("Control+Enter");
    await stage.heading(page, "at-once").waitFor();
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    assert.deepEqual(await page.locator(".row-text").allTextContents(), ["ran"]);
    assert.equal((await stage.get("tenants/demo/utilities/at-once")).latestVersion, 1);
    await page.reload();
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    await stage.close(opened);
  });

  test("a network that goes away and comes back loses and doubles nothing of a run", async () => {
    await stage.create("ticker", COUNTER);
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/ticker`);
    await page.locator('[name="param-count"]').fill("150");
    await page.keyboard.press("Control+Enter");
    await page.locator(".row-text").nth(9).waitFor({ state: "attached" });
    stage.door.cut();
    await page.getByText("Connection lost, trying again").waitFor();
    stage.door.mend();
    await page.locator(".run-status").getByText("Runs").waitFor();
    stage.door.interrupt();
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
    let text = "";
    for await (const chunk of await download.createReadStream()) text += chunk;
    const expected = Array.from({ length: 150 }, (_, n) => `\x1b[32mline\x1b[0m ${n}\n`).join("");
    assert.equal(text, expected);
    await stage.close(opened);
  });

  test("a run that fails names the line in the editor, and what it prints is text and nothing else", async () => {
    await stage.create("failing", FAILING);
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/failing`);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator(".run-failure").getByText("KeyError").first().waitFor();
    await page.locator(".editor .cm-blamed", { hasText: 'values["missing"]' }).waitFor();
    assert.deepEqual(await page.locator(".row.stdout .row-text").allTextContents(), ["<img src=x onerror=document.title='owned'>"]);
    assert.equal(await page.locator(".output-view img").count(), 0);
    await stage.close(opened);
  });

  test("whoever saves late sees what others and they themselves have changed, and loses nothing", async () => {
    const { name } = await stage.create("shared-code", "def main():\n    first = 1\n\n    # between\n\n    return first\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/shared-code`);
    await page.locator(".editor .cm-content").waitFor();
    await stage.write(page, "def main():\n    first = 1\n\n    # between\n\n    return [first]\n");
    const now = await stage.get(name);
    await stage.server.call("zona.utility.v1.UtilityService/UpdateUtility", {
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
    const saved = await stage.get(name);
    assert.equal(saved.code, "def main():\n    first = 2\n\n    # between\n\n    return [first]\n");
    assert.equal(saved.latestVersion, 3);
    await stage.close(opened);
  });

  test("what two executions printed is compared", async () => {
    const { name } = await stage.create("prints", "def main(word: str):\n    print('same')\n    print(word)\n");
    const ids = [];
    for (const word of ["earlier", "later"]) {
      const started = await stage.server.call("zona.execution.v1.ExecutionService/StartExecution", { name, paramsJson: JSON.stringify({ word }) });
      await eventually(async () => (await stage.server.call("zona.execution.v1.ExecutionService/GetExecution", { name: started.name })).endTime);
      ids.push(started.name.split("/").at(-1));
    }
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/executions/${ids[0]}?with=${ids[1]}`);
    await page.getByRole("button", { name: "Compare what they printed" }).click();
    await page.locator(".diff .cm-deletedLine, .diff .cm-changedLine").first().waitFor();
    const shown = await page.locator(".diff .cm-content").allTextContents();
    assert.ok(shown.join(" ").includes("earlier") && shown.join(" ").includes("later"), JSON.stringify(shown));
    await page.goto(`${stage.door.address}/executions/${ids[0]}?with=${ids[0]}`);
    await page.getByRole("button", { name: "Compare what they printed" }).click();
    await page.getByText("Both printed the same.").waitFor();
    await stage.close(opened);
  });

  test("an old version is compared and restored", async () => {
    const { name, etag } = await stage.create("old", "def main():\n    return 1\n");
    await stage.server.call("zona.utility.v1.UtilityService/UpdateUtility", {
      utility: { name, code: "import json\n\n\ndef main(n: int = 2):\n    return json.dumps(n)\n", etag },
      updateMask: "code",
      message: "says it as text",
    });
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/old?tab=versions`);
    await page.getByText("says it as text").waitFor();
    await page.locator(".note", { hasText: "Newly imports:" }).getByText("json").waitFor();
    await page.locator("caption", { hasText: "Changed parameters" }).waitFor();
    await page.getByRole("button", { name: "Restore version 1" }).click();
    await eventually(async () => (await stage.get(name)).latestVersion === 3);
    const restored = await stage.get(name);
    assert.equal(restored.code, "def main():\n    return 1\n");
    await stage.close(opened);
  });

  test("a user meets what they may not see, in words, and no way leads there", async () => {
    const opened = await stage.as("uma");
    const { page } = opened;
    assert.equal(await page.getByRole("link", { name: "Audit" }).count(), 0);
    await page.goto(`${stage.door.address}/audit`);
    await page.getByText("You may not see or do this").first().waitFor();
    await page.getByText("PERMISSION_DENIED").first().waitFor();
    await page.goto(`${stage.door.address}/utilities/counter`);
    await page.getByText("There is no such thing, or it is not yours to see").waitFor();
    await page.goto(`${stage.door.address}/access?tab=explain`);
    await page.getByLabel("About what").fill("counter");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText("They may not", { exact: true }).waitFor();
    await stage.close(opened);
  });

  test("keys lead everywhere: find, help, and back", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await stage.heading(page, "Utilities").waitFor();
    await page.keyboard.press("Control+K");
    await page.keyboard.type("coun");
    await page.getByRole("option", { name: "counter" }).waitFor();
    await page.keyboard.press("Enter");
    await stage.heading(page, "counter").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("h1").focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog").getByText("Ctrl/Cmd + Enter").waitFor();
    await page.keyboard.press("Escape");
    await page.goBack();
    await stage.heading(page, "Utilities").waitFor();
    await stage.close(opened);
  });

  test("changes that are not saved are asked about before they are left", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/old`);
    await stage.write(page, "def main():\n    return 'mine'\n");
    const asked = [];
    page.on("dialog", (dialog) => {
      asked.push(dialog.message());
      void (asked.length === 1 ? dialog.dismiss() : dialog.accept());
    });
    await page.getByRole("link", { name: "Executions", exact: true }).click();
    await eventually(() => asked.length === 1);
    await page.locator(".editor .cm-content", { hasText: "'mine'" }).waitFor();
    await page.getByRole("link", { name: "Executions", exact: true }).click();
    await stage.heading(page, "Executions").waitFor();
    await stage.close(opened);
  });

  test("a session that ends while somebody writes takes nothing along", async () => {
    await stage.create("outlives", "def main():\n    return 1\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/outlives`);
    await stage.write(page, "def main():\n    return 'kept'\n");
    await stage.server.call("zona.identity.v1.IdentityService/Revoke", { name: "tenants/demo/users/ann" });
    await page.keyboard.press("Control+S");
    const dialog = page.getByRole("dialog", { name: "Your session has ended: sign in again" });
    await dialog.locator('input[name="tenant"]').fill("demo");
    await dialog.locator('input[name="user"]').fill("ann");
    await dialog.locator('input[name="secret"]').fill(PASSWORD);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.locator(".editor .cm-content").click();
    await page.keyboard.press("Control+S");
    await eventually(async () => (await stage.get("tenants/demo/utilities/outlives")).latestVersion === 2);
    assert.equal((await stage.get("tenants/demo/utilities/outlives")).code, "def main():\n    return 'kept'\n");
    await stage.close(opened);
  });

  test("what a utility is called and how long it may run is changed beside its code", async () => {
    await stage.create("named", "def main():\n    return 1\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/named?tab=properties`);
    await page.getByLabel("Display name").fill("A name for people");
    await page.getByLabel("Tags").fill("one, two");
    await page.getByLabel("Seconds at most").fill("2.5");
    await page.getByRole("button", { name: "Save" }).click();
    await stage.heading(page, "A name for people").waitFor();
    const { tags, limits, code } = await stage.get("tenants/demo/utilities/named");
    assert.deepEqual([tags, limits.timeout, code], [["one", "two"], "2.500s", "def main():\n    return 1\n"]);
    await stage.close(opened);
  });
});
