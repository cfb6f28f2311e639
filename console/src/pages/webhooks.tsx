// Webhooks of a tenant: where its events are sent, whether they arrive, and what could not be delivered. A webhook's secret is shown once.

import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { client } from "../api";
import { WebhookState, type Webhook } from "../gen/zona/event/v1/webhook_pb";
import { WebhookService } from "../gen/zona/event/v1/webhook_service_pb";
import { lastPart, useParent } from "../session";
import { number, t, type TextId } from "../text";
import { useAction, useCall } from "../ui/call";
import { Pages, usePage, usePageInAddress } from "../ui/list";
import { Badge, Button, CopyButton, Dialog, TextField, Value, When } from "../ui/parts";
import { Problem, Show } from "../ui/states";
import { names } from "./properties-form";
import { PAGE_SIZE } from "./roles";

const webhooks = client(WebhookService);

const STATES: Record<WebhookState, readonly [TextId, "good" | "bad" | "calm"]> = {
  [WebhookState.UNSPECIFIED]: ["services.state.unknown", "calm"],
  [WebhookState.ACTIVE]: ["access.active", "good"],
  [WebhookState.DISABLED]: ["access.disabled", "calm"],
  [WebhookState.FAILED]: ["webhooks.failed", "bad"],
};

export function Webhooks(): JSX.Element {
  const parent = useParent();
  const turn = usePageInAddress();
  const loaded = useCall(`${parent} ${turn.token}`, (signal) => webhooks.listWebhooks({ parent, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }));
  const [open, setOpen] = useState<Webhook | "new" | null>(null);
  const [letters, setLetters] = useState<string | null>(null);
  return (
    <>
      <div class="form-actions">
        <Button kind="primary" onClick={() => setOpen("new")}>
          {t("webhooks.new")}
        </Button>
      </div>
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.webhooks}
        empty={t("webhooks.empty")}
        label={t("tenant.webhooks")}
        keyOf={(webhook) => webhook.name}
        columns={[
          { head: t("access.name"), cell: (webhook) => <Value code>{lastPart(webhook.name)}</Value> },
          { head: t("webhooks.url"), cell: (webhook) => <Value code>{webhook.url}</Value> },
          { head: t("access.state"), cell: (webhook) => <State of={webhook.state} /> },
          { head: t("webhooks.types"), cell: ({ types }) => (types.length === 0 ? t("filter.any") : <Value code>{types.join(", ")}</Value>) },
          { head: t("editor.description"), cell: (webhook) => <Value>{webhook.description}</Value> },
          {
            head: t("versions.actions"),
            cell: (webhook) => (
              <div class="row-actions">
                <Button kind="quiet" onClick={() => setOpen(webhook)} label={t("access.edit.label", { name: lastPart(webhook.name) })}>
                  {t("access.edit")}
                </Button>
                <Button kind="quiet" onClick={() => setLetters(webhook.name)} label={t("webhooks.deliveries.label", { name: lastPart(webhook.name) })}>
                  {t("webhooks.deliveries")}
                </Button>
              </div>
            ),
          },
        ]}
      />
      {open !== null && <Edit webhook={open === "new" ? null : open} onClose={() => setOpen(null)} onDone={loaded.reload} />}
      {letters !== null && <Deliveries name={letters} onClose={() => setLetters(null)} />}
    </>
  );
}

function State(props: { of: WebhookState }): JSX.Element {
  const [text, kind] = STATES[props.of] ?? STATES[WebhookState.UNSPECIFIED];
  return <Badge kind={kind}>{t(text)}</Badge>;
}

