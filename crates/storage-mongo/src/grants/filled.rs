//! Tenants that are filled with grants at once, for tests of what is bounded: storing thousands one by one takes minutes.

use domain::access::{Consent, Grant};
use mongodb::bson::Document;
use storage_documents::GrantDocument;

use super::rows::{of_grant, of_received};
use super::shares;
use crate::MongoStore;
use crate::collections::{GRANTS, GRANTS_RECEIVED};
use crate::transaction::transact;

/// Stores grants of one tenant as they would be stored one by one, but for what others are told of them.
pub(crate) async fn fill(store: &MongoStore, grants: Vec<Grant>) {
    let (mut given, mut received) = (Vec::new(), Vec::new());
    for grant in &grants {
        let document = storage_documents::encode(&GrantDocument::from(grant));
        let accepted = matches!(grant.consent, Consent::Given { .. });
        given.push(of_grant(grant, &document, accepted));
        received.extend(grant.shared_with().map(|receiver| of_received(grant, receiver, &document, accepted)));
    }
    let giver = grants[0].utility.tenant.clone();
    let shared = i64::try_from(received.len()).expect("there are few");
    for (collection, documents) in [(GRANTS.name, given), (GRANTS_RECEIVED.name, received)] {
        for some in documents.chunks(1_000) {
            store.shared.database.collection::<Document>(collection).insert_many(some).await.expect("the database answers");
        }
    }
    let counted = transact!(store, "counting what was filled in", &giver, |session| shares::count(session, &giver, shared).await.map(drop));
    counted.expect("the database answers");
}
