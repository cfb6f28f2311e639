// The scene of every story: a real server with three people, a network before it that can fail, and a browser.

import assert from "node:assert/strict";
import { after, before } from "node:test";

import { openPage, signIn, startBrowser } from "./browser.mjs";
import { openDoor } from "./door.mjs";
import { startServer } from "./server.mjs";

export const PASSWORD = "correct horse battery 9";

const PEOPLE = [
  ["ann", "ROLE_ADMIN"],
  ["cora", "ROLE_CREATOR"],
  ["uma", "ROLE_USER"],
];

/** Set up before the tests of a `describe`, and taken down behind them. `settings` are variables of the server's environment. */
export function scene({ settings = {} } = {}) {
  const stage = {
    server: undefined,
    door: undefined,
    browser: undefined,
    hasRoot: false,
    create: (id, code) =>
      stage.server.call("zona.utility.v1.UtilityService/CreateUtility", { parent: "tenants/demo", utilityId: id, utility: { code } }),
    get: (name) => stage.server.call("zona.utility.v1.UtilityService/GetUtility", { name }),
    /** A page of somebody who is signed in. */
    async as(user, how = {}) {
      const opened = await openPage(stage.browser, how);
      await signIn(opened.page, stage.door.address, { user, password: PASSWORD });
      return opened;
    },
    /** A page of the first super administrator, whom the first call makes. */
    async asRoot(how = {}) {
      if (!stage.hasRoot) {
        const code = /zona_bootstrap_[A-Za-z0-9_-]+/.exec(stage.server.printed())?.[0];
        await stage.server.call("zona.identity.v1.IdentityService/Bootstrap", { code, userId: "root", password: PASSWORD });
        stage.hasRoot = true;
      }
      const opened = await openPage(stage.browser, how);
      await signIn(opened.page, stage.door.address, { tenant: "system", user: "root", password: PASSWORD });
      return opened;
    },
    /** Ends a story: nothing may have gone wrong in the page that nobody was told of. */
    async close({ context, faults }) {
      await context.close();
      assert.deepEqual(faults, []);
    },
    heading: (page, text) => page.getByRole("heading", { level: 1, name: text }),
    /** Puts this code into the editor, as by typing. */
    async write(page, code) {
      await page.locator(".editor .cm-content").click();
      await page.keyboard.press("Control+A");
      // Text that is put in the place of highlighted text, the browser gives an inline style, which the page's policy refuses.
      await page.keyboard.press("Delete");
      await page.keyboard.insertText(code);
    },
  };
  before(async () => {
    stage.server = await startServer({ settings });
    stage.door = await openDoor(stage.server.gateway);
    stage.browser = await startBrowser();
    for (const [userId, role] of PEOPLE) {
      const user = { role, password: PASSWORD, displayName: userId };
      await stage.server.call("zona.identity.v1.IdentityService/CreateUser", { parent: "tenants/demo", userId, user });
    }
  });
  after(async () => {
    await stage.browser?.close();
    stage.door?.close();
    await stage.server?.stop();
  });
  return stage;
}
