//! Tenants, access, shares, policies, secrets, webhooks, runtimes and the server: what each line asks for, and what is told of the answer.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::line::{each_asks, run};
use crate::peer::Peer;

const TENANT: &str = "tenants/demo";
const EXTRACT: &str = "tenants/demo/utilities/extract";
const THEIRS: &str = "tenants/acme/utilities/theirs";

#[tokio::test]
async fn each_line_about_tenants_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let acme = "tenants/acme";
    let settled = json!({
        "name": acme,
        "tenant": {
            "display_name": "Acme",
            "db_host": "db.example",
            "settings": {
                "time_zone": "Europe/Berlin",
                "legal_hold": true,
                "execution_days": 30,
                "max_running": 4,
                "runtimes": ["data", "python"],
                "consent": {"share_offers": "SHARE_OFFERS_REFUSED", "terms_version": "2026"},
            },
        },
        "update_mask": "displayName,dbHost,settings.timeZone,settings.consent.shareOffers,settings.consent.termsVersion,\
                        settings.executionDays,settings.legalHold,settings.maxRunning,settings.runtimes",
    });
    let update = "tenant update acme --name Acme --db-host db.example --time-zone Europe/Berlin --share-offers refused --terms-version 2026 \
                  --execution-days 30 --legal-hold true --max-running 4 --runtimes data,python";
    let named = json!({"tenant_id": "acme", "tenant": {"display_name": "Acme", "settings": {"consent": {}}}});
    each_asks(
        &peer,
        &[
            ("tenant create acme --name Acme", "CreateTenant", named),
            ("tenant get", "GetTenant", json!({"name": TENANT})),
            ("tenant get acme", "GetTenant", json!({"name": acme})),
            ("tenant list --deleted", "ListTenants", json!({"page_size": 200, "show_deleted": true})),
            (update, "UpdateTenant", settled),
            ("tenant suspend acme", "SuspendTenant", json!({"name": acme})),
            ("tenant resume acme", "ResumeTenant", json!({"name": acme})),
            ("tenant delete acme --etag e", "DeleteTenant", json!({"name": acme, "etag": "e"})),
        ],
    )
    .await;
    let nothing = run(&peer, "tenant update acme").await;
    assert!(nothing.asked.is_empty() && nothing.code() == 2, "{nothing:?}");
}

#[tokio::test]
async fn a_tenant_is_shown_with_everything_that_was_settled_and_one_that_cannot_be_read_in_lists() {
    let peer = Peer::start().await;
    let tenant = json!({
        "resourceName": "tenants/acme",
        "id": 7,
        "name": "Acme",
        "tenantcode": "acme",
        "status": "suspended",
        "closeTime": "2026-01-02T03:04:05Z",
        "db_host": "db.example",
        "settings": {
            "timeZone": "UTC",
            "locale": "en",
            "executionDays": 30,
            "maxUtilities": 5,
            "runtimes": ["data"],
            "legalHold": true,
            "consent": {"shareOffers": "SHARE_OFFERS_REFUSED", "termsVersion": "2026", "consenter": "tenants/acme/users/ann"},
        },
    });
    peer.answers("GetTenant", tenant.clone());
    let shown = run(&peer, "tenant get acme").await.printed;
    for row in ["since               2026-01-02T03:04:05.000Z", "database            db.example", "share offers        refused"] {
        assert!(shown.contains(row), "{shown}");
    }
    for row in ["executions          30 days", "most utilities      5", "runtimes            data", "legal hold          yes"] {
        assert!(shown.contains(row), "{shown}");
    }
    peer.answers("ListTenants", json!({"tenants": [tenant], "nextPageToken": "more"}));
    peer.answers("ListTenants", json!({"tenants": [{"tenantcode": "beta", "problem": "TENANT_PROBLEM_UNREADABLE"}]}));
    let listed = run(&peer, "tenant list").await.printed;
    assert!(listed.contains("Acme") && listed.contains("(cannot be read)"), "{listed}");
    peer.refuses("GetTenant", Status::not_found("no"));
    let _old = run(&peer, "tenant get acme").await;
    assert!(run(&peer, "tenant get acme").await.failure().contains("zona tenant list --deleted"));
}

