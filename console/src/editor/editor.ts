// The code editor: CodeMirror in a shadow root, whose styles are constructed sheets there; in the page itself it would make a style
// element, which the content security policy refuses.

import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { HighlightStyle, bracketMatching, foldGutter, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState, StateEffect, StateField, type Extension } from "@codemirror/state";
import {
  Decoration,
  EditorView,
  drawSelection,
  highlightActiveLine,
  highlightActiveLineGutter,
  keymap,
  lineNumbers,
  type DecorationSet,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

import { span } from "./positions";

export interface Mark {
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly error: boolean;
  readonly rule: string;
  readonly message: string;
}

/** An editor that stands in the page. */
export interface Editor {
  readonly view: EditorView;
  /** Shows the findings, and nothing of the ones before. */
  mark(marks: readonly Mark[], open: (rule: string) => void): void;
  /** Marks the line that is to blame for a failure; 0 takes the mark away. */
  blame(line: number): void;
  goTo(line: number, column: number): void;
  replace(code: string): void;
  destroy(): void;
}

const setBlamed = StateEffect.define<number>();
const blamedLine = Decoration.line({ class: "cm-blamed" });
const blamed = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, transaction) {
    for (const effect of transaction.effects) {
      if (effect.is(setBlamed)) {
        const { doc } = transaction.state;
        const there = effect.value >= 1 && effect.value <= doc.lines;
        return there ? Decoration.set([blamedLine.range(doc.line(effect.value).from)]) : Decoration.none;
      }
    }
    return marks.map(transaction.changes);
  },
  provide: (field) => EditorView.decorations.from(field),
});

// Colors are the page's custom properties, which reach into the shadow root: one theme is light and dark.
const colors = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: tags.comment, color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--code-function)" },
  { tag: [tags.className, tags.typeName], color: "var(--code-type)" },
]);

const look = EditorView.theme({
  "&": { backgroundColor: "var(--surface)", color: "var(--text)", height: "100%", fontSize: "13px" },
  "&.cm-focused": { outline: "2px solid var(--focus)", outlineOffset: "-2px" },
  ".cm-content": { fontFamily: "var(--mono)", caretColor: "var(--text)" },
  ".cm-scroller": { fontFamily: "var(--mono)", overflow: "auto" },
  ".cm-gutters": { backgroundColor: "var(--raised)", color: "var(--muted)", border: "none" },
  ".cm-activeLine": { backgroundColor: "var(--active-line)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--active-line)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selection)" },
  ".cm-blamed": { backgroundColor: "var(--bad-soft)", boxShadow: "inset 3px 0 0 var(--bad)" },
  ".cm-tooltip": { backgroundColor: "var(--raised)", color: "var(--text)", border: "1px solid var(--line)" },
  ".cm-panels": { backgroundColor: "var(--raised)", color: "var(--text)" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-changedText": { background: "var(--warn-soft)" },
  "&.cm-merge-a .cm-changedLine, .cm-deletedChunk": { backgroundColor: "var(--bad-soft)" },
  "&.cm-merge-b .cm-changedLine, .cm-insertedLine, .cm-inlineChangedLine": { backgroundColor: "var(--good-soft)" },
  ".cm-collapsedLines": { background: "var(--raised)", color: "var(--text)" },
});

/** What every view of code has: highlighting, line numbers, the look. */
export function reading(): Extension[] {
  return [lineNumbers(), python(), syntaxHighlighting(colors), look, EditorView.lineWrapping];
}

export function shadowOf(host: HTMLElement): ShadowRoot {
  return host.shadowRoot ?? host.attachShadow({ mode: "open" });
}

export function createEditor(
  host: HTMLElement,
  how: { code: string; label: string; readOnly: boolean; onChange: (code: string) => void; onSave: () => void; onRun: () => void },
): Editor {
  const root = shadowOf(host);
  const command = (then: () => void) => () => {
    then();
    return true;
  };
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: how.code,
      extensions: [
        keymap.of([
          { key: "Mod-s", run: command(how.onSave), preventDefault: true },
          { key: "Mod-Enter", run: command(how.onRun), preventDefault: true },
        ]),
        reading(),
        lintGutter(),
        foldGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("    "),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        blamed,
        // Escape and then Tab leaves the editor, as CodeMirror says for people without a mouse.
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...completionKeymap, indentWithTab]),
        EditorView.contentAttributes.of({ "aria-label": how.label }),
        EditorState.readOnly.of(how.readOnly),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) how.onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  return {
    view,
    mark(marks, open) {
      const diagnostics: Diagnostic[] = marks.map((mark) => ({
        ...span(view.state.doc, mark),
        severity: mark.error ? "error" : "warning",
        source: mark.rule,
        message: mark.message,
        actions: [{ name: mark.rule, apply: () => open(mark.rule) }],
      }));
      view.dispatch(setDiagnostics(view.state, diagnostics));
    },
    blame(line) {
      view.dispatch({ effects: setBlamed.of(line) });
    },
    goTo(line, column) {
      const { from } = span(view.state.doc, { line, column, endLine: 0, endColumn: 0 });
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "center" }) });
      view.focus();
    },
    replace(code) {
      if (code !== view.state.doc.toString()) view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: code } });
    },
    destroy() {
      view.destroy();
    },
  };
}
