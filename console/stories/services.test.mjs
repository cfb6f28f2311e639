// The services of the platform in a browser: a manifest is planned and applied, services are asked for with the plan before, their output
// is followed, and whoever has nothing to do with them is told so. They run on the Docker daemon of this machine.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { artifacts, violations } from "./browser.mjs";
import { ENGINE } from "./engine.mjs";
import { scene } from "./scene.mjs";
import { eventually } from "./server.mjs";
import { PATIENT, SHOP, shopOn } from "./shop.mjs";

const INTEGRATION = `integrations:
  - {integration_id: 7, title: Tickets, action: reads tickets, tenantcode: demo, serviceName: web, executable: /service, status: disabled, parameters: {LEVEL: low}}
`;

describe("services", () => {
  const stage = scene({ settings: ENGINE });
  const shop = shopOn(stage);
  const { status } = shop;
  const row = (page, name) => page.getByRole("row").filter({ has: page.getByRole("button", { name: `Show ${name}`, exact: true }) });

  test("what is wrong with a manifest is told at once, and a plan is shown before it is applied", async () => {
    const opened = await stage.asRoot();
    const { page } = opened;
    await page.goto(`${stage.door.address}/services`);
    await page.getByText("No service is declared, and none runs.").waitFor();
    await page.getByRole("tab", { name: "Manifest" }).click();
    await page.getByLabel("Manifest", { exact: true }).and(page.locator("textarea")).fill(SHOP.replace("replicas: 2", "replicas: 2\n    nothing: 1").replace("{service: db}", "{service: absent}"));
    await page.getByRole("button", { name: "Show the plan" }).click();
    const problems = page.locator(".violations");
    await problems.getByText("nothing").first().waitFor();
    await problems.getByText("absent").first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Apply it" }).count(), 0);

    await page.locator("textarea").fill(SHOP);
    await page.getByRole("button", { name: "Show the plan" }).click();
    const plan = page.getByRole("region", { name: "Plan", exact: true }).last();
    await plan.getByRole("row").filter({ hasText: "db" }).getByText("Create").waitFor();
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(Object.keys(await status(page)), [], "a plan changes nothing");
    await page.getByRole("button", { name: "Apply it" }).click();
    await page.getByRole("heading", { name: "Revision 1" }).waitFor();

    await page.getByRole("tab", { name: "Board" }).click();
    await row(page, "web").getByText("2 of 2").waitFor(PATIENT);
    await row(page, "db").getByText("Runs").waitFor(PATIENT);
    await row(page, "idle").getByText("Stopped").waitFor(PATIENT);
    shop.isThere(await status(page));
    await stage.close(opened);
  });

  test("a service is scaled and stopped after its plan was shown, and nobody else is touched", async () => {
    const opened = await stage.asRoot();
    const { page } = opened;
    await page.goto(`${stage.door.address}/services`);
    const before = (await status(page)).db.instances[0].id;
    await row(page, "web").getByRole("button", { name: "Scale web" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("Nothing must be done.").waitFor();
    await dialog.getByLabel("Replicas").fill("3");
    await dialog.getByRole("button", { name: "Show the plan" }).click();
    await dialog.getByRole("row").filter({ hasText: "web" }).getByText("Scale").waitFor();
    assert.equal((await status(page)).web.replicas, 2, "a plan changes nothing");
    assert.deepEqual(await violations(page), []);
    for (const width of [360, 1280]) {
      await page.setViewportSize({ width, height: 900 });
      assert.ok((await dialog.evaluate((element) => element.scrollWidth)) <= width);
      writeFileSync(join(artifacts, `services-plan-${width}.png`), await page.screenshot());
    }
    await dialog.getByRole("button", { name: "Scale web" }).click();
    await dialog.waitFor({ state: "detached" });
    await row(page, "web").getByText("3 of 3").waitFor(PATIENT);

    // Others wait for it.
    await row(page, "db").getByRole("button", { name: "Stop db" }).click();
    await dialog.locator(".violations").getByText("web").first().waitFor();
    await page.keyboard.press("Escape");

    await row(page, "web").getByRole("button", { name: "Stop web" }).click();
    await dialog.getByRole("row").filter({ hasText: "web" }).getByText("Stop", { exact: true }).waitFor();
    assert.equal(await dialog.getByRole("cell", { name: "db", exact: true }).count(), 0);
    await dialog.getByRole("button", { name: "Stop web" }).click();
    await row(page, "web").getByText("Stopped").waitFor(PATIENT);
    await row(page, "web").getByRole("button", { name: "Start web" }).click();
    await dialog.getByRole("row").filter({ hasText: "web" }).first().waitFor();
    await dialog.getByRole("button", { name: "Start web" }).click();
    await row(page, "web").getByText("3 of 3").waitFor(PATIENT);
    assert.equal((await status(page)).db.instances[0].id, before);

    await row(page, "db").getByRole("button", { name: "Restart db" }).click();
    await dialog.getByText("1 replica is replaced").waitFor();
    await dialog.getByText(before.slice(0, 12)).waitFor();
    await page.keyboard.press("Escape");
    await stage.close(opened);
  });

  test("the output of several services is followed, and nothing comes twice when the network breaks", async () => {
    const opened = await stage.asRoot();
    const { page } = opened;
    await page.goto(`${stage.door.address}/services`);
    await page.getByLabel("Choose web", { exact: true }).check();
    await page.getByLabel("Choose db", { exact: true }).check();
    await page.getByRole("link", { name: "Follow their output" }).click();
    await page.locator(".row.stdout").getByText("the database is there").waitFor();
    await page.locator(".row.stderr").getByText("the web complains").first().waitFor();
    const count = await page.locator(".output-rows .row").count();
    stage.door.interrupt();
    await page.getByText("Connection lost, trying again").waitFor();
    await page.getByText("Connection lost, trying again").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Pause" }).click();
    assert.equal(await page.locator(".output-rows .row").count(), count);
    assert.equal(new URL(page.url()).searchParams.get("services"), "db,web");
    await stage.close(opened);
  });

  test("where the parameters of an integration come from is explained to the administrators of its tenant", async () => {
    const root = await stage.asRoot();
    await root.page.goto(`${stage.door.address}/services?tab=manifest`);
    await root.page.locator("textarea").fill(`${SHOP}${INTEGRATION}`);
    await root.page.getByRole("button", { name: "Show the plan" }).click();
    await root.page.getByText("What was asked of single services").waitFor();
    await root.page.getByRole("button", { name: "Apply it" }).click();
    await root.page.locator(".card").getByText("Under way").or(root.page.locator(".card").getByText("Reached")).first().waitFor();
    await stage.close(root);

    const opened = await stage.as("ann");
    const { page } = opened;
    await page.goto(`${stage.door.address}/services`);
    await page.getByRole("row").filter({ hasText: "Tickets" }).getByText("Disabled").waitFor();
    await page.getByRole("button", { name: "Explain Tickets" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("row").filter({ hasText: "LEVEL" }).getByText("The integration").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");

    const started = async () => {
      await page.getByRole("button", { name: "Start Tickets" }).click();
      await dialog.getByLabel("LEVEL").fill("high");
      assert.deepEqual(await violations(page), []);
      await dialog.getByRole("button", { name: "Start Tickets" }).click();
      // While a manifest that was applied is under way, nobody starts anything.
      const refused = dialog.getByText("ETAG_MISMATCH");
      await Promise.race([dialog.waitFor({ state: "detached" }), refused.waitFor()]);
      const done = (await dialog.count()) === 0;
      if (!done) await page.keyboard.press("Escape");
      return done;
    };
    await eventually(started);
    await page.getByRole("button", { name: "Explain Tickets" }).click();
    const level = dialog.getByRole("row").filter({ hasText: "LEVEL" });
    await level.getByText("high").waitFor();
    await level.getByText("Whoever started it").waitFor();
    await level.getByText("low").waitFor();
    await stage.close(opened);
  });

  test("who has nothing to do with services is told so", async () => {
    const opened = await stage.as("uma");
    const { page } = opened;
    assert.equal(await page.getByRole("link", { name: "Services", exact: true }).count(), 0);
    await page.goto(`${stage.door.address}/services`);
    await page.getByText("You may not see or do this").waitFor();
    await stage.close(opened);
  });
});
