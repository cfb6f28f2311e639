//! An IdentityService for the tests of sessions: it knows ann by her password and one API key, and each session until that is revoked.

use std::sync::{Mutex, PoisonError};

use api_proto::zona::identity::v1 as pb;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::HeaderMap;
use prost::Message;
use prost_types::{Duration, Timestamp};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub const ANN: &str = "tenants/acme/users/ann";
pub const CI: &str = "tenants/acme/serviceAccounts/ci";
pub const PASSWORD: &str = "correct horse battery";
/// A code of an issuer that serves, as often as it is shown; others are refused as IdentityService refuses them.
pub const CODE: &str = "a code";
pub const KEY: &str = "zona_key_abcdefghij234567_x";
/// How long a session lasts, in seconds.
pub const LIFE: i64 = 3_600;

#[derive(Default)]
pub struct Identity {
    /// Whose session each secret proves.
    sessions: Mutex<Vec<(String, &'static str)>>,
    /// The codes that it was shown.
    pub codes: Mutex<Vec<pb::CodeCredential>>,
}

impl Identity {
    /// The frame that answers a call.
    pub fn answer(&self, method: &str, headers: &HeaderMap, message: &[u8]) -> Result<Bytes, Status> {
        match method {
            "IssueToken" => self.issue(pb::IssueTokenRequest::decode(message).unwrap()).map(|answer| frame(&answer)),
            "WhoAmI" => self.who(headers).map(|(_, answer)| frame(&answer)),
            "Revoke" => {
                let (secret, known) = self.who(headers)?;
                let name = pb::RevokeRequest::decode(message).unwrap().name;
                let all = name == known.principal;
                self.sessions().retain(|(other, of)| if all { *of != known.principal } else { *other != secret });
                Ok(frame(&pb::RevokeResponse { name }))
            }
            other => panic!("nobody asks for {other}"),
        }
    }

    fn issue(&self, asked: pb::IssueTokenRequest) -> Result<pb::IssueTokenResponse, Status> {
        use pb::issue_token_request::Credential;

        assert!(asked.browser, "a browser has no refresh tokens");
        let principal = match asked.credential {
            Some(Credential::Password(shown)) if (shown.user.as_str(), shown.password.as_str()) == (ANN, PASSWORD) => ANN,
            Some(Credential::ApiKey(key)) if key == KEY => CI,
            Some(Credential::Code(code)) => {
                let is_right = code.code == CODE;
                self.codes.lock().unwrap_or_else(PoisonError::into_inner).push(code);
                if !is_right {
                    let details = ErrorDetails::with_error_info("SIGN_IN_OF_NOBODY", "zona.dev", std::collections::HashMap::new());
                    return Err(Status::with_error_details(Code::Unauthenticated, "no", details));
                }
                ANN
            }
            _ => return Err(Status::unauthenticated("no")),
        };
        let mut sessions = self.sessions();
        let secret = format!("zona_session_{}_{}", sessions.len(), principal.rsplit('/').next().unwrap_or_default());
        sessions.push((secret.clone(), principal));
        Ok(pb::IssueTokenResponse { session_secret: secret, expires_in: Some(Duration { seconds: LIFE, nanos: 0 }), ..Default::default() })
    }

    fn who(&self, headers: &HeaderMap) -> Result<(String, pb::WhoAmIResponse), Status> {
        let shown = headers.get("authorization").and_then(|shown| shown.to_str().ok()?.strip_prefix("Bearer "));
        let sessions = self.sessions();
        let known = sessions.iter().find(|(secret, _)| Some(secret.as_str()) == shown);
        let (secret, principal) = known.ok_or_else(|| Status::unauthenticated("no"))?;
        let answer = pb::WhoAmIResponse {
            principal: (*principal).to_owned(),
            display_name: "Ann".to_owned(),
            role: pb::Role::Creator.into(),
            session: format!("{principal}/sessions/{secret}"),
            api_key: if *principal == CI { format!("{CI}/apiKeys/abcdefghij234567") } else { String::new() },
            expire_time: Some(Timestamp { seconds: 1_796_032_800, nanos: 0 }),
            ..Default::default()
        };
        Ok((secret.clone(), answer))
    }

    fn sessions(&self) -> std::sync::MutexGuard<'_, Vec<(String, &'static str)>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn frame(message: &impl Message) -> Bytes {
    let encoded = message.encode_to_vec();
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(encoded.len() as u32);
    frame.extend_from_slice(&encoded);
    frame.freeze()
}
