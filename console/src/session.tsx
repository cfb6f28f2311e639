// Who is signed in, for every page; and the tenant that is looked at, which is another one only for super administrators.

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import type { Session } from "./api";

let ended: () => void = () => undefined;

/** What happens when the server no longer knows the caller. */
export function whenSignedOut(then: () => void): void {
  ended = then;
}

export function signedOut(): void {
  ended();
}

export interface Caller extends Session {
  /** Id of the tenant whose things are shown. */
  readonly shown: string;
  show(tenant: string): void;
}

const Context = createContext<Caller | null>(null);
export const CallerProvider = Context.Provider;

export function useCaller(): Caller {
  const caller = useContext(Context);
  if (caller === null) throw new Error("the page stands outside of a session");
  return caller;
}

/** `tenants/{tenant}` of what is shown. */
export function useParent(): string {
  return `tenants/${useCaller().shown}`;
}

export type RoleName = "USER" | "CREATOR" | "ADMIN" | "SUPER_ADMIN";

/** Whether the role administers the tenant. The server decides; this only says which ways are offered. */
export function administers(caller: Session): boolean {
  return roleName(caller.role) === "ADMIN" || roleName(caller.role) === "SUPER_ADMIN";
}

export function isSuper(caller: Session): boolean {
  return roleName(caller.role) === "SUPER_ADMIN";
}

export function roleName(role: string): RoleName {
  const name = role.replace(/^ROLE_/, "").toUpperCase();
  return name === "CREATOR" || name === "ADMIN" || name === "SUPER_ADMIN" ? name : "USER";
}

/** The last part of a resource name. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}
