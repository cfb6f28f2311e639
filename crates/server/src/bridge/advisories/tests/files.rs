//! Which files are read, what is said of the others, and what becomes of a change.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::sync::Mutex;

use tempfile::TempDir;

use super::*;
use crate::bridge::advisories::files::{content, look_at};

/// A directory of advisories, and the server that has read it.
struct Bench {
    directory: TempDir,
    feed: Feed,
}

impl Bench {
    fn with(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| write(directory.path(), name, text));
        let feed = open(directory.path()).unwrap();
        Bench { directory, feed }
    }

    fn write(&self, name: &str, text: &str) {
        write(self.directory.path(), name, text);
        self.feed.refresh();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.directory.path().join(name)).unwrap();
        self.feed.refresh();
    }

    fn known(&self) -> Vec<String> {
        ids(&self.feed, "leaky", "1")
    }
}

fn write(directory: &Path, name: &str, text: &str) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn leak(id: &str) -> String {
    let package = json!({"ecosystem": "PyPI", "name": "leaky"});
    json!({"id": id, "affected": [{"package": package, "ranges": range(json!([{"introduced": "0"}]))}]}).to_string()
}

/// What is logged while it runs.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    let text = lines.0.lock().unwrap().clone();
    String::from_utf8(text).unwrap()
}

#[test]
fn directories_inside_are_read_and_links_to_directories_and_hidden_names_are_not() {
    let bench =
        Bench::with(&[("GHSA/2026/a.json", &leak("A")), ("b.JSON", &leak("B")), ("notes.txt", "no JSON"), (".git/c.json", &leak("C"))]);
    let outside = tempfile::tempdir().unwrap();
    write(outside.path(), "d.json", &leak("D"));
    symlink(outside.path(), bench.directory.path().join("linked")).unwrap();
    symlink(bench.directory.path(), bench.directory.path().join("round")).unwrap();
    // A volume of Kubernetes names its files by links.
    symlink(bench.directory.path().join(".git/c.json"), bench.directory.path().join("e.json")).unwrap();
    bench.feed.refresh();
    assert_eq!(bench.known(), ["A", "B", "C"]);
    let deep = format!("{}f.json", "x/".repeat(9));
    let said = logged(|| bench.write(&deep, &leak("F")));
    assert!(said.contains("lies deeper than 8 directories") && said.contains("/x: "), "{said}");
    assert_eq!(bench.known(), ["A", "B", "C"]);
}

