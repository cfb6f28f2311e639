// Paths of pages.

/** What stands in a path at the places of a pattern; null where it is no such path, or no text. */
export function partsOf(pattern: RegExp, path: string): string[] | null {
  try {
    return pattern.exec(path)?.slice(1).map(decodeURIComponent) ?? null;
  } catch {
    return null;
  }
}
