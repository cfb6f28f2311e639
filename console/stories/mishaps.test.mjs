// What goes wrong beside the console: other tabs, others who change the same, two things at once.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { PASSWORD, scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

/** Signs in as another tab of the browser does. */
async function signInElsewhere(context, address, user) {
  const other = await context.newPage();
  await other.goto(`${address}/`);
  const body = JSON.stringify({ tenant: "demo", user, password: PASSWORD });
  const status = await other.evaluate(async (text) => {
    const answer = await fetch("/console/sign-in", { method: "POST", headers: { "content-type": "application/json" }, body: text });
    return answer.status;
  }, body);
  assert.equal(status, 200);
  await other.close();
}

describe("mishaps", () => {
  const stage = scene();

  test("a page goes on with what its person has signed in to in another tab, and not as somebody else", async () => {
    const { name } = await stage.create("two-tabs", "def main():\n    return 1\n");
    const opened = await stage.as("ann");
    const { page, context } = opened;
    await page.goto(`${stage.door.address}/utilities/two-tabs`);
    await stage.write(page, "def main():\n    return 2\n");
    await signInElsewhere(context, stage.door.address, "ann");
    await page.keyboard.press("Control+S");
    await eventually(async () => (await stage.get(name)).latestVersion === 2);
    await signInElsewhere(context, stage.door.address, "cora");
    await stage.write(page, "def main():\n    return 3\n");
    await page.keyboard.press("Control+S");
    const dialog = page.getByRole("dialog", { name: "Your session has ended: sign in again" });
    await dialog.waitFor();
    // It stays, however often somebody wants to be rid of it.
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await page.keyboard.press("Escape");
    await dialog.locator('input[name="tenant"]').fill("demo");
    await dialog.locator('input[name="user"]').fill("ann");
    await dialog.locator('input[name="secret"]').fill(PASSWORD);
    assert.equal((await stage.get(name)).latestVersion, 2);
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.locator(".editor .cm-content").click();
    await page.keyboard.press("Control+S");
    await eventually(async () => (await stage.get(name)).latestVersion === 3);
    await stage.close(opened);
  });

  test("whoever saves and runs at once saves once and runs that", async () => {
    const { name } = await stage.create("both", "def main():\n    print('old')\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/both`);
    await stage.write(page, "def main():\n    print('new')\n");
    await page.keyboard.press("Control+S");
    await page.keyboard.press("Control+Enter");
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    assert.deepEqual(await page.locator(".row-text").allTextContents(), ["new"]);
    assert.equal((await stage.get(name)).latestVersion, 2);
    assert.equal(await page.getByRole("alert").count(), 0);
    await stage.close(opened);
  });

  test("a run whose answer is lost is tried again and runs once", async () => {
    const { name } = await stage.create("lost-answer", "def main():\n    print('once')\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/lost-answer`);
    const start = "**/zona.execution.v1.ExecutionService/StartExecution";
    await page.route(start, async (route) => {
      await route.fetch();
      await route.abort();
    });
    const run = page.getByRole("button", { name: "Run", exact: true });
    await run.click();
    await page.locator(".problem.offline").waitFor();
    await page.unroute(start);
    await run.click();
    await page.locator(".run-status").getByText("Succeeded").waitFor();
    const { executions } = await stage.server.call("zona.execution.v1.ExecutionService/ListExecutions", { parent: "tenants/demo", filter: { utility: name } });
    assert.equal(executions.length, 1);
    await stage.close(opened);
  });

  test("who selects text from a dialog to beside it keeps it, and who clicks beside it closes it", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.keyboard.press("?");
    const dialog = page.getByRole("dialog");
    const box = await dialog.getByRole("heading").boundingBox();
    await page.mouse.move(box.x + 5, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    assert.equal(await dialog.count(), 1);
    await page.mouse.click(5, 5);
    await dialog.waitFor({ state: "detached" });
    await stage.close(opened);
  });

  test("of several utilities that are deleted, those that somebody has changed meanwhile are named and stay chosen", async () => {
    for (const id of ["several-a", "several-b", "several-c"]) await stage.create(id, "def main():\n    return 1\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities?search=several`);
    for (const id of ["several-a", "several-b", "several-c"]) await page.getByLabel(`Choose ${id}`, { exact: true }).check();
    const { name, etag } = await stage.get("tenants/demo/utilities/several-a");
    const utility = { name, etag, description: "changed" };
    await stage.server.call("zona.utility.v1.UtilityService/UpdateUtility", { utility, updateMask: "description" });
    page.on("dialog", (dialog) => void dialog.accept());
    await page.locator(".bulk").getByRole("button", { name: "Delete" }).click();
    await page.locator(".bulk").getByText("several-a", { exact: true }).waitFor();
    await page.getByRole("link", { name: "several-c" }).waitFor({ state: "detached" });
    assert.equal(await page.getByLabel("Choose several-a", { exact: true }).isChecked(), true);
    await page.locator(".bulk").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No utility fits the filters.").waitFor();
    await stage.close(opened);
  });
});
