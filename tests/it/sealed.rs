//! What callers and their code have written is planted along every path, and stands in plain text in nothing that a server keeps: not in the files of
//! its database, not in the objects of its archive, not in Redis. Once the keys of its tenant are destroyed nobody reads it any more, and the
//! audit log of the tenant is proven as before.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use e2e::{
    database::Database,
    host,
    server::{Backend, Server},
};
use test_support::RedisServer;
use uuid::Uuid;

use crate::canaries::files;
use crate::signing_in::{Person, SIGNED_IN_ONLY, exit};

/// Fewest texts of a story.
const CANARIES: usize = 50;
/// How many are planted along one path.
const EACH: usize = 9;
/// Large output is moved within some seconds of the end of its execution; the rest is slack for a busy machine.
const ARCHIVED_WITHIN: Duration = Duration::from_secs(60);
/// Prints what it is given, often where that is asked for, and returns it or raises it.
const SAYS: &str = r#"def main(text: str, times: int = 1, fails: bool = False) -> str:
    for number in range(times):
        print(f"{number:09} {text}")
    if fails:
        raise ValueError(text)
    return text
"#;
/// Lines that together are more than a store keeps of one execution.
const LINES: usize = 8_000;

/// Somebody who plants texts in the tenant `acme`.
struct Story {
    root: Person,
    boss: Person,
    canaries: Vec<String>,
}

impl Story {
    fn begin(server: &Server) -> Self {
        let root = Person::first(server);
        root.zona(&["tenant", "create", "acme"]).with_code(exit::OK);
        root.zona(&["--tenant", "acme", "user", "create", "boss", "--role", "ADMIN", "--password-file", "password"]).with_code(exit::OK);
        let boss = Person::new(server);
        boss.zona(&["login", "--tenant", "acme", "--user", "boss", "--password-file", "password"]).with_code(exit::OK);
        Story { root, boss, canaries: Vec::new() }
    }

    fn canary(&mut self) -> String {
        let canary = format!("canary-{}", Uuid::now_v7().simple());
        self.canaries.push(canary.clone());
        canary
    }

