//! Issuers at whose page people sign in.

use super::*;

const PUBLIC: &str = "[gateway]\npublic_address = \"https://zona.example\"\n";

fn signing_in(keys: &str) -> String {
    issuer("one", &format!("tenants = \"acme\"\n{keys}"))
}

#[test]
fn an_issuer_with_a_client_signs_people_in_and_sends_them_back_to_the_public_address() {
    let client = "client_id = \"zona\"\nclient_secret_file = \"/etc/zona/one\"\nscopes = \"openid  groups\"\nlabel = \"One & Co\"";
    let loaded = load_file(&(PUBLIC.to_owned() + &signing_in(client))).unwrap();
    let server = &loaded.config.server;
    let sign_in = server.issuers[0].sign_in.as_ref().unwrap();
    assert_eq!(sign_in.redirect, "https://zona.example/console/sign-in/one/callback");
    assert_eq!(sign_in.place.to_string(), "https://one.example/.well-known/openid-configuration");
    let [way] = server.ways.as_slice() else { panic!("{:?}", server.ways) };
    assert_eq!((way.label.as_str(), way.scopes.as_str(), way.client.as_str()), ("One & Co", "openid groups", "zona"));
    let bare = load_file(&(PUBLIC.to_owned() + &signing_in("client_id = \"zona\""))).unwrap().config.server.ways;
    assert_eq!((bare[0].label.as_str(), bare[0].scopes.as_str()), ("one", "openid"));
    assert!(load_file(&signing_in("")).unwrap().config.server.ways.is_empty(), "tokens alone make no button");
}

#[test]
fn authorities_are_for_the_page_also_where_keys_are_in_a_file() {
    let ca = "ca = \"/etc/one.pem\"";
    let with_page = PUBLIC.to_owned() + &signing_in(&format!("client_id = \"zona\"\n{ca}"));
    let sign_in = load_file(&with_page).unwrap().config.server.issuers.remove(0).sign_in.unwrap();
    assert!(format!("{:?}", sign_in.place).contains("/etc/one.pem"), "{:?}", sign_in.place);
    assert_eq!(problems(&signing_in(ca)), ["identity.issuers.one.ca: is for keys at an https address"]);
}

#[test]
fn what_could_lead_people_elsewhere_or_means_nothing_is_refused() {
    let check = |text: String, problem: &str| assert_eq!(problems(&text), [problem]);
    let wanting = "identity.issuers.one.client_id: needs `gateway.public_address`: the issuer sends people back there";
    check(signing_in("client_id = \"zona\""), wanting);
    let plain = |host: &str| format!("[gateway]\npublic_address = \"http://{host}\"\n{}", signing_in("client_id = \"zona\""));
    let clear = "identity.issuers.one.client_id: needs `gateway.public_address` over https, or on this host: codes come back there";
    check(plain("zona.example"), clear);
    assert_eq!(load_file(&plain("127.0.0.1:7080")).unwrap().config.server.ways.len(), 1);
    for (keys, problem) in [
        ("label = \"One\"", "label: needs `client_id` beside it"),
        ("client_secret_file = \"/etc/zona/one\"", "client_secret_file: needs `client_id` beside it"),
        ("client_id = \"zona\"\nscopes = \"profile\"", "scopes: must be scopes separated by blanks, `openid` among them"),
        ("client_id = \"zona\"\nlabel = \" \"", "label: must have 1 to 64 characters in one line"),
    ] {
        check(PUBLIC.to_owned() + &signing_in(keys), &format!("identity.issuers.one.{problem}"));
    }
    let unnamed = signing_in("client_id = \"zona\"").replace("https://one.example", "one");
    check(
        PUBLIC.to_owned() + &unnamed,
        "identity.issuers.one.issuer: must be an https address, or http://127.0.0.1:PORT/..., to sign in there",
    );
    check(
        "[gateway]\npublic_address = \"https://zona.example/\"\n".to_owned(),
        "gateway.public_address: \"https://zona.example/\" is no origin such as https://zona.example",
    );
}
