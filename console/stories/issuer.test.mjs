// People who sign in at an issuer's page, in a browser that keeps strictly to which site asks.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { openPage, startBrowser, violations } from "./browser.mjs";
import { CLIENT, startIssuer } from "./issuer.mjs";
import { startServer } from "./server.mjs";

/** A port that is free now: the issuer knows the console's address before there is a console. */
async function freePort() {
  const taken = createServer();
  await new Promise((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const { port } = taken.address();
  await new Promise((resolve) => taken.close(resolve));
  return port;
}

describe("issuer", () => {
  let issuer, server, browser, own;

  before(async () => {
    const gateway = `127.0.0.1:${await freePort()}`;
    issuer = await startIssuer(`http://${gateway}/console/sign-in/corporate/callback`);
    own = mkdtempSync(join(tmpdir(), "zona-issuer-"));
    const file = join(own, "secret");
    writeFileSync(file, issuer.secret, { mode: 0o600 });
    const of = (name) => `ZONA_IDENTITY__ISSUERS__CORPORATE__${name}`;
    const settings = {
      ZONA_GATEWAY__LISTEN: gateway,
      ZONA_GATEWAY__PUBLIC_ADDRESS: `http://${gateway}`,
      [of("ISSUER")]: issuer.address,
      [of("AUDIENCE")]: "zona",
      [of("KEYS")]: `${issuer.address}/keys`,
      [of("ALGORITHMS")]: "RS256",
      [of("TENANTS")]: "demo",
      [of("ROLE_CLAIM")]: "roles",
      [of("ROLES")]: "zona-creators=creator, zona-admins=admin",
      [of("CLIENT_ID")]: CLIENT,
      [of("CLIENT_SECRET_FILE")]: file,
      [of("LABEL")]: "Corporate",
    };
    server = await startServer({ settings });
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    await server?.stop();
    issuer?.close();
    if (own !== undefined) rmSync(own, { recursive: true, force: true });
  });

  test("somebody signs in at the page of an issuer, works where they wanted to, and signs out", async () => {
    const { page, context, faults } = await openPage(browser);
    await page.goto(`${server.gateway}/executions?state=FAILED`);
    assert.deepEqual(await violations(page), []);
    await page.getByRole("link", { name: "Sign in with Corporate" }).click();
    await page.getByRole("button", { name: "nia" }).click();
    await page.locator("header.top").waitFor();
    assert.equal(page.url(), `${server.gateway}/executions?state=FAILED`);
    const cookies = await context.cookies();
    assert.deepEqual(cookies.map((cookie) => [cookie.name, cookie.sameSite, cookie.httpOnly]), [["zona-session", "Strict", true]]);
    await page.reload();
    await page.locator("header.top").waitFor();
    const session = await page.evaluate(async () => (await fetch("/console/session")).json());
    assert.deepEqual([session.principal, session.role, session.canSignOutEverywhere], ["tenants/demo/users/nia", "ROLE_CREATOR", false]);
    const left = await page.evaluate(async (token) => {
      const answer = await fetch("/console/sign-out", { method: "POST", headers: { "x-zona-csrf": token } });
      return [answer.status, (await fetch("/console/session")).status];
    }, session.csrfToken);
    assert.deepEqual(left, [204, 401]);
    assert.deepEqual(issuer.calls.refused, []);
    assert.deepEqual(faults, []);
    await context.close();
  });

  test("an answer that is shown again signs nobody in, and the console says so in words", async () => {
    const { page, context, faults } = await openPage(browser);
    const seen = [];
    page.on("request", (request) => request.url().includes("/callback?") && seen.push(request.url()));
    await page.goto(`${server.gateway}/`);
    await page.getByRole("link", { name: "Sign in with Corporate" }).click();
    await page.getByRole("button", { name: "nia" }).click();
    await page.locator("header.top").waitFor();
    await context.clearCookies();
    const asked = issuer.calls.token;
    await page.goto(seen[0]);
    await page.getByRole("alert").getByText("Nobody was signed in").waitFor();
    assert.match(await page.getByRole("alert").textContent(), /belongs to no sign-in that the browser has under way/);
    assert.match(page.url(), /\/sign-in\?problem=SIGN_IN_UNKNOWN$/);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual([await context.cookies(), issuer.calls.token], [[], asked]);
    // From there, one goes on.
    await page.getByRole("link", { name: "Sign in with Corporate" }).click();
    await page.getByRole("button", { name: "ann" }).click();
    await page.locator("header.top").waitFor();
    assert.deepEqual(faults, []);
    await context.close();
  });

  test("whoever declines or means nobody here is told so in their language", async () => {
    const { page, context, faults } = await openPage(browser, { locale: "de-DE" });
    const declines = async (button, words) => {
      await page.goto(`${server.gateway}/`);
      await page.getByRole("link", { name: "Mit Corporate anmelden" }).click();
      await button().click();
      await page.getByRole("alert").getByText(words).waitFor();
    };
    await declines(() => page.getByRole("button").last(), "wurde die Anmeldung abgelehnt");
    await declines(() => page.getByRole("button", { name: "stranger" }), "haben hier keinen Zugang");
    assert.deepEqual(faults, []);
    await context.close();
  });
});
