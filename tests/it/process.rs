//! The process manager of a server that has no engine: it says what to set, keeps nothing, and shows everybody only what is theirs.

use std::fs;

use e2e::server::Server;
use serde_json::json;

use crate::signing_in::{Person, SIGNED_IN_ONLY};

const SHOP: &str = "name: shop\nservices: [{name: web, context: {image: 'web:1'}}]\n";

#[test]
fn a_server_without_an_engine_says_what_to_set_and_keeps_nothing() {
    let server = Server::configured(SIGNED_IN_ONLY);
    let root = Person::first(&server);
    let file = server.data().with_file_name("shop.yaml");
    fs::write(&file, SHOP).expect("the directory is writable");
    let file = file.to_str().expect("a temporary path is UTF-8");
    for command in [&["ps"][..], &["ps", "apply", file], &["ps", "plan", file, "--live"], &["ps", "logs", "web"], &["ps", "stop", "web"]] {
        let refused = root.zona(command).with_code(5);
        assert!(refused.errors().contains("ENGINE_NOT_CONFIGURED") && refused.errors().contains("engine.kind"), "{}", refused.errors());
    }
    let wrong = server.data().with_file_name("wrong.yaml");
    fs::write(&wrong, SHOP.replace("web:1", "web")).expect("the directory is writable");
    let refused = root.zona(&["ps", "apply", wrong.to_str().expect("a temporary path is UTF-8")]).with_code(2);
    assert!(refused.errors().contains("services[0].context.image"), "before a server is asked: {}", refused.errors());
    assert_eq!(root.zona(&["ps", "integration", "list", "-o", "json"]).with_code(0).json(), json!([]));
    root.zona(&["ps", "integration", "explain", "7"]).with_code(4);
    server.stop();
}