#[tokio::test]
async fn each_line_about_access_and_shares_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let grant = |grantee: &str| json!({"name": EXTRACT, "grantee": grantee, "access": "ACCESS_EXECUTE", "reason": "reports"});
    let revoke = |grantee: &str| json!({"name": EXTRACT, "grantee": grantee});
    let ci = "tenants/demo/serviceAccounts/ci";
    each_asks(
        &peer,
        &[
            ("access grant extract --user ann --access execute --reason reports", "GrantAccess", grant("tenants/demo/users/ann")),
            ("access grant extract --service-account ci --access execute --reason reports", "GrantAccess", grant(ci)),
            ("access grant extract --role creator --access execute --reason reports", "GrantAccess", grant("tenants/demo/roles/creator")),
            ("access grant extract --everybody --access EXECUTE --reason reports", "GrantAccess", grant(TENANT)),
            ("access revoke extract --everybody", "RevokeAccess", revoke(TENANT)),
            ("access list extract", "ListGrants", json!({"parent": EXTRACT, "page_size": 200})),
            (
                "access explain ann utility.execute extract",
                "ExplainAccess",
                json!({"name": "tenants/demo/users/ann", "action": "utility.execute", "resource": EXTRACT}),
            ),
            ("access share list", "ListShares", json!({"parent": TENANT, "side": "SHARE_SIDE_RECEIVED", "page_size": 200})),
            ("access share list --given", "ListShares", json!({"parent": TENANT, "side": "SHARE_SIDE_GIVEN", "page_size": 200})),
            (&format!("access share accept {THEIRS}"), "AcceptShare", json!({"parent": TENANT, "utility": THEIRS})),
            (&format!("access share decline {THEIRS}"), "DeclineShare", json!({"parent": TENANT, "utility": THEIRS})),
            ("access share revoke extract --with acme", "RevokeShare", json!({"name": EXTRACT, "tenant": "tenants/acme"})),
            (
                "utility share extract --with acme --access execute --reason ours",
                "OfferShare",
                json!({"name": EXTRACT, "tenant": "tenants/acme", "access": "ACCESS_EXECUTE", "reason": "ours"}),
            ),
        ],
    )
    .await;
    let ends = run(&peer, "access grant extract --user ann --access read --expires 30d").await;
    assert!(ends.only().1["expire_time"].is_string(), "{ends:?}");
    let ends = run(&peer, "utility share extract --with acme --expires 30d").await;
    assert!(ends.only().1["expire_time"].is_string(), "{ends:?}");
}

#[tokio::test]
async fn grants_shares_and_explanations_are_shown_and_a_refusal_of_the_rules_is_an_exit_code() {
    let peer = Peer::start().await;
    let grant = json!({
        "utility": EXTRACT,
        "grantee": "tenants/demo/users/ann",
        "access": "ACCESS_READ",
        "grantedBy": "tenants/demo/users/root",
        "reason": "reports",
    });
    peer.answers("ListGrants", json!({"grants": [grant]}));
    let listed = run(&peer, "access list extract").await.printed;
    assert!(listed.contains("tenants/demo/users/ann") && listed.contains("READ") && listed.contains("reports"), "{listed}");
    peer.answers("GrantAccess", grant.clone());
    let given = run(&peer, "access grant extract --user ann --access read").await;
    assert!(given.printed.contains(EXTRACT) || given.printed.contains("ann"), "{}", given.printed);
    peer.answers("RevokeAccess", grant.clone());
    assert_eq!(run(&peer, "access revoke extract --user ann").await.code(), 0);
    peer.answers("ExplainAccess", json!({"allowed": true, "rule": "GRANT", "explanation": "it was granted", "grant": grant}));
    let allowed = run(&peer, "access explain ann utility.get extract").await;
    assert!(allowed.printed.contains("GRANT") && allowed.printed.contains("it was granted"), "{}", allowed.printed);
    let share = json!({
        "utility": THEIRS,
        "grantee": TENANT,
        "access": "ACCESS_EXECUTE",
        "shareState": "SHARE_STATE_OFFERED",
        "expireTime": "2026-01-02T03:04:05Z",
    });
    peer.answers("ListShares", json!({"shares": [share]}));
    let listed = run(&peer, "access share list").await.printed;
    assert!(listed.contains(THEIRS) && listed.contains("2026-01-02"), "{listed}");
    for (method, line) in [("AcceptShare", "accept"), ("DeclineShare", "decline")] {
        peer.answers(method, share.clone());
        let answered = run(&peer, &format!("access share {line} {THEIRS}")).await;
        assert!(answered.code() == 0 && answered.printed.contains(THEIRS), "{answered:?}");
    }
    peer.answers("OfferShare", share.clone());
    assert!(run(&peer, "utility share extract --with acme").await.printed.contains(THEIRS));
    peer.answers("RevokeShare", share);
    assert_eq!(run(&peer, "access share revoke extract --with acme").await.code(), 0);
}

