//! The advisories that are in force, and how newer files take their place without a restart: whoever asks gets all of one
//! reading, and what was known is not forgotten because a file is damaged, missing for a moment, or half written.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use domain::time::Clock;

use super::files::{self, Found, Stamp};
use super::index::Advisories;
use super::osv::{self, Contents, Record};

/// How often files are looked at: their names and stamps. 20,000 files take 0.2 s of a debug build.
const PERIOD: Duration = Duration::from_secs(10);
/// Files and advisories that a log line names one by one; the rest is counted.
const MAX_NAMED: usize = 10;

/// Why a server cannot begin with the advisories that it was told to use.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file or directory, or it may not be looked at.
    #[error("cannot read the advisories {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// The system's words.
        #[source]
        source: io::Error,
    },
}

/// Advisories that follow their files.
pub(crate) struct Feed {
    source: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    current: RwLock<Arc<Advisories>>,
    books: Mutex<Books>,
    refused: AtomicU64,
    failed: AtomicU64,
    read_at: AtomicU64,
}

/// How things stand, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Faults that are known.
    pub(crate) known: u64,
    /// Files of which something cannot be used, and files and directories that cannot be looked at.
    pub(crate) refused: u64,
    /// Advisories with a range that is judged by its listed versions only.
    pub(crate) unjudged: u64,
    /// Readings that failed as a whole; what was known before stayed in force.
    pub(crate) failed: u64,
    /// When the files were read that are in force, in seconds since 1970; 0 where none are configured.
    pub(crate) read_at: u64,
}

/// What was read, by file.
#[derive(Default)]
struct Books {
    seen: Option<Found>,
    kept: BTreeMap<PathBuf, Kept>,
    /// Whether the last look failed, which is said once.
    failing: bool,
}

#[derive(Clone)]
struct Kept {
    stamp: Stamp,
    records: Vec<Arc<Record>>,
    problem: Option<String>,
}

// === impl Feed ===

impl Feed {
    /// Reads the files for the first time. Without a source nothing is known, ever.
    ///
    /// # Errors
    /// When the source cannot be looked at. What is wrong with single files is logged, and the rest is used.
    pub(crate) fn open(source: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let feed = Feed {
            source: source.map(Path::to_owned),
            clock,
            current: RwLock::default(),
            books: Mutex::default(),
            refused: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            read_at: AtomicU64::new(0),
        };
        if let Some(path) = source {
            let found = files::look(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
            feed.take(&mut feed.books.lock().unwrap_or_else(PoisonError::into_inner), path, found);
        }
        Ok(feed)
    }

    /// What is known now; what is read later changes nothing of it.
    pub(crate) fn current(&self) -> Arc<Advisories> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn standing(&self) -> Standing {
        let current = self.current();
        Standing {
            known: current.len() as u64,
            refused: self.refused.load(Ordering::Relaxed),
            unjudged: current.unjudged().len() as u64,
            failed: self.failed.load(Ordering::Relaxed),
            read_at: self.read_at.load(Ordering::Relaxed),
        }
    }

    /// Follows the files, for ever.
    pub(crate) async fn follow(self: Arc<Self>) {
        while self.source.is_some() {
            self.clock.sleep(PERIOD).await;
            let feed = Arc::clone(&self);
            if let Err(error) = tokio::task::spawn_blocking(move || feed.refresh()).await {
                tracing::error!(%error, "reading the advisories panicked; those read before stay in force");
            }
        }
    }

    /// Looks at the files, and reads those that have changed.
    pub(super) fn refresh(&self) {
        let Some(path) = &self.source else { return };
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        match files::look(path) {
            Err(error) if books.failing => tracing::debug!(%error, "the advisories still cannot be read"),
            Err(error) => {
                books.failing = true;
                self.keep(path, &error.to_string());
            }
            Ok(found) if books.seen.as_ref() == Some(&found) => books.failing = false,
            Ok(found) => {
                books.failing = false;
                self.take(&mut books, path, found);
            }
        }
    }

    fn take(&self, books: &mut Books, path: &Path, found: Found) {
        let mut kept: BTreeMap<_, _> = found.files.iter().map(|(file, stamp)| (file.clone(), books.kept(file, *stamp))).collect();
        let problems: Vec<_> =
            kept.iter().filter_map(|(file, kept)| Some(format!("{} {}", file.display(), kept.problem.as_ref()?))).collect();
        let (unseen, unseen_total) = found.unseen();
        let refused = problems.len() + unseen_total;
        self.refused.store(refused as u64, Ordering::Relaxed);
        say_problems(problems.into_iter().chain(unseen), refused);
        kept.extend(books.out_of_sight(&found));
        let records: Vec<_> = kept.values().flat_map(|kept| &kept.records).cloned().collect();
        let instead = found.instead();
        let files = found.files.len();
        books.seen = Some(found);
        if records.is_empty() {
            let lies = if instead.is_empty() { format!("{files} files in JSON") } else { instead };
            return self.keep(path, &format!("no advisory about a package of PyPI is there, but {lies}"));
        }
        books.kept = kept;
        let advisories = Advisories::new(&records);
        say_unjudged(advisories.unjudged());
        tracing::info!(count = advisories.len(), files, path = %path.display(), ignored = instead, "read the advisories");
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(advisories);
        self.read_at.store(self.clock.now().as_millis() / 1_000, Ordering::Relaxed);
    }

    /// Nothing usable was found: what is in force stays so.
    fn keep(&self, path: &Path, why: &str) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let known = self.current().len();
        let path = path.display();
        if known == 0 {
            tracing::warn!(%path, why, "no advisories are in force: no vulnerability of a package will be shown");
        } else {
            tracing::warn!(%path, why, known, "the advisories cannot be read; those read before stay in force");
        }
    }
}