    /// Runs code that is given a text; answers what was printed.
    fn runs(&self, text: &str, more: &str, code: i32) -> String {
        let params = format!(r#"{{"text": "{text}"{more}}}"#);
        self.boss.zona(&["run", "says", "--params", &params]).with_code(code).text()
    }

    /// Plants texts along every path; answers one execution with much output, and its text.
    fn plants(&mut self) -> (String, String) {
        self.boss.creates("says", SAYS);
        for number in 0..EACH {
            let code = format!("# {}\ndef main() -> str:\n    return \"{}\"\n", self.canary(), self.canary());
            self.boss.creates(&format!("code-{number}"), &code);
            let (given, raised, large, secret, name) = (self.canary(), self.canary(), self.canary(), self.canary(), self.canary());
            assert!(self.runs(&given, "", exit::OK).contains(&given));
            self.runs(&raised, r#", "fails": true"#, 1);
            assert!(self.runs(&large, &format!(r#", "times": {LINES}"#), exit::OK).len() > LINES * large.len());
            self.boss.file("secret", &secret);
            self.boss.zona(&["secret", "set", &format!("secret-{number}"), "--file", "secret"]).with_code(exit::OK);
            let user = format!("user-{number}");
            self.boss.zona(&["user", "create", &user, "--display-name", &name, "--no-password"]).with_code(exit::OK);
        }
        let password = self.canary();
        self.boss.file("db-password", &password);
        self.boss.zona(&["tenant", "update", "acme", "--db-password-file", "db-password"]).with_code(exit::OK);
        let text = self.canary();
        self.runs(&text, &format!(r#", "times": {LINES}"#), exit::OK);
        let listed = self.boss.zona(&["execution", "list", "-o", "json"]).with_code(exit::OK).json();
        (listed[0]["name"].as_str().expect("the newest has a name").to_owned(), text)
    }

    /// Checks that none of the texts stands in what is kept.
    fn is_in_none_of(&self, kept: &[(String, Vec<u8>)]) {
        assert!(self.canaries.len() >= CANARIES, "{}", self.canaries.len());
        let mut found = Vec::new();
        for (name, bytes) in kept {
            let text = String::from_utf8_lossy(bytes);
            found.extend(self.canaries.iter().filter(|canary| text.contains(*canary)).map(|canary| format!("{canary} in {name}")));
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        let bytes: usize = kept.iter().map(|(_, bytes)| bytes.len()).sum();
        println!("{} texts in {} files of {bytes} bytes: none was found", self.canaries.len(), kept.len());
    }

    /// The same texts are read from the archive that were printed.
    fn reads(&self, execution: &str, text: &str) {
        let shown = self.boss.zona(&["execution", "watch", execution]).with_code(exit::OK).text();
        assert_eq!(shown.lines().filter(|line| line.ends_with(text)).count(), LINES);
    }

    /// Has the keys of the tenant destroyed: what was shown of its code and of archived output until then is shown no more.
    fn shreds(&self, execution: &str) {
        let root = |words: &[&str], code: i32| self.root.zona(words).with_code(code);
        let refused = root(&["keys", "shred", "acme", "--yes"], exit::CONFLICT);
        assert!(refused.errors().contains("TENANT_NOT_DELETED"), "{}", refused.errors());
        let code = ["--tenant", "acme", "utility", "get", "code-0", "--code"];
        let watched = ["--tenant", "acme", "execution", "watch", execution];
        let shows = |words: &[&str], code: i32| {
            let shown = root(words, code);
            let told = [shown.text(), shown.errors()].concat();
            (self.canaries.iter().any(|canary| told.contains(canary)), told)
        };
        // Before the keys are destroyed there is something to see, also for those who keep what they have seen.
        root(&["tenant", "delete", "acme"], exit::OK);
        for words in [&code[..], &watched] {
            assert!(shows(words, exit::OK).0, "{words:?} shows nothing of what was written");
        }
        for _ in 0..2 {
            let shredded = root(&["keys", "shred", "acme", "--yes", "-o", "json"], exit::OK).json();
            assert_eq!((&shredded["tenantcode"], &shredded["status"]), (&"acme".into(), &"deleted".into()));
        }
        root(&["tenant", "resume", "acme"], exit::CONFLICT);
        for words in [&code[..], &watched] {
            let (is_shown, told) = shows(words, exit::CONFLICT);
            assert!(!is_shown && told.contains("TENANT_PURGED"), "{words:?}: {told}");
        }
        let log = self.root.file("log", "");
        fs::remove_file(&log).expect("it was made just now");
        root(&["--tenant", "acme", "audit", "export", "--out", "log"], exit::OK);
        root(&["audit", "verify", "log"], exit::OK);
        let records = root(&["--tenant", "system", "audit", "list", "--action", "tenant.shred", "-o", "jsonl"], exit::OK).json_values();
        let records_there = root(&["--tenant", "acme", "audit", "list", "--action", "tenant.shred", "-o", "jsonl"], exit::OK).json_values();
        assert!(records.len() + records_there.len() >= 4, "{records:?} {records_there:?}");
    }
}

/// How many objects there are.
fn objects(directory: &Path) -> usize {
    if directory.is_dir() { files(directory).len() } else { 0 }
}

#[test]
fn fifty_texts_stand_in_no_file_of_a_data_directory_and_are_read_by_nobody_once_their_keys_are_destroyed() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let data = directory.path().join("data");
    let server = Server::configured_on(&data, Backend::Namespace, SIGNED_IN_ONLY);
    let mut story = Story::begin(&server);
    let (execution, text) = story.plants();
    let archived = || objects(&data.join("blobs")) > EACH;
    assert!(host::eventually(ARCHIVED_WITHIN, archived), "{} objects", objects(&data.join("blobs")));
    story.reads(&execution, &text);
    story.is_in_none_of(&files(&data));
    story.shreds(&execution);
    server.stop();
    story.is_in_none_of(&files(&data));
}

#[test]
fn fifty_texts_stand_in_no_file_of_a_shared_database_in_no_object_and_not_in_redis() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let (database, redis) = (Database::start(), RedisServer::start());
    let (keys, blobs): (PathBuf, PathBuf) = (directory.path().join("keys"), directory.path().join("blobs"));
    let settings = format!(
        "{SIGNED_IN_ONLY}[store]\nmongodb = {:?}\n[keys]\ndirectory = {keys:?}\n[blobs]\nurl = \"file://{}\"\n[cache]\nredis = {:?}\n[limits]\nservers = 1\n",
        database.uri(),
        blobs.display(),
        redis.url()
    );
    let server = Server::for_others(&directory.path().join("data"), &settings);
    let mut story = Story::begin(&server);
    let (execution, text) = story.plants();
    assert!(host::eventually(ARCHIVED_WITHIN, || objects(&blobs) > EACH), "{} objects", objects(&blobs));
    story.reads(&execution, &text);
    let kept = || {
        let mut kept = files(directory.path());
        kept.extend(files(database.directory()));
        let keys = redis.command(&["EVAL", "return table.concat(redis.call('KEYS', '*'), '\\n')", "0"]);
        let values = keys.lines().map(|key| (format!("{key} in Redis"), redis.command(&["GET", key.trim()]).into_bytes()));
        kept.extend(values.collect::<Vec<_>>());
        kept.push(("the names in Redis".to_owned(), keys.into_bytes()));
        kept
    };
    story.is_in_none_of(&kept());
    story.shreds(&execution);
    server.stop();
    story.is_in_none_of(&kept());
}