function Edit(props: { webhook: Webhook | null; onClose: () => void; onDone: () => void }): JSX.Element {
  const { webhook } = props;
  const parent = useParent();
  const [name, setName] = useState("");
  const [url, setUrl] = useState(webhook?.url ?? "");
  const [description, setDescription] = useState(webhook?.description ?? "");
  const [types, setTypes] = useState(webhook?.types.join(", ") ?? "");
  const wasEnabled = webhook === null || webhook.state === WebhookState.ACTIVE;
  const [enabled, setEnabled] = useState(wasEnabled);
  const [secret, setSecret] = useState<string | null>(null);
  const action = useAction();
  const done = () => {
    props.onClose();
    props.onDone();
  };
  const save = () =>
    void action.run(async (id) => {
      const next = { url: url.trim(), description, types: names(types), disabled: !enabled };
      const requestId = id(webhook?.etag, name, next);
      if (webhook === null) {
        const made = await webhooks.createWebhook({ parent, webhookId: name.trim(), webhook: next, requestId });
        setSecret(made.secret);
        props.onDone();
        return;
      }
      // Enabling one that is on, as far as was known here, would enable one that the server has disabled since.
      const paths = ["url", "description", "types", ...(enabled === wasEnabled ? [] : ["disabled"])];
      await webhooks.updateWebhook({ name: webhook.name, webhook: { ...next, etag: webhook.etag }, updateMask: { paths }, requestId });
      done();
    });
  if (secret !== null) {
    return (
      <Dialog title={t("webhooks.secret")} onClose={props.onClose}>
        <div class="note warn" role="status">
          <p>{t("access.key.once")}</p>
          <Value code>{secret}</Value> <CopyButton text={secret} />
        </div>
      </Dialog>
    );
  }
  return (
    <Dialog title={webhook === null ? t("webhooks.new") : lastPart(webhook.name)} raw={webhook !== null} onClose={props.onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          save();
        }}
      >
        {action.failure !== null && <Problem failure={action.failure} />}
        {webhook === null && <TextField label={t("access.name")} value={name} onInput={setName} required />}
        <TextField label={t("webhooks.url")} value={url} onInput={setUrl} required />
        <TextField label={t("editor.description")} value={description} onInput={setDescription} />
        <TextField label={t("webhooks.types")} value={types} onInput={setTypes} hint={t("webhooks.types.hint")} />
        <label class="check">
          <input type="checkbox" checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
          {t("webhooks.enabled")}
        </label>
        <div class="form-actions">
          <Button kind="primary" type="submit" busy={action.busy}>
            {t("editor.save")}
          </Button>
          {webhook !== null && (
            <>
              <Button
                busy={action.busy}
                onClick={() => {
                  if (!confirm(t("webhooks.rotate.ask"))) return;
                  void action.run(async (id) => {
                    const turned = await webhooks.rotateWebhookSecret({ name: webhook.name, etag: webhook.etag, requestId: id("rotate", webhook.etag) });
                    setSecret(turned.secret);
                    props.onDone();
                  });
                }}
              >
                {t("webhooks.rotate")}
              </Button>
              <Button
                kind="danger"
                busy={action.busy}
                onClick={() => {
                  if (!confirm(t("webhooks.delete.ask", { name: lastPart(webhook.name) }))) return;
                  void action.run(async (id) => {
                    await webhooks.deleteWebhook({ name: webhook.name, etag: webhook.etag, requestId: id("delete", webhook.etag) });
                    done();
                  });
                }}
              >
                {t("access.delete")}
              </Button>
            </>
          )}
        </div>
      </form>
    </Dialog>
  );
}

/** How far deliveries have come, and the events that nobody took. */
function Deliveries(props: { name: string; onClose: () => void }): JSX.Element {
  const { name } = props;
  const turn = usePage();
  const webhook = useCall(name, (signal) => webhooks.getWebhook({ name }, { signal }));
  const loaded = useCall(`${name} ${turn.token}`, (signal) => webhooks.listDeadLetters({ parent: name, pageSize: PAGE_SIZE, pageToken: turn.token }, { signal }));
  const action = useAction();
  return (
    <Dialog title={t("webhooks.deliveries.label", { name: lastPart(name) })} onClose={props.onClose} wide>
      <Show of={webhook}>
        {({ progress }) => (
          <p>
            {t("webhooks.progress", {
              reached: String(progress?.reachedSequence ?? 0n),
              waiting: number(progress?.waiting ?? 0n),
              dead: number(progress?.deadLetters ?? 0n),
              missed: number(progress?.missed ?? 0n),
            })}
          </p>
        )}
      </Show>
      {(webhook.value?.progress?.deadLetters ?? 0n) > 0n && (
        <Button
          busy={action.busy}
          onClick={() =>
            void action.run(async (id) => {
              await webhooks.replayDeadLetters({ name, etag: webhook.value?.etag ?? "", requestId: id(name, webhook.value?.etag) });
              webhook.reload();
              loaded.reload();
            })
          }
        >
          {t("webhooks.replay")}
        </Button>
      )}
      {action.failure !== null && <Problem failure={action.failure} />}
      <Pages
        of={loaded}
        turn={turn}
        items={(page) => page.deadLetters}
        empty={t("webhooks.no-dead-letters")}
        label={t("webhooks.dead-letters")}
        keyOf={(letter) => String(letter.event?.sequence ?? 0n)}
        columns={[
          { head: t("audit.sequence"), cell: ({ event }) => <Value code>{String(event?.sequence ?? "")}</Value> },
          { head: t("webhooks.type"), cell: ({ event }) => <Value code>{event?.type}</Value> },
          { head: t("audit.resource"), cell: ({ event }) => <Value>{event?.subject}</Value> },
          { head: t("webhooks.attempts"), number: true, cell: (letter) => <Value>{number(letter.attempts)}</Value> },
          { head: t("state.reason"), cell: (letter) => <Value>{letter.failure}</Value> },
          { head: t("webhooks.given-up"), cell: (letter) => <When at={letter.giveUpTime} /> },
        ]}
      />
    </Dialog>
  );
}
