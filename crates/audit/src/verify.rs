//! The verifier of an export: reads it once, from the beginning, and says what is wrong with it. It asks nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufRead, Read as _};

use serde::Deserialize;

use crate::checkpoint::{Checkpoint, Malformed};
use crate::cosignature::WitnessKey;
use crate::export::{FORM, Header, INTENT, Line, REMOVE, checkpoint_line, end_line, first_kept, removed_leaves, removed_line};
use crate::layout::MAX_ENTRY;
use crate::note::{VerifierKey, parts};
use crate::tree::Tree;

/// Most faults that are told: what follows from one of them says nothing new.
const MAX_FAULTS: usize = 100;
/// Most signers that are named: whoever adds lines must not choose how much is remembered.
const MAX_SIGNERS: usize = 100;
/// Most removals that have begun and are remembered until they end; a log has one, and one more for each server that died meanwhile.
const MAX_REMOVALS: usize = 100;
/// Longest line that is read.
const MAX_LINE: u64 = 2 * MAX_ENTRY as u64;

/// What whoever verifies knows beside the export.
#[derive(Debug, Default)]
pub struct Known {
    /// The keys that may sign. Empty: those that the export names, which whoever forged all of it has forged, too.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that were seen before, signed.
    pub checkpoints: Vec<String>,
    /// Witnesses, each of which must have cosigned a checkpoint of the log.
    pub witnesses: Vec<WitnessKey>,
}

/// What a witness has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// Its public key.
    pub witness: String,
    /// How many records the newest checkpoint covers that it has cosigned.
    pub records: u64,
    /// When it has, in seconds since 1970.
    pub time: u64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// Whose log it is.
    pub tenant: String,
    /// How many records there are, with those that were removed.
    pub records: u64,
    /// How many of them, the oldest, were removed as their time was over: their hashes stand, and what they said is gone.
    pub removed: u64,
    /// How many checkpoints fit.
    pub checkpoints: u64,
    /// The keys that the export names.
    pub keys: Vec<String>,
    /// The newest checkpoint that fits.
    pub newest: Option<String>,
    /// How many signatures of checkpoints that fit are by keys that are not known: of witnesses, or added by anybody.
    pub unknown_signatures: u64,
    /// Who they say that they are by, as name and id: the first hundred.
    pub unknown_signers: BTreeSet<String>,
    /// What each of the witnesses has seen that have cosigned a checkpoint that fits.
    pub witnessed: Vec<Witnessed>,
    /// Everything that is wrong; empty where the log is whole.
    pub faults: Vec<Fault>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The file has no header of this form.
    Header,
    /// A key of the header is none.
    Key(String),
    /// A line is longer than any, or none that an export has.
    Line {
        /// From 1.
        line: u64,
    },
    /// A record's own number or tenant is another than its place says: something was removed, inserted, moved or comes from elsewhere.
    Place {
        /// Its place, from 0.
        place: u64,
        /// The number that it has.
        sequence: u64,
        /// The tenant that it names.
        tenant: String,
    },
    /// Hashes stand in the place of a record behind one that is there.
    Gap {
        /// The line, from 1.
        line: u64,
    },
    /// More records are gone than the log says that were removed.
    Removed {
        /// How many are gone.
        removed: u64,
        /// How many the log says.
        said: u64,
    },
    /// A checkpoint cannot be trusted.
    Checkpoint {
        /// The line, from 1.
        line: u64,
        /// Why.
        cause: Malformed,
    },
    /// A checkpoint of another log.
    Origin {
        /// The line, from 1.
        line: u64,
        /// The log that it is of.
        origin: String,
    },
    /// A checkpoint stands behind another number of records than it covers.
    Size {
        /// The line, from 1.
        line: u64,
        /// What it covers.
        covers: u64,
        /// What stands before it.
        records: u64,
    },
    /// A checkpoint over as many records as the one before it.
    Repeated {
        /// The line, from 1.
        line: u64,
        /// The records that both cover.
        size: u64,
    },
    /// The records are not those that the checkpoint was signed for.
    Root {
        /// The records that the last checkpoint that fits covers.
        after: u64,
        /// The records that this one covers.
        size: u64,
    },
    /// Records behind the newest checkpoint, which nothing vouches for.
    Uncovered {
        /// The records that the newest checkpoint covers.
        covered: u64,
        /// How many there are.
        records: u64,
    },
    /// The end is missing, or something stands behind it.
    End,
    /// The end says another number of records.
    Count {
        /// What the end says.
        said: u64,
        /// How many there are.
        records: u64,
    },
    /// What was seen before covers more than there is now: an older state of the log.
    Rollback {
        /// What was seen.
        seen: u64,
        /// How many there are.
        records: u64,
    },
    /// What was seen before has another root over the same records: the log was written anew.
    Fork {
        /// What was seen.
        seen: u64,
    },
    /// What was seen before is no checkpoint of this log by a known key.
    Seen(Malformed),
    /// A cosignature in the name of a witness does not fit.
    Cosignature {
        /// The line, from 1.
        line: u64,
        /// The witness's public key.
        witness: String,
    },
    /// A witness has cosigned no checkpoint that fits.
    Unwitnessed {
        /// Its public key.
        witness: String,
    },
    /// There are more faults.
    More,
}

