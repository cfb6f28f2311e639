// What stands in the place of something that is not there: loading, empty, failed, offline, forbidden. Each says what to do.

import type { ComponentChildren, JSX } from "preact";

import type { Failure } from "../failure";
import { plural, reasonText, t, violationText, type TextId } from "../text";
import type { Loaded } from "./call";
import { Button, Value } from "./parts";

export function Loading(): JSX.Element {
  return (
    <div class="state loading" role="status">
      <span class="spinner" aria-hidden="true" />
      {t("state.loading")}
    </div>
  );
}

export function Empty(props: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="state empty">
      <p class="state-title">{props.title}</p>
      {props.children}
    </div>
  );
}

const HEADS: Record<Failure["kind"], TextId> = {
  offline: "state.offline",
  forbidden: "state.forbidden",
  "signed-out": "state.signed-out",
  missing: "state.missing",
  stale: "state.stale",
  busy: "state.busy",
  invalid: "state.invalid",
  other: "state.failed",
};

const WHAT_TO_DO: Record<Failure["kind"], TextId> = {
  offline: "state.offline.do",
  forbidden: "state.forbidden.do",
  "signed-out": "state.signed-out.do",
  missing: "state.missing.do",
  stale: "state.stale.do",
  busy: "state.busy.do",
  invalid: "state.invalid.do",
  other: "state.failed.do",
};

/** A failure in words: what happened, why, and what helps. */
export function Problem(props: { failure: Failure; onRetry?: () => void; compact?: boolean }): JSX.Element {
  const { failure } = props;
  const meaning = failure.reason === "" ? "" : reasonText(failure.reason);
  return (
    <div class={`state problem ${failure.kind}`} role="alert">
      <p class="state-title">{t(HEADS[failure.kind])}</p>
      <p>{meaning !== "" ? meaning : t(WHAT_TO_DO[failure.kind])}</p>
      {failure.violations.length > 0 && (
        <ul class="violations">
          {failure.violations.map((violation, index) => (
            <li key={index}>
              {violation.field !== "" && (
                <>
                  <Value code>{violation.field}</Value>:{" "}
                </>
              )}
              {violationText(violation.reason) !== "" && <>{violationText(violation.reason)} </>}
              <Value>{violation.description}</Value>
            </li>
          ))}
        </ul>
      )}
      <dl class="facts">
        {failure.reason !== "" && (
          <>
            <dt>{t("state.reason")}</dt>
            <dd>
              <Value code>{failure.reason}</Value>
            </dd>
          </>
        )}
        {Object.entries(failure.metadata)
          .filter(([name]) => name === "resource" || name === "subject" || name === "action" || name === "dependency")
          .map(([name, value]) => (
            <>
              <dt>
                <Value>{name}</Value>
              </dt>
              <dd>
                <Value code>{value}</Value>
              </dd>
            </>
          ))}
        {failure.message !== "" && failure.violations.length === 0 && (
          <>
            <dt>{t("state.server-says")}</dt>
            <dd>
              <Value>{failure.message}</Value>
            </dd>
          </>
        )}
        {failure.requestId !== "" && (
          <>
            <dt>{t("state.request-id")}</dt>
            <dd>
              <Value code>{failure.requestId}</Value>
            </dd>
          </>
        )}
      </dl>
      {failure.retrySeconds !== null && <p>{plural("state.retry-after", failure.retrySeconds)}</p>}
      {props.onRetry !== undefined && <Button onClick={props.onRetry}>{t("action.retry")}</Button>}
    </div>
  );
}

/** Shows what is loaded, or what stands in its place. */
export function Show<Content>(props: { of: Loaded<Content>; children: (value: Content) => JSX.Element }): JSX.Element {
  const { of } = props;
  return (
    <>
      {of.failure !== null && <Problem failure={of.failure} onRetry={of.reload} />}
      {of.value !== null ? props.children(of.value) : of.failure === null && of.loading ? <Loading /> : null}
    </>
  );
}
