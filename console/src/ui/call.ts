// Loads something and keeps where that is: under way, there, or failed. What is asked again stays visible meanwhile.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { isAbort, isAnswer, toFailure, type Failure } from "../failure";
import { RequestIds } from "../request-id";
import { signedOut } from "../session";

export interface Loaded<Value> {
  readonly value: Value | null;
  readonly failure: Failure | null;
  readonly loading: boolean;
  reload(): void;
}

/** Calls `load` when `key` changes, and when asked to. */
export function useCall<Value>(key: string, load: (signal: AbortSignal) => Promise<Value>): Loaded<Value> {
  const [state, setState] = useState<{ key: string; value: Value | null; failure: Failure | null; loading: boolean }>({
    key,
    value: null,
    failure: null,
    loading: true,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    const stop = new AbortController();
    setState((before) => ({ key, value: before.key === key ? before.value : null, failure: null, loading: true }));
    latest
      .current(stop.signal)
      .then((value) => {
        if (!stop.signal.aborted) setState({ key, value, failure: null, loading: false });
      })
      .catch((thrown: unknown) => {
        if (stop.signal.aborted) return;
        const failure = toFailure(thrown);
        if (failure.kind === "signed-out") signedOut();
        setState((before) => ({ key, value: before.value, failure, loading: false }));
      });
    return () => stop.abort();
  }, [key, turn]);
  const reload = useCallback(() => setTurn((before) => before + 1), []);
  const current = state.key === key;
  return { value: current ? state.value : null, failure: current ? state.failure : null, loading: !current || state.loading, reload };
}

export interface Action {
  readonly busy: boolean;
  readonly failure: Failure | null;
  /** `id` gives a request its id by what it is about: the same one as long as nobody has answered. */
  run(action: (id: (...input: readonly unknown[]) => string) => Promise<void>): Promise<boolean>;
  clear(): void;
}

/** Something that a person starts: at most one at a time, and how the last one failed. */
export function useAction(): Action {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const running = useRef(false);
  const [ids] = useState(() => new RequestIds());
  const run = useCallback<Action["run"]>(async (action) => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFailure(null);
    try {
      await action((...input) => ids.of(...input));
      ids.settle();
      return true;
    } catch (thrown) {
      const read = toFailure(thrown);
      if (isAnswer(read)) ids.settle();
      if (read.kind === "signed-out") signedOut();
      setFailure(isAbort(thrown) ? null : read);
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  return { busy, failure, run, clear: () => setFailure(null) };
}
