// Three texts become one: what was there, what somebody else made of it, what I made of it.

import { diff3Merge } from "node-diff3";

export interface Merged {
  readonly text: string;
  readonly conflicts: number;
}

/** Names of the two sides, as they stand beside the markers. */
export interface Sides {
  readonly theirs: string;
  readonly mine: string;
}

/** Takes what only one side has changed from that side; what both have changed stands in it between markers. */
export function merge(base: string, theirs: string, mine: string, names: Sides): Merged {
  const lines: string[] = [];
  let conflicts = 0;
  for (const region of diff3Merge(mine.split("\n"), base.split("\n"), theirs.split("\n"), { excludeFalseConflicts: true })) {
    if (region.ok !== undefined) lines.push(...region.ok);
    if (region.conflict !== undefined) {
      conflicts += 1;
      lines.push(`<<<<<<< ${names.mine}`, ...region.conflict.a, "=======", ...region.conflict.b, `>>>>>>> ${names.theirs}`);
    }
  }
  return { text: lines.join("\n"), conflicts };
}

/** Whether markers stand in a merged text that nobody has settled yet. Lines of seven signs are code elsewhere. */
export function isUnsettled(text: string, names: Sides): boolean {
  return text.split("\n").some((line) => line === `<<<<<<< ${names.mine}` || line === `>>>>>>> ${names.theirs}`);
}
