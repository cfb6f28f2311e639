//! What opens and what does not, and which files are keys.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::{Error, FileKeys, Key, KeyProvider as _, Place, random_id};

const PLACE: Place<'_> = Place { tenant: "acme", collection: "principals", id: "a", field: "name" };

fn key() -> Key {
    Key::new(&Key::random())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_was_sealed_opens_with_the_same_key_in_the_same_place_only() {
    let key = key();
    let sealed = key.seal(PLACE, b"Ann Example");
    assert_eq!(key.open(PLACE, &sealed).unwrap().as_slice(), b"Ann Example");
    assert!(!sealed.windows(3).any(|part| part == b"Ann"));
    let others = [
        Place { tenant: "umbrella", ..PLACE },
        Place { collection: "audit_records", ..PLACE },
        Place { id: "b", ..PLACE },
        Place { field: "address", ..PLACE },
        // The same letters in a row, cut elsewhere.
        Place { tenant: "acm", collection: "eprincipals", ..PLACE },
    ];
    for other in others {
        assert!(matches!(key.open(other, &sealed), Err(Error::Damaged)), "{other:?}");
    }
    assert!(matches!(self::key().open(PLACE, &sealed), Err(Error::Damaged)));
}

#[test]
fn every_damaged_byte_and_every_cut_is_refused() {
    let key = key();
    let sealed = key.seal(PLACE, b"Ann");
    for index in 0..sealed.len() {
        let mut damaged = sealed.clone();
        damaged[index] ^= 1;
        let refused = key.open(PLACE, &damaged).unwrap_err();
        assert_eq!(matches!(refused, Error::Form), index == 0, "{index}: {refused}");
        assert!(key.open(PLACE, &sealed[..index]).is_err(), "cut at {index}");
    }
}

#[test]
fn the_same_text_is_sealed_differently_each_time_and_digested_the_same() {
    let key = key();
    assert_ne!(key.seal(PLACE, b"Ann"), key.seal(PLACE, b"Ann"));
    assert_eq!(key.digest("ann"), key.digest("ann"));
    assert_ne!(key.digest("ann"), key.digest("bob"));
    assert_ne!(key.digest("ann"), self::key().digest("ann"));
    assert_ne!(random_id(), random_id());
}

#[test]
fn a_data_key_is_wrapped_for_its_place_by_a_key_that_outlives_the_process() {
    let directory = TempDir::new().unwrap();
    let data = Key::random();
    let wrapped = FileKeys::open(directory.path(), &[]).unwrap().wrap(PLACE, &data).unwrap();
    let again = FileKeys::open(directory.path(), &[]).unwrap();
    assert_eq!(again.unwrap(PLACE, &wrapped).unwrap(), data);
    assert!(matches!(again.unwrap(Place { id: "b", ..PLACE }, &wrapped), Err(Error::Damaged)));
    let elsewhere = TempDir::new().unwrap();
    let other = FileKeys::open(elsewhere.path(), &[]).unwrap();
    assert!(matches!(other.unwrap(PLACE, &wrapped), Err(Error::Missing { id }) if id == wrapped.by));
}

#[test]
fn no_key_is_made_while_one_that_is_used_is_missing() {
    let directory = TempDir::new().unwrap();
    let used = ["0123456789abcdef".to_owned()];
    assert!(matches!(FileKeys::open(directory.path(), &used), Err(Error::Missing { id }) if id == used[0]));
    assert_eq!(files(directory.path()), Vec::<PathBuf>::new());
    let made = FileKeys::open(directory.path(), &[]).unwrap().wrap(PLACE, &Key::random()).unwrap().by;
    assert!(FileKeys::open(directory.path(), &[made]).is_ok());
    assert!(matches!(FileKeys::open(directory.path(), &used), Err(Error::Missing { .. })), "another one is no replacement");
}

#[test]
fn a_key_file_is_its_users_alone_and_found_when_it_was_damaged_or_exchanged() {
    let directory = TempDir::new().unwrap();
    FileKeys::open(directory.path(), &[]).unwrap();
    let [file] = files(directory.path()).try_into().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    let exchanged = directory.path().join("0123456789abcdef.kek");
    fs::rename(&file, &exchanged).unwrap();
    assert!(matches!(FileKeys::open(directory.path(), &[]), Err(Error::Malformed { path }) if path == exchanged));
    fs::rename(&exchanged, &file).unwrap();
    for damaged in ["", "zona-kek-1", &text[..text.len() - 2], &text.replace("zona-kek-1", "zona-kek-2"), &format!("{text} ")] {
        fs::write(&file, damaged).unwrap();
        assert!(matches!(FileKeys::open(directory.path(), &[]), Err(Error::Malformed { .. })), "{damaged:?}");
    }
    fs::write(&file, &text).unwrap();
    let link = directory.path().join("a.kek");
    std::os::unix::fs::symlink(&file, &link).unwrap();
    assert!(matches!(FileKeys::open(directory.path(), &[]), Err(Error::Untrusted(_))));
}

#[test]
fn a_new_key_wraps_from_then_on_and_what_older_ones_have_wrapped_opens_as_before() {
    let directory = TempDir::new().unwrap();
    let (keys, data) = (FileKeys::open(directory.path(), &[]).unwrap(), Key::random());
    let old = keys.wrap(PLACE, &data).unwrap();
    let made = keys.add(keys.make().unwrap()).unwrap();
    let new = keys.wrap(PLACE, &data).unwrap();
    assert!(new.by == made && old.by != made);
    let listed = keys.list();
    assert_eq!(listed.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), [new.by.as_str(), old.by.as_str()]);
    assert!(listed[0].created > listed[1].created);
    let again = FileKeys::open(directory.path(), std::slice::from_ref(&old.by)).unwrap();
    assert_eq!(again.list(), listed);
    for wrapped in [old, new] {
        assert_eq!(again.unwrap(PLACE, &wrapped).unwrap(), data);
    }
}

#[test]
fn a_key_that_is_brought_is_the_first_where_there_is_none_and_else_wraps_nothing() {
    let (home, bytes) = (TempDir::new().unwrap(), Key::random());
    let [first, later] = ["first", "later"].map(|name| home.path().join(name));
    let file = home.path().join("kek");
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    for text in [bytes.to_vec(), STANDARD.encode(*bytes).into_bytes(), format!("{hex}\n").into_bytes()] {
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        FileKeys::take_up(&first, &file, None).unwrap();
        assert_eq!(files(&first).len(), 1, "it is one key in every form");
    }
    let wrapped = FileKeys::open(&first, &[]).unwrap().wrap(PLACE, &bytes).unwrap();

    let made = FileKeys::open(&later, &[]).unwrap().list().remove(0);
    FileKeys::take_up(&later, &file, None).unwrap();
    let both = FileKeys::open(&later, &[]).unwrap();
    let ids: Vec<_> = both.list().into_iter().map(|key| key.id).collect();
    assert_eq!(ids, [made.id.clone(), wrapped.by.clone()]);
    assert_eq!(both.wrap(PLACE, &bytes).unwrap().by, made.id);
    assert_eq!(both.unwrap(PLACE, &wrapped).unwrap(), bytes);

    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(FileKeys::take_up(&later, &file, None), Err(Error::Exposed { .. })));
    fs::write(&file, "short").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(FileKeys::take_up(&later, &file, None), Err(Error::NoKey { .. })));
}
