// What the gateway says where a session does not begin or is none.

/** A sign-in or session request that was refused: the HTTP status and the body, which is a `google.rpc.Status`. */
export class SessionError extends Error {
  constructor(
    readonly status: number,
    readonly body: unknown,
  ) {
    super(`HTTP ${status}`);
  }
}
