// Two texts of code beside each other, or one with what has changed in it.

import { MergeView, unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";

import { reading, shadowOf } from "./editor";

const COLLAPSE = { margin: 3, minSize: 6 };

export function Diff(props: {
  before: string;
  after: string;
  labels: [string, string];
  inline: boolean;
  /** Where the right side may be changed; left out, both are for reading. */
  onChange?: (code: string) => void;
}): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const change = useRef(props.onChange);
  change.current = props.onChange;
  const editable = props.onChange !== undefined;
  useEffect(() => {
    if (host.current === null) return;
    const root = shadowOf(host.current);
    const frozen = [EditorState.readOnly.of(true)];
    const label = (text: string) => EditorView.contentAttributes.of({ "aria-label": text });
    const right = editable
      ? [EditorView.updateListener.of((update) => update.docChanged && change.current?.(update.state.doc.toString()))]
      : frozen;
    const view = props.inline
      ? new EditorView({
          parent: root,
          root,
          doc: props.after,
          extensions: [
            reading(),
            label(props.labels[1]),
            right,
            unifiedMergeView({ original: props.before, mergeControls: false, collapseUnchanged: COLLAPSE }),
          ],
        })
      : new MergeView({
          parent: root,
          root,
          a: { doc: props.before, extensions: [reading(), label(props.labels[0]), frozen] },
          b: { doc: props.after, extensions: [reading(), label(props.labels[1]), right] },
          collapseUnchanged: COLLAPSE,
          ...(editable ? { revertControls: "a-to-b" as const } : {}),
        });
    return () => {
      view.destroy();
      root.replaceChildren();
    };
  }, [props.before, editable ? "" : props.after, props.inline, props.labels[0], props.labels[1], editable]);
  return <div class="diff" ref={host} />;
}
