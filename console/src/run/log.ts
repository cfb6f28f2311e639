// What user code has printed, as lines that a list can show a part of. Bytes become text here, once, stream by stream; what a stream
// repeats after a reconnection is dropped by its offset, and what is missing is marked.

import { PLAIN, styleBehind, type Style } from "./ansi";

export type StreamName = "stdout" | "stderr";

/** One row: a line, or a part of one that is too long for a row. */
export interface Row {
  readonly stream: StreamName;
  text: string;
  /** The style that the lines before leave. */
  readonly start: Style;
  /** Whether the row goes on a line that the row before began. */
  readonly continued: boolean;
  /** What ended its line, as it was printed; nothing where the line goes on, or has not ended. */
  end: "" | "\n" | "\r\n";
  /** Of the console's own: bytes of the stream are missing here. */
  readonly gap: boolean;
  /** Who has printed it, where several print into one log. */
  readonly source?: string;
}

/** Rows that a view can show, whoever has printed them. */
export interface Printed {
  readonly rows: readonly Row[];
  /** The text of a stream, or of both. */
  text(stream: StreamName | null): string;
}

// A row that is longer costs more to lay out than to read.
export const LONGEST_ROW = 2000;

interface Source {
  readonly decoder: TextDecoder;
  bytes: number;
  open: number | null;
  style: Style;
}

export class Log implements Printed {
  readonly rows: Row[] = [];
  /** Counts changes, so that whoever shows the log knows that there is something new. */
  revision = 0;
  private readonly sources: Record<StreamName, Source> = { stdout: source(), stderr: source() };

  /** Bytes of a stream that are here. */
  bytes(stream: StreamName): number {
    return this.sources[stream].bytes;
  }

  /** Takes what was printed at `offset`; what is here already is taken no second time. */
  append(stream: StreamName, offset: number, data: Uint8Array): void {
    const from = this.sources[stream];
    const known = from.bytes - offset;
    if (known >= data.length && data.length > 0) return;
    if (known < 0) this.markGap(stream);
    const fresh = known > 0 ? data.subarray(known) : data;
    from.bytes = offset + data.length;
    this.write(stream, from.decoder.decode(fresh, { stream: true }));
    this.revision += 1;
  }

  /** Says that no more comes: half a character at the end becomes visible. */
  finish(): void {
    for (const stream of ["stdout", "stderr"] as const) this.write(stream, this.sources[stream].decoder.decode());
    this.revision += 1;
  }

  /** The text of a stream, as it was printed; or of both, by the order in which their lines began. */
  text(stream: StreamName | null): string {
    const parts: string[] = [];
    let before: Row | null = null;
    for (const row of this.rows) {
      if (stream !== null && row.stream !== stream) continue;
      // Where the other stream, or bytes that are missing, break a line, the next one begins anew.
      if (before !== null && before.end === "" && (before.stream !== row.stream || row.gap)) parts.push("\n");
      parts.push(row.text, row.end);
      before = row;
    }
    return parts.join("");
  }

  private write(stream: StreamName, text: string): void {
    if (text === "") return;
    const from = this.sources[stream];
    const lines = text.split("\n");
    lines.forEach((line, index) => {
      // A line feed behind the last line opens no row before something stands on it.
      const last = index === lines.length - 1;
      if (!(last && line === "")) this.extend(stream, from, line);
      if (!last) {
        if (from.open === null && line === "") this.open(stream, from, false);
        this.close(from, true);
      }
    });
  }

  private extend(stream: StreamName, from: Source, text: string): void {
    let rest = text;
    while (rest !== "") {
      let row = from.open === null ? this.open(stream, from, false) : this.rows[from.open];
      if (row === undefined) return;
      if (row.text.length >= LONGEST_ROW) {
        from.style = styleBehind(row.text, row.start);
        row = this.open(stream, from, true);
      }
      const room = whole(rest, LONGEST_ROW - row.text.length);
      row.text += rest.slice(0, room);
      rest = rest.slice(room);
    }
  }

  private open(stream: StreamName, from: Source, continued: boolean): Row {
    const row: Row = { stream, text: "", start: from.style, continued, end: "", gap: false };
    from.open = this.rows.push(row) - 1;
    return row;
  }

  private close(from: Source, ended: boolean): void {
    const row = from.open === null ? undefined : this.rows[from.open];
    if (row !== undefined) {
      if (ended) row.end = row.text.endsWith("\r") ? "\r\n" : "\n";
      if (row.end === "\r\n") row.text = row.text.slice(0, -1);
      from.style = styleBehind(row.text, row.start);
    }
    from.open = null;
  }

  private markGap(stream: StreamName): void {
    this.close(this.sources[stream], false);
    this.rows.push({ stream, text: "", start: PLAIN, continued: false, end: "", gap: true });
  }
}

function source(): Source {
  return { decoder: new TextDecoder("utf-8", { ignoreBOM: true }), bytes: 0, open: null, style: PLAIN };
}

/** Where a text may be cut for so much room: not within a pair of surrogates. */
export function whole(text: string, room: number): number {
  if (room >= text.length) return text.length;
  const code = text.charCodeAt(room - 1);
  return code >= 0xd800 && code <= 0xdbff && room > 1 ? room - 1 : Math.max(room, 1);
}
