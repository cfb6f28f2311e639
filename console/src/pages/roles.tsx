// Roles and states of people and programs, as forms and lists show them.

import type { JSX } from "preact";

import { PrincipalState, Role } from "../gen/zona/identity/v1/principal_pb";
import type { RoleName } from "../session";
import { t } from "../text";
import { Badge } from "../ui/parts";

/** Rows of a page: a few screens. */
export const PAGE_SIZE = 100;

export const ROLES: Record<RoleName, Role> = { USER: Role.USER, CREATOR: Role.CREATOR, ADMIN: Role.ADMIN, SUPER_ADMIN: Role.SUPER_ADMIN };

export function nameOf(role: Role): RoleName {
  const found = (Object.keys(ROLES) as RoleName[]).find((name) => ROLES[name] === role);
  return found ?? "USER";
}

export function roleOptions(withSuper: boolean): { value: RoleName; text: string }[] {
  const names: RoleName[] = withSuper ? ["USER", "CREATOR", "ADMIN", "SUPER_ADMIN"] : ["USER", "CREATOR", "ADMIN"];
  return names.map((value) => ({ value, text: t(`role.${value}`) }));
}

export function StateBadge(props: { state: PrincipalState }): JSX.Element {
  return props.state === PrincipalState.DISABLED ? <Badge kind="warn">{t("access.disabled")}</Badge> : <Badge kind="good">{t("access.active")}</Badge>;
}
