// Paths of pages.

/** Longest path of a page, its query included, to which the gateway leads whom an issuer's page has signed in. */
const MAX_WAY_BACK = 1_024;

/** Where signing in elsewhere ends: at this page, without its query where that is too long. */
export function wayBack(path: string, query: string): string {
  return [`${path}${query}`, path].find((way) => way.length <= MAX_WAY_BACK) ?? "/";
}

/** What stands in a path at the places of a pattern; null where it is no such path, or no text. */
export function partsOf(pattern: RegExp, path: string): string[] | null {
  try {
    return pattern.exec(path)?.slice(1).map(decodeURIComponent) ?? null;
  } catch {
    return null;
  }
}
