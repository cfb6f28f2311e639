//! What client commands write and print: contexts, exports and reports, and whatever they leave in directories for caches and for
//! temporary files.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use e2e::{
    command::{Ended, run},
    server::{Server, client},
};
use tempfile::TempDir;

use super::{Story, written::files};

/// The one file that keeps what proves who calls.
const CONTEXTS: &str = "contexts.toml";
/// The code of a command that succeeded.
const OK: i32 = 0;

/// Somebody who types commands.
pub struct Person {
    /// Everything that commands write anywhere.
    home: TempDir,
    /// What the person has written: secrets are given to commands in files.
    given: TempDir,
    server: String,
    /// What they have printed but for what was asked to be shown.
    printed: Vec<Vec<u8>>,
}

impl Person {
    fn new(server: &Server) -> Self {
        let [home, given] = [(); 2].map(|()| tempfile::tempdir().expect("a temporary directory can be made"));
        fs::create_dir(home.path().join("tmp")).expect("the directory is writable");
        Person { home, given, server: format!("http://{}", server.address()), printed: Vec::new() }
    }

    /// A file with a secret in it.
    fn gives(&self, secret: &str) -> String {
        let path = self.given.path().join(format!("{}", files(self.given.path()).len()));
        fs::write(&path, secret).expect("the directory is writable");
        path.display().to_string()
    }

    /// A command that shows what it was asked for.
    fn shows(&self, words: &[&str]) -> Ended {
        let home = self.home.path();
        let mut command = client();
        for (name, below) in [("HOME", ""), ("XDG_CONFIG_HOME", "config"), ("XDG_CACHE_HOME", "cache"), ("XDG_STATE_HOME", "state")] {
            command.env(name, home.join(below));
        }
        run(command.env("TMPDIR", home.join("tmp")).env("ZONA_SERVER", &self.server).current_dir(home).args(words))
    }

    fn zona(&mut self, words: &[&str]) -> Option<i32> {
        let Ended { code, stdout, stderr, .. } = self.shows(words);
        self.printed.extend([stdout, stderr]);
        code
    }

    /// The files that hold one of these secrets.
    fn holding(&self, secrets: &[String]) -> Vec<PathBuf> {
        let holds = |bytes: &[u8]| secrets.iter().any(|secret| String::from_utf8_lossy(bytes).contains(secret));
        files(self.home.path()).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(name, _)| name.into()).collect()
    }

    /// All that was written and printed.
    pub fn left(self) -> Vec<(String, Vec<u8>)> {
        let printed = self.printed.into_iter().map(|bytes| ("what commands have printed".to_owned(), bytes));
        files(self.home.path()).into_iter().chain(printed).collect()
    }
}

/// Signs in, works, and signs out, as `root` and by an API key. What proves who calls is kept in between where nobody else can read it,
/// and nowhere afterwards; everything else that is secret is never.
pub fn story(story: &mut Story, server: &Server, root_password: &str) -> Person {
    let mut person = Person::new(server);
    let password = person.gives(root_password);
    let wrong = person.gives(&story.secret(""));
    let login = |password: &str| ["login", "--tenant", "system", "--user", "root", "--password-file", password].map(str::to_owned);
    let typed = |words: [String; 7], person: &mut Person| person.zona(&words.each_ref().map(String::as_str));
    assert_ne!(typed(login(&wrong), &mut person), Some(OK));
    assert_eq!(typed(login(&password), &mut person), Some(OK));
    works(story, &mut person);

    let token = person.shows(&["token"]).with_code(OK).text().trim().to_owned();
    let created = person.shows(&["--tenant", "demo", "api-key", "create", "--service-account", "ci", "-o", "json"]).with_code(OK).json();
    let key = created["secret"].as_str().expect("it is shown once").to_owned();
    let kept = [story.made(&token), story.made(&key)];
    assert_eq!(person.holding(&kept).len(), 1, "the token of the session, and the key nowhere");
    let file = person.gives(&key);
    assert_eq!(person.zona(&["login", "--api-key-file", &file, "--context", "by-key"]), Some(OK));
    let holding = person.holding(&kept);
    assert!(matches!(holding.as_slice(), [path] if path.ends_with(CONTEXTS) && is_private(path)), "{holding:?}");
    let sessions = fs::read_to_string(&holding[0]).expect("it is ours");
    let refresh = sessions.lines().find_map(|line| line.strip_prefix("refresh_token = ")).expect("a session is kept");
    story.made(refresh.trim_matches('"'));
    let contexts = person.shows(&["context", "list", "-o", "json"]).with_code(OK).json();
    for context in contexts.as_array().expect("a list") {
        let name = context["name"].as_str().expect("each has a name");
        assert_eq!(person.zona(&["--context", name, "logout"]), Some(OK));
    }
    person
}

/// What is given to commands on the way: passwords of users and databases, and values of secret parameters.
fn works(story: &mut Story, person: &mut Person) {
    let [first, second, database] = [(); 3].map(|()| person.gives(&story.secret("")));
    let (secret, refused) = (story.secret(""), story.secret(""));
    let params = format!(r#"{{"secret": "{secret}", "fails": true}}"#);
    let unread = format!(r#"{{"secret": ["{refused}"]}}"#);
    let commands: [(&[&str], bool); 9] = [
        (&["user", "create", "typed", "--role", "USER", "--password-file", &first], true),
        (&["user", "create", "typed", "--role", "USER", "--password-file", &second], false),
        (&["user", "update", "typed", "--password-file", &second], true),
        (&["tenant", "create", "typed", "--db-host", "db.example", "--db-password-file", &database], true),
        (&["run", "leaks", "--params", &params], false),
        (&["run", "leaks", "--params", &unread], false),
        (&["audit", "export", "--out", "log.jsonl"], true),
        (&["audit", "report", "--from", "2026-11-01", "--to", "2026-11-30", "--out", "report.html"], true),
        (&["user", "export", "typed", "--out", "person.jsonl"], true),
    ];
    for (words, succeeds) in commands {
        let code = person.zona(&[&["--tenant", "demo"], words].concat());
        assert_eq!(code == Some(OK), succeeds, "{words:?}\n{}", String::from_utf8_lossy(person.printed.last().expect("it has printed")));
    }
    assert!(files(person.home.path()).len() >= 4, "contexts, and what was to be written");
}

fn is_private(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 == 0)
}
