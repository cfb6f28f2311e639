// The bar at the top: pages, tenant, theme, language, account.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";

import { signOut, tenants } from "./api";
import { Link, usePlace } from "./router";
import { administers, isSuper, lastPart, roleName, useCaller } from "./session";
import { setLocale, setTheme, theme, type Theme } from "./settings";
import { LOCALES, locale, t, type Locale, type TextId } from "./text";
import { useAction } from "./ui/call";
import { Button, Choice, Value } from "./ui/parts";
import { Problem } from "./ui/states";

const LINKS: readonly { to: string; text: TextId; forAdmins: boolean }[] = [
  { to: "/utilities", text: "nav.utilities", forAdmins: false },
  { to: "/executions", text: "nav.executions", forAdmins: false },
  { to: "/access", text: "nav.access", forAdmins: false },
  { to: "/audit", text: "nav.audit", forAdmins: true },
  { to: "/services", text: "nav.services", forAdmins: true },
  { to: "/settings", text: "nav.tenant", forAdmins: true },
];

export function Header(props: { onSignedOut: () => void; onFind: () => void; onHelp: () => void }): JSX.Element {
  const caller = useCaller();
  const place = usePlace();
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [place.path]);
  return (
    <header class="top">
      <div class="top-row">
        <Link to="/utilities" class="brand">
          <Value>Zona</Value>
        </Link>
        <button type="button" class="button quiet menu-button" aria-expanded={open} aria-controls="navigation" onClick={() => setOpen(!open)}>
          {t("nav.menu")}
        </button>
        <div id="navigation" class={open ? "navigation open" : "navigation"}>
          <nav aria-label={t("nav.label")}>
            <ul>
              {LINKS.filter((link) => !link.forAdmins || administers(caller)).map((link) => (
                <li key={link.to}>
                  <Link to={link.to} current={place.path === link.to || place.path.startsWith(`${link.to}/`)}>
                    {t(link.text)}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <div class="top-actions">
            {isSuper(caller) && <TenantSwitch />}
            <Button kind="quiet" onClick={props.onFind} shortcut="Control+K">
              {t("nav.find")}
            </Button>
            <Button kind="quiet" onClick={props.onHelp} label={t("nav.help")}>
              ?
            </Button>
            <Account onSignedOut={props.onSignedOut} />
          </div>
        </div>
      </div>
    </header>
  );
}

function Account(props: { onSignedOut: () => void }): JSX.Element {
  const caller = useCaller();
  const action = useAction();
  const leave = (everywhere: boolean) =>
    void action.run(async () => {
      await signOut(everywhere);
      props.onSignedOut();
    });
  return (
    <details class="menu">
      <summary class="button quiet">
        <Value>{lastPart(caller.principal)}</Value>
      </summary>
      <div class="menu-body">
        <p>
          <Value code>{caller.principal}</Value>
          <br />
          {t(`role.${roleName(caller.role)}`)}
        </p>
        <Preferences />
        {action.failure !== null && <Problem failure={action.failure} />}
        <Button onClick={() => leave(false)} busy={action.busy}>
          {t("account.sign-out")}
        </Button>
        {caller.canSignOutEverywhere && (
          <Button kind="danger" onClick={() => leave(true)} busy={action.busy}>
            {t("account.sign-out-everywhere")}
          </Button>
        )}
      </div>
    </details>
  );
}

// The name of a language stands in that language, whichever is chosen.
const LANGUAGE_NAMES: Record<Locale, string> = { en: "English", de: "Deutsch", pseudo: "Pseudo" };

export function Preferences(): JSX.Element {
  const [chosen, setChosen] = useState<Theme>(theme());
  return (
    <div class="preferences">
      <Choice
        label={t("settings.theme")}
        value={chosen}
        options={(["system", "light", "dark"] as const).map((value) => ({ value, text: t(`settings.theme.${value}`) }))}
        onChange={(next) => {
          setTheme(next);
          setChosen(next);
        }}
      />
      <Choice
        label={t("settings.language")}
        value={locale()}
        options={(locale() === "pseudo" ? [...LOCALES, "pseudo" as const] : LOCALES).map((value) => ({ value, text: LANGUAGE_NAMES[value], raw: true }))}
        onChange={(next) => void setLocale(next)}
      />
    </div>
  );
}

function TenantSwitch(): JSX.Element {
  const caller = useCaller();
  const [codes, setCodes] = useState<string[]>([caller.shown]);
  useEffect(() => {
    const stop = new AbortController();
    tenants.listTenants({ pageSize: 1000 }, { signal: stop.signal }).then(
      (answer) => setCodes([...new Set([caller.shown, caller.tenant, ...answer.tenants.map((tenant) => lastPart(tenant.resourceName))])].sort()),
      // Without the list, the tenant that is shown stays the only choice.
      () => undefined,
    );
    return () => stop.abort();
  }, [caller.shown, caller.tenant]);
  return (
    <Choice
      label={t("nav.tenant-switch")}
      value={caller.shown}
      options={codes.map((code) => ({ value: code, text: code, raw: true }))}
      onChange={caller.show}
    />
  );
}
