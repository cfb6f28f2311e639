// What administrators do in the console, and what becomes of it for the others.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { openPage, signIn, violations } from "./browser.mjs";
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

  test("a secret is made, released and taken away, and its value is shown to nobody", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    page.on("dialog", (dialog) => void dialog.accept());
    await page.goto(`${stage.door.address}/settings?tab=secrets`);
    await page.getByText("There are no secrets yet.").waitFor();
    await page.getByRole("button", { name: "New secret" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("vendor-key");
    await dialog.getByLabel("Value").fill("hush");
    await dialog.getByLabel("Utilities that may have it").fill("extract-iocs");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row").filter({ hasText: "vendor-key" }).getByText("extract-iocs").waitFor();
    await page.getByRole("button", { name: "Edit vendor-key" }).click();
    await dialog.getByLabel("Description").fill("for the vendor");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row").filter({ hasText: "vendor-key" }).getByText("for the vendor").waitFor();
    await page.getByRole("button", { name: "New secret" }).click();
    await dialog.getByLabel("Name", { exact: true }).fill("vendor-key");
    await dialog.getByLabel("Value").fill("another");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("There is a secret of this name").waitFor();
    await page.keyboard.press("Escape");
    const kept = await stage.server.call("zona.secret.v1.SecretService/GetSecret", { name: "tenants/demo/secrets/vendor-key" });
    assert.deepEqual([kept.version, kept.utilities], [1, ["tenants/demo/utilities/extract-iocs"]], "its value stays what it was");
    assert.deepEqual(await violations(page), []);
    await page.getByRole("button", { name: "Edit vendor-key" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("There are no secrets yet.").waitFor();
    await stage.close(opened);
  });

  test("a webhook is made, its secret shown once, and it is changed and taken away", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    page.on("dialog", (dialog) => void dialog.accept());
    await page.goto(`${stage.door.address}/settings?tab=webhooks`);
    await page.getByRole("button", { name: "New webhook" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name", { exact: true }).fill("tickets");
    await dialog.getByLabel("Address").fill("ftp://example.com");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.locator(".violations").getByText("url").first().waitFor();
    await dialog.getByLabel("Address").fill("https://example.com/hook");
    await dialog.getByLabel("Types of events").fill("dev.zona.utility");
    // Nothing leaves this machine.
    await dialog.getByLabel("Events are sent").uncheck();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.getByText("This is shown once.").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("row").filter({ hasText: "tickets" }).getByText("Disabled").waitFor();
    await page.getByRole("button", { name: "Edit tickets" }).click();
    await dialog.getByLabel("Description").fill("opens tickets");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("row").filter({ hasText: "opens tickets" }).getByText("dev.zona.utility").waitFor();
    await page.getByRole("button", { name: "Deliveries of tickets" }).click();
    await dialog.getByText("Nothing is undelivered for good.").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Edit tickets" }).click();
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("There are no webhooks yet.").waitFor();
    await stage.close(opened);
  });

  test("an exception from a rule is granted until a day, and revoked", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/settings?tab=policy`);
    const part = page.getByRole("region", { name: "Exceptions" }).first();
    await part.getByLabel("Utility").fill("backup");
    await part.getByLabel("Rule").fill("ZPY-IMPORT-001");
    await part.getByLabel("Why").fill("until the backup moves");
    await part.getByLabel("Until").fill("2199-12-31");
    await part.getByRole("button", { name: "Make an exception" }).click();
    await part.getByRole("row").filter({ hasText: "until the backup moves" }).getByText("backup", { exact: true }).waitFor();
    assert.deepEqual(await violations(page), []);
    await part.getByRole("button", { name: "Revoke the exception of backup from ZPY-IMPORT-001" }).click();
    await part.getByText("There are none.").waitFor();
    await stage.close(opened);
  });

  test("a super administrator sets the bounds of a tenant, and its administrators read them", async () => {
    const root = await stage.asRoot();
    await root.page.getByLabel("Shown tenant").selectOption("demo");
    await root.page.goto(`${stage.door.address}/settings`);
    await root.page.getByLabel("Most utilities").fill("many");
    await root.page.getByText("The value is of another type.").waitFor();
    await root.page.getByLabel("Most utilities").fill("77");
    await root.page.getByLabel("Days of executions").fill("30");
    await root.page.getByRole("button", { name: "Save" }).click();
    await eventually(async () => (await stage.server.call("zona.tenant.v1.TenantService/GetTenant", { name: "tenants/demo" })).settings?.maxUtilities === 77);
    assert.deepEqual(await violations(root.page), []);
    await stage.close(root);
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/settings`);
    await page.locator(".facts").getByText("77").waitFor();
    assert.equal(await page.getByLabel("Most utilities").count(), 0);
    assert.equal(await page.getByLabel("Days of executions").inputValue(), "30");
    await stage.close(opened);
  });

  test("a tenant that somebody else has looked at is nothing to who is of one", async () => {
    const opened = await stage.as("ann");
    const { page } = opened;
    await page.evaluate(() => sessionStorage.setItem("zona.tenant", "system"));
    await page.reload();
    await page.getByRole("link", { name: "extract-iocs" }).waitFor();
    await page.goto(`${stage.door.address}/utilities/%zz`);
    await stage.heading(page, "There is no such page").waitFor();
    await stage.close(opened);
  });

  test("a super administrator looks at one tenant after the other, and at the server", async () => {
    const opened = await stage.asRoot();
    const { page } = opened;
    await page.getByText("There are no utilities yet.").waitFor();
    await page.getByLabel("Shown tenant").selectOption("demo");
    await page.getByRole("link", { name: "extract-iocs" }).waitFor();
    await page.goto(`${stage.door.address}/settings?tab=server`);
    await page.getByText("Escape probes").waitFor();
    await page.getByText(/wraps \d+ keys/).first().waitFor();
    assert.deepEqual(await violations(page), []);
    await stage.close(opened);
  });
});
