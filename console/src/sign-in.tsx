// The door: a password or an API key. What is typed goes to the server once, and is kept nowhere.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { signIn, type Session } from "./api";
import { Preferences } from "./header";
import { t } from "./text";
import { useAction } from "./ui/call";
import { Button, PageHead, TextField } from "./ui/parts";
import { Problem } from "./ui/states";

export function SignIn(props: { onSignedIn: (session: Session) => void }): JSX.Element {
  return (
    <main class="lone">
      <PageHead title={t("sign-in.title")} />
      <SignInForm onSignedIn={props.onSignedIn} />
      <Preferences />
    </main>
  );
}

export function SignInForm(props: { onSignedIn: (session: Session) => void }): JSX.Element {
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
  );
}
