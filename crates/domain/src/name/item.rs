//! Names of the executions that a batch starts.

use sha2::{Digest as _, Sha256};

use super::{ExecutionId, OperationId};

impl OperationId {
    /// The id of the execution of its item `index`: always the same, so that whoever starts it a second time meets the first. It is of the
    /// operation's time, and sorts by the index among the others of the operation.
    ///
    /// # Panics
    /// From 2^14 on, which is more than an operation has items.
    pub fn item(&self, index: u32) -> ExecutionId {
        let place = u16::try_from(index).ok().filter(|place| *place < 1 << 14).expect("an operation has fewer items");
        let digest: [u8; 32] = Sha256::new().chain_update(self.as_str()).chain_update(index.to_be_bytes()).finalize().into();
        // Version 7 and the variant of RFC 9562, and between them and behind them the place in 14 bits; 60 bits are left for the hash.
        let third = 0x7000 | (place >> 2);
        let fourth = 0x8000 | ((place & 3) << 12) | (u16::from_be_bytes([digest[0], digest[1]]) & 0x0fff);
        let node = u64::from_be_bytes([0, 0, digest[2], digest[3], digest[4], digest[5], digest[6], digest[7]]);
        let time = &self.as_str()[..13];
        let text = format!("{time}-{third:04x}-{fourth:04x}-{node:012x}");
        ExecutionId::parse("execution", &text).expect("a time, a place and a hash make a UUID")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::OperationId;

    fn operation(text: &str) -> OperationId {
        OperationId::parse("operation", text).unwrap()
    }

    #[test]
    fn executions_of_an_operation_have_ids_of_their_own_in_the_order_of_its_items() {
        let first = operation("018f0000-0001-7000-8000-000000000001");
        let second = operation("018f0000-0001-7000-8000-000000000002");
        let ids: Vec<_> = (0..10_000).map(|index| first.item(index)).collect();
        assert!(ids.is_sorted() && ids[0] == first.item(0));
        let all: BTreeSet<_> = ids.iter().cloned().chain((0..10_000).map(|index| second.item(index))).collect();
        assert_eq!(all.len(), 20_000);
        assert!(ids.iter().all(|id| id.as_str().starts_with("018f0000-0001-7") && "89ab".contains(&id.as_str()[19..20])));
    }
}
