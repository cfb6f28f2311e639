// What administrators keep in the console of a tenant, secrets, webhooks and bounds, and what is seen by who looks at all of them.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { violations } from "./browser.mjs";
import { scene } from "./scene.mjs";
import { eventually } from "./server.mjs";

describe("keeping a tenant", () => {
  const stage = scene();

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
