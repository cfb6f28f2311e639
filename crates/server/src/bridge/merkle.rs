//! The tree over each tenant's audit log: joins the store, which keeps tiles and checkpoints, to the crate `audit`, which knows how
//! to make them.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use audit::{Checkpoint, CosignatureError, Key, Missing, TILE_HASHES, TileId, Tiles, Tree, VerifierKey, WitnessKey, cosign, leaf_hash};
use domain::access::TenantScope;
use domain::audit::{AuditRepository, AuditTree, CosignatureRefused, Sealed, StoredRecord, Tile, TilePlace, Verification};
use domain::hash::Hash;
use domain::name::TenantId;
use domain::time::Clock;
use domain::{Error, Result};

/// Bytes of records that one checkpoint covers at most: bounds memory when a log grew long unsealed.
const STEP_BYTES: usize = 4 * 1024 * 1024;

/// The trees of an installation. Every log has its own name, under which the one key signs.
pub(crate) struct MerkleTree {
    repository: Arc<dyn AuditRepository>,
    key: Key,
    installation: String,
    clock: Arc<dyn Clock>,
    witnesses: Vec<WitnessKey>,
}

impl MerkleTree {
    pub(crate) fn new(
        repository: Arc<dyn AuditRepository>,
        key: Key,
        installation: &str,
        clock: Arc<dyn Clock>,
        witnesses: Vec<WitnessKey>,
    ) -> Self {
        MerkleTree { repository, key, installation: format!("zona.dev/audit/{installation}"), clock, witnesses }
    }

    fn verifier(&self, tenant: &TenantId) -> VerifierKey {
        self.key.named(self.origin(tenant)).verifier()
    }

    /// How many records the last checkpoint covers, and the tiles that grow from there. What they add up to must be what was signed:
    /// whoever changed a tile is found before anything is signed over it.
    async fn last(&self, scope: &TenantScope) -> Result<(u64, Tiles, Tree)> {
        let Some(stored) = self.repository.checkpoint(scope, u64::MAX).await? else { return Ok((0, Tiles::default(), Tree::default())) };
        let opened = Checkpoint::open(&[self.verifier(scope.tenant())], &stored.note);
        opened.map_err(|malformed| Error::internal("the last checkpoint of an audit log is not ours", malformed))?;
        let (tiles, tree) = self.grown(scope, &stored).await?.ok_or_else(broken)?;
        Ok((tree.size(), tiles, tree))
    }

    /// The tiles that grow from a checkpoint on, and the tree that they add up to; `None` where that is not what was signed.
    async fn grown(&self, scope: &TenantScope, stored: &domain::audit::Checkpoint) -> Result<Option<(Tiles, Tree)>> {
        let mut tiles = Tiles::default();
        self.fetch(scope, &mut tiles, TileId::growing(stored.size)).await?;
        let tree = tiles.tree(stored.size).filter(|tree| self.signed(scope.tenant(), stored, tree));
        Ok(tree.map(|tree| (tiles, tree)))
    }

    /// Whether a checkpoint was signed for this tree.
    fn signed(&self, tenant: &TenantId, stored: &domain::audit::Checkpoint, tree: &Tree) -> bool {
        let opened = Checkpoint::open(&[self.verifier(tenant)], &stored.note);
        opened.is_ok_and(|signed| {
            (signed.origin, signed.size, signed.root) == (self.origin(tenant), stored.size, tree.root()) && tree.size() == stored.size
        })
    }

