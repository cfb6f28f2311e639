// An OpenID provider for stories, on the loopback interface: real keys, real codes, and strict where a lenient one would hide a mistake. It
// counts what it is asked. By itself (`node issuer.mjs REDIRECT`) it says its address and its client's secret, and serves until it is ended.

import { createHash, generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { createServer } from "node:http";
import { pathToFileURL } from "node:url";

export const CLIENT = "zona-console";

/** Who has an account, and what is odd about them. */
const ACCOUNTS = {
  ann: { roles: ["zona-admins"] },
  nia: { roles: ["zona-creators", "staff"] },
  // Nothing that Zona knows.
  stranger: { roles: ["staff"] },
  // Theirs is the token of another sign-in.
  muddled: { roles: ["zona-creators"], nonce: "another nonce" },
  // Theirs is a token for somebody else.
  misled: { roles: ["zona-creators"], audience: "another client" },
  // Their codes serve twice, which no issuer may allow.
  twice: { roles: ["zona-creators"], serves: 2 },
};

const text64 = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** Starts one that sends people back to this one address. */
export async function startIssuer(redirect) {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const secret = `s&${randomBytes(16).toString("base64url")}`;
  const calls = { configuration: 0, keys: 0, page: 0, token: 0, refused: [] };
  const codes = new Map();
  let address = "";

  const refuse = (answer, word) => {
    calls.refused.push(word);
    answer.writeHead(400, { "content-type": "application/json" }).end(JSON.stringify({ error: word }));
  };
  const tell = (answer, value) => answer.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(value));

  /** What is wrong with a request for the page; nothing may be left out and nothing else may stand there. */
  const wrongWith = (asked) => {
    const names = ["client_id", "code_challenge", "code_challenge_method", "nonce", "redirect_uri", "response_type", "scope", "state"];
    if ([...asked.keys()].sort().join() !== names.join()) return "parameters";
    if (asked.get("client_id") !== CLIENT) return "client_id";
    if (asked.get("redirect_uri") !== redirect) return "redirect_uri";
    if (asked.get("response_type") !== "code" || asked.get("code_challenge_method") !== "S256") return "flow";
    if (!asked.get("scope").split(" ").includes("openid")) return "scope";
    for (const name of ["state", "nonce", "code_challenge"]) if (!/^[A-Za-z0-9_-]{43}$/.test(asked.get(name))) return name;
    return null;
  };

  const idToken = ({ user, nonce }) => {
    const account = ACCOUNTS[user];
    const now = Math.floor(Date.now() / 1000);
    const claims = { iss: address, sub: user, aud: account.audience ?? CLIENT, iat: now, exp: now + 300, nonce: account.nonce ?? nonce, roles: account.roles };
    const signed = `${text64({ alg: "RS256", kid: "one", typ: "JWT" })}.${text64(claims)}`;
    return `${signed}.${sign("RSA-SHA256", Buffer.from(signed), privateKey).toString("base64url")}`;
  };

  const redeem = (headers, form, answer) => {
    const expected = `Basic ${Buffer.from(`${CLIENT}:${encodeURIComponent(secret)}`).toString("base64")}`;
    if (headers.authorization !== expected) return refuse(answer, "invalid_client");
    if (form.get("grant_type") !== "authorization_code") return refuse(answer, "unsupported_grant_type");
    const known = codes.get(form.get("code"));
    if (known === undefined || known.serves === 0) return refuse(answer, "invalid_grant");
    known.serves -= 1;
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (form.get("redirect_uri") !== redirect || challenge !== known.challenge) return refuse(answer, "invalid_grant");
    tell(answer, { access_token: randomBytes(16).toString("hex"), token_type: "Bearer", expires_in: 300, id_token: idToken(known) });
  };

  const server = createServer((asked, answer) => {
    const url = new URL(asked.url, address);
    const route = `${asked.method} ${url.pathname}`;
    // What browsers ask by themselves is no call.
    if (route === "GET /favicon.ico") return answer.writeHead(404).end();
    if (route === "GET /calls") return tell(answer, calls);
    if (route === "GET /.well-known/openid-configuration") {
      calls.configuration += 1;
      return tell(answer, {
        issuer: address,
        authorization_endpoint: `${address}/page`,
        token_endpoint: `${address}/token`,
        jwks_uri: `${address}/keys`,
        response_types_supported: ["code"],
        code_challenge_methods_supported: ["S256"],
        authorization_response_iss_parameter_supported: true,
      });
    }
    if (route === "GET /keys") {
      calls.keys += 1;
      return tell(answer, { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "one", use: "sig", alg: "RS256" }] });
    }
    if (route === "GET /page") {
      calls.page += 1;
      const wrong = wrongWith(url.searchParams);
      if (wrong !== null) return refuse(answer, wrong);
      const button = (user) => `<button name="user" value="${user}">${user}</button>`;
      const buttons = [...Object.keys(ACCOUNTS), ""].map(button).join("");
      answer.writeHead(200, { "content-type": "text/html" });
      return answer.end(`<!doctype html><title>Issuer</title><form method="post" action="/page?${url.searchParams.toString().replaceAll("&", "&amp;")}">${buttons}</form>`);
    }
    let body = "";
    asked.setEncoding("utf8");
    asked.on("data", (part) => (body += part));
    asked.on("end", () => {
      const form = new URLSearchParams(body);
      if (route === "POST /token") {
        calls.token += 1;
        return redeem(asked.headers, form, answer);
      }
      const wrong = route === "POST /page" ? wrongWith(url.searchParams) : "route";
      if (wrong !== null) return refuse(answer, wrong);
      const user = form.get("user");
      const back = new URLSearchParams({ state: url.searchParams.get("state"), iss: address });
      if (ACCOUNTS[user] === undefined) {
        back.set("error", "access_denied");
      } else {
        const code = randomBytes(16).toString("base64url");
        codes.set(code, { user, nonce: url.searchParams.get("nonce"), challenge: url.searchParams.get("code_challenge"), serves: ACCOUNTS[user].serves ?? 1 });
        back.set("code", code);
      }
      answer.writeHead(303, { location: `${redirect}?${back}` }).end();
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
  return { address, secret, calls, close: () => (server.closeAllConnections(), server.close()) };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const issuer = await startIssuer(process.argv[2]);
  process.stdout.write(`${issuer.address} ${issuer.secret}\n`);
}
