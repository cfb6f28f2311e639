// Asks the server what it finds in the code, once typing stops; only the newest answer counts.

/** Keystrokes of one word follow each other faster than this. With the call it stays below 300 ms. */
export const TYPING_PAUSE = 120;

export interface Checker {
  /** The code has changed. */
  changed(code: string): void;
  stop(): void;
}

export function checker<Answer>(how: {
  ask: (code: string, signal: AbortSignal) => Promise<Answer>;
  show: (answer: Answer) => void;
  fail: (thrown: unknown) => void;
  pause?: number;
}): Checker {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: AbortController | null = null;
  const stop = () => {
    clearTimeout(timer);
    running?.abort();
    running = null;
  };
  return {
    changed(code) {
      stop();
      timer = setTimeout(() => {
        const mine = new AbortController();
        running = mine;
        how.ask(code, mine.signal).then(
          (answer) => {
            if (!mine.signal.aborted) how.show(answer);
          },
          (thrown: unknown) => {
            if (!mine.signal.aborted) how.fail(thrown);
          },
        );
      }, how.pause ?? TYPING_PAUSE);
    },
    stop,
  };
}
