//! Where keys may be.

use super::*;

#[test]
fn keys_are_in_a_file_or_on_this_host() {
    assert_eq!(KeyPlace::parse("/etc/zona/keys.json"), Ok(KeyPlace::File("/etc/zona/keys.json".into())));
    for local in ["http://127.0.0.1:8080/keys", "http://[::1]:8080/realm/keys?x=y"] {
        assert!(matches!(KeyPlace::parse(local), Ok(KeyPlace::Local(_))), "{local}");
    }
}

#[test]
fn nothing_is_asked_in_the_clear_beyond_this_host() {
    for elsewhere in
        ["http://id.example/keys", "http://127.0.0.1.example/keys", "http://127.0.0.1@id.example/keys", "https://id.example/keys"]
    {
        assert!(KeyPlace::parse(elsewhere).unwrap_err().contains("TLS"), "{elsewhere}");
    }
    for nothing in ["keys.json", "", "ftp://127.0.0.1/keys", "file:///etc/keys", "127.0.0.1:8080/keys"] {
        assert!(KeyPlace::parse(nothing).is_err(), "{nothing}");
    }
}

#[test]
fn a_name_whose_meaning_a_resolver_decides_is_refused() {
    for name in ["http://localhost/keys", "http://LocalHost:8080/keys", "https://localhost/keys"] {
        assert!(KeyPlace::parse(name).unwrap_err().contains("127.0.0.1 or [::1]"), "{name}");
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_and_no_wait() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let place = KeyPlace::parse(&format!("http://{free}/keys")).unwrap();
    assert!(matches!(keys(&place).await, Err(Error::Read(_))));
    assert!(matches!(keys(&KeyPlace::File("/nowhere/keys.json".into())).await, Err(Error::Untrusted(_))));
}
