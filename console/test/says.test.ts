// What is shown of a record, against its signed bytes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { create } from "@bufbuild/protobuf";

import { says } from "../src/audit/says";
import { AuditOutcome, AuditRecordSchema } from "../src/gen/zona/audit/v1/audit_record_pb";

const encode = (record: unknown) => new TextEncoder().encode(JSON.stringify(record));

// As `crates/storage-documents` writes it.
const SIGNED = {
  action: "utility.update",
  actor: { principal: "tenants/acme/serviceAccounts/ci" },
  call: "c-1",
  changes: [{ after: "aa", before: "bb", field: "code" }],
  count: 1,
  instance: "one",
  method: "/zona.utility.v1.UtilityService/UpdateUtility",
  outcome: "ALLOWED",
  purpose: "a test",
  request_id: "r-1",
  resource: "tenants/acme/utilities/a",
  sequence: 7,
  tenant: "acme",
  time: 1_700_000_000_123,
  v: 1,
};

const SHOWN = {
  sequence: 7n,
  time: { seconds: 1_700_000_000n, nanos: 123_000_000 },
  count: 1n,
  instance: "one",
  call: "c-1",
  actor: { principal: "tenants/acme/serviceAccounts/ci" },
  method: "/zona.utility.v1.UtilityService/UpdateUtility",
  action: "utility.update",
  resource: "tenants/acme/utilities/a",
  outcome: AuditOutcome.ALLOWED,
  changes: [{ field: "code", beforeSha256: "bb", afterSha256: "aa" }],
  purpose: "a test",
  requestId: "r-1",
};

test("a record that is shown as it was signed is proven", () => {
  assert.ok(says(encode(SIGNED), create(AuditRecordSchema, SHOWN)));
});

test("whatever is shown otherwise than it was signed proves nothing", () => {
  const others = {
    sequence: 8n,
    time: { seconds: 1_700_000_000n, nanos: 124_000_000 },
    endTime: { seconds: 1n, nanos: 0 },
    count: 2n,
    instance: "two",
    call: "c-2",
    actor: { principal: "tenants/acme/serviceAccounts/other" },
    method: "/zona.utility.v1.UtilityService/GetUtility",
    action: "utility.get",
    resource: "tenants/acme/utilities/b",
    version: 3,
    outcome: AuditOutcome.DENIED,
    reason: "PERMISSION_DENIED",
    changes: [],
    purpose: "another",
    requestId: "r-2",
    traceId: "t",
  };
  for (const [name, other] of Object.entries(others)) {
    assert.ok(!says(encode(SIGNED), create(AuditRecordSchema, { ...SHOWN, [name]: other })), name);
  }
});

test("what is sealed of a person, or stands under their id, is not compared", () => {
  const { purpose: _, ...rest } = SIGNED;
  const changes = [{ after: "aa", field: "grant=tenants/acme/subjects/02" }];
  const sealed = { ...rest, changes, actor: { sealed: "AQID", subject: "tenants/acme/subjects/01" }, resource: "tenants/acme/subjects/01/sessions/s", v: 2 };
  const named = [{ field: "grant=tenants/acme/users/bo", afterSha256: "aa" }];
  const shown = { ...SHOWN, changes: named, actor: { principal: "tenants/acme/users/ann" }, resource: "tenants/acme/users/ann/sessions/s" };
  assert.ok(says(encode(sealed), create(AuditRecordSchema, shown)));
  assert.ok(!says(encode(sealed), create(AuditRecordSchema, { ...shown, outcome: AuditOutcome.DENIED })));
  assert.ok(!says(encode(sealed), create(AuditRecordSchema, { ...shown, changes: [{ ...named[0], afterSha256: "bb" }] })));
});