    /// Adds the records up to `size` to a tree; says whether all of them are there.
    async fn add(&self, scope: &TenantScope, tree: &mut Tree, size: u64) -> Result<bool> {
        while tree.size() < size {
            let from = tree.size();
            let records = self.repository.records_from(scope, from, STEP_BYTES).await?;
            for record in records.into_iter().take_while(|record| record.sequence < size) {
                if record.sequence != tree.size() {
                    return Ok(false);
                }
                tree.push(&record.bytes);
            }
            // The rest of them is missing, whether there are later ones or not.
            if tree.size() == from {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Covers the next records by a checkpoint, unless the first `size` are covered; says whether they are.
    async fn step(&self, scope: &TenantScope, size: u64) -> Result<bool> {
        let (from, mut tiles, mut tree) = self.last(scope).await?;
        if from >= size {
            return Ok(true);
        }
        let records = self.repository.records_from(scope, from, STEP_BYTES).await?;
        if records.is_empty() {
            return Err(broken());
        }
        grow(&mut tiles, &mut tree, &records)?;
        let origin = self.origin(scope.tenant());
        let signed = Checkpoint { origin: origin.clone(), size: tree.size(), root: tree.root() };
        let note = signed.sign(&self.key.named(origin));
        let checkpoint = domain::audit::Checkpoint { size: signed.size, time: self.clock.now(), note };
        let tile = |(id, hashes): (TileId, Vec<u8>)| Tile { place: TilePlace { level: id.level, index: id.index }, hashes };
        let tiles = tiles.into_tiles().map(tile).collect();
        if self.repository.seal(scope, Sealed { from, tiles, checkpoint }).await? {
            return Ok(signed.size >= size);
        }
        // Where another server was first, the next step goes on from its checkpoint.
        let last = self.repository.checkpoint(scope, u64::MAX).await?.map_or(0, |checkpoint| checkpoint.size);
        if last == from { Err(broken()) } else { Ok(false) }
    }

    async fn fetch(&self, scope: &TenantScope, tiles: &mut Tiles, ids: impl IntoIterator<Item = TileId>) -> Result<()> {
        let places: Vec<_> = ids.into_iter().map(|id| TilePlace { level: id.level, index: id.index }).collect();
        if places.is_empty() {
            return Ok(());
        }
        for Tile { place, hashes } in self.repository.tiles(scope, &places).await? {
            tiles.insert(TileId { level: place.level, index: place.index }, hashes);
        }
        Ok(())
    }

    /// A proof, with the tiles that it turns out to need.
    async fn prove(
        &self,
        scope: &TenantScope,
        proof: impl Fn(&Tiles) -> Result<Vec<audit::Hash>, Missing> + Send + Sync,
    ) -> Result<Vec<Hash>> {
        let (mut tiles, mut asked) = (Tiles::default(), BTreeSet::new());
        loop {
            match proof(&tiles) {
                Ok(hashes) => return Ok(hashes.into_iter().map(Hash::from_bytes).collect()),
                Err(Missing(ids)) if ids.iter().any(|id| !asked.insert(*id)) => return Err(broken()),
                Err(Missing(ids)) => self.fetch(scope, &mut tiles, ids).await?,
            }
        }
    }
}

#[async_trait]
impl AuditTree for MerkleTree {
    fn origin(&self, tenant: &TenantId) -> String {
        format!("{}/tenants/{tenant}", self.installation)
    }

    fn key(&self, tenant: &TenantId) -> String {
        self.verifier(tenant).to_string()
    }

    async fn seal(&self, scope: &TenantScope) -> Result<()> {
        // What is added meanwhile is for the next time: a log that is written without a pause must not hold up whoever waits for this.
        let size = self.repository.size(scope).await?;
        while !self.step(scope, size).await? {}
        Ok(())
    }

    async fn inclusion(&self, scope: &TenantScope, sequence: u64, size: u64) -> Result<Vec<Hash>> {
        self.prove(scope, |tiles| audit::inclusion(tiles, sequence, size)).await
    }

    async fn consistency(&self, scope: &TenantScope, older: u64, newer: u64) -> Result<Vec<Hash>> {
        self.prove(scope, |tiles| audit::consistency(tiles, older, newer)).await
    }

    async fn leaves(&self, scope: &TenantScope, from: u64, to: u64) -> Result<Vec<Hash>> {
        let id = TileId { level: 0, index: from / TILE_HASHES as u64 };
        let mut tiles = Tiles::default();
        self.fetch(scope, &mut tiles, [id]).await?;
        let leaves = tiles.leaves(from, to).ok_or_else(broken)?;
        Ok(leaves.into_iter().map(Hash::from_bytes).collect())
    }

    fn cosigned(&self, note: &str, cosignatures: &str) -> Result<String, CosignatureRefused> {
        cosign(&self.witnesses, note, cosignatures).map_err(|error| match error {
            CosignatureError::Form => CosignatureRefused::Malformed,
            CosignatureError::Unknown => CosignatureRefused::UnknownWitness,
            CosignatureError::Signature => CosignatureRefused::Wrong,
        })
    }

    async fn verify(&self, scope: &TenantScope, first: u64, last: u64) -> Result<Verification> {
        let before = self.repository.checkpoint(scope, first).await?;
        let first = before.as_ref().map_or(0, |checkpoint| checkpoint.size);
        let mut verification = Verification { first, size: first, checkpoints: 0, whole: true };
        let mut tree = Tree::default();
        if let Some(before) = before {
            match self.grown(scope, &before).await? {
                Some((_, grown)) => tree = grown,
                None => return Ok(Verification { whole: false, ..verification }),
            }
        }
        while verification.whole && verification.size <= last {
            let Some(next) = self.repository.checkpoint_after(scope, verification.size).await? else {
                return Ok(Verification { whole: false, ..verification });
            };
            verification.whole = self.add(scope, &mut tree, next.size).await? && self.signed(scope.tenant(), &next, &tree);
            verification.size = next.size;
            verification.checkpoints += 1;
        }
        Ok(verification)
    }
}

fn grow(tiles: &mut Tiles, tree: &mut Tree, records: &[StoredRecord]) -> Result<()> {
    for record in records {
        if record.sequence != tree.size() {
            return Err(broken());
        }
        let leaf = leaf_hash(&record.bytes);
        tiles.push(tree.size(), leaf);
        tree.push_hash(leaf);
    }
    Ok(())
}

/// Somebody has changed what this store keeps, or lost some of it. A person must act: nothing more is signed over it.
fn broken() -> Error {
    Error::Internal { context: "records and tiles of an audit log do not fit its last checkpoint", source: None }
}

#[cfg(test)]
pub(crate) mod tests;
