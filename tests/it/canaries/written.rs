//! Where secrets are looked for, and how they may be written there.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use api_proto::zona::audit::v1::{
    ExportAuditRecordsRequest, audit_service_client::AuditServiceClient, export_audit_records_response::Part,
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use e2e::server::Server;
use test_support::in_time;

use super::shown;

/// The text as it may stand somewhere: itself, in hexadecimal, and in both forms of base64 at each of the three places that it may begin
/// at. Secrets have letters, digits and `_-.+/=` only, which stand for themselves in JSON.
pub fn spellings(canary: &str) -> Vec<String> {
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let places = [(0, &STANDARD_NO_PAD), (1, &STANDARD_NO_PAD), (2, &STANDARD_NO_PAD)];
    let places = places.into_iter().chain([(0, &URL_SAFE_NO_PAD), (1, &URL_SAFE_NO_PAD), (2, &URL_SAFE_NO_PAD)]);
    let encoded = places.map(|(at, engine)| {
        let text = engine.encode([&vec![0; at], canary.as_bytes()].concat());
        // Signs that hold bits of what stands around it are left out.
        let (begin, end) = ([0, 2, 3][at], text.len() - usize::from(!(at + canary.len()).is_multiple_of(3)));
        text[begin..end].to_owned()
    });
    [canary.to_owned(), hex.to_uppercase(), hex].into_iter().chain(encoded).collect()
}

/// Every file below, with its name.
pub fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("the directory is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.is_file() {
            found.push((path.display().to_string(), fs::read(&path).expect("the file is ours")));
        }
    }
    found
}

/// What the server tells of itself at this path of its address for operators.
pub fn told_at(address: &str, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("it answers");
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    answer
}

/// All that an export of a tenant's log says.
pub async fn exported(server: &Server, token: &str, tenant: &str, readable: bool) -> Vec<u8> {
    let mut audit = AuditServiceClient::connect(format!("http://{}", server.address())).await.expect("the server accepts connections");
    let request = ExportAuditRecordsRequest { parent: format!("tenants/{tenant}"), readable };
    let mut parts = audit.export_audit_records(shown(token, request)).await.expect("a super administrator may").into_inner();
    let mut text = Vec::new();
    while let Some(part) = in_time(parts.message()).await.expect("it comes to its end") {
        match part.part {
            Some(Part::Record(record)) => text.extend(record),
            other => text.extend(format!("{other:?}").into_bytes()),
        }
    }
    text
}
