// What services have put out, merged, as rows that a list can show a part of. A stream that is opened again tells some lines once more;
// they are taken once, by replica and time.

import type { Timestamp } from "@bufbuild/protobuf/wkt";

import type { ReadLogsResponse } from "../gen/zona/process/v1/process_service_pb";
import { PLAIN } from "../run/ansi";
import { LONGEST_ROW, whole, type Printed, type Row, type StreamName } from "../run/log";

// As many as a run's log is tried with; services print for ever, so the oldest ones make room.
export const MOST_ROWS = 100_000;
// So many at once that making room costs nothing that is seen.
const DROPPED_ROWS = 10_000;

// What is on its way while a connection breaks, and how far two clocks may drift meanwhile. Lines that come twice are dropped.
const OVERLAP_SECONDS = 60;

interface Last {
  readonly time: bigint;
  /** How many lines of this very time there are. */
  readonly count: number;
}

export class ServiceLog implements Printed {
  rows: Row[] = [];
  /** Counts changes, so that whoever shows the log knows that there is something new. */
  revision = 0;
  private readonly last = new Map<string, Last>();
  private repeated = new Map<string, Last>();

  /** Whether nothing was taken yet. */
  get isEmpty(): boolean {
    return this.last.size === 0;
  }

  /** When the newest line was put out, in milliseconds; null where there is none. */
  get newest(): number | null {
    let newest = 0n;
    for (const { time } of this.last.values()) if (time > newest) newest = time;
    return this.isEmpty ? null : Number(newest / 1_000_000n);
  }

  /** Says that what comes now may begin with lines that are here. */
  reopen(): void {
    this.repeated = new Map(this.last);
  }

  /** Takes a line, unless it is here. */
  append(line: ReadLogsResponse): void {
    const time = nanoseconds(line.time);
    if (this.isHere(line.replica, time)) return;
    const before = this.last.get(line.replica);
    this.last.set(line.replica, { time, count: before?.time === time ? before.count + 1 : 1 });
    const stream: StreamName = line.isError ? "stderr" : "stdout";
    let rest = line.truncated ? `${line.text}…` : line.text;
    let continued = false;
    do {
      const room = whole(rest, LONGEST_ROW);
      const text = rest.slice(0, room);
      rest = rest.slice(room);
      this.rows.push({ stream, text, start: PLAIN, continued, end: rest === "" ? "\n" : "", gap: false, source: line.serviceName });
      continued = true;
    } while (rest !== "");
    if (this.rows.length > MOST_ROWS) this.makeRoom();
    this.revision += 1;
  }

  /** The text of a stream, or of both, each line behind the service that has put it out. */
  text(stream: StreamName | null): string {
    return this.rows
      .filter((row) => !row.gap && (stream === null || row.stream === stream))
      .map((row) => `${row.continued ? "" : `${row.source} `}${row.text}${row.end}`)
      .join("");
  }

  private isHere(replica: string, time: bigint): boolean {
    const known = this.repeated.get(replica);
    if (known === undefined) return false;
    if (time < known.time) return true;
    if (time === known.time && known.count > 0) {
      this.repeated.set(replica, { time, count: known.count - 1 });
      return true;
    }
    this.repeated.delete(replica);
    return false;
  }

  private makeRoom(): void {
    const gap: Row = { stream: "stdout", text: "", start: PLAIN, continued: false, end: "", gap: true };
    this.rows = [gap, ...this.rows.slice(DROPPED_ROWS)];
  }
}

/** How many seconds back a stream must begin that is opened again: all times in milliseconds. */
export function secondsBack(silent: number, newest: number | null, now: number): number {
  // The newest line may have been late, and clocks may differ so far that it lies ahead: the longer one of both holds.
  return Math.ceil(Math.max(silent, newest === null ? 0 : now - newest) / 1000) + OVERLAP_SECONDS;
}

function nanoseconds(time: Timestamp | undefined): bigint {
  return time === undefined ? 0n : time.seconds * 1_000_000_000n + BigInt(time.nanos);
}
