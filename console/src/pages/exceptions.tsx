// Exceptions from rules of the code policy: for which utility a rule does not hold, why, and until when.

import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { policies } from "../api";
import type { CodePolicy, RuleException } from "../gen/zona/utility/v1/code_policy_pb";
import { lastPart } from "../session";
import { ruleTitle, t } from "../text";
import { useAction } from "../ui/call";
import { List } from "../ui/list";
import { Button, TextField, Value, When } from "../ui/parts";
import { Problem } from "../ui/states";
import { dayStart } from "./executions";
import { inForce, withException } from "./rule-exceptions";

type Sent = Pick<RuleException, "utility" | "rule" | "reason" | "expireTime">;

export function Exceptions(props: { policy: CodePolicy; onSaved: () => void }): JSX.Element {
  const { policy } = props;
  const [utility, setUtility] = useState("");
  const [rule, setRule] = useState("");
  const [reason, setReason] = useState("");
  const [until, setUntil] = useState("");
  const action = useAction();
  const end = dayStart(until);
  const save = (exceptions: readonly Sent[]) =>
    action.run(async () => {
      await policies.updateCodePolicy({
        policy: { name: policy.name, etag: policy.etag, exceptions: inForce(exceptions, new Date()).map(({ utility, rule, reason, expireTime }) => ({ utility, rule, reason, expireTime })) },
        updateMask: { paths: ["exceptions"] },
      });
      props.onSaved();
    });
  return (
    <section aria-label={t("policy.exceptions")}>
      <h2>{t("policy.exceptions")}</h2>
      {policy.exceptions.length === 0 ? (
        <p>{t("policy.no-exceptions")}</p>
      ) : (
        <List
          label={t("policy.exceptions")}
          items={policy.exceptions}
          keyOf={(exception) => `${exception.rule} ${exception.utility}`}
          columns={[
            {
              head: t("explain.rule"),
              cell: (exception) => (
                <>
                  <Value code>{exception.rule}</Value> {ruleTitle(exception.rule)}
                </>
              ),
            },
            { head: t("executions.utility"), cell: (exception) => <Value code>{exception.utility}</Value> },
            { head: t("grant.reason"), cell: (exception) => <Value>{exception.reason}</Value> },
            { head: t("grant.expires"), cell: (exception) => <When at={exception.expireTime} /> },
            { head: t("policy.granted-by"), cell: (exception) => <Value title={exception.grantedBy}>{lastPart(exception.grantedBy)}</Value> },
            {
              head: t("versions.actions"),
              cell: (exception) => (
                <Button
                  kind="danger"
                  busy={action.busy}
                  onClick={() => void save(policy.exceptions.filter((other) => other !== exception))}
                  label={t("policy.exception.revoke", { rule: exception.rule, utility: exception.utility })}
                >
                  {t("grant.revoke")}
                </Button>
              ),
            },
          ]}
        />
      )}
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          const made: Sent = { utility: utility.trim(), rule: rule.trim(), reason, expireTime: end === null ? undefined : timestampFromDate(end) };
          void save(withException<Sent>(policy.exceptions, made)).then((done) => {
            if (!done) return;
            setUtility("");
            setRule("");
            setReason("");
          });
        }}
      >
        <TextField label={t("executions.utility")} value={utility} onInput={setUtility} required />
        <TextField label={t("explain.rule")} value={rule} onInput={setRule} hint={t("policy.denied.hint")} required />
        <TextField label={t("grant.reason")} value={reason} onInput={setReason} required />
        <TextField label={t("grant.expires")} type="date" value={until} onInput={setUntil} required />
        <Button type="submit" busy={action.busy}>
          {t("policy.except")}
        </Button>
        {action.failure !== null && <Problem failure={action.failure} />}
      </form>
    </section>
  );
}
