// How the services of the platform are, as far as it is known here: what the manifest in force says of them, and what is heard of them
// since. Messages of a stream say how a service is and nothing of what is declared, so both are kept apart and laid over each other.

import { create } from "@bufbuild/protobuf";

import type { ApplyEnd, ApplyProgress, WatchStatusResponse } from "../gen/zona/process/v1/process_service_pb";
import { ServiceGroup, ServiceSchema, type Service } from "../gen/zona/process/v1/service_pb";

export interface Board {
  /** As GetStatus has said it: with what is declared. */
  readonly declared: ReadonlyMap<string, Service>;
  /** What was heard since; null until a stream has said how everything is. */
  readonly heard: ReadonlyMap<string, Service> | null;
  readonly progress: ApplyProgress | null;
  readonly end: ApplyEnd | null;
  /** The newest revision that was heard of, which may declare other services than those that are known. */
  readonly revision: bigint;
  /** How often a stream has said anew how everything is: what came in between was missed, other declarations included. */
  readonly renewals: number;
}

export const EMPTY: Board = { declared: new Map(), heard: null, progress: null, end: null, revision: 0n, renewals: 0 };

/** The groups in the order in which they start. */
export const GROUPS = [ServiceGroup.SYSTEM, ServiceGroup.CORE, ServiceGroup.BATCH, ServiceGroup.APP, ServiceGroup.UNSPECIFIED] as const;

/** Takes what the manifest in force declares. */
export function declared(board: Board, services: readonly Service[]): Board {
  return { ...board, declared: byName(services) };
}

/** Takes a message of the stream. */
export function heard(board: Board, { what }: WatchStatusResponse): Board {
  switch (what.case) {
    case "snapshot":
      return {
        ...board,
        heard: byName(what.value.services),
        progress: null,
        end: null,
        renewals: board.heard === null ? board.renewals : board.renewals + 1,
      };
    case "service":
      return { ...board, heard: new Map(board.heard ?? []).set(what.value.name, what.value) };
    case "gone": {
      const rest = new Map(board.heard ?? []);
      rest.delete(what.value);
      return { ...board, heard: rest };
    }
    case "progress":
      return { ...board, progress: what.value, end: null, revision: newer(board.revision, what.value.revision) };
    case "end":
      // An older revision that gives way to the one under way says nothing of that.
      if (board.progress !== null && what.value.revision < board.progress.revision) return board;
      return { ...board, progress: null, end: what.value, revision: newer(board.revision, what.value.revision) };
    default:
      return board;
  }
}

/** Every service that is declared or runs, as it is now, by name. */
export function services(board: Board): Service[] {
  const names = new Set([...board.declared.keys(), ...(board.heard?.keys() ?? [])]);
  return [...names]
    .sort()
    .map((name) => merged(board.declared.get(name), board.heard, name))
    .filter((service) => service !== null);
}

/** The services of each group that has some. */
export function grouped(all: readonly Service[]): { group: ServiceGroup; services: Service[] }[] {
  return GROUPS.map((group) => ({ group, services: all.filter((service) => service.group === group) })).filter(({ services }) => services.length > 0);
}

/** Integrations run as services that no manifest declares; one that is declared may be called as they are. */
export function isIntegration(service: { readonly name: string; readonly declared: boolean }): boolean {
  return !service.declared && /^integration-\d+$/.test(service.name);
}

function merged(known: Service | undefined, said: Board["heard"], name: string): Service | null {
  // Before the stream has said anything, what GetStatus has said is the newest.
  if (said === null) return known ?? null;
  const now = said.get(name);
  if (known === undefined || !known.declared) return now ?? null;
  const is = now ?? create(ServiceSchema);
  return create(ServiceSchema, { ...is, name, group: known.group, context: known.context, ports: known.ports, replicas: known.replicas, dependsOn: known.dependsOn, declared: true });
}

function byName(services: readonly Service[]): Map<string, Service> {
  return new Map(services.map((service) => [service.name, service]));
}

function newer(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
