// The list of exceptions from rules as it is sent when one of them changes.

import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";

interface Exception {
  readonly utility: string;
  readonly rule: string;
  readonly expireTime?: Timestamp;
}

/** Those that have not ended: the server refuses a list that holds one that has. */
export function inForce<One extends Exception>(exceptions: readonly One[], now: Date): One[] {
  return exceptions.filter(({ expireTime }) => expireTime === undefined || timestampDate(expireTime) > now);
}

/** With another one, which takes the place of one for the same rule and utility. */
export function withException<One extends Exception>(exceptions: readonly One[], made: One): One[] {
  return [...exceptions.filter((one) => one.rule !== made.rule || one.utility !== made.utility), made];
}
