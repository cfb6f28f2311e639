// Debian's chromium for the stories, driven by playwright-core, kept off every network but the loopback interface.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// More than a page takes on a busy machine.
export const DEADLINE = 60_000;
/** A telephone, and a desk. */
export const NARROW = { width: 360, height: 740 };
export const WIDE = { width: 1280, height: 900 };

/** Where pictures are kept. */
export const artifacts = process.env["CONSOLE_ARTIFACTS"] ?? join(dirname(dirname(fileURLToPath(import.meta.url))), "build", "screenshots");
mkdirSync(artifacts, { recursive: true });

export async function startBrowser() {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      // The stories run as root in containers, where the browser's own sandbox cannot be made.
      "--no-sandbox",
      "--disable-dev-shm-usage",
      // Without it, the processor would play a graphics card.
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}

/** A page of a person who has never been here; what goes wrong in it is kept in `faults`. */
export async function openPage(browser, { width = 1280, height = 900, theme = "light", locale = "en-US" } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: theme, locale, acceptDownloads: true, bypassCSP: false });
  await context.grantPermissions(["clipboard-read", "clipboard-write"]).catch(() => undefined);
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  page.on("console", (message) => {
    // A call that the server refuses is told in the page; the browser tells of it, too.
    const passing = /Failed to load resource|net::ERR_/.test(message.text());
    if ((message.type() === "error" || message.type() === "warning") && !passing) faults.push(`${message.type()}: ${message.text()}`);
  });
  return { page, context, faults };
}

export async function signIn(page, address, { tenant = "demo", user, password, apiKey }) {
  await page.goto(`${address}/`);
  if (apiKey !== undefined) {
    await page.locator("form button").last().click();
    await page.locator('input[name="secret"]').fill(apiKey);
  } else {
    await page.locator('input[name="tenant"]').fill(tenant);
    await page.locator('input[name="user"]').fill(user);
    await page.locator('input[name="secret"]').fill(password);
  }
  await page.locator('button[type="submit"]').click();
  await page.locator("header.top").waitFor();
}

/** What axe finds, by the rules of WCAG 2.2 up to AA. Through the debugger, so that the page's policy does not stop it. */
export async function violations(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Runtime.evaluate", { expression: axe });
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }).then((found) =>
      JSON.stringify(found.violations.map((one) => [one.id, one.nodes.map((node) => node.target.join(" ") + " " + node.failureSummary)])))`,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails));
  return JSON.parse(result.value);
}

/** Texts on the screen that are in no brackets, and so stand in no catalogue. What a person or the server wrote is marked. */
export async function textsOutsideOfCatalogue(page) {
  return page.evaluate(() => {
    const found = [];
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node !== null; node = walk.nextNode()) {
      const parent = node.parentElement;
      const text = node.textContent.trim();
      if (!/\p{L}{2,}/u.test(text) || parent === null || parent.closest("[data-value], script, style, noscript, option[data-value]") !== null) continue;
      if (!text.includes("\u27e6") && !/^\u27e7|\u27e7$/.test(text)) found.push(`${parent.tagName.toLowerCase()}: ${text}`);
    }
    for (const element of document.querySelectorAll("[aria-label], [placeholder], [title]")) {
      for (const name of ["aria-label", "placeholder", "title"]) {
        const text = element.getAttribute(name) ?? "";
        const own = element.matches("[data-value]") && name === "title";
        if (/\p{L}{2,}/u.test(text) && !text.includes("\u27e6") && !own) found.push(`${element.tagName.toLowerCase()}[${name}]: ${text}`);
      }
    }
    return found;
  });
}
