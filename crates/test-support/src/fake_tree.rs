//! A tree over audit logs without hashes.

use std::sync::Arc;

use async_trait::async_trait;
use domain::Result;
use domain::access::TenantScope;
use domain::audit::{AuditRepository, AuditTree, Checkpoint, CosignatureRefused, Sealed, Verification};
use domain::hash::Hash;
use domain::name::TenantId;
use domain::time::Timestamp;

/// A tree without hashes: it says of checkpoints how many records they cover, and of proofs what they are of.
pub struct FakeTree {
    repository: Arc<dyn AuditRepository>,
}

impl FakeTree {
    /// A tree over the logs of this repository.
    pub fn new(repository: Arc<dyn AuditRepository>) -> Self {
        FakeTree { repository }
    }
}

#[async_trait]
impl AuditTree for FakeTree {
    fn origin(&self, tenant: &TenantId) -> String {
        format!("fake/{tenant}")
    }

    fn key(&self, tenant: &TenantId) -> String {
        format!("key of {tenant}")
    }

    async fn seal(&self, scope: &TenantScope) -> Result<()> {
        let from = self.repository.checkpoint(scope, u64::MAX).await?.map_or(0, |last| last.size);
        let new = self.repository.records_from(scope, from, usize::MAX).await?.len() as u64;
        if new > 0 {
            let size = from + new;
            let checkpoint = Checkpoint { size, time: Timestamp::default(), note: format!("{size} records") };
            self.repository.seal(scope, Sealed { from, tiles: Vec::new(), checkpoint }).await?;
        }
        Ok(())
    }

    fn cosigned(&self, note: &str, cosignatures: &str) -> Result<String, CosignatureRefused> {
        match cosignatures {
            "malformed" => Err(CosignatureRefused::Malformed),
            "unknown" => Err(CosignatureRefused::UnknownWitness),
            "wrong" => Err(CosignatureRefused::Wrong),
            good => Ok(format!("{note}, {good}")),
        }
    }

    async fn verify(&self, _scope: &TenantScope, first: u64, last: u64) -> Result<Verification> {
        Ok(Verification { first, size: last + 1, checkpoints: 1, whole: true })
    }

    async fn leaves(&self, _scope: &TenantScope, from: u64, to: u64) -> Result<Vec<Hash>> {
        Ok((from..to).map(|sequence| Hash::from_bytes([sequence as u8; 32])).collect())
    }

    async fn inclusion(&self, _scope: &TenantScope, sequence: u64, size: u64) -> Result<Vec<Hash>> {
        Ok(vec![Hash::from_bytes([sequence as u8; 32]), Hash::from_bytes([size as u8; 32])])
    }

    async fn consistency(&self, _scope: &TenantScope, older: u64, newer: u64) -> Result<Vec<Hash>> {
        Ok(vec![Hash::from_bytes([older as u8; 32]), Hash::from_bytes([newer as u8; 32])])
    }
}
