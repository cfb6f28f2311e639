//! What a worker asks for, and what has to be there afterwards.

use e2e::rpc;
use serde_json::Value;
use uuid::{Builder, Uuid};

/// A request, which may be sent more than once.
#[derive(Debug, Clone)]
pub struct Step {
    /// What makes it the same request.
    pub request_id: Uuid,
    /// What it asks for.
    pub what: What,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A new utility whose code holds this number.
    Create(u64),
    /// A new version.
    Update(u64),
    /// The content of the first version once more.
    Restore,
    Delete,
    Undelete,
    /// An execution.
    Start,
}

/// A utility as it has to be.
#[derive(Debug, Clone)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// The numbers in the codes of its versions.
    pub versions: Vec<u64>,
    /// Whether it is deleted.
    pub is_deleted: bool,
    /// Its executions.
    pub executions: Vec<String>,
    /// How often it was changed by each action.
    pub changes: Vec<&'static str>,
    /// What others are told of it, in this order.
    pub events: Vec<&'static str>,
}

impl Expected {
    /// One that was just created.
    pub fn created(id: &str, number: u64) -> Self {
        let events = vec!["dev.zona.utility.created"];
        Expected { name: rpc::utility(id), versions: vec![number], is_deleted: false, executions: Vec::new(), changes: Vec::new(), events }
    }

    /// It after this step; `execution` is the name of what was started.
    pub fn apply(&mut self, what: &What, execution: Option<String>) {
        match what {
            What::Create(_) => unreachable!("it is there"),
            What::Update(number) => self.versions.push(*number),
            What::Restore => {
                let told = self.restore().then_some("dev.zona.utility.restored");
                self.events.extend(told);
            }
            What::Delete => self.is_deleted = true,
            What::Undelete => self.is_deleted = false,
            What::Start => self.executions.extend(execution),
        }
        match what {
            What::Update(_) => self.events.push("dev.zona.utility.updated"),
            What::Delete => self.events.push("dev.zona.utility.deleted"),
            What::Undelete => self.events.push("dev.zona.utility.undeleted"),
            What::Create(_) | What::Restore | What::Start => {}
        }
        self.changes.push(what.action());
    }

    /// Whether an audit record is about it or one of its versions.
    pub fn is_meant_by(&self, record: &Value) -> bool {
        let after = record["resource"].as_str().and_then(|resource| resource.strip_prefix(&self.name));
        after.is_some_and(|after| after.is_empty() || after.starts_with('/'))
    }

    /// Restoring what is the newest anyway changes nothing; says whether it did.
    fn restore(&mut self) -> bool {
        let first = self.versions[0];
        let changes = self.versions.last() != Some(&first);
        if changes {
            self.versions.push(first);
        }
        changes
    }
}

impl What {
    /// The action as the audit log names it.
    pub fn action(&self) -> &'static str {
        match self {
            What::Create(_) => "utility.create",
            What::Update(_) => "utility.update",
            What::Restore => "version.restore",
            What::Delete => "utility.delete",
            What::Undelete => "utility.undelete",
            What::Start => "utility.start",
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough to be at random places, and the same each time.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn from_seed(seed: u64) -> Self {
        Random(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn uuid(&mut self) -> Uuid {
        let bytes = (u128::from(self.next()) << 64 | u128::from(self.next())).to_be_bytes();
        Builder::from_random_bytes(bytes).into_uuid()
    }
}
