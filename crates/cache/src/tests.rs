//! The cache keeps the contracts of the ports that it stands before, and never answers older than what was answered.

use std::sync::Arc;

use domain::access::GrantRepository;
use domain::code_policy::CodePolicyRepository;
use domain::utility::UtilityRepository;
use test_support::{InMemoryCodePolicyRepository, InMemoryGrantRepository, InMemoryUtilityRepository};

use crate::{Cache, CachedCodePolicyRepository, CachedGrantRepository, CachedUtilityRepository};

mod bounds;
mod coherence;
mod redis;
mod watched;

/// More than any test needs.
const ROOMY: u64 = 64 << 20;

fn utilities() -> Box<dyn UtilityRepository> {
    let cache = Arc::new(Cache::new(ROOMY));
    let store = InMemoryUtilityRepository::default().telling(cache.clone());
    Box::new(CachedUtilityRepository::new(Arc::new(store), cache))
}

fn policies() -> Box<dyn CodePolicyRepository> {
    let cache = Arc::new(Cache::new(ROOMY));
    let store = InMemoryCodePolicyRepository::default().telling(cache.clone());
    Box::new(CachedCodePolicyRepository::new(Arc::new(store), cache))
}

fn grants() -> Box<dyn GrantRepository> {
    let cache = Arc::new(Cache::new(ROOMY));
    let store = InMemoryGrantRepository::default().telling(cache.clone());
    Box::new(CachedGrantRepository::new(Arc::new(store), cache))
}

mod utility_contract {
    test_support::utility_repository_contract!(super::utilities());
}

mod policy_contract {
    test_support::code_policy_repository_contract!(super::policies());
}

mod grant_contract {
    test_support::grant_repository_contract!(super::grants());
}
