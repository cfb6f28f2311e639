// The audit log, verified in the browser: whole first, and with one byte changed in the store afterwards.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";

import { openDoor } from "./door.mjs";
import { scene } from "./scene.mjs";
import { startServer } from "./server.mjs";

// The third record says that another version was meant: one byte of what is stored, and what stands beside it as it was.
const TAMPER = `
import sqlite3, sys
store = sqlite3.connect(sys.argv[1])
found = store.execute("SELECT sequence, record FROM audit_records WHERE tenant = 'demo' ORDER BY sequence LIMIT 1 OFFSET 2").fetchone()
record = bytearray(found[1])
place = record.index(b'"time":') + 7
record[place] = ord("9") if record[place] != ord("9") else ord("8")
store.execute("UPDATE audit_records SET record = ? WHERE tenant = 'demo' AND sequence = ?", (bytes(record), found[0]))
store.commit()
print(found[0])
`;

describe("the audit log", () => {
  const stage = scene();

  test("it is whole, and one byte that is changed in the store is found", async () => {
    await stage.create("recorded", "def main():\n    return 1\n");
    const opened = await stage.as("ann");
    const { page, context } = opened;
    const verify = page.getByRole("button", { name: "Verify", exact: true });
    await page.goto(`${stage.door.address}/audit`);
    await verify.click();
    await page.getByText("The log is whole").waitFor();
    await page.getByText("This was the first time").waitFor();
    await verify.click();
    await page.getByText("It has only grown since the checkpoint that you keep.").waitFor();
    await page.getByRole("button", { name: /^Open record/ }).last().click();
    await page.getByRole("dialog").getByText("This record is in the log").waitFor();
    const kept = await page.evaluate(() => localStorage.getItem("zona.audit.seen.tenants/demo"));
    assert.equal(JSON.parse(kept).key.split("+").length >= 3, true);
    await context.close();
    assert.deepEqual(opened.faults, []);

    const { data } = stage.server;
    await stage.server.halt();
    stage.door.close();
    const file = readdirSync(join(data, "data")).find((name) => /\.(db|sqlite3?)$/.test(name));
    const changed = execFileSync("python3", ["-c", TAMPER, join(data, "data", file)], { encoding: "utf8" }).trim();
    stage.server = await startServer({ data });
    stage.door = await openDoor(stage.server.gateway);

    const again = await stage.as("ann");
    await again.page.evaluate((keeping) => localStorage.setItem("zona.audit.seen.tenants/demo", keeping), kept);
    await again.page.goto(`${stage.door.address}/audit`);
    await again.page.getByRole("button", { name: "Verify", exact: true }).click();
    await again.page.getByText("The log is not what was signed for").waitFor();
    await again.page.locator(".verdict li", { hasText: "The records before this place were changed" }).first().waitFor();
    await again.page.getByRole("button", { name: `Open record ${changed}`, exact: true }).click();
    await again.page.getByRole("dialog").getByText("This record is not proven").waitFor();
    await stage.close(again);
  });
});
