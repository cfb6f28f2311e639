// A session that another tab has begun anew: its cookie is this page's, too, but not the token against forged requests that this page
// has in memory. Nothing has happened when the server says so, so that a call may be sent once more.

import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";

import { ErrorInfoSchema } from "./gen/google/rpc/error_details_pb";

export const CSRF_HEADER = "x-zona-csrf";

export interface Token {
  /** The token of now; empty where nobody is signed in. */
  now(): string;
  /** Asks for the token of the session that the browser has now: whether that is one of whoever this page belongs to. */
  renew(): Promise<boolean>;
}

/** Gives calls their token, and a new one where the session has become another one of the same person's. */
export function withToken(token: Token): Interceptor {
  return (next) => async (request) => {
    const sent = token.now();
    if (sent !== "") request.header.set(CSRF_HEADER, sent);
    try {
      return await next(request);
    } catch (thrown) {
      if (!isMismatch(thrown)) throw thrown;
      // Another call of this page may have asked already.
      if (token.now() === sent && !(await token.renew())) throw thrown;
      // What a stream sends is used up: whoever follows one opens it again.
      if (request.stream) throw new ConnectError("the session has become another one", Code.Unavailable);
      request.header.set(CSRF_HEADER, token.now());
      return next(request);
    }
  };
}

function isMismatch(thrown: unknown): boolean {
  return ConnectError.from(thrown).findDetails(ErrorInfoSchema)[0]?.reason === "CSRF_TOKEN_MISMATCH";
}
