// Ids of requests, by which the server knows a call that it has answered already. What a person does has one id until it is answered:
// whoever tries again after an answer was lost does not do it twice.

export class RequestIds {
  private readonly open = new Map<string, string>();

  /** The id of doing this with that: the same one until it is settled. */
  of(...input: readonly unknown[]): string {
    const key = JSON.stringify(input, (_, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
    const id = this.open.get(key) ?? crypto.randomUUID();
    this.open.set(key, id);
    return id;
  }

  /** Says that there is an answer: doing the same again is something new. */
  settle(): void {
    this.open.clear();
  }
}