/// Verifies an export.
///
/// # Errors
/// When it cannot be read.
pub fn verify(mut export: impl BufRead, known: &Known) -> io::Result<Report> {
    let Some(mut verifier) = line(&mut export)?.and_then(|first| Verifier::begin(&first, known)) else {
        return Ok(Report { faults: vec![Fault::Header], ..Report::default() });
    };
    while let Some(line) = line(&mut export)? {
        verifier.take(&line);
    }
    Ok(verifier.finish())
}

/// The next line with its newline; as much of it as may be read where it is longer than any.
fn line(export: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    export.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    Ok((!line.is_empty()).then_some(line))
}

/// What a record says of its place, and of records that were removed; the rest is none of the verifier's business.
#[derive(Deserialize)]
struct Place {
    sequence: u64,
    tenant: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    resource: String,
    #[serde(default)]
    call: String,
    #[serde(default)]
    outcome: String,
}

struct Verifier {
    report: Report,
    origin: String,
    keys: Vec<VerifierKey>,
    witnesses: Vec<WitnessKey>,
    tree: Tree,
    /// The line that was read last, from 1.
    line: u64,
    /// How many of the oldest records the log says were removed.
    said_removed: u64,
    /// Removals that have begun and not ended, by their calls, and how many records each may take.
    removals: BTreeMap<String, u64>,
    /// Records that the last checkpoint that fits covers.
    covered: u64,
    /// Whether a root did not fit: those behind it do not either.
    broken: bool,
    /// Whether the end was read.
    ended: bool,
    /// Checkpoints that were seen before, the largest first; what is left of them.
    seen: Vec<Checkpoint>,
}

impl Verifier {
    fn begin(first: &[u8], known: &Known) -> Option<Self> {
        let header: Header = serde_json::from_slice(first).ok()?;
        if header.export != FORM || header.line() != first {
            return None;
        }
        let mut report = Report { tenant: header.tenant, ..Report::default() };
        let mut keys = known.keys.clone();
        for text in &header.keys {
            match text.parse() {
                Ok(key) if known.keys.is_empty() => keys.push(key),
                Ok(_) => {}
                Err(_malformed) => report.faults.push(Fault::Key(text.clone())),
            }
        }
        report.keys = header.keys;
        let mut seen = Vec::new();
        for note in &known.checkpoints {
            match Checkpoint::open(&keys, note) {
                Ok(checkpoint) if checkpoint.origin == header.origin => seen.push(checkpoint),
                Ok(_) => report.faults.push(Fault::Seen(Malformed::Text)),
                Err(cause) => report.faults.push(Fault::Seen(cause)),
            }
        }
        seen.sort_unstable_by_key(|checkpoint| std::cmp::Reverse(checkpoint.size));
        let mut begun = Verifier {
            report,
            origin: header.origin,
            keys,
            witnesses: known.witnesses.clone(),
            tree: Tree::default(),
            line: 1,
            said_removed: 0,
            removals: BTreeMap::new(),
            covered: 0,
            broken: false,
            ended: false,
            seen,
        };
        begun.compare_with_seen();
        Some(begun)
    }

