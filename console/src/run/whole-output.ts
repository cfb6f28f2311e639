// What an execution has printed, from its first byte to its last, as one text.

import { OutputStream, type ExecutionEvent } from "../gen/zona/execution/v1/event_pb";
import { plain } from "./ansi";
import { Log } from "./log";

/** More than anybody compares by eye, and as much as a comparison takes without a pause that is felt. */
export const LONGEST_TEXT = 200_000;

export interface WholeOutput {
  readonly text: string;
  /** Whether more was printed than that. */
  readonly cut: boolean;
}

/** Reads the events of an execution that has ended; colors and the like are left out. */
export async function wholeOutput(events: AsyncIterable<ExecutionEvent>): Promise<WholeOutput> {
  const log = new Log();
  for await (const { event } of events) {
    if (event.case === "finished") break;
    if (event.case !== "output") continue;
    log.append(event.value.stream === OutputStream.STDERR ? "stderr" : "stdout", Number(event.value.offset), event.value.data);
    if (log.bytes("stdout") + log.bytes("stderr") > LONGEST_TEXT) break;
  }
  log.finish();
  const text = log.text(null).split("\n").map(plain).join("\n");
  return { text: text.slice(0, LONGEST_TEXT), cut: log.bytes("stdout") + log.bytes("stderr") > LONGEST_TEXT };
}
