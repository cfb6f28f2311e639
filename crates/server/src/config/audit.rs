//! `[audit]`: who vouches for audit logs beside the server, and what is recorded more closely than it is anyway.

use api_grpc::RecordedSingly;
use audit::WitnessKey;
use settings::{Place, section, value};

section! {
    /// The audit log.
    pub struct Audit in Place::table("audit");

    /// public keys of witnesses whose cosignatures of checkpoints are taken, separated by commas, each as `NAME+ID+KEY`
    witnesses: Option<Vec<WitnessKey>>, shown "nobody" => value::optional(keys);
    /// methods each call of which is recorded instead of counted by the minute, separated by commas, each as `UtilityService/ListUtilities`, or `*` for all
    record_singly: Option<RecordedSingly>, shown "none" => value::optional(RecordedSingly::parse);
}

impl Audit {
    /// What is recorded singly beyond what always is.
    pub(crate) fn record_singly(&self) -> RecordedSingly {
        self.record_singly.clone().unwrap_or_default()
    }

    /// The witnesses.
    pub(crate) fn witnesses(&self) -> Vec<WitnessKey> {
        self.witnesses.clone().unwrap_or_default()
    }
}

fn keys(text: &str) -> Result<Vec<WitnessKey>, String> {
    let key = |text: &str| text.trim().parse().map_err(|_malformed| format!("{text:?} is no key of a witness (cosignature/v1)"));
    text.split(',').map(key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keys_of_witnesses_are_taken() {
        let witness = "witness.example+0080fed4+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
        let read = keys(&format!("{witness}, {witness}")).unwrap();
        assert_eq!(read.iter().map(ToString::to_string).collect::<Vec<_>>(), [witness; 2]);
        let wrong = keys(&witness.replace("witness", "other")).unwrap_err();
        assert!(wrong.contains("is no key of a witness"), "its id is of another name: {wrong}");
        assert!(keys("").is_err() && keys("a,b").is_err());
    }
}
