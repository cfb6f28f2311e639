// Follows a stream over a network that fails, to its end where it has one: each event once, in order, whatever breaks in between.

import { Code, ConnectError } from "@connectrpc/connect";

/** What a follower needs to know of an event. */
export interface Numbered {
  readonly sequence: bigint;
  readonly last: boolean;
  /** Whether it voids what came before, so that its sequence may be any: another server goes on in its own numbers. */
  readonly anew?: boolean;
}

export type Link = "connecting" | "live" | "waiting";

export interface Follow<Event> {
  /** Opens the stream behind a sequence. */
  open(after: bigint, signal: AbortSignal): AsyncIterable<Event>;
  number(event: Event): Numbered;
  take(event: Event): void;
  link(state: Link): void;
  /** Waits before another attempt; ends early when the network is back. */
  pause(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** From which sequence on; what was taken before is not asked for again. */
  after?: bigint;
  /** Whether nothing may come for long: then silence is no connection that is gone. */
  quiet?: boolean;
  signal: AbortSignal;
}

export const FIRST_PAUSE = 250;
export const LONGEST_PAUSE = 5_000;
// The server sends a heartbeat after 5 s of silence: three that are missing are a connection that is gone.
export const SILENCE = 15_000;

/** Ends when the last event is taken or the signal is given. Throws what no other attempt would mend. */
export async function follow<Event>(how: Follow<Event>): Promise<void> {
  let after = how.after ?? 0n;
  let pause = FIRST_PAUSE;
  while (!how.signal.aborted) {
    how.link("connecting");
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    how.signal.addEventListener("abort", stop);
    const watch = () => (how.quiet === true ? undefined : setTimeout(stop, SILENCE));
    let watchdog = watch();
    try {
      for await (const event of how.open(after, attempt.signal)) {
        clearTimeout(watchdog);
        watchdog = watch();
        how.link("live");
        pause = FIRST_PAUSE;
        const { sequence, last, anew } = how.number(event);
        // 0 is a heartbeat. One that is here already is not taken again.
        if (sequence !== 0n) {
          if (sequence <= after && anew !== true) continue;
          after = sequence;
        }
        how.take(event);
        if (last) return;
      }
    } catch (failure) {
      if (how.signal.aborted) return;
      if (!passes(failure)) throw failure;
    } finally {
      clearTimeout(watchdog);
      how.signal.removeEventListener("abort", stop);
      attempt.abort();
    }
    if (how.signal.aborted) return;
    how.link("waiting");
    await how.pause(pause, how.signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

// Whether another attempt may succeed. A proxy that gives up and a fetch that breaks off have many codes; what the server itself has
// decided has few.
function passes(failure: unknown): boolean {
  switch (ConnectError.from(failure).code) {
    case Code.InvalidArgument:
    case Code.NotFound:
    case Code.PermissionDenied:
    case Code.Unauthenticated:
    case Code.FailedPrecondition:
    case Code.OutOfRange:
    case Code.Unimplemented:
      return false;
    default:
      return true;
  }
}

/** Waits for a time, for the network to come back, or for the end. */
export function untilBetter(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      globalThis.removeEventListener?.("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    globalThis.addEventListener?.("online", done);
    signal.addEventListener("abort", done);
  });
}
