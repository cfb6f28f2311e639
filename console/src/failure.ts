// What went wrong with a call, in the form in which the console shows it: a reason from the catalogue, what to do, every violation.

import { Code, ConnectError } from "@connectrpc/connect";

import { BadRequestSchema, ErrorInfoSchema, LocalizedMessageSchema, RequestInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb";
import { SessionError } from "./session-error";

export interface Violation {
  readonly field: string;
  readonly reason: string;
  readonly description: string;
}

export type FailureKind = "offline" | "forbidden" | "signed-out" | "missing" | "stale" | "busy" | "invalid" | "other";

export interface Failure {
  readonly kind: FailureKind;
  readonly reason: string;
  /** The server's own words. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly Violation[];
  readonly retrySeconds: number | null;
  readonly requestId: string;
}

/** Reads whatever was thrown. */
export function toFailure(thrown: unknown): Failure {
  if (thrown instanceof SessionError) return fromStatus(thrown);
  // What `fetch` throws is a TypeError; anything else that is no error of a call went wrong here.
  const own = thrown instanceof Error && !(thrown instanceof ConnectError) && !(thrown instanceof TypeError);
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema)[0];
  const retry = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  const localized = error.findDetails(LocalizedMessageSchema)[0]?.message;
  const violations = error.findDetails(BadRequestSchema).flatMap((bad) =>
    bad.fieldViolations.map((violation) => ({
      field: violation.field,
      reason: violation.reason,
      description: violation.localizedMessage?.message ?? violation.description,
    })),
  );
  return {
    // Another tab has signed in anew: this page's session is over.
    kind: info?.reason === "CSRF_TOKEN_MISMATCH" ? "signed-out" : own ? "other" : kindOf(error.code, info === undefined),
    reason: info?.reason ?? "",
    message: localized ?? error.rawMessage,
    metadata: info?.metadata ?? {},
    violations,
    retrySeconds: retry === undefined ? null : Math.max(1, Math.ceil(Number(retry.seconds) + retry.nanos / 1e9)),
    requestId: error.findDetails(RequestInfoSchema)[0]?.requestId ?? error.metadata.get("x-request-id") ?? "",
  };
}

/** Whether somebody has stopped it here, so that there is nothing to tell. */
export function isAbort(thrown: unknown): boolean {
  if (thrown instanceof ConnectError) return thrown.code === Code.Canceled && thrown.findDetails(ErrorInfoSchema).length === 0;
  return thrown instanceof DOMException && thrown.name === "AbortError";
}

// With these the server itself does not say whether it is done.
const UNSURE = new Set(["OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED", "INTERNAL"]);

/** Whether the server has said that it is not done: it gives each of its errors a reason. Otherwise what was asked for may have happened. */
export function isAnswer(failure: Failure): boolean {
  return failure.reason !== "" && !UNSURE.has(failure.reason);
}

function kindOf(code: Code, withoutReason: boolean): FailureKind {
  switch (code) {
    case Code.Unauthenticated:
      return "signed-out";
    case Code.PermissionDenied:
      return "forbidden";
    case Code.NotFound:
      return "missing";
    case Code.Aborted:
      return "stale";
    case Code.ResourceExhausted:
      return "busy";
    case Code.InvalidArgument:
      return "invalid";
    case Code.Unavailable:
    case Code.Unknown:
      // The server gives each of its errors a reason: one without comes from the way to it.
      return withoutReason ? "offline" : "other";
    default:
      return "other";
  }
}

interface StatusBody {
  readonly message?: string;
  readonly details?: readonly { reason?: string; metadata?: Record<string, string>; retryDelay?: string; requestId?: string }[];
}

function fromStatus(error: SessionError): Failure {
  const body = (typeof error.body === "object" && error.body !== null ? error.body : {}) as StatusBody & { error?: StatusBody };
  const status = body.error ?? body;
  const details = status.details ?? [];
  const info = details.find((detail) => detail.reason !== undefined);
  const delay = Number.parseFloat(details.find((detail) => detail.retryDelay !== undefined)?.retryDelay ?? "");
  const kinds: Record<number, FailureKind> = { 401: "signed-out", 403: "forbidden", 404: "missing", 429: "busy", 400: "invalid" };
  return {
    kind: kinds[error.status] ?? (error.status >= 502 ? "offline" : "other"),
    reason: info?.reason ?? "",
    message: status.message ?? "",
    metadata: info?.metadata ?? {},
    violations: [],
    retrySeconds: Number.isFinite(delay) ? Math.max(1, Math.ceil(delay)) : null,
    requestId: details.find((detail) => detail.requestId !== undefined)?.requestId ?? "",
  };
}