// === impl Books ===

impl Books {
    /// A file as it is now. What an earlier state of it said stays known where the present one cannot be read.
    fn kept(&self, file: &Path, stamp: Stamp) -> Kept {
        let earlier = self.kept.get(file);
        if let Some(same) = earlier.filter(|earlier| earlier.stamp == stamp) {
            return same.clone();
        }
        let read = files::content(file).map(|bytes| osv::read(&bytes));
        let Contents { records, problem } =
            read.unwrap_or_else(|error| Contents { records: Vec::new(), problem: Some(format!("cannot be read: {error}")) });
        let mut records: Vec<Arc<Record>> = records.into_iter().map(Arc::new).collect();
        if let Some(earlier) = earlier.filter(|_| problem.is_some()) {
            let now: HashSet<String> = records.iter().map(|record| record.id.clone()).collect();
            records.extend(earlier.records.iter().filter(|record| !now.contains(&record.id)).cloned());
        }
        Kept { stamp, records, problem }
    }

    /// What was read of files that cannot be looked at now; bounded as the files of one look are, however often they change.
    fn out_of_sight(&self, found: &Found) -> Vec<(PathBuf, Kept)> {
        let room = files::MAX_NAMES.saturating_sub(found.files.len());
        let hidden = self.kept.iter().filter(|(file, _)| !found.files.contains_key(*file) && found.may_hold(file));
        hidden.take(room).map(|(file, kept)| (file.clone(), kept.clone())).collect()
    }
}

fn say_problems(problems: impl Iterator<Item = String>, total: usize) {
    for problem in problems.take(MAX_NAMED) {
        tracing::warn!(problem, "a file of advisories cannot be used; the others are");
    }
    if total > MAX_NAMED {
        tracing::warn!(count = total - MAX_NAMED, "more files of advisories cannot be used");
    }
}

fn say_unjudged(unjudged: &[String]) {
    if !unjudged.is_empty() {
        let first = unjudged.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        tracing::warn!(count = unjudged.len(), first, "advisories have a bound that is no version, and are judged without it");
    }
}
