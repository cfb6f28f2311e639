//! People and programs of a tenant, their keys and sessions: what each line asks for, and what is told of the answer.

use cli::Credential;
use cli::secret::Secret;
use serde_json::json;
use tonic::Status;
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::line::{each_asks, run, run_words};
use crate::peer::Peer;

const ANN: &str = "tenants/demo/users/ann";
const CI: &str = "tenants/demo/serviceAccounts/ci";

fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

#[tokio::test]
async fn each_line_about_users_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let password = file("correct horse battery\n");
    let path = password.path().display();
    let disabled = json!({"user": {"name": ANN, "state": "PRINCIPAL_STATE_DISABLED"}, "update_mask": "state"});
    let active = json!({"user": {"name": ANN, "state": "PRINCIPAL_STATE_ACTIVE", "etag": "\"3\""}, "update_mask": "state"});
    let made = json!({
        "parent": "tenants/demo",
        "user_id": "ann",
        "user": {"display_name": "Ann", "role": "ROLE_ADMIN", "password": "correct horse battery"},
    });
    let create = format!("user create ann --role admin --display-name Ann --password-file {path}");
    let update = format!("user update ann --display-name Anna --role USER --password-file {path} --current-password-file {path}");
    let updated = json!({
        "user": {"name": ANN, "display_name": "Anna", "role": "ROLE_USER", "password": "correct horse battery"},
        "update_mask": "displayName,role,password",
        "current_password": "correct horse battery",
    });
    each_asks(
        &peer,
        &[
            ("user show ann", "GetUser", json!({"name": ANN})),
            ("user show tenants/acme/users/bob", "GetUser", json!({"name": "tenants/acme/users/bob"})),
            ("user list", "ListUsers", json!({"parent": "tenants/demo", "page_size": 200})),
            (&create, "CreateUser", made),
            (
                "user create bob --no-password",
                "CreateUser",
                json!({"parent": "tenants/demo", "user_id": "bob", "user": {"role": "ROLE_USER"}}),
            ),
            (&update, "UpdateUser", updated),
            ("user disable ann", "UpdateUser", disabled),
            ("user enable ann --etag \"3\"", "UpdateUser", active),
            ("user delete ann", "DeleteUser", json!({"name": ANN})),
            ("user erase ann --yes", "EraseSubject", json!({"name": ANN})),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_user_is_shown_to_people_and_to_programs() {
    let peer = Peer::start().await;
    let user = json!({
        "name": ANN,
        "displayName": "Ann",
        "role": "ROLE_CREATOR",
        "state": "PRINCIPAL_STATE_ACTIVE",
        "hasPassword": true,
        "createTime": "2026-01-02T03:04:05Z",
        "etag": "\"1\"",
    });
    peer.answers("GetUser", user.clone());
    let expected = "name           tenants/demo/users/ann\ndisplay name   Ann\nrole           CREATOR\nstate          ACTIVE\n\
                    password       yes\ncreated        2026-01-02T03:04:05.000Z\netag           \"1\"\n";
    assert_eq!(run(&peer, "user show ann").await.printed, expected);
    let shown = run(&peer, "user show ann -o json").await.json();
    assert_eq!((&shown["role"], &shown["create_time"]), (&json!("CREATOR"), &json!("2026-01-02T03:04:05.000Z")));
    peer.answers("ListUsers", json!({"users": [user.clone()], "nextPageToken": "more"}));
    peer.answers("ListUsers", json!({"users": [{"name": "tenants/demo/users/bob"}]}));
    let listed = run(&peer, "user list").await;
    let names: Vec<&str> = listed.printed.lines().filter_map(|line| line.split(' ').next()).collect();
    assert_eq!((names, listed.asked.len()), (vec!["NAME", "ann", "bob"], 2), "every page is asked for");
    peer.answers("DeleteUser", user);
    assert_eq!(run(&peer, "user delete ann").await.printed, format!("{ANN} deleted\n"));
}

#[tokio::test]
async fn who_changes_nothing_or_has_no_terminal_to_be_asked_at_is_told_before_anything_is_asked() {
    let peer = Peer::start().await;
    let nothing = run(&peer, "user update ann").await;
    assert!(nothing.asked.is_empty() && nothing.failure().contains("nothing to change was named"), "{nothing:?}");
    assert_eq!(nothing.code(), 2);
    let wrong = run(&peer, "user show tenants/demo/utilities/ann").await;
    assert!(wrong.asked.is_empty() && wrong.code() == 2, "{wrong:?}");
}

#[tokio::test]
async fn a_refusal_says_what_it_means_for_users_with_its_reason_and_exit_code() {
    let peer = Peer::start().await;
    let because = |code, reason: &str| {
        Status::with_error_details(
            code,
            "said by the server",
            ErrorDetails::with_error_info(reason, "zona.dev", std::collections::HashMap::new()),
        )
    };
    peer.refuses("GetUser", because(tonic::Code::NotFound, "NOT_FOUND"));
    let absent = run(&peer, "user show ann").await;
    assert_eq!(absent.code(), 4);
    assert!(absent.failure().contains("said by the server") && absent.failure().contains("zona user list"), "{}", absent.failure());
    peer.refuses("CreateUser", because(tonic::Code::AlreadyExists, "ALREADY_EXISTS"));
    let taken = run(&peer, "user create ann --no-password").await;
    assert_eq!(taken.code(), 5);
    assert!(taken.failure().contains("reason: ALREADY_EXISTS") && taken.failure().contains("choose another id"), "{}", taken.failure());
    for (code, exit) in [(tonic::Code::PermissionDenied, 3), (tonic::Code::Unauthenticated, 3), (tonic::Code::InvalidArgument, 2)] {
        let peer = Peer::start().await;
        peer.refuses("GetUser", Status::new(code, "no"));
        assert_eq!(run(&peer, "user show ann").await.code(), exit, "{code:?}");
    }
}

#[tokio::test]
async fn what_is_stored_of_a_person_is_written_line_by_line_into_a_file_of_their_own() {
    let peer = Peer::start().await;
    let parts = vec![json!({"user": {"name": ANN}}), json!({"utility": "tenants/demo/utilities/u"})];
    peer.streams("ExportSubject", parts, Status::ok(""));
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("ann.jsonl");
    let line = format!("user export ann --out {}", out.display());
    assert_eq!(run(&peer, &line).await.only(), ("ExportSubject", &json!({"name": ANN})));
    let written = std::fs::read_to_string(&out).unwrap();
    let lines: Vec<serde_json::Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[1]["utility"]), (2, &json!("tenants/demo/utilities/u")));
    let again = run(&peer, &line).await;
    assert!(again.asked.is_empty() && again.code() == 2, "nothing is overwritten: {again:?}");
}

