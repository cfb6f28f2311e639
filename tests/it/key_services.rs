//! Wrapping keys that a key management service protects: moto stands for AWS KMS. A server starts by it, changes its key by it, and does not
//! start without it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use e2e::{
    command::{run, wait},
    database::Database,
    host,
    server::{Backend, Server, client},
    workspace,
};

/// Makes a key and prints its id.
const MAKE_KEY: &str = "import sys, boto3
client = boto3.client('kms', endpoint_url=sys.argv[1], region_name='eu-central-1', aws_access_key_id='AKID', aws_secret_access_key='x')
print(client.create_key()['KeyMetadata']['KeyId'])";

/// A transformer that greets.
const GREET: &str = "def transform(value):\n    return 'hello ' + value\n";

/// A moto server, ended with the story.
struct Moto {
    child: Child,
    port: u16,
}

impl Moto {
    fn start() -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port is free").port();
        let mut command = Command::new(workspace::python());
        command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("moto starts");
        let moto = Moto { child, port };
        let is_there = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        assert!(host::eventually(Duration::from_secs(60), is_there), "moto does not listen");
        moto
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Settings that have it protect wrapping keys by a key of this service, with credentials in a file of this directory.
    fn protects(&self, directory: &Path) -> String {
        let credentials = directory.join("credentials");
        fs::write(&credentials, "[default]\naws_access_key_id = AKID\naws_secret_access_key = x\n").expect("the directory is writable");
        fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        let (key, address) = (self.make_key(), self.address());
        format!(
            "[keys]\nprotection = \"aws-kms\"\naws_key = {key:?}\naws_region = \"eu-central-1\"\naws_endpoint = {address:?}\n\
             aws_credentials = {credentials:?}\n"
        )
    }

    fn make_key(&self) -> String {
        let made = run(Command::new(workspace::python()).args(["-c", MAKE_KEY, &self.address()])).with_code(0).text();
        made.trim().to_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        wait(&mut self.child, Duration::from_secs(10)).expect("moto ends when it is killed");
    }
}

/// What each key file says of itself: its form, and what protects it.
fn forms(data: &Path) -> Vec<String> {
    let form = |path: &Path| {
        let text = fs::read_to_string(path).expect("a key file is text");
        match text.split(' ').collect::<Vec<_>>().as_slice() {
            ["zona-kek-2", _created, by, _protected] => format!("protected by {by}"),
            [form, _created, _key] => (*form).to_owned(),
            other => panic!("{other:?}"),
        }
    };
    let files = fs::read_dir(data.join("keys")).expect("there are keys");
    files.map(|entry| form(&entry.expect("it can be listed").path())).collect()
}

#[test]
fn wrapping_keys_that_aws_kms_protects_open_at_each_start_and_not_without_it() {
    let (moto, data) = (Moto::start(), tempfile::tempdir().expect("a temporary directory can be made"));
    let protected = moto.protects(data.path());
    let data = data.path().join("data");
    let server = Server::on(&data, Backend::Namespace);
    let home = tempfile::tempdir().expect("a temporary directory can be made");
    let code = home.path().join("greet.py");
    fs::write(&code, GREET).expect("the directory is writable");
    run(server.zona().args(["utility", "create", "greet", "--file"]).arg(&code)).with_code(0);
    server.stop();
    assert_eq!(forms(&data), ["zona-kek-1"], "nothing protects it yet");

    let server = Server::configured_on(&data, Backend::Namespace, &protected);
    assert_eq!(forms(&data), ["protected by aws-kms"]);
    run(server.zona().args(["keys", "rotate"])).with_code(0);
    assert_eq!(forms(&data), ["protected by aws-kms"; 2]);
    server.stop();
    let server = Server::configured_on(&data, Backend::Namespace, &protected);
    let answered = run(server.zona().args(["transform", "greet", "--value-string", "you"])).with_code(0).text();
    assert!(answered.contains("hello you"), "{answered}");
    server.stop();

    drop(moto);
    let configuration = home.path().join("zona.toml");
    fs::write(&configuration, protected).expect("the directory is writable");
    let mut without = client();
    without.current_dir(home.path()).args(["dev", "--listen", "127.0.0.1:0", "--backend", "namespace", "--data"]);
    let ended = run(without.arg(&data));
    assert!(ended.errors().contains("aws-kms does not open the key"), "{}", ended.errors());
    assert_eq!(forms(&data), ["protected by aws-kms"; 2], "nothing has changed");
}

#[test]
fn servers_that_share_a_store_share_protected_keys_and_open_what_another_has_made() {
    let (moto, database, home) = (Moto::start(), Database::start(), tempfile::tempdir().expect("a temporary directory can be made"));
    let keys = home.path().join("shared");
    let settings = format!("{}directory = {keys:?}\n[store]\nmongodb = {:?}\n", moto.protects(home.path()), database.uri());
    let [first, second] = ["first", "second"].map(|name| Server::for_others(&home.path().join(name), &settings));
    assert_eq!(forms(&keys), ["protected by aws-kms"], "of two servers the second finds the key of the first");
    run(first.zona().args(["keys", "rotate"])).with_code(0);
    assert_eq!(forms(&keys), ["protected by aws-kms"; 2]);
    let code = home.path().join("greet.py");
    fs::write(&code, GREET).expect("the directory is writable");
    run(first.zona().args(["utility", "create", "greet", "--file"]).arg(&code)).with_code(0);
    let answered = run(second.zona().args(["transform", "greet", "--value-string", "you"])).with_code(0).text();
    assert!(answered.contains("hello you"), "{answered}");
    first.stop();
    second.stop();
}
