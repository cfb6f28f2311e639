// Places in code: the server counts lines from 1 and columns in code points from 1; the editor counts UTF-16 units from 0.

/** The offset of a column within a line. Behind the end is the end. */
export function unitsBefore(line: string, column: number): number {
  let units = 0;
  for (let point = 1; point < column && units < line.length; point += 1) {
    const code = line.codePointAt(units) ?? 0;
    units += code > 0xffff ? 2 : 1;
  }
  return units;
}

export interface Lines {
  readonly lines: number;
  line(n: number): { from: number; to: number; text: string };
}

/** The span of a finding. An end that is not known is that of the line. */
export function span(doc: Lines, at: { line: number; column: number; endLine: number; endColumn: number }): { from: number; to: number } {
  const first = doc.line(Math.min(Math.max(at.line, 1), doc.lines));
  const from = first.from + unitsBefore(first.text, Math.max(at.column, 1));
  if (at.endLine < 1) return { from, to: Math.max(first.to, from) };
  const last = doc.line(Math.min(Math.max(at.endLine, 1), doc.lines));
  const to = last.from + unitsBefore(last.text, Math.max(at.endColumn, 1));
  // Something must be there to mark, also where the finding is between two characters.
  return to > from ? { from, to } : { from: Math.max(first.from, Math.min(from, first.to - 1)), to: Math.max(from, Math.min(from + 1, first.to)) };
}
