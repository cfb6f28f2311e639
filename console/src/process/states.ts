// States of services, replicas, revisions and integrations, as words and as colors.

import { PlatformState } from "../gen/zona/process/v1/platform_pb";
import { ReplicaState, ServiceGroup, ServiceState } from "../gen/zona/process/v1/service_pb";
import type { TextId } from "../text";

export type Kind = "good" | "bad" | "warn" | "calm";
type Look = readonly [TextId, Kind];

const UNKNOWN: Look = ["services.state.unknown", "calm"];

const GROUPS: Record<ServiceGroup, TextId> = {
  [ServiceGroup.UNSPECIFIED]: "services.group.none",
  [ServiceGroup.SYSTEM]: "services.group.system",
  [ServiceGroup.CORE]: "services.group.core",
  [ServiceGroup.BATCH]: "services.group.batch",
  [ServiceGroup.APP]: "services.group.app",
};

const SERVICES: Record<ServiceState, Look> = {
  [ServiceState.UNSPECIFIED]: UNKNOWN,
  [ServiceState.STOPPED]: ["services.state.stopped", "calm"],
  [ServiceState.WAITING]: ["services.state.waiting", "warn"],
  [ServiceState.STARTING]: ["services.state.starting", "warn"],
  [ServiceState.RUNNING]: ["services.state.running", "good"],
  [ServiceState.DEGRADED]: ["services.state.degraded", "bad"],
  [ServiceState.UPDATING]: ["services.state.updating", "warn"],
  [ServiceState.STOPPING]: ["services.state.stopping", "warn"],
  [ServiceState.COMPLETED]: ["services.state.completed", "good"],
  [ServiceState.FAILED]: ["services.state.failed", "bad"],
};

const REPLICAS: Record<ReplicaState, Look> = {
  [ReplicaState.UNSPECIFIED]: UNKNOWN,
  [ReplicaState.STARTING]: ["services.state.starting", "warn"],
  [ReplicaState.HEALTHY]: ["services.replica.healthy", "good"],
  [ReplicaState.UNHEALTHY]: ["services.replica.unhealthy", "bad"],
  [ReplicaState.COMPLETED]: ["services.state.completed", "good"],
  [ReplicaState.FAILED]: ["services.state.failed", "bad"],
};

const PLATFORMS: Record<PlatformState, Look> = {
  [PlatformState.UNSPECIFIED]: UNKNOWN,
  [PlatformState.UNDER_WAY]: ["platform.state.under-way", "warn"],
  [PlatformState.REACHED]: ["platform.state.reached", "good"],
  [PlatformState.ROLLED_BACK]: ["platform.state.rolled-back", "bad"],
  [PlatformState.FAILED]: ["platform.state.failed", "bad"],
  [PlatformState.SUPERSEDED]: ["platform.state.superseded", "calm"],
};

const INTEGRATIONS: Readonly<Record<string, Look>> = {
  disabled: ["integrations.state.disabled", "calm"],
  blocked: ["integrations.state.blocked", "warn"],
  waiting: ["services.state.waiting", "warn"],
  starting: ["services.state.starting", "warn"],
  running: ["services.state.running", "good"],
  degraded: ["services.state.degraded", "bad"],
  stopping: ["services.state.stopping", "warn"],
  stopped: ["services.state.stopped", "calm"],
  failed: ["services.state.failed", "bad"],
};

const ACTIONS: Readonly<Record<string, TextId>> = {
  create: "plan.create",
  replace: "plan.replace",
  repair: "plan.repair",
  scale: "plan.scale",
  stop: "plan.stop",
  remove: "plan.remove",
};

const ORIGINS: Readonly<Record<string, TextId>> = {
  service: "integrations.origin.service",
  integration: "integrations.origin.integration",
  tenant: "integrations.origin.tenant",
  environment: "integrations.origin.environment",
  override: "integrations.origin.override",
};

// A server that is newer than the console may say what this does not know.
export const groupText = (group: ServiceGroup): TextId => GROUPS[group] ?? "services.group.none";
export const serviceLook = (state: ServiceState): Look => SERVICES[state] ?? UNKNOWN;
export const replicaLook = (state: ReplicaState): Look => REPLICAS[state] ?? UNKNOWN;
export const platformLook = (state: PlatformState): Look => PLATFORMS[state] ?? UNKNOWN;
export const integrationLook = (status: string): Look => INTEGRATIONS[status] ?? UNKNOWN;
/** What an action of a plan does; null where the console has no word for it. */
export const actionText = (kind: string): TextId | null => ACTIONS[kind] ?? null;
export const originText = (origin: string): TextId | null => ORIGINS[origin] ?? null;
