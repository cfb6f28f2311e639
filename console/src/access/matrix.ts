// The permission matrix, from the document that the contract and the matrix of roles write (docs/permissions.md).

export interface MatrixRow {
  readonly method: string;
  readonly action: string;
  readonly operation: string;
  readonly reach: string;
  /** By role: own, tenant, everywhere, anyone, or `-`. */
  readonly roles: readonly [string, string, string, string];
}

/** Reads the table of methods. */
export function readMatrix(markdown: string): MatrixRow[] {
  const rows: MatrixRow[] = [];
  for (const line of markdown.split("\n")) {
    const cells = line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll("`", ""));
    const [method, action, operation, reach, user, creator, admin, superAdmin] = cells;
    if (cells.length !== 8 || method === undefined || !/^\w+Service\.\w+$/.test(method)) continue;
    rows.push({
      method,
      action: action ?? "",
      operation: operation ?? "",
      reach: reach ?? "",
      roles: [user ?? "-", creator ?? "-", admin ?? "-", superAdmin ?? "-"],
    });
  }
  return rows;
}