#[tokio::test]
async fn a_policy_changes_in_what_was_named_and_exceptions_are_added_to_those_that_there_are() {
    let peer = Peer::start().await;
    let name = "tenants/demo/codePolicy";
    let changed = json!({
        "policy": {
            "name": name,
            "extra_modules": ["yaml"],
            "denied_rules": ["ZPY-A-001"],
            "preset": "POLICY_PRESET_COMPATIBLE",
            "minimum_isolation": "ISOLATION_SINGLE_USE",
            "fresh_processes": true,
        },
        "update_mask": "extraModules,deniedRules,preset,minimumIsolation,freshProcesses",
    });
    let update = "policy update --extra-module yaml --deny-rule ZPY-A-001 --preset compatible --minimum-isolation single-use \
                  --fresh-processes true";
    each_asks(&peer, &[("policy show", "GetCodePolicy", json!({"name": name})), (update, "UpdateCodePolicy", changed)]).await;
    let kept = json!({"utility": "old", "rule": "R", "reason": "still", "expireTime": "2999-01-01T00:00:00Z", "grantedBy": "tenants/demo/users/a"});
    peer.answers("GetCodePolicy", json!({"name": name, "etag": "e7", "exceptions": [kept]}));
    let added = run(&peer, "policy update --allow-rule backup:ZPY-IMPORT-001 --reason reviewed --expires 30d").await;
    let [read, written] = added.asked.as_slice() else { panic!("{added:?}") };
    assert_eq!((read.method.as_str(), written.method.as_str()), ("GetCodePolicy", "UpdateCodePolicy"));
    let policy = &written.request["policy"];
    assert_eq!((&policy["etag"], policy["exceptions"].as_array().map(Vec::len)), (&json!("e7"), Some(2)), "{policy}");
    let none = run(&peer, "policy update --revoke-rule other:R").await;
    assert_eq!((none.code(), none.asked.len()), (4, 1));
    let shown = run(&peer, "policy show").await.printed;
    assert!(shown.contains("exceptions:") && shown.contains("2999-01-01"), "{shown}");
    assert_eq!(run(&peer, "policy update").await.code(), 2);
}

#[tokio::test]
async fn a_schedule_is_made_changed_paused_and_shown() {
    let peer = Peer::start().await;
    let name = "tenants/demo/schedules/nightly";
    let made = json!({
        "name": EXTRACT,
        "schedule_id": "nightly",
        "schedule": {
            "cron": "@weekly",
            "time_zone": "Europe/Berlin",
            "catch_up": "CATCH_UP_POLICY_ALL",
            "params_json": "{\"depth\":3}",
            "secret_parameters": {"token": "tenants/demo/secrets/github"},
            "timeout": "10s",
        },
    });
    let changed = json!({
        "name": name,
        "schedule": {"cron": "@daily", "catch_up": "CATCH_UP_POLICY_SKIP", "params_json": "{}", "etag": "e"},
        "update_mask": "cron,catchUp",
    });
    each_asks(
        &peer,
        &[
            (
                "schedule create nightly extract --cron @weekly --time-zone Europe/Berlin --catch-up all --param depth=3 --secret token=github \
                 --timeout 10s",
                "CreateSchedule",
                made,
            ),
            ("schedule update nightly --cron @daily --catch-up skip --etag e", "UpdateSchedule", changed),
            ("schedule get nightly", "GetSchedule", json!({"name": name})),
            ("schedule list", "ListSchedules", json!({"parent": TENANT, "page_size": 200})),
            ("schedule pause nightly --etag e", "PauseSchedule", json!({"name": name, "etag": "e"})),
            ("schedule resume nightly", "ResumeSchedule", json!({"name": name})),
            ("schedule delete nightly", "DeleteSchedule", json!({"name": name})),
        ],
    )
    .await;
    assert_eq!(run(&peer, "schedule update nightly").await.code(), 2, "nothing to change was named");
    let refused = json!({"dueTime": "2026-01-02T02:30:00Z", "reason": "PERMISSION_DENIED", "description": "may not"});
    let schedule = json!({"name": name, "utility": EXTRACT, "cron": "@daily", "lastFiring": refused, "missedCount": "2", "secretParameters": {"token": "tenants/demo/secrets/github"}});
    peer.answers("GetSchedule", schedule.clone());
    let shown = run(&peer, "schedule get nightly").await.printed;
    assert!(shown.contains("PERMISSION_DENIED") && shown.contains("may not"), "{shown}");
    let document = run(&peer, "schedule get nightly -o json").await.json();
    assert_eq!(document["last_firing"]["reason"], json!("PERMISSION_DENIED"));
    assert_eq!(document["secret_parameters"], json!({"token": "tenants/demo/secrets/github"}));
    peer.answers("ListSchedules", json!({"schedules": [schedule.clone()]}));
    assert!(run(&peer, "schedule list").await.printed.contains("nightly"));
    peer.answers("DeleteSchedule", schedule);
    assert_eq!(run(&peer, "schedule delete nightly").await.printed, format!("{name} deleted\n"));
}

