// The form of a tenant's settings changes what somebody has touched, and nothing else.

import assert from "node:assert/strict";
import { create, fromJson } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import { test } from "node:test";

import { TenantSettingsSchema } from "../src/gen/zona/tenant/v1/tenant_pb";
import { changesOf, toEntries } from "../src/pages/tenant-form";

const before = toEntries("Acme", create(TenantSettingsSchema, { executionDays: 30, maxOutputBytes: 1_500_000n, runtimes: ["py-a", "py-b"], timeZone: "Europe/Berlin" }));

test("what nobody has touched is changed by no form, also where it cannot be written so", () => {
  assert.deepEqual(changesOf(before, before), { paths: [], settings: {}, wrong: [] });
});

test("what was touched is named by its path and given as it is stored", () => {
  const after = { ...before, displayName: "Acme Ltd", executionDays: " 7 ", maxOutputBytes: "2", runtimes: "py-a,py-c py-a", legalHold: true, timeZone: " UTC" };
  const { paths, settings, wrong } = changesOf(before, after);
  assert.deepEqual([...paths].sort(), ["display_name", "settings.execution_days", "settings.legal_hold", "settings.max_output_bytes", "settings.runtimes", "settings.time_zone"]);
  assert.deepEqual(settings, { executionDays: 7, maxOutputBytes: 2_097_152n, runtimes: ["py-a", "py-c"], legalHold: true, timeZone: "UTC" });
  assert.deepEqual(wrong, []);
});

test("every path is one of a setting that there is", () => {
  const touched = Object.fromEntries(Object.entries(before).map(([key, value]) => [key, typeof value === "boolean" ? !value : `${value}1`]));
  const { paths } = changesOf(before, touched as unknown as typeof before);
  const known = TenantSettingsSchema.fields.map((field) => `settings.${field.name}`);
  for (const path of paths) assert.ok(path === "display_name" || known.includes(path), path);
  assert.equal(paths.length, Object.keys(before).length);
  fromJson(FieldMaskSchema, paths.map((path) => path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())).join(","));
});

test("what is no number is named", () => {
  assert.deepEqual(changesOf(before, { ...before, auditDays: "many", maxOutputBytes: "1.5" }).wrong, ["auditDays", "maxOutputBytes"]);
});
