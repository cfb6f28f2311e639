// As much Markdown as the pages of rules have: headings, paragraphs, items, fenced code; code and links within a line. No HTML.

export interface Block {
  readonly kind: "heading" | "paragraph" | "item" | "code";
  readonly text: string;
}

export function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  let paragraph: string[] = [];
  const close = () => {
    if (paragraph.length > 0) found.push({ kind: "paragraph", text: paragraph.join(" ") });
    paragraph = [];
  };
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at] ?? "";
    if (line.startsWith("```")) {
      close();
      const end = lines.findIndex((other, index) => index > at && other.startsWith("```"));
      const stop = end < 0 ? lines.length : end;
      found.push({ kind: "code", text: lines.slice(at + 1, stop).join("\n") });
      at = stop;
    } else if (/^#{1,6} /.test(line)) {
      close();
      found.push({ kind: "heading", text: line.replace(/^#+ /, "") });
    } else if (line.startsWith("- ")) {
      close();
      found.push({ kind: "item", text: line.slice(2) });
    } else if (line.trim() === "") {
      close();
    } else {
      paragraph.push(line.trim());
    }
  }
  close();
  return found;
}

/** The parts of a line; a link is its text. */
export function spans(line: string): { text: string; code: boolean }[] {
  return line
    .replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")
    .split("`")
    .map((text, index) => ({ text, code: index % 2 === 1 }))
    .filter((span) => span.text !== "");
}
