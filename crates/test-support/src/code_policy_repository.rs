//! What every `CodePolicyRepository` promises; each check wants an empty repository.

use domain::code_policy::{CodePolicy, CodePolicyRepository, Preset, RuleException};
use domain::revision::Revision;
use domain::sandbox::Isolation;

use crate::sample::{at, scope, user, utility_id};

/// Makes one test of each check. `$make` is an expression that gives something that dereferences to an empty repository.
#[macro_export]
macro_rules! code_policy_repository_contract {
    ($make:expr) => {
        #[tokio::test]
        async fn a_policy_survives_whole_and_only_for_its_tenant() {
            let repository = $make;
            $crate::code_policy_repository::a_policy_survives_whole_and_only_for_its_tenant(&*repository).await;
        }

        #[tokio::test]
        async fn a_policy_changes_only_from_the_expected_revision() {
            let repository = $make;
            $crate::code_policy_repository::a_policy_changes_only_from_the_expected_revision(&*repository).await;
        }
    };
}

fn policy(revision: Revision) -> CodePolicy {
    let exception = RuleException {
        utility: utility_id("backup"),
        rule: "ZPY-FILE-001".to_owned(),
        reason: "reads its own /tmp".to_owned(),
        expires: at(5_000),
        granted_by: user("ann"),
    };
    CodePolicy {
        preset: Preset::Compatible,
        only_modules: Some(vec!["json".to_owned()]),
        extra_modules: vec!["acme_tools".to_owned()],
        denied_rules: vec!["ZPY-QUALITY-001".to_owned()],
        exceptions: vec![exception],
        minimum_isolation: Isolation::SingleUse,
        fresh_processes: true,
        revision,
        updated: at(7),
        ..CodePolicy::default_of(scope("acme").tenant().clone())
    }
}

/// Every field comes back; another tenant has none.
pub async fn a_policy_survives_whole_and_only_for_its_tenant(repository: &dyn CodePolicyRepository) {
    assert_eq!(repository.find(&scope("acme")).await.expect("the store answers").open_for_system(), None);
    assert!(repository.commit(&scope("acme"), Revision::NONE, &policy(Revision::FIRST)).await.expect("the store answers"));
    assert_eq!(repository.find(&scope("acme")).await.expect("the store answers").open_for_system(), Some(policy(Revision::FIRST)));
    assert_eq!(repository.find(&scope("beta")).await.expect("the store answers").open_for_system(), None);
}

/// A change from another revision stores nothing.
pub async fn a_policy_changes_only_from_the_expected_revision(repository: &dyn CodePolicyRepository) {
    let (none, first, second) = (Revision::NONE, Revision::FIRST, Revision::FIRST.next());
    let store = async |expected, next| repository.commit(&scope("acme"), expected, &policy(next)).await.expect("the store answers");
    assert!(!store(first, second).await, "nothing is stored yet");
    assert!(store(none, first).await);
    assert!(!store(none, first).await, "a first one is stored already");
    assert!(store(first, second).await);
    assert!(!store(first, second).await);
    assert_eq!(
        repository.find(&scope("acme")).await.expect("the store answers").open_for_system().map(|policy| policy.revision),
        Some(second)
    );
}