#[tokio::test]
async fn a_secret_is_set_from_a_file_and_never_shown() {
    let peer = Peer::start().await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "of great value\n").unwrap();
    let name = "tenants/demo/secrets/github";
    let set = format!("secret set github --file {} --description Token --utility extract", file.path().display());
    let asked = json!({
        "name": name,
        "secret": {"description": "Token", "utilities": [EXTRACT]},
        "value": "of great value",
        "update_mask": "value,description,utilities",
    });
    each_asks(
        &peer,
        &[
            (&set, "SetSecret", asked),
            (
                "secret set github --keep-value --no-utilities --etag e",
                "SetSecret",
                json!({"name": name, "secret": {"etag": "e"}, "update_mask": "utilities"}),
            ),
            ("secret get github", "GetSecret", json!({"name": name})),
            ("secret list", "ListSecrets", json!({"parent": TENANT, "page_size": 200})),
            ("secret delete github", "DeleteSecret", json!({"name": name})),
        ],
    )
    .await;
    assert_eq!(run(&peer, "secret set github --keep-value").await.code(), 2);
    let secret = json!({"name": name, "version": 3, "setBy": "tenants/demo/users/ann", "utilities": [EXTRACT], "description": "Token"});
    peer.answers("GetSecret", secret.clone());
    let shown = run(&peer, "secret get github").await.printed;
    assert!(shown.contains("version       3") && shown.contains(EXTRACT), "{shown}");
    peer.answers("ListSecrets", json!({"secrets": [secret.clone()]}));
    assert!(run(&peer, "secret list").await.printed.contains("github"));
    peer.answers("DeleteSecret", secret);
    assert_eq!(run(&peer, "secret delete github").await.printed, format!("{name} deleted\n"));
}

#[tokio::test]
async fn each_line_about_webhooks_asks_for_what_it_says_and_their_secrets_are_shown_once() {
    let peer = Peer::start().await;
    let name = "tenants/demo/webhooks/chat";
    let webhook = json!({"url": "https://chat.example", "description": "Chat", "types": ["dev.zona.utility"]});
    let updated = json!({
        "name": name,
        "webhook": {"url": "https://other.example", "disabled": true, "etag": "e"},
        "update_mask": "url,types,disabled",
    });
    peer.answers("CreateWebhook", json!({"webhook": {"name": name, "url": "https://chat.example"}, "secret": "whsec_1"}));
    peer.answers("RotateWebhookSecret", json!({"webhook": {"name": name}, "secret": "whsec_2"}));
    let create = "webhook create chat --url https://chat.example --type dev.zona.utility --description Chat";
    each_asks(
        &peer,
        &[
            (create, "CreateWebhook", json!({"parent": TENANT, "webhook_id": "chat", "webhook": webhook})),
            ("webhook get chat", "GetWebhook", json!({"name": name})),
            ("webhook list", "ListWebhooks", json!({"parent": TENANT, "page_size": 200})),
            ("webhook update chat --url https://other.example --all-types --disabled true --etag e", "UpdateWebhook", updated),
            ("webhook delete chat", "DeleteWebhook", json!({"name": name})),
            ("webhook rotate-secret chat", "RotateWebhookSecret", json!({"name": name})),
            ("webhook dead-letters chat", "ListDeadLetters", json!({"parent": name, "page_size": 200})),
            ("webhook replay chat --sequence 3 --sequence 5", "ReplayDeadLetters", json!({"name": name, "sequences": [3, 5]})),
        ],
    )
    .await;
    assert!(run(&peer, create).await.printed.contains("whsec_1"));
    assert_eq!(run(&peer, "webhook rotate-secret chat -o json").await.json()["secret"], json!("whsec_2"));
    assert_eq!(run(&peer, "webhook update chat").await.code(), 2);
    let failed = json!({"name": name, "url": "https://chat.example", "state": "WEBHOOK_STATE_FAILED", "progress": {"deadLetters": 2}});
    peer.answers("GetWebhook", failed.clone());
    let shown = run(&peer, "webhook get chat").await.printed;
    assert!(shown.contains("state          failed") && shown.contains("dead letters   2"), "{shown}");
    peer.answers("ListWebhooks", json!({"webhooks": [failed]}));
    assert!(run(&peer, "webhook list").await.printed.contains("failed"));
    let letter = json!({"event": {"sequence": 9, "type": "dev.zona.utility.created", "subject": EXTRACT}, "attempts": 8, "failure": "410"});
    peer.answers("ListDeadLetters", json!({"deadLetters": [letter]}));
    let letters = run(&peer, "webhook dead-letters chat").await.printed;
    assert!(letters.contains("dev.zona.utility.created") && letters.contains("410"), "{letters}");
}

