// The pages of the rules, from the documents of the project: one chunk, loaded with the first page that somebody opens.

const pages = import.meta.glob("../../../docs/rules/ZPY-*.md", { query: "?raw", import: "default", eager: true });

/** The page of a rule as Markdown, or null where there is none. */
export function rulePage(rule: string): string | null {
  const page = Object.entries(pages).find(([path]) => path.endsWith(`/${rule}.md`))?.[1];
  return typeof page === "string" ? page : null;
}
