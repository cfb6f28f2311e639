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
  const ways = throughGaps(columns, needs);
  untangle(columns, [...ways.values()]);
  const tallest = Math.max(1, ...columns.map((column) => column.length));
  const height = 2 * EDGE + tallest * BOX_HEIGHT + (tallest - 1) * GAP_Y;
  const places = columns.flatMap((column, x) => {
    const own = column.length * BOX_HEIGHT + (column.length - 1) * GAP_Y;
    return column.map((name, y) => ({ name, x: EDGE + x * (BOX_WIDTH + GAP_X), y: (height - own) / 2 + y * (BOX_HEIGHT + GAP_Y) }));
  });
  const at = new Map(places.map((place) => [place.name, place]));
  const lines = [...ways.values()].map((way): Line => {
    const boxes = way.map((name) => at.get(name)).filter((box) => box !== undefined);
    return { from: way[0] ?? "", to: way.at(-1) ?? "", path: path(boxes) };
  });
  const boxes = places.filter(({ name }) => known.has(name));
  return { boxes, lines, width: 2 * EDGE + Math.max(columns.length, 1) * (BOX_WIDTH + GAP_X) - GAP_X, height };
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

// The way of each line from column to column. Where it passes a column, a gap is left for it between the boxes, one for all lines of a box:
// a line behind a box would look as if it began there.
function throughGaps(columns: string[][], needs: (name: string) => string[]): Map<string, string[]> {
  const column = new Map(columns.flatMap((names, index) => names.map((name) => [name, index] as const)));
  const ways = new Map<string, string[]>();
  for (const name of columns.flat()) {
    for (const other of needs(name)) {
      const way = [other];
      for (let index = (column.get(other) ?? 0) + 1; index < (column.get(name) ?? 0); index += 1) {
        // No name of a service holds a blank.
        const gap = `${other} ${index}`;
        if (columns[index]?.includes(gap) === false) columns[index]?.push(gap);
        way.push(gap);
      }
      ways.set(`${other} > ${name}`, [...way, name]);
    }
  }
  return ways;
}

// Moves boxes and gaps of a column to the middle of what they are joined to, so that fewer lines cross.
function untangle(columns: string[][], ways: readonly string[][]): void {
  const joined = new Map<string, Set<string>>();
  const join = (one: string, other: string) => joined.set(one, (joined.get(one) ?? new Set()).add(other));
  for (const way of ways) {
    for (const [index, other] of way.slice(1).entries()) {
      const one = way[index] ?? other;
      join(one, other);
      join(other, one);
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
          const at = [...(joined.get(name) ?? [])].map((other) => share.get(other) ?? 0);
          return [name, at.length === 0 ? (share.get(name) ?? 0) : at.reduce((sum, one) => sum + one, 0) / at.length] as const;
        }),
      );
      column.sort((one, other) => (middle.get(one) ?? 0) - (middle.get(other) ?? 0) || (one < other ? -1 : 1));
      place(column);
    }
  }
}

// Out of the right edge of the first box, straight through the gaps, into the left edge of the last one.
function path(way: readonly Box[]): string {
  const [first, ...rest] = way;
  if (first === undefined) return "";
  let [x, y] = [first.x + BOX_WIDTH, first.y + BOX_HEIGHT / 2];
  const parts = [`M ${x} ${y}`];
  for (const [index, box] of rest.entries()) {
    const [toX, toY] = [box.x, box.y + BOX_HEIGHT / 2];
    const bend = Math.max((toX - x) / 2, GAP_X / 2);
    parts.push(`C ${x + bend} ${y}, ${toX - bend} ${toY}, ${toX} ${toY}`);
    [x, y] = [toX, toY];
    if (index < rest.length - 1) {
      x += BOX_WIDTH;
      parts.push(`H ${x}`);
    }
  }
  return parts.join(" ");
}
