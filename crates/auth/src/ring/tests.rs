//! Keys over time, and as several servers see them.

use std::os::unix::fs::{PermissionsExt as _, symlink};

use tempfile::TempDir;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
const OUTLIVES: Duration = Duration::from_secs(15 * 60);
const START: Timestamp = Timestamp::from_millis(1_790_000_000_000);

fn config(data: &TempDir) -> Config {
    Config { directory: data.path().join("identity"), rotate_after: 30 * DAY, outlives: OUTLIVES }
}

fn open(data: &TempDir) -> KeyRing {
    KeyRing::open(config(data), START).unwrap()
}

fn ids(ring: &KeyRing) -> Vec<String> {
    ring.all().iter().map(|key| key.id().to_owned()).collect()
}

fn files(data: &TempDir) -> usize {
    fs::read_dir(data.path().join("identity")).unwrap().count()
}

#[test]
fn a_key_is_made_once_and_is_its_users_alone() {
    let data = TempDir::new().unwrap();
    let first = open(&data);
    assert_eq!(ids(&open(&data)), ids(&first));
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&data.path().join("identity")), 0o700);
    assert_eq!(mode(&first.path(&first.signing(START))), 0o600);
}

#[test]
fn a_new_key_is_published_before_it_signs_and_the_old_one_until_nothing_of_it_is_valid() {
    let data = TempDir::new().unwrap();
    let ring = open(&data);
    let old = ring.signing(START).id().to_owned();
    ring.tend(START.plus(30 * DAY).minus(Duration::from_millis(1))).unwrap();
    assert_eq!(ids(&ring), [old.as_str()], "not due yet");

    let rotated = START.plus(30 * DAY);
    ring.tend(rotated).unwrap();
    let [new, _] = &ids(&ring)[..] else { panic!("one key more") };
    assert!(ring.key_set().contains(new) && ring.key_set().contains(&old));
    assert_eq!(ring.signing(rotated).id(), old);
    assert_eq!(ring.signing(rotated.plus(SETTLING)).id(), new);

    ring.tend(rotated.plus(SETTLING).plus(OUTLIVES)).unwrap();
    assert!(ring.find(&old).is_some(), "its last token may be valid until now");
    ring.tend(rotated.plus(SETTLING).plus(OUTLIVES).plus(Duration::from_millis(1))).unwrap();
    assert_eq!((ids(&ring), files(&data)), (vec![new.clone()], 1));
    let made = |id: &String| KeyChange::Made(id.clone());
    assert_eq!(ring.take_changes(), [made(&old), made(new), KeyChange::Removed(old.clone())]);
    assert_eq!(ring.take_changes(), []);
}

#[test]
fn servers_on_one_directory_see_each_others_keys_and_look_once_a_second_at_most() {
    let data = TempDir::new().unwrap();
    let (one, other) = (open(&data), open(&data));
    let later = START.plus(30 * DAY);
    one.tend(later).unwrap();
    let new = ids(&one)[0].clone();
    assert!(other.look_for("nobody's", START.plus(Duration::from_millis(999))).is_none());
    assert!(other.find(&new).is_none(), "that was no second after it was opened");
    assert!(other.look_for(&new, later).is_some());
    let third = {
        one.tend(later.plus(30 * DAY)).unwrap();
        ids(&one)[0].clone()
    };
    assert!(other.look_for(&third, later.plus(Duration::from_millis(999))).is_none());
    assert!(other.look_for(&third, later.plus(LOOK_EVERY)).is_some());
}

#[test]
fn a_key_whose_file_was_removed_is_not_used_any_more() {
    let data = TempDir::new().unwrap();
    let ring = open(&data);
    let stolen = ring.signing(START);
    fs::remove_file(ring.path(&stolen)).unwrap();
    ring.tend(START.plus(LOOK_EVERY)).unwrap();
    assert!(ring.find(stolen.id()).is_none() && ids(&ring).len() == 1);
}

#[test]
fn where_the_directory_is_gone_no_key_is_made_and_the_known_ones_stay() {
    let data = TempDir::new().unwrap();
    let ring = open(&data);
    let known = ids(&ring);
    let (mounted, lost) = (data.path().join("identity"), data.path().join("lost"));
    fs::rename(&mounted, &lost).unwrap();
    assert!(ring.tend(START.plus(30 * DAY)).is_err());
    assert!(ids(&ring) == known && !mounted.exists());
    fs::rename(&lost, &mounted).unwrap();
    ring.tend(START.plus(30 * DAY)).unwrap();
    assert!(ids(&ring).len() == 2 && ids(&ring)[1] == known[0]);
}

#[test]
fn a_file_that_leads_elsewhere_or_holds_no_key_is_refused_and_what_was_known_stays() {
    let data = TempDir::new().unwrap();
    let ring = open(&data);
    let known = ids(&ring);
    let directory = data.path().join("identity");
    fs::write(data.path().join("theirs"), "theirs").unwrap();
    symlink("../theirs", directory.join("link.key")).unwrap();
    assert!(matches!(ring.tend(START), Err(Error::Untrusted(_))));
    fs::remove_file(directory.join("link.key")).unwrap();
    fs::write(directory.join("damaged.key"), "{").unwrap();
    assert!(matches!(ring.tend(START), Err(Error::Key { path, .. }) if path.ends_with("damaged.key")));
    assert!(ring.look_for("unknown", START.plus(LOOK_EVERY)).is_none());
    assert_eq!(ids(&ring), known);
}

#[test]
fn what_another_server_is_still_writing_is_left_alone() {
    let data = TempDir::new().unwrap();
    let ring = open(&data);
    fs::write(data.path().join("identity/half.new"), "{\"crea").unwrap();
    ring.tend(START).unwrap();
    assert_eq!(files(&data), 2);
}

#[test]
fn a_key_that_was_made_while_the_clock_was_ahead_keeps_no_other_from_being_made() {
    let data = TempDir::new().unwrap();
    let ahead = KeyRing::open(config(&data), START.plus(365 * DAY)).unwrap();
    let of_future = ids(&ahead)[0].clone();
    let ring = open(&data);
    let [first, new] = &ids(&ring)[..] else { panic!("one key more") };
    assert_eq!(*first, of_future);
    for now in [START, START.plus(DAY), START.plus(30 * DAY).minus(Duration::from_millis(1))] {
        ring.tend(now).unwrap();
        assert_eq!(files(&data), 2, "it is made once");
    }
    assert_eq!(ring.signing(START.plus(SETTLING)).id(), new);
    ring.tend(START.plus(30 * DAY)).unwrap();
    assert_eq!(files(&data), 3, "and followed in time");
    assert_eq!(ring.signing(START.plus(30 * DAY)).id(), new);
    assert_ne!(ring.signing(START.plus(30 * DAY).plus(SETTLING)).id(), new);
}

#[test]
fn a_server_whose_clock_is_a_little_behind_makes_no_key_of_its_own() {
    let data = TempDir::new().unwrap();
    let ring = KeyRing::open(config(&data), START.plus(SETTLING)).unwrap();
    assert_eq!(ids(&open(&data)), ids(&ring));
}

#[test]
fn a_clock_that_was_set_back_signs_with_a_key_that_is_there() {
    let data = TempDir::new().unwrap();
    let ring = open(&data);
    assert_eq!(ring.signing(Timestamp::default()).id(), ids(&ring)[0]);
    assert!(ring.may_look(Timestamp::default()));
}
