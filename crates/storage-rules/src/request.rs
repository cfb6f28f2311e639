//! By what a repeated request is recognized.

use domain::hash::Hash;
use keys::Key;

/// What is stored of the body of a request. A body may hold a password or the value of a secret parameter, which could be guessed by a hash
/// of it: so it is a digest by a key of the installation, with the request's own id, so that equal bodies are not seen to be equal.
pub fn body_digest(key: &Key, method: &str, id: &str, body: &str) -> String {
    Hash::from_bytes(key.digest(&format!("requests/{method}/{id}/{body}"))).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_recognized_under_its_own_request_only() {
        let key = Key::new(&[7; keys::KEY_BYTES]);
        let stored = body_digest(&key, "CreateUtility", "1", "body");
        assert_eq!(stored, body_digest(&key, "CreateUtility", "1", "body"));
        for other in [
            body_digest(&key, "CreateUtility", "2", "body"),
            body_digest(&key, "UpdateUtility", "1", "body"),
            body_digest(&key, "CreateUtility", "1", "another"),
            body_digest(&Key::new(&[8; keys::KEY_BYTES]), "CreateUtility", "1", "body"),
        ] {
            assert_ne!(stored, other);
        }
    }
}