#[tokio::test]
async fn each_line_about_service_accounts_keys_and_sessions_asks_for_what_it_says() {
    let peer = Peer::start().await;
    let account = json!({
        "parent": "tenants/demo",
        "service_account_id": "ci",
        "service_account": {"role": "ROLE_CREATOR", "display_name": "Nightly"},
    });
    let key = format!("{CI}/apiKeys/abcdefgh234567ab");
    let session = format!("{ANN}/sessions/018f0000-0000-7000-8000-000000000001");
    each_asks(
        &peer,
        &[
            ("service-account create ci --role creator --display-name Nightly", "CreateServiceAccount", account),
            ("service-account list", "ListServiceAccounts", json!({"parent": "tenants/demo", "page_size": 200})),
            ("service-account delete ci --etag \"2\"", "DeleteServiceAccount", json!({"name": CI, "etag": "\"2\""})),
            ("api-key list --service-account ci", "ListApiKeys", json!({"parent": CI, "page_size": 200})),
            ("api-key revoke abcdefgh234567ab --service-account ci", "RevokeApiKey", json!({"name": key})),
            (&format!("api-key revoke {key}"), "RevokeApiKey", json!({"name": key})),
            (&format!("session revoke {session}"), "Revoke", json!({"name": session})),
            ("session revoke --user ann", "Revoke", json!({"name": ANN})),
            ("session revoke --service-account ci", "Revoke", json!({"name": CI})),
            ("whoami", "WhoAmI", json!({})),
            ("keys status", "GetKeyStatus", json!({})),
            ("keys list", "GetKeyStatus", json!({})),
            ("keys shred acme --etag e --yes", "ShredTenant", json!({"name": "tenants/acme", "etag": "e"})),
        ],
    )
    .await;
    let unasked = run(&peer, "keys shred acme").await;
    assert!(unasked.asked.is_empty() && unasked.code() == 2, "nobody is there to ask back: {unasked:?}");
    let bare = run(&peer, "session revoke ann").await;
    assert!(bare.asked.is_empty() && bare.failure().contains("no full name of a session"), "{bare:?}");
    let whose = run(&peer, "api-key revoke abcdefgh234567ab").await;
    assert!(whose.asked.is_empty() && whose.code() == 2, "{whose:?}");
}

