// What administrators do in the console, and what becomes of it for the others.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openPage, signIn } from "./browser.mjs";
import { PASSWORD, scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

const ENDLESS = `import time


def main():
    while True:
        print("still here", flush=True)
        time.sleep(0.1)
`;

describe("administering", () => {
  const stage = scene();

  test("a new user is made, signs in, is disabled, and is let in no more", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/access`);
    await page.getByRole("button", { name: "Add a user" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("newcomer");
    await dialog.getByLabel("Role").selectOption("CREATOR");
    await dialog.getByLabel("Password").fill("short");
    await dialog.getByRole("button", { name: "Add" }).click();
    // The server says what is wrong with it, in the page's words.
    await dialog.getByText("The text has too few characters.").waitFor();
    await dialog.getByLabel("Password").fill(PASSWORD);
    await dialog.getByRole("button", { name: "Add" }).click();
    await page.getByRole("button", { name: "Edit newcomer" }).waitFor();

    const theirs = await openPage(stage.browser);
    await signIn(theirs.page, stage.door.address, { user: "newcomer", password: PASSWORD });
    await stage.heading(theirs.page, "Utilities").waitFor();

    await page.getByRole("button", { name: "Edit newcomer" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disable" }).click();
    await page.getByText("Disabled").waitFor();
    await theirs.page.getByRole("link", { name: "Executions", exact: true }).click();
    await theirs.page.getByRole("dialog", { name: "Your session has ended: sign in again" }).waitFor();
    await stage.close(theirs);
    await stage.close(opened);
  });

  test("a program gets a key that is shown once, and whoever has it signs in with it", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/access?tab=accounts`);
    await page.getByLabel("Name of the service account").fill("robot");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByRole("button", { name: "Keys of robot" }).click();
    await page.getByRole("button", { name: "Make a key" }).click();
    await page.getByText("This is shown once.").waitFor();
    const apiKey = await page.locator(".note code").textContent();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Keys of robot" }).click();
    await page.getByRole("button", { name: /^Revoke the key/ }).waitFor();
    assert.equal(await page.getByText(apiKey).count(), 0);

    const theirs = await openPage(stage.browser);
    await signIn(theirs.page, stage.door.address, { apiKey });
    await theirs.page.locator("details.menu summary").click();
    await theirs.page.getByText("tenants/demo/serviceAccounts/robot").waitFor();
    // Signing out everywhere would void the keys of programs.
    assert.equal(await theirs.page.getByRole("button", { name: "Sign out everywhere" }).count(), 0);
    await stage.close(theirs);
    await stage.close(opened);
  });

  test("what is shared with a user they may run, and not any longer when it is taken back", async () => {
    const { name } = await stage.create("lent", "def main():\n    return 'lent'\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/lent?tab=sharing`);
    await page.getByLabel("With whom").fill("uma");
    await page.getByRole("button", { name: "Share" }).click();
    await page.getByRole("button", { name: "Take it back from tenants/demo/users/uma" }).waitFor();

    const theirs = await stage.as("uma");
    await theirs.page.goto(`${stage.door.address}/utilities/lent`);
    await theirs.page.getByRole("button", { name: "Run", exact: true }).click();
    await theirs.page.locator(".run-status").getByText("Succeeded").waitFor();

    await page.getByRole("button", { name: "Take it back from tenants/demo/users/uma" }).click();
    await page.getByText("It is shared with nobody.").waitFor();
    await eventually(async () => {
      await theirs.page.reload();
      await theirs.page.getByText("There is no such thing, or it is not yours to see").waitFor({ timeout: 2000 });
      return true;
    });
    assert.equal((await stage.get(name)).code, "def main():\n    return 'lent'\n");
    await stage.close(theirs);
    await stage.close(opened);
  });

  test("a run without end is cancelled", async () => {
    await stage.create("endless", ENDLESS);
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/utilities/endless`);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.locator(".row-text").nth(3).waitFor({ state: "attached" });
    await page.locator(".run-status").getByRole("button", { name: "Cancel" }).click();
    await page.locator(".run-failure").getByText("CANCELLED").waitFor();
    await page.locator(".run-status").getByText("Cancelled").waitFor();
    await stage.close(opened);
  });

  test("several utilities are deleted at once and brought back", async () => {
    for (const id of ["bulk-one", "bulk-two"]) await stage.create(id, "def main():\n    return 1\n");
    const opened = await stage.as("ann");
    const { page } = opened;
    page.on("dialog", (dialog) => void dialog.accept());
    await page.goto(`${stage.door.address}/utilities?search=bulk`);
    await page.getByLabel("Choose all of this page").check();
    await page.getByText("2 utilities chosen").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByText("No utility fits the filters.").waitFor();
    await page.getByLabel("Show deleted ones").check();
    await page.getByLabel("Choose all of this page").check();
    await page.getByRole("button", { name: "Bring back" }).click();
    await eventually(async () => (await stage.get("tenants/demo/utilities/bulk-two")).state === "UTILITY_STATE_ACTIVE");
    // The filters stand in the address, so that it can be sent to somebody.
    assert.equal(new URL(page.url()).search, "?search=bulk&deleted=yes");
    await stage.close(opened);
  });

  test("without a network it says so, and goes on when there is one again", async () => {
    const opened = await stage.as("ann");
    const { page, context } = opened;
    await context.setOffline(true);
    await page.getByText("This browser is offline.").waitFor();
    await page.getByLabel("Tag").fill("x");
    await page.getByText("The server cannot be reached").waitFor();
    await context.setOffline(false);
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("No utility fits the filters.").waitFor();
    await stage.close(opened);
  });
});
