//! A server that speaks S3, one for each test, on a free port and a directory of its own: with two buckets, and a user who may do with one of them what
//! the shipped policy says. It ends with the process of the tests, however that ends.

use std::env;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{PayloadChecksumKind, SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use tempfile::TempDir;

const PROGRAM: &str = "versitygw";
/// The policy that operators are given.
const POLICY: &str = include_str!("../../../../../deploy/blobs/bucket-policy.json");
/// Who may do everything, and who may do what the policy says.
pub(super) const ROOT: (&str, &str) = ("root-of-tests", "root-secret");
pub(super) const USER: (&str, &str) = ("zona-of-tests", "zona-secret");
/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at whether it does.
const POLL: Duration = Duration::from_millis(5);
/// Ends the server once nobody holds the other end of its standard input any more.
const UNTIL_WE_END: &str = r#"log=$1; shift; "$@" >"$log" 2>&1 </dev/null & child=$!
read -r line; kill -KILL "$child"; wait "$child" 2>/dev/null"#;

pub(super) struct S3Server {
    port: u16,
    directory: TempDir,
    _guard: Child,
}

impl S3Server {
    pub(super) async fn start() -> Self {
        tokio::task::spawn_blocking(S3Server::started).await.unwrap()
    }

    fn started() -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let directory = TempDir::new().unwrap();
        for part in ["data", "users"] {
            fs::create_dir(directory.path().join(part)).unwrap();
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", UNTIL_WE_END, "sh"]).arg(directory.path().join("log")).arg(program());
        shell.args(["--access", ROOT.0, "--secret", ROOT.1, "--port", &format!("127.0.0.1:{port}"), "--iam-dir"]);
        shell.arg(directory.path().join("users")).arg("posix").arg(directory.path().join("data"));
        let guard = shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a shell runs");
        let server = S3Server { port, directory, _guard: guard };
        server.wait();
        for bucket in ["zona", "others"] {
            server.ask("PUT", &format!("/{bucket}"), b"");
        }
        server.make_user();
        let policy = POLICY.replace("BUCKET", "zona").replace("USER", USER.0);
        server.ask("PUT", "/zona?policy=", policy.as_bytes());
        server
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Where something of it lies.
    pub(super) fn path(&self, of: &str) -> PathBuf {
        self.directory.path().join("data").join(of)
    }

    /// The names of all that it keeps.
    pub(super) fn files(&self) -> Vec<String> {
        let root = self.directory.path().join("data");
        let mut files = Vec::new();
        super::super::find(&root, &mut files);
        files.iter().map(|file| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect()
    }

    /// Whether some of what it keeps holds these bytes.
    pub(super) fn holds(&self, bytes: &[u8]) -> bool {
        let holds = |file: String| fs::read(self.path(&file)).unwrap().windows(bytes.len()).any(|window| window == bytes);
        self.files().into_iter().any(holds)
    }

    fn wait(&self) {
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "{PROGRAM} does not listen: {}", log(self.directory.path()));
            std::thread::sleep(POLL);
        }
    }

    fn make_user(&self) {
        let mut admin = Command::new(program());
        admin.args(["admin", "--access", ROOT.0, "--secret", ROOT.1, "--endpoint-url", &format!("http://127.0.0.1:{}", self.port)]);
        let made = admin.args(["create-user", "--access", USER.0, "--secret", USER.1, "--role", "user"]).output().unwrap();
        assert!(made.status.success(), "{made:?}");
    }

    /// Asks for something as who may do everything.
    fn ask(&self, method: &str, path: &str, body: &[u8]) {
        let host = format!("127.0.0.1:{}", self.port);
        let identity = Credentials::new(ROOT.0, ROOT.1, None, None, "test").into();
        let mut settings = SigningSettings::default();
        settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        let parameters = SigningParams::builder().identity(&identity).region("us-east-1").name("s3").time(SystemTime::now());
        let parameters = parameters.settings(settings).build().unwrap().into();
        let headers = [("host", host.as_str())];
        let request = SignableRequest::new(method, format!("http://{host}{path}"), headers.into_iter(), SignableBody::Bytes(body)).unwrap();
        let (instructions, _) = sign(request, &parameters).unwrap().into_parts();
        let mut message = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        instructions.headers().for_each(|(name, value)| message.push_str(&format!("{name}: {value}\r\n")));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.write_all(&[message.as_bytes(), b"\r\n", body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{method} {path}: {answer}");
    }
}

fn log(directory: &Path) -> String {
    fs::read_to_string(directory.join("log")).unwrap_or_default()
}

/// On PATH, or where `cargo xtask setup` keeps it.
fn program() -> PathBuf {
    let on_path = env::var_os("PATH").into_iter().flat_map(|path| env::split_paths(&path).collect::<Vec<_>>());
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    let tools = cache.and_then(|cache| fs::read_dir(cache.join("zona/tools")).ok()).into_iter().flatten().flatten();
    let kept = tools.filter(|tool| tool.file_name().to_string_lossy().starts_with(PROGRAM)).map(|tool| tool.path().join("bin"));
    let mut places = on_path.chain(kept).map(|directory| directory.join(PROGRAM));
    places.find(|program| program.is_file()).unwrap_or_else(|| panic!("{PROGRAM} is missing: run `cargo xtask setup`"))
}
