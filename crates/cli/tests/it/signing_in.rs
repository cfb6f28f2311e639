//! Signing in and out: what is kept in a context, and what goes to which server.

use clap::Parser;
use cli::Setup;
use cli::command::{Login, NamedContext};
use cli::contexts::{Contexts, Kept, Store};
use cli::output::Format;
use cli::settings::Client;
use serde_json::json;
use settings::Surroundings;
use tonic::Status;

use crate::peer::Peer;

const ANN: &str = "tenants/demo/users/ann";
const SESSION: &str = "tenants/demo/users/ann/sessions/018f0000-0000-7000-8000-000000000001";

#[derive(Parser)]
struct LoginLine {
    #[command(flatten)]
    login: Login,
}

#[derive(Parser)]
struct ContextLine {
    #[command(subcommand)]
    command: NamedContext,
}

/// Somebody at a terminal, with contexts of their own.
struct Desk {
    root: tempfile::TempDir,
    setup: Setup,
}

impl Desk {
    fn at(peer: &Peer) -> Self {
        let root = tempfile::tempdir().unwrap();
        let store = Store::of(&Surroundings { config_home: Some(root.path().join("config")), ..Surroundings::default() });
        let settings = Client { server: Some(peer.url()), tenant: None, context: None, api_key_file: None, ca: None, output: Format::Json };
        Desk { root, setup: Setup { settings, store } }
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.root.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    async fn login(&self, words: &[&str]) -> cli::Result {
        LoginLine::try_parse_from(["login"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}")).login.run(&self.setup).await
    }

    fn context(&self, words: &[&str]) -> cli::Result {
        ContextLine::try_parse_from(["context"].iter().chain(words)).unwrap_or_else(|error| panic!("{error}")).command.run(&self.setup)
    }

    fn kept(&self) -> Contexts {
        self.setup.store.read().unwrap()
    }
}

fn issued(token: &str, seconds: u32) -> serde_json::Value {
    json!({
        "accessToken": token,
        "refreshToken": format!("zona_refresh_{token}"),
        "expiresIn": format!("{seconds}s"),
        "session": SESSION,
        "principal": ANN,
    })
}

#[tokio::test]
async fn who_signs_in_by_a_password_is_kept_under_a_name_and_signs_out_at_the_server() {
    let peer = Peer::start().await;
    let desk = Desk::at(&peer);
    peer.answers("IssueToken", issued("eyJ", 900));
    let password = desk.file("password", "correct horse battery\n");
    desk.login(&["--user", "ann", "--password-file", &password]).await.unwrap();
    let asked = peer.asked();
    assert_eq!(asked[0].request, json!({"password": {"user": ANN, "password": "correct horse battery"}}));
    let kept = desk.kept();
    assert_eq!(kept.current.as_deref(), Some("ann@demo"));
    let entry = kept.get("ann@demo").unwrap();
    assert!(matches!(&entry.credential, Some(Kept::Session(session)) if session.name == SESSION), "{entry:?}");
    let known = cli::command::whoami(&desk.setup.context().unwrap()).await;
    assert!(known.is_ok(), "{known:?}");
    assert_eq!(peer.asked()[0].authorization.as_deref(), Some("Bearer eyJ"));
    cli::command::logout(&desk.setup).await.unwrap();
    let asked = peer.asked();
    assert_eq!((asked[0].method.as_str(), &asked[0].request), ("Revoke", &json!({"name": SESSION})));
    assert!(desk.kept().get("ann@demo").unwrap().credential.is_none());
    cli::command::logout(&desk.setup).await.unwrap();
    assert!(peer.asked().is_empty(), "who is signed out asks nothing");
}

#[tokio::test]
async fn a_token_that_has_ended_is_fetched_anew_and_a_session_that_has_says_so() {
    let peer = Peer::start().await;
    let desk = Desk::at(&peer);
    peer.answers("IssueToken", issued("old", 0));
    let password = desk.file("password", "correct horse battery");
    desk.login(&["--user", "ann", "--password-file", &password]).await.unwrap();
    peer.answers("RefreshToken", issued("new", 900));
    peer.asked();
    cli::command::whoami(&desk.setup.context().unwrap()).await.unwrap();
    let asked = peer.asked();
    assert_eq!(asked[0].request, json!({"refresh_token": "zona_refresh_old"}));
    assert_eq!(asked[1].authorization.as_deref(), Some("Bearer new"));
    let peer = Peer::start().await;
    let desk = Desk::at(&peer);
    peer.answers("IssueToken", issued("old", 0));
    desk.login(&["--user", "ann", "--password-file", &password]).await.unwrap();
    peer.refuses("RefreshToken", Status::unauthenticated("no"));
    let ended = cli::command::whoami(&desk.setup.context().unwrap()).await.unwrap_err();
    assert!(ended.to_string().contains("zona login --context ann@demo"), "{ended}");
    cli::command::logout(&desk.setup).await.unwrap();
    assert!(desk.kept().get("ann@demo").unwrap().credential.is_none(), "a session that has ended is as good as one that was ended");
}

#[tokio::test]
async fn a_program_signs_in_by_its_key_which_is_kept_as_it_is() {
    let peer = Peer::start().await;
    let desk = Desk::at(&peer);
    peer.answers("WhoAmI", json!({"principal": "tenants/demo/serviceAccounts/ci"}));
    let key = desk.file("key", "zona_key_abc\n");
    desk.login(&["--api-key-file", &key]).await.unwrap();
    assert_eq!(peer.asked()[0].authorization.as_deref(), Some("Bearer zona_key_abc"));
    let kept = desk.kept();
    assert!(matches!(&kept.get("ci@demo").unwrap().credential, Some(Kept::ApiKey(key)) if key.expose() == "zona_key_abc"));
    cli::command::logout(&desk.setup).await.unwrap();
    assert!(peer.asked().is_empty(), "the key itself stays valid");
}

#[tokio::test]
async fn the_first_super_administrator_is_made_by_the_code_and_signed_in_at_once() {
    let peer = Peer::start().await;
    let desk = Desk::at(&peer);
    peer.answers("IssueToken", json!({"principal": "tenants/system/users/admin", "session": SESSION, "expiresIn": "900s"}));
    let (code, password) = (desk.file("code", "zona_bootstrap_1"), desk.file("password", "correct horse battery"));
    desk.login(&["--bootstrap-code-file", &code, "--password-file", &password]).await.unwrap();
    let asked = peer.asked();
    let expected = json!({"code": "zona_bootstrap_1", "user_id": "admin", "password": "correct horse battery"});
    assert_eq!((asked[0].method.as_str(), &asked[0].request), ("Bootstrap", &expected));
    assert_eq!(asked[1].request["password"]["user"], json!("tenants/system/users/admin"));
    assert!(desk.kept().get("admin@system").is_ok());
    peer.refuses("Bootstrap", Status::unauthenticated("no"));
    let refused = desk.login(&["--bootstrap-code-file", &code, "--password-file", &password]).await.unwrap_err();
    assert!(refused.to_string().contains("the code serves once"), "{refused}");
}

#[tokio::test]
async fn who_is_refused_keeps_what_there_was_and_no_password_goes_to_a_server_elsewhere() {
    let peer = Peer::start().await;
    let mut desk = Desk::at(&peer);
    peer.refuses("IssueToken", Status::unauthenticated("no"));
    let password = desk.file("password", "correct horse battery");
    let refused = desk.login(&["--user", "ann", "--password-file", &password]).await.unwrap_err();
    assert!(refused.to_string().contains("what was kept before is still there"), "{refused}");
    assert!(desk.kept().contexts.is_empty());
    let twice = desk.login(&["--bootstrap-code-file", "-", "--password-file", "-"]).await.unwrap_err();
    assert!(twice.to_string().contains("cannot be both"), "{twice}");
    desk.setup.settings.server = Some("http://198.51.100.1:7070".to_owned());
    peer.asked();
    let far = desk.login(&["--user", "ann", "--password-file", &password]).await.unwrap_err();
    assert!(far.to_string().contains("is not this machine"), "{far}");
}

#[tokio::test]
async fn contexts_are_listed_chosen_and_forgotten() {
    let peer = Peer::start().await;
    let mut desk = Desk::at(&peer);
    peer.answers("IssueToken", issued("eyJ", 900));
    let password = desk.file("password", "correct horse battery");
    for name in ["work", "home"] {
        desk.setup.settings.context = Some(name.to_owned());
        desk.login(&["--user", "ann", "--password-file", &password]).await.unwrap();
    }
    assert_eq!(desk.kept().current.as_deref(), Some("home"));
    desk.context(&["use", "work"]).unwrap();
    assert_eq!(desk.kept().current.as_deref(), Some("work"));
    desk.context(&["list"]).unwrap();
    assert!(desk.context(&["use", "absent"]).is_err());
    desk.context(&["remove", "work"]).unwrap();
    let kept = desk.kept();
    assert_eq!((kept.current, kept.contexts.len()), (None, 1));
    desk.setup.settings.context = None;
    desk.setup.settings.server = Some("http://127.0.0.1:1".to_owned());
    let nobody = cli::command::logout(&desk.setup).await.unwrap_err();
    assert!(nobody.to_string().contains("no context says where to sign out"), "{nobody}");
}