    fn take(&mut self, line: &[u8]) {
        self.line += 1;
        if std::mem::take(&mut self.ended) {
            self.fault(Fault::End);
        }
        let Some(text) = line.strip_suffix(b"\n") else { return self.fault(Fault::Line { line: self.line }) };
        match serde_json::from_slice::<Line>(text) {
            Ok(Line::Checkpoint(note)) if checkpoint_line(&note) == line => self.checkpoint(note),
            Ok(Line::Removed(leaves)) => self.removed(&leaves, line),
            Ok(Line::End(records)) if end_line(records) == line => self.end(records),
            Ok(_) => self.fault(Fault::Line { line: self.line }),
            Err(_other) => self.record(text),
        }
    }

    fn record(&mut self, record: &[u8]) {
        let Ok(place) = serde_json::from_slice::<Place>(record) else { return self.fault(Fault::Line { line: self.line }) };
        if record.len() > MAX_ENTRY {
            return self.fault(Fault::Line { line: self.line });
        }
        let at = self.tree.size();
        if place.action == REMOVE {
            self.removal(&place, at);
        }
        if place.sequence != at || place.tenant != self.report.tenant {
            self.fault(Fault::Place { place: at, sequence: place.sequence, tenant: place.tenant });
        }
        self.tree.push(record);
        self.compare_with_seen();
    }

    /// Takes what a record at this place says of records that were removed: its outcome, where the log has it, and how far it may go
    /// until then. Who may make such a record is the server's business; that it was made there is what the checkpoints vouch for.
    fn removal(&mut self, place: &Place, at: u64) {
        let first = first_kept(&self.report.tenant, &place.resource).filter(|first| *first <= at).unwrap_or(0);
        if place.outcome != INTENT {
            self.removals.remove(&place.call);
            self.said_removed = self.said_removed.max(first);
        } else if self.removals.len() < MAX_REMOVALS {
            self.removals.insert(place.call.clone(), first);
        }
    }

    fn removed(&mut self, text: &str, line: &[u8]) {
        let Some(leaves) = removed_leaves(text).filter(|leaves| removed_line(leaves) == line) else {
            return self.fault(Fault::Line { line: self.line });
        };
        if self.report.removed != self.tree.size() {
            self.fault(Fault::Gap { line: self.line });
        }
        for leaf in leaves {
            self.report.removed += 1;
            self.tree.push_hash(leaf);
            self.compare_with_seen();
        }
    }

    fn checkpoint(&mut self, note: String) {
        let line = self.line;
        let checkpoint = match Checkpoint::open(&self.keys, &note) {
            Ok(checkpoint) => checkpoint,
            Err(cause) => return self.fault(Fault::Checkpoint { line, cause }),
        };
        let (size, records) = (checkpoint.size, self.tree.size());
        if checkpoint.origin != self.origin {
            return self.fault(Fault::Origin { line, origin: checkpoint.origin });
        }
        if size != records {
            return self.fault(Fault::Size { line, covers: size, records });
        }
        if self.report.checkpoints > 0 && size <= self.covered {
            return self.fault(Fault::Repeated { line, size });
        }
        if checkpoint.root == self.tree.root() {
            self.covered = size;
            self.report.checkpoints += 1;
            self.note_witnesses(&note);
            self.note_strangers(&note);
            self.report.newest = Some(note);
        } else if !std::mem::replace(&mut self.broken, true) {
            self.fault(Fault::Root { after: self.covered, size });
        }
    }

    fn note_strangers(&mut self, note: &str) {
        let (_, signatures) = parts(note).unwrap_or_default();
        for signature in signatures {
            let known = self.keys.iter().any(|key| key.made(&signature)) || self.witnesses.iter().any(|key| key.made(&signature));
            self.report.unknown_signatures += u64::from(!known);
            if !known && self.report.unknown_signers.len() < MAX_SIGNERS {
                self.report.unknown_signers.insert(signature.signer());
            }
        }
    }

