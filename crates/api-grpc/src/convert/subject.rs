//! What is stored of a person, part by part, and the request that erases it.

use std::mem::take;

use api_proto::zona::identity::v1 as pb;
use domain::identity::{Asked, Session, SubjectPart};
use domain::name::PrincipalName;
use domain::revision::Etag;

use crate::convert::{Violations, audit, event_log, grant, identity, request_key, time};

/// Reads EraseSubject.
pub(crate) fn read_erase(mut body: pb::EraseSubjectRequest, caller: &PrincipalName) -> Asked {
    let (id, mut violations) = (take(&mut body.request_id), Violations::default());
    let request = request_key::read("EraseSubject", caller, &id, &body, &mut violations);
    Asked { etag: Etag::default(), request, violations: violations.into_inner() }
}

/// A part of what is stored of a person.
pub(crate) fn part_to_wire(part: SubjectPart) -> pb::ExportSubjectResponse {
    use pb::export_subject_response::Part;
    let part = match part {
        SubjectPart::User(user) => Part::User(identity::user_to_wire(&user)),
        SubjectPart::Session(session) => Part::Session(session_to_wire(&session)),
        SubjectPart::Grant { utility, access, expires } => Part::Grant(pb::SubjectGrant {
            utility: utility.to_string(),
            access: grant::access_to_wire(access).into(),
            expire_time: expires.map(time::timestamp),
        }),
        SubjectPart::Utility(name) => Part::Utility(name.to_string()),
        SubjectPart::Execution(name) => Part::Execution(name.to_string()),
        SubjectPart::Record(record) => Part::AuditRecord(audit::record_to_wire(&record)),
        SubjectPart::Event(event) => Part::Event(event_log::event_to_wire(*event)),
    };
    pb::ExportSubjectResponse { part: Some(part) }
}

fn session_to_wire(session: &Session) -> pb::SubjectSession {
    pb::SubjectSession {
        name: session.name().to_string(),
        create_time: Some(time::timestamp(session.created)),
        expire_time: Some(time::timestamp(session.expires)),
        revoke_time: session.revoked.map(time::timestamp),
        issuer: session.vouched.as_ref().map(|vouched| vouched.issuer.to_string()).unwrap_or_default(),
    }
}
