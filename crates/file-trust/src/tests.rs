//! What is trusted and what is not. Needs root, to give files to somebody else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use tempfile::TempDir;

use super::*;

const STRANGER: u32 = 4_242;

fn scratch() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn give_away(path: &Path) {
    chown(path, Some(STRANGER), Some(STRANGER)).expect("these tests need root");
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// What is wrong, and with which of the paths below the scratch directory.
fn problem<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (String, Problem) {
    match outcome {
        Err(Error::Untrusted { path, problem }) => (path.file_name().unwrap().to_string_lossy().into_owned(), problem),
        other => panic!("{other:?}"),
    }
}

fn foreign() -> Problem {
    Problem::Owner { found: STRANGER, wanted: rustix::process::geteuid().as_raw() }
}

#[test]
fn a_directory_is_made_with_its_parents_and_its_surplus_bits_are_taken() {
    let root = scratch();
    let path = root.path().join("a/b");
    Directory::make(&path, 0o700).unwrap();
    assert_eq!(mode(&path), 0o700);
    chmod(&path, 0o755);
    Directory::make(&path, 0o700).unwrap();
    assert_eq!(mode(&path), 0o700);
}

#[test]
fn a_directory_of_somebody_else_is_refused_untouched() {
    let root = scratch();
    let path = root.path().join("data");
    fs::create_dir(&path).unwrap();
    give_away(&path);
    assert_eq!(problem(Directory::make(&path, 0o700)), ("data".to_owned(), foreign()));
    assert_eq!(problem(Directory::open(&path)), ("data".to_owned(), foreign()));
    assert_eq!(mode(&path), 0o755);
}

#[test]
fn a_directory_that_others_can_write_is_refused_with_the_command_that_mends_it() {
    for surplus in [0o020, 0o002] {
        let root = scratch();
        let path = root.path().join("data");
        fs::create_dir(&path).unwrap();
        chmod(&path, 0o700 | surplus);
        let error = Directory::make(&path, 0o700).unwrap_err().to_string();
        assert!(error.contains(&format!("`chmod go-w {}`", path.display())), "{error}");
    }
}

#[test]
fn a_link_in_the_place_of_a_directory_is_refused() {
    let root = scratch();
    fs::create_dir(root.path().join("real")).unwrap();
    symlink("real", root.path().join("data")).unwrap();
    assert_eq!(problem(Directory::make(&root.path().join("data"), 0o700)), ("data".to_owned(), Problem::Link));
}

#[test]
fn what_is_on_the_way_counts() {
    let root = scratch();
    let middle = root.path().join("middle");
    fs::create_dir(&middle).unwrap();
    let data = middle.join("new/data");
    chmod(&middle, 0o777);
    assert_eq!(problem(Directory::make(&data, 0o700)), ("middle".to_owned(), Problem::Writable { mode: 0o777 }));
    chmod(&middle, 0o755);
    give_away(&middle);
    assert_eq!(problem(Directory::make(&data, 0o700)), ("middle".to_owned(), foreign()));
    assert!(!data.exists());
}

#[test]
fn a_sticky_directory_on_the_way_is_harmless_and_a_link_in_it_counts_by_its_owner() {
    let root = scratch();
    chmod(root.path(), 0o1777);
    let path = root.path().join("data");
    Directory::make(&path, 0o700).unwrap();
    symlink("data", root.path().join("other")).unwrap();
    Directory::make(&root.path().join("other/below"), 0o700).unwrap();
    std::os::unix::fs::lchown(root.path().join("other"), Some(STRANGER), None).unwrap();
    assert_eq!(problem(Directory::make(&root.path().join("other/below"), 0o700)), ("other".to_owned(), foreign()));
}

#[test]
fn a_group_of_ours_may_write_what_is_on_the_way_and_another_may_not() {
    let root = scratch();
    let middle = root.path().join("middle");
    fs::create_dir(&middle).unwrap();
    chmod(&middle, 0o775);
    Directory::make(&middle.join("data"), 0o700).unwrap();
    chown(&middle, None, Some(STRANGER)).unwrap();
    chmod(&middle, 0o775);
    assert_eq!(problem(Directory::make(&middle.join("data"), 0o700)), ("middle".to_owned(), Problem::Writable { mode: 0o775 }));
}

/// Lets the stranger do everything by an access control list (see `acl_ea_header` and `acl_ea_entry` of the kernel).
fn invite(path: &Path) {
    const ENTRIES: [(u16, u16, u32); 5] =
        [(0x01, 7, u32::MAX), (0x02, 7, STRANGER), (0x04, 5, u32::MAX), (0x10, 7, u32::MAX), (0x20, 5, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in ENTRIES {
        list.extend(tag.to_le_bytes().into_iter().chain(permissions.to_le_bytes()).chain(id.to_le_bytes()));
    }
    let set = rustix::fs::lsetxattr(path, "system.posix_acl_access", &list, rustix::fs::XattrFlags::empty());
    set.expect("this test needs a file system with access control lists below the directory of temporary files");
}

#[test]
fn an_access_control_list_that_may_let_others_write_is_refused_whatever_the_group() {
    let root = scratch();
    let middle = root.path().join("middle");
    fs::create_dir(&middle).unwrap();
    fs::write(middle.join("file"), "").unwrap();
    invite(&middle);
    assert_eq!(mode(&middle), 0o775, "the mode shows the mask as the group's bits");
    let listed = ("middle".to_owned(), Problem::Listed { mode: 0o775 });
    assert_eq!(problem(trusted(&middle.join("file"))), listed);
    assert_eq!(problem(Directory::make(&middle.join("data"), 0o700)), listed);
    chmod(&middle, 0o755);
    trusted(&middle.join("file")).expect("the mask takes from the stranger what it takes from the group");
    invite(&middle.join("file"));
    let error = trusted(&middle.join("file")).unwrap_err().to_string();
    assert!(error.contains("access control list") && error.contains("`chmod go-w "), "{error}");
}

#[test]
fn who_makes_a_part_of_the_way_in_between_gains_nothing() {
    let root = scratch();
    chmod(root.path(), 0o1777);
    let middle = root.path().join("middle");
    let data = middle.join("data");
    path::parents(&Judge::of_this_process(), &data).expect("nothing is there yet");
    fs::create_dir_all(&data).unwrap();
    give_away(&middle);
    assert_eq!(problem(Directory::made(&Judge::of_this_process(), &data)), ("middle".to_owned(), foreign()));
}

#[test]
fn a_file_is_ours_alone_and_its_surplus_bits_are_taken() {
    let root = scratch();
    let directory = Directory::make(&root.path().join("data"), 0o700).unwrap();
    let path = root.path().join("data/file");
    assert!(directory.find("file", 0o600).unwrap().is_none());
    directory.file("file", 0o600).unwrap();
    chmod(&path, 0o644);
    assert!(directory.find("file", 0o600).unwrap().is_some());
    assert_eq!(mode(&path), 0o600);
    chmod(&path, 0o620);
    assert_eq!(problem(directory.file("file", 0o600)).1, Problem::Writable { mode: 0o620 });
    chmod(&path, 0o600);
    give_away(&path);
    assert_eq!(problem(directory.file("file", 0o600)), ("file".to_owned(), foreign()));
}

#[test]
fn what_leads_to_a_foreign_file_is_refused_and_the_file_untouched() {
    let root = scratch();
    let directory = Directory::make(&root.path().join("data"), 0o700).unwrap();
    let secret = root.path().join("secret");
    fs::write(&secret, "theirs").unwrap();
    chmod(&secret, 0o644);
    symlink(&secret, root.path().join("data/link")).unwrap();
    symlink(root.path().join("absent"), root.path().join("data/dangling")).unwrap();
    fs::hard_link(&secret, root.path().join("data/name")).unwrap();
    assert_eq!(problem(directory.file("link", 0o600)), ("link".to_owned(), Problem::Link));
    assert_eq!(problem(directory.file("dangling", 0o600)), ("dangling".to_owned(), Problem::Link));
    assert_eq!(problem(directory.file("name", 0o600)), ("name".to_owned(), Problem::Names { count: 2 }));
    assert_eq!((fs::read_to_string(&secret).unwrap().as_str(), mode(&secret)), ("theirs", 0o644));
    assert!(!root.path().join("absent").exists());
}

#[test]
fn what_is_no_file_is_refused_and_holds_nobody_up() {
    let root = scratch();
    let directory = Directory::make(&root.path().join("data"), 0o700).unwrap();
    let path = |name: &str| root.path().join("data").join(name);
    rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, rustix::fs::Mode::from_raw_mode(0o600), 0).unwrap();
    let _socket = UnixListener::bind(path("socket")).unwrap();
    fs::create_dir(path("directory")).unwrap();
    for name in ["pipe", "socket", "directory"] {
        assert_eq!(problem(directory.file(name, 0o600)), (name.to_owned(), Problem::Kind { wanted: "regular file" }));
    }
    fs::write(path("plain"), "").unwrap();
    assert_eq!(problem(Directory::make(&path("plain"), 0o700)).1, Problem::Kind { wanted: "directory" });
}

#[test]
fn what_is_executed_is_trusted_through_every_link_on_its_way() {
    let root = scratch();
    let path = |name: &str| root.path().join(name);
    fs::create_dir_all(path("real/bin")).unwrap();
    fs::write(path("real/bin/python3.11"), "").unwrap();
    symlink("python3.11", path("real/bin/python3")).unwrap();
    symlink("real", path("linked")).unwrap();
    let expected = path("real/bin/python3.11").canonicalize().unwrap();
    assert_eq!(trusted(&path("linked/bin/../bin/python3")).unwrap(), expected);
    chmod(&path("real"), 0o757);
    assert_eq!(problem(trusted(&path("linked/bin/python3"))), ("real".to_owned(), Problem::Writable { mode: 0o757 }));
    chmod(&path("real"), 0o755);
    chmod(&expected, 0o646);
    assert_eq!(problem(trusted(&path("linked/bin/python3"))).0, "python3.11");
    chmod(&expected, 0o644);
    give_away(&expected);
    assert_eq!(problem(trusted(&path("linked/bin/python3"))), ("python3.11".to_owned(), foreign()));
    assert!(trusted(&path("absent/python3")).unwrap_err().is_not_found());
}

#[test]
fn an_owner_who_is_not_mapped_here_is_told_from_one_of_the_same_id() {
    let rootless = "         0       1000          1\n         1     100000      65536\n";
    for (uid, map, unmapped) in
        [(65_534, rootless, true), (STRANGER, rootless, false), (65_534, "         0          0 4294967295\n", false), (65_534, "", false)]
    {
        assert_eq!(judge::is_unmapped(uid, "65534\n", map), unmapped, "{uid} in {map}");
    }
    let error = Error::untrusted(Path::new("/etc"), Problem::Unmapped { found: 65_534 }).to_string();
    assert!(error.contains("not mapped here") && !error.contains("chown"), "{error}");
}

#[test]
fn no_command_is_advised_that_a_read_only_file_system_refuses() {
    for problem in [foreign(), Problem::Writable { mode: 0o777 }, Problem::Listed { mode: 0o775 }] {
        let (writable, read_only) = (problem.remedy_where(Path::new("/srv"), false), problem.remedy_where(Path::new("/srv"), true));
        assert!(writable.contains("`ch") && !read_only.contains('`') && read_only.contains("read-only"), "{read_only}");
    }
}

#[test]
fn links_that_lead_in_a_circle_are_an_error() {
    let root = scratch();
    symlink("two", root.path().join("one")).unwrap();
    symlink("one", root.path().join("two")).unwrap();
    assert!(matches!(trusted(&root.path().join("one")), Err(Error::System { .. })));
}

#[test]
fn a_file_is_replaced_as_a_whole_and_what_a_killed_writer_left_is_in_nobodys_way() {
    let root = scratch();
    let directory = Directory::make(&root.path().join("d"), 0o700).unwrap();
    let (file, left) = (root.path().join("d/file"), root.path().join("d/.file.new"));
    directory.replace("file", 0o600, b"first").unwrap();
    let reader = fs::File::open(&file).unwrap();
    fs::write(&left, "half").unwrap();
    chmod(&left, 0o666);
    directory.replace("file", 0o600, b"second").unwrap();
    assert_eq!((fs::read_to_string(&file).unwrap().as_str(), mode(&file), left.exists()), ("second", 0o600, false));
    assert_eq!(std::io::read_to_string(reader).unwrap(), "first", "who reads the file before still reads that one");
}

#[test]
fn a_file_that_cannot_be_replaced_stays_as_it_was() {
    let root = scratch();
    let directory = Directory::make(&root.path().join("d"), 0o700).unwrap();
    directory.replace("file", 0o600, b"first").unwrap();
    fs::create_dir(root.path().join("d/.file.new")).unwrap();
    assert!(matches!(directory.replace("file", 0o600, b"second"), Err(Error::System { .. })));
    assert_eq!(fs::read_to_string(root.path().join("d/file")).unwrap(), "first");
}

#[test]
fn a_socket_is_trusted_by_its_owner_and_its_way_whoever_may_connect() {
    let root = scratch();
    let path = |name: &str| root.path().join(name);
    let _listener = UnixListener::bind(path("daemon.sock")).unwrap();
    chmod(&path("daemon.sock"), 0o666);
    symlink("daemon.sock", path("link")).unwrap();
    assert_eq!(trusted_socket(&path("link")).unwrap(), path("daemon.sock").canonicalize().unwrap());
    std::fs::write(path("file"), "").unwrap();
    assert_eq!(problem(trusted_socket(&path("file"))).1, Problem::Kind { wanted: "socket" });
    assert!(trusted_socket(&path("absent")).unwrap_err().is_not_found());
    give_away(&path("daemon.sock"));
    assert_eq!(problem(trusted_socket(&path("link"))).1, foreign());
    chmod(root.path(), 0o777);
    let _other = UnixListener::bind(path("other.sock")).unwrap();
    assert_eq!(problem(trusted_socket(&path("other.sock"))).1, Problem::Writable { mode: 0o777 });
}
