// The frame around every page: who is signed in, where one can go, keys that work everywhere. Pages are loaded when they are opened.

import type { ComponentType, JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";

import { currentSession, type Session } from "./api";
import { toFailure, type Failure } from "./failure";
import { Header } from "./header";
import { Palette } from "./palette";
import { partsOf } from "./path";
import { navigate, usePlace } from "./router";
import { CallerProvider, isSuper, whenSignedOut } from "./session";
import { PROBLEM, problemAt, SignIn, SignInForm, SignInProblem } from "./sign-in";
import { t, useLocale } from "./text";
import { Dialog, PageHead } from "./ui/parts";
import { Empty, Loading, Problem } from "./ui/states";

type Page = ComponentType<{ parts: string[] }>;

const PAGES: readonly { pattern: RegExp; load: () => Promise<Page> }[] = [
  { pattern: /^\/utilities$/, load: async () => (await import("./pages/utilities")).Utilities },
  { pattern: /^\/utilities\/([^/]+)$/, load: async () => (await import("./pages/utility")).UtilityPage },
  { pattern: /^\/executions$/, load: async () => (await import("./pages/executions")).Executions },
  { pattern: /^\/executions\/([^/]+)$/, load: async () => (await import("./pages/execution")).ExecutionPage },
  { pattern: /^\/audit$/, load: async () => (await import("./pages/audit")).Audit },
  { pattern: /^\/access$/, load: async () => (await import("./pages/access")).Access },
  { pattern: /^\/services$/, load: async () => (await import("./pages/services")).Services },
  { pattern: /^\/settings$/, load: async () => (await import("./pages/tenant")).Tenant },
];

const TENANT = "zona.tenant";

/** Begins to load what this address needs, before anybody knows who is signed in: one wait instead of several in a row. */
export function preload(path: string): void {
  // What cannot be loaded now is told when the page is shown.
  PAGES.find(({ pattern }) => pattern.test(path === "/" ? "/utilities" : path))
    ?.load()
    .catch(() => undefined);
  first = currentSession();
  first.catch(() => undefined);
}

let first: Promise<Session | null> | null = null;

export function App(): JSX.Element {
  useLocale();
  const problem = problemAt(usePlace());
  const [session, setSession] = useState<Session | null | undefined>(undefined);
  const [ended, setEnded] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [shown, setShown] = useState<string | null>(() => sessionStorage.getItem(TENANT));
  const load = useCallback(() => {
    setFailure(null);
    const asked = first ?? currentSession();
    first = null;
    asked.then(setSession, (thrown: unknown) => setFailure(toFailure(thrown)));
  }, []);
  useEffect(() => {
    load();
  }, [load]);
  useEffect(() => {
    // Another tab may have signed in anew: then its session is this one's, too.
    whenSignedOut(() => {
      currentSession().then(
        (now) => (now !== null && now.principal === session?.principal ? setSession(now) : setEnded(true)),
        () => setEnded(true),
      );
    });
  }, [session]);
  useEffect(() => {
    if (!ended) return;
    // Whoever signs in at an issuer's page does so in another tab, and comes back to this one.
    const look = () => {
      currentSession().then(
        (now) => {
          if (now === null || now.principal !== session?.principal) return;
          setSession(now);
          setEnded(false);
        },
        () => undefined,
      );
    };
    addEventListener("focus", look);
    return () => removeEventListener("focus", look);
  }, [ended, session]);
  if (failure !== null) {
    return (
      <main class="lone">
        <Problem failure={failure} onRetry={load} />
      </main>
    );
  }
  if (session === undefined) return <Loading />;
  if (session === null) {
    return (
      <SignIn
        problem={problem}
        onSignedIn={(next) => {
          if (problem !== null) navigate("/", { replace: true });
          setSession(next);
        }}
      />
    );
  }
  if (problem !== null) return <SignInProblem problem={problem} />;
  const caller = {
    ...session,
    // What a super administrator has looked at is nothing to whoever signs in behind them.
    shown: isSuper(session) ? (shown ?? session.tenant) : session.tenant,
    show: (tenant: string) => {
      sessionStorage.setItem(TENANT, tenant);
      setShown(tenant);
      navigate("/utilities");
    },
  };
  return (
    <CallerProvider value={caller}>
      <Frame
        key={`${caller.principal} ${caller.shown}`}
        onSignedOut={() => {
          sessionStorage.removeItem(TENANT);
          setShown(null);
          setSession(null);
        }}
      />
      {ended && (
        // What somebody has written stays where it is behind it.
        <Dialog title={t("sign-in.again")} onClose={() => undefined} stays>
          <SignInForm
            stays
            onSignedIn={(next) => {
              setSession(next);
              setEnded(false);
            }}
          />
        </Dialog>
      )}
    </CallerProvider>
  );
}

function Frame(props: { onSignedOut: () => void }): JSX.Element {
  const place = usePlace();
  const [help, setHelp] = useState(false);
  const [finding, setFinding] = useState(false);
  const online = useOnline();
  useEffect(() => {
    if (place.path === "/" || place.path === PROBLEM) navigate("/utilities", { replace: true });
  }, [place.path]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setFinding(true);
      } else if (event.key === "?" && !typing(event)) {
        event.preventDefault();
        setHelp(true);
      }
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);
  return (
    <>
      <a class="skip" href="#main">
        {t("nav.skip")}
      </a>
      <Header onSignedOut={props.onSignedOut} onFind={() => setFinding(true)} onHelp={() => setHelp(true)} />
      {!online && (
        <div class="banner" role="status">
          {t("state.offline.banner")}
        </div>
      )}
      <main id="main">
        <Routed path={place.path} />
      </main>
      <div id="announcer" class="visually-hidden" role="status" aria-live="polite" />
      {help && <Help onClose={() => setHelp(false)} />}
      {finding && <Palette onClose={() => setFinding(false)} />}
    </>
  );
}