#[test]
fn a_place_without_an_advisory_is_a_warning_that_says_what_is_there() {
    for (file, text, said) in [
        ("all.zip", "PK", "1 archives (unpack them), e.g. "),
        ("all.json", "PK\u{3}\u{4}", "all.json is an archive: unpack it"),
        ("PYSEC-2021-142.yaml", "id: PYSEC-2021-142", "1 YAML files (take the JSON that osv.dev exports), e.g. "),
        ("README", "", "1 files that do not end in .json, e.g. "),
        ("a.json", "{\"id\": \"A\"}", "but 1 files in JSON"),
    ] {
        let said_all = logged(|| assert_eq!(Bench::with(&[(file, text)]).feed.standing().known, 0));
        assert!(
            said_all.contains(said) && said_all.contains("WARN") && said_all.contains("no advisories are in force"),
            "{file}: {said_all}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "all.zip", "PK\u{3}\u{4}");
    let said = logged(|| drop(open(&directory.path().join("all.zip")).unwrap()));
    assert!(said.contains("all.zip is an archive: unpack it"), "{said}");
    assert!(matches!(open(Path::new("/nowhere")), Err(Error::Read { .. })));
}

#[test]
fn a_file_that_holds_something_else_is_named_and_counted_and_the_rest_is_used() {
    for broken in ["", "7", "{\"name\": \"no id\"}", "[{\"id\": 3}]"] {
        let said = logged(|| {
            let bench = Bench::with(&[("bad.json", broken), ("good.json", &leak("A"))]);
            assert_eq!((bench.known(), bench.feed.standing().refused), (vec!["A".to_owned()], 1), "{broken}");
        });
        assert!(said.contains("bad.json does not hold advisories in OSV format"), "{broken}: {said}");
    }
    let list = format!("[{}, {{\"id\": 3}}, {}]", leak("A"), leak("B"));
    let bench = Bench::with(&[("list.json", &list)]);
    assert_eq!((bench.known(), bench.feed.standing().refused), (vec!["A".to_owned(), "B".to_owned()], 1), "the rest of a list counts");
    let huge = format!("[{}, {{\"id\": 1e999}}, {}]", leak("A"), leak("B"));
    assert_eq!(Bench::with(&[("list.json", &huge)]).known(), ["A", "B"], "whatever numbers it has");
}

#[test]
fn a_changed_file_takes_its_place_without_a_restart_and_nobody_sees_half_of_it() {
    let bench = Bench::with(&[("a.json", &leak("A"))]);
    let before = bench.feed.current();
    bench.write("b/b.json", &leak("B"));
    assert_eq!(bench.known(), ["A", "B"]);
    bench.write("a.json", &leak("C"));
    assert_eq!(bench.known(), ["B", "C"]);
    bench.remove("b/b.json");
    assert_eq!(bench.known(), ["C"]);
    let seen: Vec<_> = before.of(&package("leaky", "1")).into_iter().map(|advisory| advisory.id).collect();
    assert_eq!(seen, ["A"], "who has begun with one reading goes on with it");
    let again = bench.feed.current();
    bench.feed.refresh();
    assert!(Arc::ptr_eq(&again, &bench.feed.current()), "nothing is read that has not changed");
    assert!(bench.feed.standing().read_at > 1_700_000_000);
}

#[test]
fn what_a_damaged_file_said_before_stays_known_while_the_others_change() {
    let bench = Bench::with(&[("a.json", &leak("A")), ("b.json", &leak("B"))]);
    let said = logged(|| bench.write("a.json", &leak("A")[..40]));
    assert!(said.contains("a.json does not hold advisories"), "{said}");
    assert_eq!((bench.known(), bench.feed.standing().refused), (vec!["A".to_owned(), "B".to_owned()], 1));
    bench.write("b.json", &leak("C"));
    assert_eq!(bench.known(), ["A", "C"]);
    bench.write("a.json", &leak("D"));
    assert_eq!((bench.known(), bench.feed.standing().refused), (vec!["C".to_owned(), "D".to_owned()], 0));
}

fn pipe(path: &Path) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn a_pipe_in_the_place_of_a_file_holds_nobody_up() {
    let bench = Bench::with(&[("a.json", &leak("A"))]);
    let path = bench.directory.path().join("pipe.json");
    pipe(&path);
    let refused = open(&path).err().expect("it is no file");
    let why = std::error::Error::source(&refused).unwrap().to_string();
    assert_eq!(why, "it is neither a regular file nor a directory");
    assert_eq!(content(&path).unwrap_err().to_string(), why, "also where it took the file's place after the look");
    bench.feed.refresh();
    assert_eq!(bench.known(), ["A"]);
}

/// Works as a user who is not root, on a thread of its own.
fn as_a_stranger(work: impl FnOnce() + Send) {
    let stranger = rustix::process::Uid::from_raw(4_242);
    let work = || {
        rustix::thread::set_thread_res_uid(stranger, stranger, stranger).expect("this test needs root");
        work();
    };
    std::thread::scope(|scope| scope.spawn(work).join().unwrap());
}

#[test]
fn what_cannot_be_looked_at_any_more_stays_known_and_is_counted() {
    let bench = Bench::with(&[("a.json", &leak("A")), ("b/b.json", &leak("B")), ("c.json", &leak("C"))]);
    let place = |name: &str| bench.directory.path().join(name);
    let chmod = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    chmod(bench.directory.path(), 0o755);
    chmod(&place("b"), 0o700);
    fs::remove_file(place("c.json")).unwrap();
    as_a_stranger(|| {
        let said = logged(|| bench.feed.refresh());
        assert!(said.contains("/b: Permission denied"), "{said}");
    });
    assert_eq!((bench.known(), bench.feed.standing().refused), (vec!["A".to_owned(), "B".to_owned()], 1), "what is gone is gone");
    chmod(&place("b"), 0o755);
    bench.feed.refresh();
    assert_eq!((bench.known(), bench.feed.standing().refused), (vec!["A".to_owned(), "B".to_owned()], 0));
    fs::remove_dir_all(place("b")).unwrap();
    bench.feed.refresh();
    assert_eq!(bench.known(), ["A"]);
}

#[test]
fn no_more_names_are_taken_than_are_looked_at_hidden_ones_included() {
    let directory = tempfile::tempdir().unwrap();
    ["a/a.json", "a/b.json", "a/.hidden", "b/c.json", ".git/d.json"].iter().for_each(|name| write(directory.path(), name, "{}"));
    let look = |names| look_at(directory.path(), names).unwrap();
    let (all, some) = (look(7), look(6));
    assert_eq!((all.files.len(), all.unseen().1), (3, 0), "three names, then three and one");
    assert_eq!((some.files.len(), some.unseen().1), (2, 1));
    assert!(some.may_hold(&directory.path().join("b/c.json")) && !some.may_hold(&directory.path().join("a/c.json")));
    assert_eq!(look(2).files.len(), 0, "all went to the first directory's names");
}

#[test]
fn a_place_that_is_empty_or_gone_leaves_the_last_advisories_in_force_and_says_so_once() {
    let bench = Bench::with(&[("a.json", &leak("A"))]);
    let said = logged(|| bench.remove("a.json"));
    assert!(said.contains("those read before stay in force") && said.contains("known=1"), "{said}");
    assert_eq!((bench.known(), bench.feed.standing().failed), (vec!["A".to_owned()], 1));
    let path = bench.directory.path().to_owned();
    fs::remove_dir(&path).unwrap();
    assert!(logged(|| bench.feed.refresh()).contains("those read before stay in force"));
    assert_eq!(logged(|| bench.feed.refresh()), "");
    assert_eq!((bench.known(), bench.feed.standing().failed), (vec!["A".to_owned()], 2));
    write(&path, "b.json", &leak("B"));
    bench.feed.refresh();
    assert_eq!(bench.known(), ["B"]);
}
