// What asking something of one service would do: the plan with it, without what is due anyway.

import type { Plan, Platform, PlannedAction } from "../gen/zona/process/v1/platform_pb";
import type { Asked } from "./overlay";

export type Request =
  | { readonly kind: "start" | "stop" | "restart"; readonly service: string }
  | { readonly kind: "scale"; readonly service: string; readonly replicas: number };

/** As the contract bounds it. */
export const MOST_REPLICAS = 1000;

/** A number of replicas that may be asked for; null where it is none. */
export function wholeReplicas(text: string): number | null {
  const value = Number(text);
  return /^\d+$/.test(text.trim()) && value <= MOST_REPLICAS ? value : null;
}

/** What is asked of all services: what was asked before, and this. */
export function askedWith(platform: Platform, request: Request | null): Map<string, Asked> {
  const asked = new Map<string, Asked>();
  for (const { serviceName, enabled, replicas } of platform.overrides) {
    const one = { ...(enabled === undefined ? {} : { enabled }), ...(replicas === undefined ? {} : { replicas }) };
    if (Object.keys(one).length > 0) asked.set(serviceName, one);
  }
  if (request === null || request.kind === "restart") return asked;
  const before = asked.get(request.service);
  return asked.set(request.service, { ...before, ...(request.kind === "scale" ? { replicas: request.replicas } : { enabled: request.kind === "start" }) });
}

/** The waves of one plan without the actions that another one has, too. */
export function without(plan: Plan, due: Plan): PlannedAction[][] {
  const known = new Set(due.waves.flatMap((wave) => wave.actions.map(same)));
  return plan.waves.map((wave) => wave.actions.filter((action) => !known.has(same(action)))).filter((actions) => actions.length > 0);
}

function same(action: PlannedAction): string {
  return JSON.stringify([action.serviceName, action.kind, action.reasons, action.steps]);
}
