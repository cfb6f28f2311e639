//! Contexts on a real disk.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

/// A place for contexts.
struct Place {
    root: TempDir,
}

impl Place {
    fn new() -> Self {
        Place { root: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> Store {
        Store::of(&Surroundings { config_home: Some(self.root.path().to_owned()), ..Surroundings::default() })
    }

    fn file(&self) -> PathBuf {
        self.root.path().join("zona/contexts.toml")
    }

    fn put(&self, text: &str) {
        fs::create_dir_all(self.root.path().join("zona")).unwrap();
        fs::write(self.file(), text).unwrap();
    }
}

fn entry(refresh_token: &str) -> Entry {
    let (refresh_token, access_token) = (Secret::new(refresh_token), Secret::new("a.b.c"));
    let session =
        Session { name: "tenants/acme/users/ann/sessions/s".to_owned(), refresh_token, access_token, access_expires: 1_700_000_000 };
    let (server, principal) = ("http://127.0.0.1:7070".to_owned(), "tenants/acme/users/ann".to_owned());
    Entry { server, ca: None, principal, credential: Some(Kept::Session(session)) }
}

#[test]
fn what_is_written_is_read_again_and_nobody_else_can_read_it() {
    let place = Place::new();
    let ca = Some(PathBuf::from("/etc/zona/ca.pem"));
    let key = Entry { ca, credential: Some(Kept::ApiKey(Secret::new("zona_key_x"))), ..entry("") };
    let contexts =
        [("ann@acme".to_owned(), entry("r")), ("ci".to_owned(), key), ("out".to_owned(), Entry { credential: None, ..entry("") })];
    let written = Contexts { current: Some("ann@acme".to_owned()), contexts: contexts.into() };
    place
        .store()
        .change(|contexts| {
            *contexts = written.clone();
            Ok(())
        })
        .unwrap();
    assert_eq!(place.store().read().unwrap(), written);
    for (name, mode) in [("zona", 0o700), ("zona/contexts.toml", 0o600), ("zona/contexts.lock", 0o600)] {
        assert_eq!(fs::metadata(place.root.path().join(name)).unwrap().mode() & 0o7777, mode, "{name}");
    }
    assert_eq!(written.get("ann@acme").unwrap().tenant(), Some(Tenant::parse("acme").unwrap()));
}

#[test]
fn without_a_file_there_are_no_contexts_wherever_it_would_be() {
    assert_eq!(Place::new().store().read().unwrap(), Contexts::default());
    assert_eq!(Store { directory: None }.read().unwrap(), Contexts::default());
    assert!(Store { directory: None }.lock().is_err());
}

#[test]
fn a_broken_file_is_an_error_without_its_secrets_and_stays_as_it_is() {
    let good = "[contexts.a]\nserver = \"http://127.0.0.1:1\"\nprincipal = \"tenants/a/users/b\"\n";
    for (broken, line) in [
        ("current = ", 1),
        ("[contexts.a]\nserver = \"http://127.0.0.1:1\"\nprincipal = \"p\"\ncredential = { api_key = \"hunter2\", more = 1 }\n", 4),
        ("[contexts.a]\nserver = \"hunter2\n", 2),
        (&format!("{good}later = \"hunter2\"\n"), 4),
        (&format!("current = \"hunter2\"\nunknown = \"hunter2\"\n{good}"), 2),
        (&format!("{good}[contexts.a.credential]\nsession = \"hunter2\"\n"), 5),
    ] {
        let place = Place::new();
        place.put(broken);
        let failure = place.store().read().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains(&format!("line {line} ")), "{failure} of {broken}");
        assert!(!failure.to_string().contains("hunter2"), "{failure}");
        assert!(place.store().change(|_| Ok(())).is_err());
        assert_eq!(fs::read_to_string(place.file()).unwrap(), broken);
    }
}

#[test]
fn a_file_that_others_could_read_is_closed_and_one_that_they_could_write_or_that_is_a_link_is_refused() {
    let place = Place::new();
    place.put("");
    fs::set_permissions(place.file(), fs::Permissions::from_mode(0o644)).unwrap();
    place.store().read().unwrap();
    assert_eq!(fs::metadata(place.file()).unwrap().mode() & 0o7777, 0o600);
    fs::set_permissions(place.file(), fs::Permissions::from_mode(0o622)).unwrap();
    assert!(place.store().read().unwrap_err().message.contains("chmod go-w"));
    fs::remove_file(place.file()).unwrap();
    symlink("elsewhere", place.file()).unwrap();
    assert!(place.store().read().unwrap_err().message.contains("symbolic link"));
}

#[test]
fn changes_of_many_at_once_are_all_there_in_the_end() {
    let place = Place::new();
    let store = &place.store();
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                for turn in 0..8 {
                    store.change(|contexts| Ok(contexts.contexts.insert(format!("{number}-{turn}"), entry("r")))).unwrap();
                }
            });
        }
    });
    assert_eq!(store.read().unwrap().contexts.len(), 64);
}

#[test]
fn a_change_that_fails_changes_nothing() {
    let place = Place::new();
    place.store().change(|contexts| Ok(contexts.contexts.insert("a".to_owned(), entry("r")))).unwrap();
    let failed = place.store().change(|contexts| {
        contexts.contexts.clear();
        contexts.get("b").map(|_| ())
    });
    assert_eq!(failed.unwrap_err().exit, Exit::NotFound);
    assert_eq!(place.store().read().unwrap().contexts.len(), 1);
}

#[test]
fn an_access_token_serves_until_shortly_before_its_end_and_never_longer_than_one_lives() {
    let Some(Kept::Session(session)) = entry("r").credential else { panic!("a session") };
    let at = |before: u64| session.serves(session.access_expires - before, 60, 900);
    assert_eq!([at(900), at(61), at(60), at(0), at(901)], [true, true, false, false, false]);
}

#[test]
fn names_of_contexts_are_words() {
    assert!(["a", "ann@acme", "ann@acme@127.0.0.1:7070", &"x".repeat(128)].into_iter().all(|text| name(text).is_ok()));
    assert!(["", "a b", "a/b", "é", "a\n", &"x".repeat(129)].into_iter().all(|text| name(text).is_err()));
}