#[tokio::test]
async fn runtimes_and_the_server_are_shown_with_what_is_wrong_with_them() {
    let peer = Peer::start().await;
    let runtime = json!({
        "name": "tenants/demo/runtimes/data",
        "version": "1.0.0",
        "pythonVersion": "3.11.2",
        "backend": "namespace",
        "digest": "sha256:00112233445566778899",
        "allowedModules": ["json", "re"],
        "packages": [{"name": "Leaky", "version": "1.0", "modules": ["leaky"], "advisories": [{"id": "GHSA-1", "summary": "it leaks"}]}],
    });
    peer.answers("GetRuntime", runtime.clone());
    let shown = run(&peer, "runtime show data").await;
    assert_eq!(shown.only(), ("GetRuntime", &json!({"name": "tenants/demo/runtimes/data"})));
    for part in ["3.11.2", "Leaky", "GHSA-1", "it leaks", "json"] {
        assert!(shown.printed.contains(part), "{}", shown.printed);
    }
    peer.answers("ListRuntimes", json!({"runtimes": [runtime]}));
    assert!(run(&peer, "runtime list").await.printed.contains("data"));
    let tier = json!({
        "tier": "T1",
        "accepted": false,
        "batteryVersion": "abc",
        "probes": 40,
        "failures": [{"probe": "network-tcp-connect", "defence": "seccomp", "detail": "it connected", "hint": "set x"}],
    });
    peer.answers("GetServerInfo", json!({"version": "0.1.0", "backend": "namespace", "tiers": [tier, {"tier": "T2", "accepted": true}]}));
    let info = run(&peer, "info").await.printed;
    assert!(info.contains("39 of 40 probes stopped") && info.contains("did not run"), "{info}");
    assert!(info.contains("network-tcp-connect (seccomp): it connected\n  set x"), "{info}");
}

#[tokio::test]
async fn each_line_about_operations_and_batches_asks_for_what_it_says_and_wrong_lines_of_a_file_ask_for_nothing() {
    let peer = Peer::start().await;
    let id = "018f0000-0000-7000-8000-000000000001";
    let name = format!("tenants/demo/operations/{id}");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("items.jsonl");
    std::fs::write(&file, "{\"utility\": \"extract\", \"params\": {\"n\": 1}}\n\n{\"secrets\": {\"token\": \"github\"}}\n").unwrap();
    let started = format!("batch start --file {} --utility extract --concurrency 3", file.display());
    let items = json!([
        {"utility": EXTRACT, "params_json": "{\"n\": 1}"},
        {"utility": EXTRACT, "secret_parameters": {"token": "tenants/demo/secrets/github"}},
    ]);
    each_asks(
        &peer,
        &[
            (&format!("operation get {id}"), "GetOperation", json!({"name": name})),
            (&format!("operation cancel {id}"), "CancelOperation", json!({"name": name})),
            ("operation list", "ListOperations", json!({"parent": TENANT, "page_size": 50})),
            (&format!("batch report {id}"), "ListBatchItems", json!({"parent": name, "page_size": 200})),
            (&started, "StartBatch", json!({"parent": TENANT, "items": items, "concurrency": 3})),
        ],
    )
    .await;
    let batch = json!({"total": 3, "succeeded": 1, "refused": 2});
    peer.answers("GetOperation", json!({"name": name, "state": "OPERATION_STATE_SUCCEEDED", "batch": batch}));
    let shown = run(&peer, &format!("operation get {id}")).await.printed;
    assert!(shown.contains("1 succeeded, 2 refused of 3") && shown.contains("SUCCEEDED"), "{shown}");
    std::fs::write(&file, "{\"utility\": \"extract\"}\nnonsense\n{}\n").unwrap();
    let refused = run(&peer, &format!("batch start --file {}", file.display())).await;
    assert_eq!(refused.code(), 2);
}

