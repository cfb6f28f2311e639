//! What callers see of a log whose oldest records were removed.

use api_proto::zona::audit::v1 as pb;
use domain::audit::AuditRepository as _;
use pb::export_audit_records_response::Part;
use test_support::sample::scope;
use tokio_stream::StreamExt as _;
use tonic::Code;

use crate::audit::SCRIPT;
use crate::harness::{Harness, TENANT, reason};

/// A log of four records under a checkpoint, whose first three were removed, and more.
async fn shortened() -> Harness {
    let server = Harness::start().await;
    server.create("a", SCRIPT).await;
    export(&server, false).await;
    assert_eq!(server.execution_store.remove(&scope("demo"), 3, 9, None).await.unwrap(), 3);
    server
}

async fn export(server: &Harness, readable: bool) -> Vec<Part> {
    let request = pb::ExportAuditRecordsRequest { parent: TENANT.to_owned(), readable };
    let parts = server.audit.clone().export_audit_records(request).await.unwrap().into_inner();
    parts.map(|part| part.unwrap().part.unwrap()).collect().await
}

#[tokio::test]
async fn hashes_stand_in_an_export_for_records_that_were_removed_and_nothing_in_one_to_be_read() {
    let server = shortened().await;
    let parts = export(&server, false).await;
    let [Part::Header(_), Part::Removed(hashes), Part::Checkpoint(first), rest @ .., Part::Checkpoint(_), Part::End(all)] = &parts[..]
    else {
        panic!("{parts:?}")
    };
    let expected: Vec<u8> = [[0; 32], [1; 32], [2; 32]].concat();
    assert_eq!((hashes, first.as_str()), (&expected, "3 records"));
    assert!(rest.iter().all(|part| matches!(part, Part::Record(_))), "{rest:?}");
    assert_eq!(*all, 3 + rest.len() as i64);

    let read = export(&server, true).await;
    let [Part::Header(_), records @ .., Part::End(said)] = &read[..] else { panic!("{read:?}") };
    assert_eq!(*said, records.len() as i64);
    let first = records.first().map(|part| match part {
        Part::Read(record) => record.sequence,
        other => panic!("{other:?}"),
    });
    assert_eq!(first, Some(3));
}

#[tokio::test]
async fn whoever_asks_for_a_record_that_was_removed_is_told_where_the_log_begins() {
    let server = shortened().await;
    let proof = pb::GetInclusionProofRequest { parent: TENANT.to_owned(), sequence: 2, size: 0 };
    let watch = pb::WatchAuditRecordsRequest { parent: TENANT.to_owned(), from_sequence: Some(0), ..Default::default() };
    let refused = [
        server.audit.clone().get_inclusion_proof(proof).await.unwrap_err(),
        server.audit.clone().watch_audit_records(watch).await.unwrap_err(),
    ];
    for status in refused {
        assert_eq!((status.code(), reason(&status)), (Code::OutOfRange, "RECORDS_REMOVED".to_owned()));
        assert!(status.message().contains("before 3 were removed"), "{}", status.message());
    }
}
