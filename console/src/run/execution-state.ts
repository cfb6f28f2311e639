// States of executions: their text, their color, whether they can still change.

import { ExecutionState } from "../gen/zona/execution/v1/execution_pb";
import type { TextId } from "../text";

export const STATE_TEXTS: Record<ExecutionState, TextId> = {
  [ExecutionState.UNSPECIFIED]: "execution.state.unknown",
  [ExecutionState.PENDING]: "execution.state.pending",
  [ExecutionState.STARTING]: "execution.state.starting",
  [ExecutionState.RUNNING]: "execution.state.running",
  [ExecutionState.CANCELLING]: "execution.state.cancelling",
  [ExecutionState.SUCCEEDED]: "execution.state.succeeded",
  [ExecutionState.FAILED]: "execution.state.failed",
  [ExecutionState.TIMED_OUT]: "execution.state.timed-out",
  [ExecutionState.CANCELLED]: "execution.state.cancelled",
  [ExecutionState.DENIED]: "execution.state.denied",
  [ExecutionState.LOST]: "execution.state.lost",
};

export function isOver(state: ExecutionState): boolean {
  return state >= ExecutionState.SUCCEEDED;
}

export function stateKind(state: ExecutionState): "good" | "bad" | "warn" | "calm" {
  if (state === ExecutionState.SUCCEEDED) return "good";
  if (state === ExecutionState.CANCELLED || state === ExecutionState.CANCELLING) return "warn";
  return isOver(state) ? "bad" : "calm";
}
