// A platform of three services for the stories about services: its manifest, and what is to be taken away behind it.

import { after, before } from "node:test";

import { clearAway, IMAGE, makeImage, scopeOf } from "./engine.mjs";

export const SHOP = `name: shop
services:
  - {name: db, group: SYSTEM, context: {image: '${IMAGE}', command: [--say, 'the database is there'], stop_grace: 1s}}
  - name: web
    group: APP
    context: {image: '${IMAGE}', command: [--complain, 'the web complains'], stop_grace: 1s, environment: {VERSION: 1.10}}
    depends_on: [{service: db}]
    replicas: 2
  - {name: idle, group: BATCH, enabled: false, context: {image: '${IMAGE}', stop_grace: 1s}}
`;

// Services start, stop and are looked at by an engine that does real work meanwhile.
export const PATIENT = { timeout: 60_000 };

/** Makes its image before the tests of a `describe`, and takes away behind them what runs. */
export function shopOn(stage) {
  let scope = "";
  before(() => makeImage());
  after(() => {
    if (scope !== "") clearAway(scope);
  });
  return {
    /** How every service is. Root's own session reads it; the account of `zona dev` may not. */
    async status(page) {
      const body = await page.evaluate(async () => (await fetch("/v1/status")).json());
      return Object.fromEntries((body.services ?? []).map((service) => [service.name, service]));
    },
    /** Replicas of it run from now on. */
    isThere(status) {
      scope = scopeOf(status.db.instances[0].id);
    },
    /** Has it run, by a manifest that root applies. */
    async open() {
      const opened = await stage.asRoot();
      const { page } = opened;
      await page.goto(`${stage.door.address}/services?tab=manifest`);
      await page.locator("textarea").fill(SHOP);
      await page.getByRole("button", { name: "Show the plan" }).click();
      await page.getByRole("button", { name: "Apply it" }).click();
      await page.getByRole("heading", { name: "Revision 1" }).waitFor();
      await page.getByRole("tab", { name: "Board" }).click();
      await page.getByRole("row").filter({ hasText: "web" }).getByText("2 of 2").waitFor(PATIENT);
      this.isThere(await this.status(page));
      await stage.close(opened);
    },
  };
}
