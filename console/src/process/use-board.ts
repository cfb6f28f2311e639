// The board, live: what is declared is asked for, what happens is followed.

import { useEffect, useRef, useState } from "preact/hooks";

import { toFailure, type Failure } from "../failure";
import type { WatchStatusResponse } from "../gen/zona/process/v1/process_service_pb";
import { follow, untilBetter, type Link } from "../run/follow";
import { signedOut } from "../session";
import { useCall } from "../ui/call";
import { declared, EMPTY, heard, type Board } from "./board";
import { processes } from "./client";

// After which time what a revision came to is asked for once more.
const SETTLED = 2_000;

export interface LiveBoard {
  readonly board: Board;
  readonly link: Link;
  readonly loading: boolean;
  readonly failure: Failure | null;
  retry(): void;
}

export function useBoard(): LiveBoard {
  const latest = useRef(EMPTY);
  const [board, setBoard] = useState(EMPTY);
  const [link, setLink] = useState<Link>("connecting");
  const [failure, setFailure] = useState<Failure | null>(null);
  const [turn, setTurn] = useState(0);
  const take = (next: Board) => setBoard((latest.current = next));
  // Another revision may declare other services, its end may take them back, and what was missed may be either.
  const { end } = board;
  const status = useCall(`status ${board.revision} ${end?.revision ?? ""} ${end?.state ?? ""} ${board.renewals}`, (signal) => processes.getStatus({}, { signal }));
  // The end may be told before the server answers by it.
  useEffect(() => {
    if (end === null) return;
    const timer = setTimeout(status.reload, SETTLED);
    return () => clearTimeout(timer);
  }, [end]);
  useEffect(() => {
    if (status.value !== null) take(declared(latest.current, status.value.services));
  }, [status.value]);
  useEffect(() => {
    const stop = new AbortController();
    setFailure(null);
    let frame = 0;
    const draw = () => {
      frame = 0;
      setBoard(latest.current);
    };
    follow<WatchStatusResponse>({
      open: (after, signal) => processes.watchStatus({ afterSequence: after === 0n ? undefined : after }, { signal }),
      number: ({ sequence, what }) => ({ sequence, last: false, anew: what.case === "snapshot" }),
      take: (message) => {
        latest.current = heard(latest.current, message);
        // What comes between two pictures is drawn once.
        if (frame === 0) frame = requestAnimationFrame(draw);
      },
      link: setLink,
      pause: untilBetter,
      signal: stop.signal,
    }).catch((thrown: unknown) => {
      const read = toFailure(thrown);
      if (read.kind === "signed-out") signedOut();
      setFailure(read);
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
    };
  }, [turn]);
  return {
    board,
    link,
    loading: status.loading,
    failure: status.failure ?? failure,
    retry: () => {
      status.reload();
      setTurn(turn + 1);
    },
  };
}