    fn note_witnesses(&mut self, note: &str) {
        for witness in self.witnesses.clone() {
            match witness.cosigned(note) {
                Ok(Some(time)) => {
                    let seen = Witnessed { witness: witness.to_string(), records: self.covered, time };
                    self.report.witnessed.retain(|known| known.witness != seen.witness);
                    self.report.witnessed.push(seen);
                }
                Ok(None) => {}
                Err(_wrong) => self.fault(Fault::Cosignature { line: self.line, witness: witness.to_string() }),
            }
        }
    }

    fn end(&mut self, said: u64) {
        self.ended = true;
        let records = self.tree.size();
        if said != records {
            self.fault(Fault::Count { said, records });
        }
    }

    /// The same records must have the same root as when they were seen.
    fn compare_with_seen(&mut self) {
        while let Some(seen) = self.seen.pop_if(|seen| seen.size == self.tree.size()) {
            if seen.root != self.tree.root() {
                self.fault(Fault::Fork { seen: seen.size });
            }
        }
    }

    fn finish(mut self) -> Report {
        let records = self.tree.size();
        if !self.ended {
            self.fault(Fault::End);
        }
        if self.covered != records && !self.broken {
            self.fault(Fault::Uncovered { covered: self.covered, records });
        }
        let said = self.removals.values().copied().fold(self.said_removed, u64::max);
        let removed = self.report.removed;
        if removed > said {
            self.fault(Fault::Removed { removed, said });
        }
        while let Some(seen) = self.seen.pop() {
            self.fault(Fault::Rollback { seen: seen.size, records });
        }
        for witness in std::mem::take(&mut self.witnesses) {
            let witness = witness.to_string();
            if !self.report.witnessed.iter().any(|seen| seen.witness == witness) {
                self.fault(Fault::Unwitnessed { witness });
            }
        }
        self.report.records = records;
        self.report
    }

    fn fault(&mut self, fault: Fault) {
        match self.report.faults.len() {
            MAX_FAULTS => self.report.faults.push(Fault::More),
            count if count > MAX_FAULTS => {}
            _ => self.report.faults.push(fault),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Header => write!(f, "the first line is no header of an export ({FORM})"),
            Fault::Key(key) => write!(f, "{key:?} in the header is no public key"),
            Fault::Line { line } => write!(f, "line {line} is nothing that an export holds, or is cut off"),
            Fault::Place { place, sequence, tenant } => {
                write!(f, "record {place} says that it is record {sequence} of tenant {tenant:?}: some were removed, inserted or moved")
            }
            Fault::Gap { line } => write!(f, "line {line}: hashes stand in the place of records behind one that is there"),
            Fault::Removed { removed, said } => {
                write!(f, "the first {removed} records are gone, and the log says that {said} were removed")
            }
            Fault::Checkpoint { line, cause } => write!(f, "line {line}: {cause}"),
            Fault::Origin { line, origin } => write!(f, "line {line}: the checkpoint is of another log, {origin:?}"),
            Fault::Size { line, covers, records } => {
                write!(f, "line {line}: the checkpoint covers {covers} records, and {records} stand before it")
            }
            Fault::Repeated { line, size } => write!(f, "line {line}: a checkpoint over {size} records stood before it already"),
            Fault::Root { after, size } => {
                write!(f, "the checkpoint over {size} records was signed for others: something was changed from record {after} on")
            }
            Fault::Uncovered { covered, records } => {
                write!(f, "the newest checkpoint that fits covers {covered} of {records} records: nothing vouches for the others")
            }
            Fault::End => write!(f, "the last line is not the end of an export: something is cut off, or was added"),
            Fault::Count { said, records } => write!(f, "the end speaks of {said} records, and there are {records}"),
            Fault::Rollback { seen, records } => {
                write!(f, "{seen} records were seen before, and there are only {records}: this is an older state of the log")
            }
            Fault::Fork { seen } => write!(f, "the first {seen} records were seen before, and are others now: the log was written anew"),
            Fault::Seen(cause) => write!(f, "what was seen before is of no use: {cause}"),
            Fault::Cosignature { line, witness } => write!(f, "line {line}: the cosignature of {witness} does not fit"),
            Fault::Unwitnessed { witness } => write!(f, "no checkpoint that fits is cosigned by {witness}"),
            Fault::More => write!(f, "there are more faults"),
        }
    }
}
