//! The service under test: one static program that listens late, fails its health, crashes or ends, as its arguments and callers say. It
//! knows the standard library only, because the image that it runs in is otherwise empty. No part of the workspace: the tests compile it.

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::exit;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

/// What the arguments ask for.
#[derive(Default)]
struct Asked {
    port: u16,
    listen_after: Duration,
    ready_after: Duration,
    crash_after: Option<(Duration, i32)>,
    end_after: Option<(Duration, i32)>,
    needs: Vec<String>,
    probe: Option<u16>,
}

fn main() {
    let asked = read(env::args().skip(1));
    if let Some(port) = asked.probe {
        exit(if get(&format!("127.0.0.1:{port}"), "/healthz").is_some_and(|(status, _)| status == 200) { 0 } else { 1 });
    }
    println!("begins");
    for need in &asked.needs {
        if let Err(error) = TcpStream::connect(need.as_str()) {
            eprintln!("cannot reach {need}: {error}");
            exit(4);
        }
    }
    if let Some((after, code)) = asked.end_after {
        sleep(after);
        println!("ends with {code}");
        exit(code);
    }
    if let Some((after, code)) = asked.crash_after {
        spawn(move || {
            sleep(after);
            eprintln!("crashes with {code}");
            exit(code);
        });
    }
    serve(&asked);
}

fn read(mut words: impl Iterator<Item = String>) -> Asked {
    let mut asked = Asked { port: 80, ..Asked::default() };
    while let Some(word) = words.next() {
        let mut next = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        let millis = |text: String| Duration::from_millis(text.parse().expect("a number"));
        match word.as_str() {
            "--port" => asked.port = next().parse().expect("a port"),
            "--listen-after" => asked.listen_after = millis(next()),
            "--ready-after" => asked.ready_after = millis(next()),
            "--crash-after" => asked.crash_after = Some((millis(next()), 3)),
            "--end-after" => asked.end_after = Some((millis(next()), next().parse().expect("a code"))),
            "--need" => asked.needs.push(next()),
            "--say" => println!("{}", next()),
            "--complain" => eprintln!("{}", next()),
            "--probe" => asked.probe = Some(next().parse().expect("a port")),
            other => panic!("unknown argument {other}"),
        }
    }
    asked
}

fn serve(asked: &Asked) {
    let begun = Instant::now();
    sleep(asked.listen_after);
    let listener = TcpListener::bind(("0.0.0.0", asked.port)).expect("the port is free");
    println!("listens");
    let broken = Arc::new(AtomicBool::new(false));
    let ready_after = asked.ready_after;
    for stream in listener.incoming().flatten() {
        let broken = broken.clone();
        spawn(move || answer(stream, &broken, begun.elapsed() >= ready_after));
    }
}

/// One request; whoever sends no HTTP hears every line again.
fn answer(stream: TcpStream, broken: &AtomicBool, ready: bool) {
    let mut reader = BufReader::new(stream.try_clone().expect("a copy"));
    let mut first = String::new();
    if reader.read_line(&mut first).is_err() || first.is_empty() {
        return;
    }
    let mut writer = stream;
    let Some(path) = first.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()) else {
        let mut line = first;
        while !line.is_empty() && writer.write_all(line.as_bytes()).is_ok() {
            line.clear();
            if reader.read_line(&mut line).is_err() {
                return;
            }
        }
        return;
    };
    let (status, body) = page(path, broken, ready);
    let length = body.len();
    // Whoever hung up wants no answer.
    let _ = write!(writer, "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
}

fn page(path: &str, broken: &AtomicBool, ready: bool) -> (u16, String) {
    let (path, value) = path.split_once('?').unwrap_or((path, ""));
    match path {
        "/healthz" if ready && !broken.load(Ordering::Relaxed) => (200, String::new()),
        "/healthz" => (503, String::new()),
        "/break" => (200, broken.swap(true, Ordering::Relaxed).to_string()),
        "/mend" => (200, broken.swap(false, Ordering::Relaxed).to_string()),
        "/crash" => {
            eprintln!("was told to crash");
            exit(3)
        }
        "/environment" => (200, env::vars().map(|(name, value)| format!("{name}={value}\n")).collect()),
        "/file" => fs::read_to_string(value).map_or_else(|error| (404, error.to_string()), |text| (200, text)),
        "/write" => fs::write(value, "written").map_or_else(|error| (403, error.to_string()), |()| (200, String::new())),
        // Who answers under a name that this container knows.
        "/ask" => get(value, "/name").unwrap_or((502, String::new())),
        "/name" => (200, fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned()),
        _ => (404, String::new()),
    }
}

fn get(address: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}