function typing(event: KeyboardEvent): boolean {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const update = () => setOnline(navigator.onLine);
    addEventListener("online", update);
    addEventListener("offline", update);
    return () => {
      removeEventListener("online", update);
      removeEventListener("offline", update);
    };
  }, []);
  return online;
}

function Routed(props: { path: string }): JSX.Element {
  const [loaded, setLoaded] = useState<{ path: string; page: Page; parts: string[] } | null>(null);
  const [failed, setFailed] = useState(false);
  const found = PAGES.map(({ pattern, load }) => ({ parts: partsOf(pattern, props.path), load })).find(({ parts }) => parts !== null);
  useEffect(() => {
    let current = true;
    setFailed(false);
    found?.load().then(
      (page) => current && setLoaded({ path: props.path, page, parts: found.parts ?? [] }),
      () => current && setFailed(true),
    );
    return () => void (current = false);
  }, [props.path]);
  if (found === undefined) {
    return props.path === "/" ? (
      <Loading />
    ) : (
      <>
        <PageHead title={t("page.missing")} />
        <Empty title={t("page.missing.text")} />
      </>
    );
  }
  // Parts of a console that was replaced by a newer one are gone: loading the page anew brings all of it.
  if (failed) return <Empty title={t("page.not-loaded")}>{<a href={props.path}>{t("action.retry")}</a>}</Empty>;
  if (loaded === null || loaded.path !== props.path) return <Loading />;
  const Found = loaded.page;
  return <Found key={loaded.path} parts={loaded.parts} />;
}

function Help(props: { onClose: () => void }): JSX.Element {
  const keys: [string, string][] = [
    ["Ctrl/Cmd + Enter", t("help.run")],
    ["Ctrl/Cmd + S", t("help.save")],
    ["Ctrl/Cmd + K", t("help.find")],
    ["?", t("help.help")],
    ["Esc", t("help.escape")],
  ];
  return (
    <Dialog title={t("help.title")} onClose={props.onClose}>
      <dl class="facts">
        {keys.map(([key, text]) => (
          <>
            <dt>
              <kbd data-value>{key}</kbd>
            </dt>
            <dd>{text}</dd>
          </>
        ))}
      </dl>
    </Dialog>
  );
}