#[tokio::test]
async fn a_new_key_is_shown_once_and_one_that_was_shown_before_is_no_success() {
    let peer = Peer::start().await;
    let key = json!({"name": format!("{CI}/apiKeys/abcdefgh234567ab"), "description": "nightly"});
    peer.answers("CreateApiKey", json!({"apiKey": key, "secret": "zona_key_abc"}));
    let made = run(&peer, "api-key create --service-account ci --description nightly --expires 90d").await;
    assert!(made.printed.contains("zona_key_abc"), "{}", made.printed);
    let (method, request) = made.only();
    assert_eq!((method, &request["parent"], &request["api_key"]["description"]), ("CreateApiKey", &json!(CI), &json!("nightly")));
    assert!(request["api_key"]["expire_time"].is_string(), "{request}");
    let shown = run(&peer, "api-key create --service-account ci -o json").await.json();
    assert_eq!(shown["secret"], json!("zona_key_abc"));
    let peer = Peer::start().await;
    peer.answers("CreateApiKey", json!({"apiKey": key}));
    let id = "0192e5a4-7f2b-7c64-9d1e-3a5b8c7d9e0f";
    let again = run(&peer, &format!("api-key create --service-account ci --request-id {id}")).await;
    assert_eq!(again.code(), 5, "{again:?}");
}

#[tokio::test]
async fn what_proves_who_calls_goes_with_every_call_and_a_token_of_it_is_printed_for_others() {
    let peer = Peer::start().await;
    let key = || Credential::Key(Secret::new("zona_key_abc"));
    peer.answers("WhoAmI", json!({"principal": CI, "role": "ROLE_USER", "credential": "CREDENTIAL_KIND_API_KEY"}));
    let known = run_words(&peer, &["whoami"], key()).await;
    assert_eq!(known.asked[0].authorization.as_deref(), Some("Bearer zona_key_abc"));
    assert!(known.printed.contains(CI) && known.printed.contains("api key"), "{}", known.printed);
    peer.answers("IssueToken", json!({"accessToken": "eyJ", "expiresIn": "900s", "principal": CI}));
    let token = run_words(&peer, &["token"], key()).await;
    assert_eq!((token.printed.as_str(), token.only().1), ("eyJ\n", &json!({"api_key": "zona_key_abc"})));
    let nobody = run(&peer, "token").await;
    assert_eq!((nobody.code(), nobody.asked.len()), (3, 0));
}

#[tokio::test]
async fn keys_of_an_account_and_those_that_wrap_data_are_listed() {
    let peer = Peer::start().await;
    let name = format!("{CI}/apiKeys/abcdefgh234567ab");
    peer.answers("ListApiKeys", json!({"apiKeys": [{"name": name, "description": "nightly", "revokeTime": "2026-01-02T03:04:05Z"}]}));
    let listed = run(&peer, "api-key list --service-account ci").await.printed;
    assert!(listed.contains("abcdefgh234567ab") && listed.contains("2026-01-02"), "{listed}");
    peer.answers("GetKeyStatus", json!({"keys": [{"id": "k2", "createTime": "2026-01-02T03:04:05Z", "wraps": 7}]}));
    let status = run(&peer, "keys status").await.printed;
    assert_eq!(status, "KEY   CREATED                    WRAPS\nk2    2026-01-02T03:04:05.000Z   7\n");
    let rotated = run(&peer, "keys rotate").await;
    let asked: Vec<&str> = rotated.asked.iter().map(|asked| asked.method.as_str()).collect();
    assert_eq!((asked, rotated.printed), (vec!["RotateKeys", "GetKeyStatus"], status), "what wraps now is shown");
    peer.answers("ListServiceAccounts", json!({"serviceAccounts": [{"name": CI, "role": "ROLE_USER", "state": "PRINCIPAL_STATE_ACTIVE"}]}));
    assert!(run(&peer, "service-account list").await.printed.contains("ci"));
    peer.answers("DeleteServiceAccount", json!({"name": CI}));
    assert_eq!(run(&peer, "service-account delete ci").await.printed, format!("{CI} deleted\n"));
}
