//! Signatures as Standard Webhooks have them (https://www.standardwebhooks.com): HMAC-SHA256 over id, time and body.

use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::identity::Secret;
use domain::time::Timestamp;
use domain::webhook::WebhookSecrets;

/// How a secret begins; the key follows in base64.
const PREFIX: &str = "whsec_";
/// Bytes of a key.
const KEY_BYTES: usize = 32;

/// A new secret.
pub(crate) fn new_secret() -> Secret {
    let mut bytes = [0; KEY_BYTES];
    // Without random numbers nothing here may go on: the secret could be guessed.
    rand::fill(&mut bytes).expect("the system has random numbers");
    Secret::new(format!("{PREFIX}{}", STANDARD.encode(bytes)))
}

/// The value of `webhook-signature`: one signature for each secret that holds now.
pub(crate) fn signatures(secrets: &WebhookSecrets, now: Timestamp, id: &str, seconds: u64, body: &str) -> Option<String> {
    let previous = secrets.previous.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
    let all = std::iter::once(&secrets.current).chain(previous).map(|secret| sign(secret, id, seconds, body));
    all.collect::<Option<Vec<_>>>().map(|all| all.join(" "))
}

/// `None` for a secret of another form than ours.
fn sign(secret: &Secret, id: &str, seconds: u64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.expose().strip_prefix(PREFIX)?).ok()?;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), format!("{id}.{seconds}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_that_of_the_examples_of_standard_webhooks() {
        // From the test vectors of the reference libraries.
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed.as_deref(), Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
    }

    #[test]
    fn each_secret_before_signs_until_its_time_is_over() {
        let previous = [20, 10].map(|until| (new_secret(), Timestamp::from_millis(until))).into();
        let secrets = WebhookSecrets { current: new_secret(), previous };
        let count = |now| signatures(&secrets, Timestamp::from_millis(now), "id", 1, "{}").unwrap().split(' ').count();
        assert_eq!((count(9), count(10), count(20)), (3, 2, 1));
    }
}
