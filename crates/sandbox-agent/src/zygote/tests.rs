//! What an interpreter said before it ended, over real sockets.

use super::*;

/// A zygote, and the interpreter's end of its socket.
fn zygote() -> (Zygote, Channel) {
    let (own, other) = Channel::pair().unwrap();
    let stderr = File::open("/dev/null").unwrap();
    (Zygote { pid: 0, channel: own, stderr, words: Vec::new(), makes_one: false }, Channel::of(other))
}

#[test]
fn why_an_interpreter_ended_is_heard_although_it_left_requests_unread() {
    for requests_after in [0, 1, 2] {
        let (zygote, interpreter) = zygote();
        zygote.fork(1).unwrap();
        interpreter.send(br#"{"event":"fault","stage":-1,"error":11}"#, &[]).unwrap();
        drop(interpreter);
        for child in 0..requests_after {
            zygote.fork(child).unwrap();
        }
        assert!(zygote.has_news().unwrap());
        let told = format!("{:?}", zygote.event().err());
        assert!(told.contains("seal a child: clone") && told.contains("Resource temporarily unavailable"), "{told}");
        assert!(zygote.event().unwrap().is_none(), "then it has hung up");
    }
}

#[test]
fn an_interpreter_that_says_nothing_has_no_news() {
    let (zygote, _interpreter) = zygote();
    assert!(!zygote.has_news().unwrap());
}
