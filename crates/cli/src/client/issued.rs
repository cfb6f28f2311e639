//! What signing in and going on with a session answer, as a session that can be kept.

use api_proto::zona::identity::v1 as pb;

use crate::contexts::Session;
use crate::secret::Secret;

impl From<pb::IssueTokenResponse> for Session {
    fn from(answer: pb::IssueTokenResponse) -> Self {
        let (access, refresh) = (Secret::new(answer.access_token), Secret::new(answer.refresh_token));
        Session::begun(answer.session, refresh, access, seconds(answer.expires_in))
    }
}

impl From<pb::RefreshTokenResponse> for Session {
    fn from(answer: pb::RefreshTokenResponse) -> Self {
        let (access, refresh) = (Secret::new(answer.access_token), Secret::new(answer.refresh_token));
        Session::begun(answer.session, refresh, access, seconds(answer.expires_in))
    }
}

fn seconds(duration: Option<prost_types::Duration>) -> u64 {
    duration.map_or(0, |duration| duration.seconds.try_into().unwrap_or_default())
}