/// What a server answers whoever calls too often.
fn too_often() -> Status {
    exhausted("RATE_LIMITED", Duration::from_millis(1))
}

fn exhausted(reason: &str, delay: Duration) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(delay));
    details.set_error_info(reason, "zona.dev", HashMap::new());
    Status::with_error_details(Code::ResourceExhausted, "no more of that", details)
}

#[tokio::test]
async fn an_installation_is_filled_as_large_as_it_is_to_be_and_no_faster_than_the_server_takes_it() {
    let peer = Peer::start().await;
    peer.refuses("CreateTenant", too_often());
    peer.answers("CreateTenant", json!({}));
    for _ in 0..3 {
        peer.refuses("CreateUtility", too_often());
    }
    peer.answers("CreateUtility", json!({}));
    let filled = run(&peer, "bench seed --tenants 2 --utilities 5 --prefix many -o json").await;
    assert_eq!(filled.json()["tenants"], json!({"made": 2, "there": 0}));
    assert_eq!(filled.json()["utilities"], json!({"made": 10, "there": 0}));
    let asked = |method: &str| filled.asked.iter().filter(|asked| asked.method == method).map(|asked| &asked.request).collect::<Vec<_>>();
    let tenants: Vec<_> = asked("CreateTenant").into_iter().map(|request| &request["tenant_id"]).collect();
    assert_eq!(tenants, ["many-0001", "many-0001", "many-0002"]);
    let utilities = asked("CreateUtility");
    assert_eq!(utilities.len(), 13, "three were asked for twice");
    let names: BTreeSet<_> = utilities.iter().map(|request| format!("{} {}", request["parent"], request["utility_id"])).collect();
    assert_eq!(names.len(), 10, "{names:?}");
    let codes: BTreeSet<_> = utilities.iter().map(|request| request["utility"]["code"].to_string()).collect();
    assert_eq!(codes.len(), 5, "{codes:?}");
}

#[tokio::test]
async fn filling_goes_on_behind_what_is_there_and_ends_with_what_is_refused() {
    let peer = Peer::start().await;
    for method in ["CreateTenant", "CreateUtility"] {
        peer.refuses(method, Status::already_exists("it is there"));
    }
    let again = run(&peer, "bench seed --tenants 2 --utilities 5").await;
    assert!(again.printed.contains("0 made, 10 there before"), "{}", again.printed);

    let peer = Peer::start().await;
    peer.refuses("CreateUtility", exhausted("UTILITIES_FULL", Duration::from_secs(60)));
    let full = run(&peer, "bench seed --tenants 1 --utilities 5 --concurrency 1").await;
    assert!(full.asked.len() == 2 && full.failure().contains("UTILITIES_FULL"), "what waiting does not mend is not waited for: {full:?}");

    let peer = Peer::start().await;
    peer.refuses("CreateTenant", Status::already_exists("it is there"));
    peer.answers("GetTenant", json!({"resourceName": "tenants/seed-0001", "status": "deleted", "closeTime": "2026-01-02T03:04:05Z"}));
    let deleted = run(&peer, "bench seed --tenants 1 --utilities 5").await;
    assert!(deleted.asked.iter().all(|asked| asked.method != "CreateUtility"), "{deleted:?}");
    assert!(deleted.code() == 5 && deleted.failure().contains("is deleted") && deleted.failure().contains("--prefix"), "{deleted:?}");

    let peer = Peer::start().await;
    peer.refuses("CreateUtility", Status::unavailable("the store is away"));
    let away = run(&peer, "bench seed --tenants 1 --utilities 5 --concurrency 1").await;
    assert!(away.failure().contains("the same command goes on from here"), "{}", away.failure());
    let wrong = run(&peer, "bench seed --tenants 1 --utilities 5 --prefix Not-A-Code").await;
    assert!(wrong.asked.is_empty() && wrong.code() == 2 && wrong.failure().contains("--prefix"), "{wrong:?}");
}
