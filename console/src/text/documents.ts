// Reads the tables of reasons and rules of the project's documents, which are the English catalogue of them.

/** Name and meaning of each row of a section's tables whose first cell is a name in code. */
export function meanings(markdown: string, section: string): Record<string, string> {
  const found: Record<string, string> = {};
  const part = markdown.split(`\n## ${section}\n`)[1]?.split("\n## ")[0] ?? "";
  for (const line of part.split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    const name = /^`([A-Z_]+)`$/.exec(cells[1] ?? "")?.[1];
    const meaning = cells.slice(2).filter((cell) => cell !== "").at(-1);
    if (name !== undefined && meaning !== undefined) found[name] ??= text(meaning);
  }
  return found;
}

/** Id and title of each rule. */
export function titles(markdown: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of markdown.split("\n")) {
    const cells = line.split("|").map((cell) => cell.trim());
    const rule = /^\[(ZPY-[A-Z0-9-]+)\]/.exec(cells[1] ?? "")?.[1];
    const title = cells[4];
    if (rule !== undefined && title !== undefined) found[rule] = text(title);
  }
  return found;
}

function text(markdown: string): string {
  return markdown.replace(/\[([^\]]+)\]\([^)]*\)/g, "$1").replaceAll("`", "");
}
