// The picture of which service waits for which: columns from what starts first to what starts last, and the lines between them. Places
// are arithmetic over the names; nothing is measured.

export interface Waits {
  readonly name: string;
  readonly group: number;
  readonly dependsOn: readonly string[];
}

export interface Box {
  readonly name: string;
  readonly x: number;
  readonly y: number;
}

export interface Line {
  readonly from: string;
  readonly to: string;
  /** The path of an SVG. */
  readonly path: string;
}

export interface Picture {
  readonly boxes: readonly Box[];
  readonly lines: readonly Line[];
  readonly width: number;
  readonly height: number;
}

export const BOX_WIDTH = 160;
export const BOX_HEIGHT = 32;
const GAP_X = 70;
const GAP_Y = 14;
const EDGE = 8;
// Longer names are cut in the picture; the list has them whole.
const LONGEST_NAME = 18;
// Rounds of moving boxes towards what they are joined to: more hardly move any.
const ROUNDS = 4;

/** Lays services out. Of what they wait for, only what is there is drawn. */
export function layOut(services: readonly Waits[]): Picture {
  const known = new Map(services.map((service) => [service.name, service]));
  const needs = (name: string) => (known.get(name)?.dependsOn ?? []).filter((other) => other !== name && known.has(other));
  const columns = inColumns(services, needs);
  untangle(columns, needs);
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const height = 2 * EDGE + tallest * BOX_HEIGHT + (tallest - 1) * GAP_Y;
  const boxes = columns.flatMap((column, x) => {
    const own = column.length * BOX_HEIGHT + (column.length - 1) * GAP_Y;
    return column.map((name, y) => ({ name, x: EDGE + x * (BOX_WIDTH + GAP_X), y: (height - own) / 2 + y * (BOX_HEIGHT + GAP_Y) }));
  });
  const at = new Map(boxes.map((box) => [box.name, box]));
  const lines = boxes.flatMap((box) =>
    needs(box.name).map((other): Line => ({ from: other, to: box.name, path: curve(at.get(other) ?? box, box) })),
  );
  return { boxes, lines, width: 2 * EDGE + columns.length * (BOX_WIDTH + GAP_X) - GAP_X, height };
}

/** A name as it fits into a box. */
export function shortened(name: string): string {
  return name.length <= LONGEST_NAME ? name : `${name.slice(0, LONGEST_NAME - 1)}…`;
}

// Each service stands right of everything that it waits for, and of every group before its own.
function inColumns(services: readonly Waits[], needs: (name: string) => string[]): string[][] {
  const columns: string[][] = [];
  let first = 0;
  for (const group of [...new Set(services.map((service) => service.group))].sort((one, other) => one - other)) {
    const names = services.filter((service) => service.group === group).map((service) => service.name);
    const within = new Set(names);
    const depths = new Map<string, number>();
    const depth = (name: string, above: ReadonlySet<string>): number => {
      const known = depths.get(name);
      // No manifest has a circle; what runs without one may say anything.
      if (known !== undefined || above.has(name)) return known ?? 0;
      const path = new Set(above).add(name);
      const found = Math.max(0, ...needs(name).filter((other) => within.has(other)).map((other) => depth(other, path) + 1));
      depths.set(name, found);
      return found;
    };
    for (const name of [...names].sort()) (columns[first + depth(name, new Set())] ??= []).push(name);
    first = columns.length;
  }
  // In a circle a depth may belong to nobody.
  return columns.filter((column) => column !== undefined);
}

// Moves boxes of a column to the middle of what they are joined to, so that fewer lines cross.
function untangle(columns: string[][], needs: (name: string) => string[]): void {
  const joined = new Map<string, string[]>();
  for (const name of columns.flat()) {
    for (const other of needs(name)) {
      joined.set(name, [...(joined.get(name) ?? []), other]);
      joined.set(other, [...(joined.get(other) ?? []), name]);
    }
  }
  const share = new Map<string, number>();
  // At once, so that two columns do not both turn around.
  const place = (column: readonly string[]) => column.forEach((name, index) => share.set(name, (index + 0.5) / column.length));
  columns.forEach(place);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const column of columns) {
      const middle = new Map(
        column.map((name) => {
          const at = (joined.get(name) ?? []).map((other) => share.get(other) ?? 0);
          return [name, at.length === 0 ? (share.get(name) ?? 0) : at.reduce((sum, one) => sum + one, 0) / at.length] as const;
        }),
      );
      column.sort((one, other) => (middle.get(one) ?? 0) - (middle.get(other) ?? 0) || (one < other ? -1 : 1));
      place(column);
    }
  }
}

function curve(from: Box, to: Box): string {
  const [x1, y1, x2, y2] = [from.x + BOX_WIDTH, from.y + BOX_HEIGHT / 2, to.x, to.y + BOX_HEIGHT / 2];
  const bend = Math.max((x2 - x1) / 2, GAP_X / 2);
  return `M ${x1} ${y1} C ${x1 + bend} ${y1}, ${x2 - bend} ${y2}, ${x2} ${y2}`;
}
