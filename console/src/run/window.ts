// Which rows of a long list are on the screen: rows of one height, so that a place is arithmetic and nothing is measured.

/** Rows beyond both edges, so that a small movement shows no blank. */
const MARGIN = 12;
// Browsers lose whole elements beyond some 16 to 33 million pixels, so a taller list is scrolled in proportion.
const TALLEST = 8_000_000;

export interface Window {
  /** First row that is drawn. */
  readonly first: number;
  /** The row behind the last one that is drawn. */
  readonly end: number;
  /** Where the first row stands, in pixels from the top of the list. */
  readonly top: number;
  /** Height of the whole list in pixels. */
  readonly height: number;
}

/** What to draw of `count` rows of `rowHeight`, of which `viewHeight` pixels are shown from `scrollTop` on. */
export function windowOf(count: number, rowHeight: number, viewHeight: number, scrollTop: number): Window {
  const full = count * rowHeight;
  const height = Math.min(full, TALLEST);
  const movable = Math.max(height - viewHeight, 1);
  const share = Math.min(Math.max(scrollTop / movable, 0), 1);
  // Below the bound the list scrolls pixel by pixel; above it by its share.
  const offset = full <= TALLEST ? Math.min(Math.max(scrollTop, 0), Math.max(full - viewHeight, 0)) : share * Math.max(full - viewHeight, 0);
  const shown = Math.floor(offset / rowHeight);
  const first = Math.max(shown - MARGIN, 0);
  const end = Math.min(shown + Math.ceil(viewHeight / rowHeight) + MARGIN, count);
  const shift = full <= TALLEST ? 0 : scrollTop - offset;
  return { first: Math.min(first, end), end, top: first * rowHeight + shift, height };
}

/** Where to scroll so that a row is in the middle. */
export function scrollTo(row: number, count: number, rowHeight: number, viewHeight: number): number {
  const full = count * rowHeight;
  const wanted = Math.min(Math.max(row * rowHeight - viewHeight / 2, 0), Math.max(full - viewHeight, 0));
  if (full <= TALLEST) return wanted;
  return (wanted / Math.max(full - viewHeight, 1)) * (TALLEST - viewHeight);
}
