// How long people wait for the console: until a page can be used, until a finding is shown, and for how long 100,000 lines of output hold
// the browser up. Prints figures and judges none.

import { createHash } from "node:crypto";

import { openPage, signIn, startBrowser } from "./browser.mjs";
import { openDoor } from "./door.mjs";
import { PASSWORD } from "./scene.mjs";
import { startServer } from "./server.mjs";

const LINES = 100_000;
const ROUNDS = 20;

const PRINTER = `def main():
    for number in range(${LINES}):
        print(f"line {number} of many, with some text behind it")
`;

const quantile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)];
const shown = (values) => `p50 ${quantile(values, 0.5).toFixed(0)} ms, p95 ${quantile(values, 0.95).toFixed(0)} ms, most ${Math.max(...values).toFixed(0)} ms (${values.length})`;

const server = await startServer();
const door = await openDoor(server.gateway);
const browser = await startBrowser();
try {
  const user = { role: "ROLE_ADMIN", password: PASSWORD };
  await server.call("zona.identity.v1.IdentityService/CreateUser", { parent: "tenants/demo", userId: "ann", user });
  await server.call("zona.utility.v1.UtilityService/CreateUtility", {
    parent: "tenants/demo",
    utilityId: "printer",
    utility: { code: PRINTER, limits: { outputBytes: String(16 * 1024 * 1024) } },
  });
  const { page, context } = await openPage(browser);
  await signIn(page, door.address, { user: "ann", password: PASSWORD });

  const interactive = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    // A context of its own has nothing in its cache but the session.
    const fresh = await browser.newContext({ storageState: await context.storageState(), viewport: { width: 1280, height: 900 } });
    const other = await fresh.newPage();
    await other.goto(`${door.address}/utilities/printer`);
    await other.locator(".editor .cm-content").waitFor();
    interactive.push(await other.evaluate(() => performance.now()));
    await fresh.close();
  }
  console.log(`page of a utility, nothing cached, until its editor is there: ${shown(interactive)}`);

  await page.goto(`${door.address}/utilities/printer`);
  await page.locator(".standing").waitFor();
  await page.locator(".editor .cm-content").click();
  await page.keyboard.press("Control+End");
  const findings = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `missing_${createHash("sha1").update(String(round)).digest("hex").slice(0, 6)}`;
    await page.keyboard.type(`\nimport ${name}`);
    const took = await page.evaluate(
      (wanted) =>
        new Promise((resolve) => {
          const begun = performance.now();
          const look = () => {
            if (document.querySelector(".findings")?.textContent.includes(wanted)) resolve(performance.now() - begun);
            else requestAnimationFrame(look);
          };
          look();
        }),
      name,
    );
    findings.push(took);
  }
  console.log(`last keystroke until its finding is shown: ${shown(findings)}`);

  await page.goto(`${door.address}/executions`);
  await page.evaluate(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: "longtask" });
  });
  const { name } = await server.call("zona.execution.v1.ExecutionService/StartExecution", { name: "tenants/demo/utilities/printer" });
  const id = name.split("/").at(-1);
  const begun = Date.now();
  await page.evaluate((to) => {
    history.pushState({}, "", to);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/executions/${id}`);
  await page.locator(".run-status").getByText("Succeeded").waitFor({ timeout: 120_000 });
  await page.locator(".output-bar .count", { hasText: /100[,.]000/ }).waitFor();
  console.log(`${LINES} lines, printed and shown: ${Date.now() - begun} ms`);
  const whilePrinting = await page.evaluate(() => window.longTasks.splice(0));
  console.log(`tasks over 50 ms while they came: ${whilePrinting.length}, longest ${Math.max(0, ...whilePrinting).toFixed(0)} ms`);
  await page.evaluate(async () => {
    const view = document.querySelector(".output-view");
    for (let step = 0; step <= 200; step += 1) {
      view.scrollTop = ((view.scrollHeight - view.clientHeight) * step) / 200;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
  });
  const whileScrolling = await page.evaluate(() => window.longTasks.splice(0));
  console.log(`tasks over 50 ms while they were scrolled from end to end: ${whileScrolling.length}, longest ${Math.max(0, ...whileScrolling).toFixed(0)} ms`);
  await page.getByLabel("Search the output").fill("99999");
  await page.getByText("1 of 1", { exact: true }).waitFor();
  const whileSearching = await page.evaluate(() => window.longTasks.splice(0));
  console.log(`tasks over 50 ms while they were searched: ${whileSearching.length}, longest ${Math.max(0, ...whileSearching).toFixed(0)} ms`);
} finally {
  await browser.close();
  door.close();
  await server.stop();
}
