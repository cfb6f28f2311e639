// The server, as typed clients: gRPC-Web of the page's own origin. The session is a cookie that no script sees; what a script adds is
// the token against forged requests, which is kept in memory.

import { createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import type { DescService } from "@bufbuild/protobuf";

import { CSRF_HEADER, withToken } from "./again";
import { AccessService } from "./gen/zona/access/v1/access_service_pb";
import { AuditService } from "./gen/zona/audit/v1/audit_service_pb";
import { ExecutionService } from "./gen/zona/execution/v1/execution_service_pb";
import { IdentityService } from "./gen/zona/identity/v1/identity_service_pb";
import { RuntimeService } from "./gen/zona/runtime/v1/runtime_service_pb";
import { SecretService } from "./gen/zona/secret/v1/secret_service_pb";
import { ServerService } from "./gen/zona/server/v1/server_service_pb";
import { TenantService } from "./gen/zona/tenant/v1/tenant_service_pb";
import { CodePolicyService } from "./gen/zona/utility/v1/code_policy_service_pb";
import { UtilityService } from "./gen/zona/utility/v1/utility_service_pb";
import { SessionError } from "./session-error";
import { language } from "./text";

/** Who is signed in, as the gateway says. */
export interface Session {
  readonly principal: string;
  readonly tenant: string;
  readonly role: string;
  readonly csrfToken: string;
  readonly expireTime: string;
  readonly canSignOutEverywhere: boolean;
}

let csrfToken = "";
// Whose page this is. Another tab may sign somebody else in, whose token this page must not take: it would go on in their name.
let principal = "";

const words: Interceptor = (next) => (request) => {
  request.header.set("accept-language", language());
  return next(request);
};

const token = withToken({
  now: () => csrfToken,
  renew: async () => {
    const now = await currentSession();
    return now !== null && now.principal === principal;
  },
});

const transport = createGrpcWebTransport({ baseUrl: location.origin, interceptors: [words, token] });

/** The client of a service; those that one page alone needs are made there, and loaded with it. */
export function client<Service extends DescService>(service: Service): Client<Service> {
  return createClient(service, transport);
}

export const access = client(AccessService);
export const audit = client(AuditService);
export const executions = client(ExecutionService);
export const identity = client(IdentityService);
export const runtimes = client(RuntimeService);
export const secrets = client(SecretService);
export const server = client(ServerService);
export const tenants = client(TenantService);
export const policies = client(CodePolicyService);
export const utilities = client(UtilityService);

async function ask(path: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(path, {
    ...init,
    credentials: "same-origin",
    cache: "no-store",
    headers: { accept: "application/json", "accept-language": language(), ...init.headers },
  });
  const text = await answer.text();
  let body: unknown = null;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    body = null;
  }
  if (!answer.ok) throw new SessionError(answer.status, body);
  return body;
}

function taken(session: Session): Session {
  csrfToken = session.csrfToken;
  principal = session.principal;
  return session;
}

/** The session that the browser has, or null. One of somebody else than whose page this is, is told and not taken. */
export async function currentSession(): Promise<Session | null> {
  try {
    const session = (await ask("/console/session", { method: "GET" })) as Session;
    return principal === "" || session.principal === principal ? taken(session) : session;
  } catch (failure) {
    if (failure instanceof SessionError && failure.status === 401) return null;
    throw failure;
  }
}

/** Somebody at whose page one can sign in. */
export interface Issuer {
  readonly name: string;
  readonly label: string;
}

export async function issuers(): Promise<readonly Issuer[]> {
  return ((await ask("/console/issuers", { method: "GET" })) as { issuers: readonly Issuer[] }).issuers;
}

/** Where signing in at an issuer's page begins; it ends at a path of the console. */
export function beginning(issuer: string, to: string): string {
  return `/console/sign-in/${encodeURIComponent(issuer)}?${new URLSearchParams({ to }).toString()}`;
}

export type Credential = { tenant: string; user: string; password: string } | { apiKey: string };

export async function signIn(credential: Credential): Promise<Session> {
  const init = { method: "POST", body: JSON.stringify(credential), headers: { "content-type": "application/json" } };
  return taken((await ask("/console/sign-in", init)) as Session);
}

export async function signOut(everywhere: boolean): Promise<void> {
  await ask(`/console/sign-out${everywhere ? "?everywhere=true" : ""}`, { method: "POST", headers: { [CSRF_HEADER]: csrfToken } });
  csrfToken = "";
  principal = "";
}
