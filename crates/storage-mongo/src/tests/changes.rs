//! Listeners hear of changes: of their own server's before these are answered, of others' soon.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use domain::change::{ChangeListener, Changed};
use domain::code_policy::{CodePolicy, CodePolicyRepository};
use domain::revision::Revision;
use domain::utility::UtilityRepository;
use test_support::sample::{creation, scope, utility};

use super::Scratch;
use crate::MongoStore;

#[derive(Default)]
struct Heard(Mutex<Vec<Changed>>);

#[async_trait::async_trait]
impl ChangeListener for Heard {
    async fn changed(&self, what: &Changed) {
        self.0.lock().unwrap().push(what.clone());
    }
}

impl Heard {
    fn take(&self) -> Vec<Changed> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn what_one_server_changes_its_listener_hears_before_the_answer_and_others_soon() {
    // Far above what it takes: the machine may be busy.
    const SOON: Duration = Duration::from_secs(30);
    let (scratch, acme) = (Scratch::new().await, scope("acme"));
    let [(own, here), (others, there)] = [listening(&scratch).await, listening(&scratch).await];
    let made = utility(&acme, "extract");
    UtilityRepository::commit(&here, &acme, creation(made.clone())).await.unwrap();
    let of_utility = Changed::Utility { tenant: acme.tenant().clone(), id: made.name.utility.clone() };
    assert_eq!(own.take(), std::slice::from_ref(&of_utility));
    let policy = CodePolicy { revision: Revision::NONE.next(), ..CodePolicy::default_of(acme.tenant().clone()) };
    assert!(CodePolicyRepository::commit(&here, &acme, Revision::NONE, &policy).await.unwrap());
    let of_policy = Changed::CodePolicy { tenant: acme.tenant().clone() };
    let (mut heard, began) = (Vec::new(), Instant::now());
    while !(heard.contains(&of_utility) && heard.contains(&of_policy)) {
        assert!(began.elapsed() < SOON, "{heard:?}");
        heard.extend(others.take());
        tokio::task::yield_now().await;
    }
    assert_eq!(own.take(), [of_policy], "what a server has changed itself it does not hear again");
    drop(there);
}

async fn listening(scratch: &Scratch) -> (Arc<Heard>, MongoStore) {
    let heard = Arc::new(Heard::default());
    (heard.clone(), scratch.another().await.telling(heard))
}
