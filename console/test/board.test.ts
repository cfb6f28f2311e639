// What is heard of services, laid over what is declared of them.

import assert from "node:assert/strict";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { test } from "node:test";

import { PlanSchema, PlatformSchema, PlatformState } from "../src/gen/zona/process/v1/platform_pb";
import { WatchStatusResponseSchema } from "../src/gen/zona/process/v1/process_service_pb";
import { ServiceGroup, ServiceSchema, ServiceState } from "../src/gen/zona/process/v1/service_pb";
import { declared, EMPTY, grouped, heard, isIntegration, services, type Board } from "../src/process/board";
import { askedWith, wholeReplicas, without } from "../src/process/plan";

const service = (init: MessageInitShape<typeof ServiceSchema>) => create(ServiceSchema, init);
const hear = (board: Board, what: MessageInitShape<typeof WatchStatusResponseSchema>["what"]) => heard(board, create(WatchStatusResponseSchema, { what }));

const WEB = service({ name: "web", group: ServiceGroup.APP, declared: true, dependsOn: ["db"], replicas: 3, state: ServiceState.STARTING, restarts: 1 });

test("what is heard is how a service is, and what is declared stays", () => {
  let board = declared(EMPTY, [WEB]);
  assert.equal(services(board)[0]?.state, ServiceState.STARTING);
  board = hear(board, { case: "snapshot", value: { services: [{ name: "web", group: ServiceGroup.APP, state: ServiceState.RUNNING, availableReplicas: 3, replicas: 1 }] } });
  const [web] = services(board);
  assert.deepEqual([web?.state, web?.availableReplicas, web?.replicas, web?.dependsOn, web?.declared], [ServiceState.RUNNING, 3, 3, ["db"], true]);
  board = hear(board, { case: "service", value: { name: "web", group: ServiceGroup.APP, state: ServiceState.DEGRADED, detail: "no connection" } });
  assert.deepEqual([services(board)[0]?.state, services(board)[0]?.detail], [ServiceState.DEGRADED, "no connection"]);
});

test("what runs without being declared is shown until it is gone, and what is declared stays when it runs no more", () => {
  let board = declared(EMPTY, [WEB, service({ name: "left-over", group: ServiceGroup.APP, state: ServiceState.STOPPING })]);
  board = hear(board, { case: "snapshot", value: { services: [{ name: "web" }, { name: "left-over" }, { name: "other" }] } });
  assert.deepEqual(services(board).map(({ name }) => name), ["left-over", "other", "web"]);
  board = hear(hear(board, { case: "gone", value: "left-over" }), { case: "gone", value: "web" });
  assert.deepEqual(services(board).map(({ name, state }) => [name, state]), [["other", 0], ["web", 0]]);
});

test("a snapshot voids what was heard before", () => {
  let board = hear(EMPTY, { case: "snapshot", value: { services: [{ name: "one" }] } });
  board = hear(board, { case: "snapshot", value: { services: [{ name: "two" }] } });
  assert.deepEqual(services(board).map(({ name }) => name), ["two"]);
});

test("a snapshot voids how far a revision had come and what one came to, and all but the first one are counted", () => {
  const snapshot: MessageInitShape<typeof WatchStatusResponseSchema>["what"] = { case: "snapshot", value: { services: [{ name: "web" }] } };
  let board = hear(EMPTY, snapshot);
  assert.equal(board.renewals, 0);
  board = hear(hear(board, { case: "progress", value: { revision: 8n, wave: 1, waves: 2 } }), snapshot);
  assert.deepEqual([board.progress, board.end, board.revision, board.renewals], [null, null, 8n, 1]);
  board = hear(hear(board, { case: "end", value: { revision: 8n, state: PlatformState.REACHED } }), snapshot);
  assert.deepEqual([board.progress, board.end, board.renewals], [null, null, 2]);
});

test("the end of a revision that gave way says nothing of the one under way", () => {
  let board = hear(EMPTY, { case: "progress", value: { revision: 8n, wave: 1, waves: 2 } });
  board = hear(board, { case: "end", value: { revision: 7n, state: PlatformState.SUPERSEDED } });
  assert.deepEqual([board.progress?.revision, board.end], [8n, null]);
  board = hear(board, { case: "end", value: { revision: 8n, state: PlatformState.REACHED } });
  assert.deepEqual([board.progress, board.end?.state, board.revision], [null, PlatformState.REACHED, 8n]);
  assert.equal(hear(board, { case: "heartbeat", value: {} }), board);
});

test("a service that is declared is no integration, whatever it is called", () => {
  const named = (name: string, declared: boolean) => isIntegration({ name, declared });
  assert.deepEqual([named("integration-7", false), named("integration-7", true), named("integration-hub", false)], [true, false, false]);
});

test("groups stand in the order in which they start, and empty ones not at all", () => {
  const all = [WEB, service({ name: "db", group: ServiceGroup.SYSTEM }), service({ name: "stray" })];
  assert.deepEqual(grouped(all).map(({ group, services }) => [group, services.map(({ name }) => name)]), [
    [ServiceGroup.SYSTEM, ["db"]],
    [ServiceGroup.APP, ["web"]],
    [ServiceGroup.UNSPECIFIED, ["stray"]],
  ]);
});

test("what is asked of one service stands beside what was asked before", () => {
  const platform = create(PlatformSchema, {
    overrides: [
      { serviceName: "web", replicas: 5, restarts: 2 },
      { serviceName: "db", restarts: 1 },
    ],
  });
  assert.deepEqual([...askedWith(platform, null)], [["web", { replicas: 5 }]]);
  assert.deepEqual(askedWith(platform, { kind: "stop", service: "web" }).get("web"), { replicas: 5, enabled: false });
  assert.deepEqual(askedWith(platform, { kind: "scale", service: "db", replicas: 0 }).get("db"), { replicas: 0 });
  assert.deepEqual([...askedWith(platform, { kind: "restart", service: "db" })], [["web", { replicas: 5 }]]);
});

test("a plan is told without what is due anyway", () => {
  const action = (serviceName: string, kind: string) => ({ serviceName, kind, reasons: ["r"], steps: ["s"] });
  const due = create(PlanSchema, { waves: [{ actions: [action("old", "remove")] }] });
  const plan = create(PlanSchema, { waves: [{ actions: [action("old", "remove")] }, { actions: [action("web", "stop"), action("old", "stop")] }] });
  assert.deepEqual(
    without(plan, due).map((wave) => wave.map(({ serviceName, kind }) => `${kind} ${serviceName}`)),
    [["stop web", "stop old"]],
  );
});

test("only whole numbers within the bounds are numbers of replicas", () => {
  assert.deepEqual(["0", " 3 ", "1000", "1001", "", "-1", "1.5", "1e2", "x"].map(wholeReplicas), [0, 3, 1000, null, null, null, null, null, null]);
});
