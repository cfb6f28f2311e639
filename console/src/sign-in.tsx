// The door: a password, an API key, or the page of an issuer. What is typed goes to the server once, and is kept nowhere.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { beginning, issuers, signIn, type Issuer, type Session } from "./api";
import { Preferences } from "./header";
import { wayBack } from "./path";
import { Link, type Place } from "./router";
import { reasonText, t } from "./text";
import { useAction } from "./ui/call";
import { Button, PageHead, TextField } from "./ui/parts";
import { Problem } from "./ui/states";

/** The page to which the gateway leads whom an issuer's page has not signed in. */
export const PROBLEM = "/sign-in";

/** Why an issuer's page has signed nobody in, where this address says so. */
export function problemAt(place: Place): string | null {
  return place.path === PROBLEM ? place.search.get("problem") : null;
}

export function SignIn(props: { problem?: string | null; onSignedIn: (session: Session) => void }): JSX.Element {
  const problem = props.problem ?? null;
  return (
    <main class="lone">
      <PageHead title={t("sign-in.title")} />
      {problem !== null && <Refused problem={problem} />}
      <SignInForm onSignedIn={props.onSignedIn} />
      <Preferences />
    </main>
  );
}

/** For whoever is signed in all the same. */
export function SignInProblem(props: { problem: string }): JSX.Element {
  return (
    <main class="lone">
      <PageHead title={t("sign-in.title")} />
      <Refused problem={props.problem} />
      <Link to="/" class="button primary">
        {t("sign-in.go-on")}
      </Link>
      <Preferences />
    </main>
  );
}

function Refused(props: { problem: string }): JSX.Element {
  const meaning = reasonText(props.problem);
  return (
    <div class="state problem" role="alert">
      <p class="state-title">{t("sign-in.refused")}</p>
      {/* Anybody can lead here with words of their own: only those of the catalogue are said. */}
      <p>{meaning !== "" ? meaning : t("sign-in.refused.do")}</p>
    </div>
  );
}

/** Links to the pages of issuers; in a tab of their own where what stands on this page must not be lost. */
function Elsewhere(props: { stays: boolean }): JSX.Element | null {
  const [known, setKnown] = useState<readonly Issuer[]>([]);
  useEffect(() => {
    let current = true;
    issuers().then(
      (found) => current && setKnown(found),
      // A password and a key still sign in.
      () => undefined,
    );
    return () => void (current = false);
  }, []);
  if (known.length === 0) return null;
  const to = location.pathname === PROBLEM || props.stays ? "/" : wayBack(location.pathname, location.search);
  return (
    <nav class="form" aria-label={t("sign-in.elsewhere")}>
      {known.map((issuer) => (
        <a key={issuer.name} class="button" href={beginning(issuer.name, to)} target={props.stays ? "_blank" : undefined} rel="noopener">
          {t("sign-in.with-issuer", { label: issuer.label })}
        </a>
      ))}
    </nav>
  );
}

export function SignInForm(props: { stays?: boolean; onSignedIn: (session: Session) => void }): JSX.Element {
  const [byKey, setByKey] = useState(false);
  const [tenant, setTenant] = useState("");
  const [user, setUser] = useState("");
  const [secret, setSecret] = useState("");
  const action = useAction();
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    void action.run(async () => {
      const session = await signIn(byKey ? { apiKey: secret.trim() } : { tenant: tenant.trim(), user: user.trim(), password: secret });
      setSecret("");
      props.onSignedIn(session);
    });
  };
  return (
    <>
      <Elsewhere stays={props.stays === true} />
      <form onSubmit={submit} class="card form">
        {action.failure !== null && <Problem failure={action.failure} />}
        {!byKey && (
          <>
            <TextField label={t("sign-in.tenant")} name="tenant" value={tenant} onInput={setTenant} required autocomplete="organization" />
            <TextField label={t("sign-in.user")} name="user" value={user} onInput={setUser} required autocomplete="username" />
          </>
        )}
        <TextField
          label={t(byKey ? "sign-in.key" : "sign-in.password")}
          name="secret"
          type="password"
          value={secret}
          onInput={setSecret}
          required
          autocomplete={byKey ? "off" : "current-password"}
        />
        <Button kind="primary" type="submit" busy={action.busy}>
          {t("sign-in.submit")}
        </Button>
        <Button
          kind="quiet"
          onClick={() => {
            setByKey(!byKey);
            setSecret("");
            action.clear();
          }}
        >
          {t(byKey ? "sign-in.with-password" : "sign-in.with-key")}
        </Button>
      </form>
    </>
  );
}
