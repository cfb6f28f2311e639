// What keys and check boxes of a list come to, without anything on a screen.

/** The chosen keys with some of them added or taken away. */
export function toggled(chosen: ReadonlySet<string>, keys: readonly string[], on: boolean): ReadonlySet<string> {
  const next = new Set(chosen);
  for (const key of keys) {
    if (on) next.add(key);
    else next.delete(key);
  }
  return next;
}

/** The row that a key leads to from another one; null where it leads nowhere. */
export function beside(rows: number, at: number, key: string): number | null {
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows - 1 }[key];
  return next === undefined || next === at || next < 0 || next >= rows ? null : next;
}
