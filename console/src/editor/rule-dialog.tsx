// The page of a rule, beside the code that it is about.

import type { JSX } from "preact";

import { ruleTitle, t } from "../text";
import { useCall } from "../ui/call";
import { Dialog, Value } from "../ui/parts";
import { Show } from "../ui/states";
import { blocks, spans } from "./markdown";

export function RuleDialog(props: { rule: string; onClose: () => void }): JSX.Element {
  const page = useCall(props.rule, async () => (await import("./rule-pages")).rulePage(props.rule) ?? "");
  const title = ruleTitle(props.rule);
  return (
    <Dialog title={title === "" ? props.rule : title} raw={title === ""} onClose={props.onClose}>
      <p>
        <Value code>{props.rule}</Value>
      </p>
      <Show of={page}>{(text) => (text === "" ? <p>{t("rule.no-page")}</p> : <Markdown text={text} />)}</Show>
    </Dialog>
  );
}

function Markdown(props: { text: string }): JSX.Element {
  return (
    <div class="prose" data-value lang="en">
      {blocks(props.text)
        .slice(1)
        .map((block, index) => {
          if (block.kind === "code")
            return (
              <pre key={index} tabIndex={0}>
                <code>{block.text}</code>
              </pre>
            );
          const inner = spans(block.text).map((span, at) => (span.code ? <code key={at}>{span.text}</code> : span.text));
          if (block.kind === "heading") return <h3 key={index}>{inner}</h3>;
          return block.kind === "item" ? (
            <p key={index} class="item">
              {inner}
            </p>
          ) : (
            <p key={index}>{inner}</p>
          );
        })}
    </div>
  );
}
