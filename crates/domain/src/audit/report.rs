//! A report on a log: what happened in a period, counted, for whoever has to answer for it. It is read once, step by step, from the
//! oldest record of the period to the newest, and only what is counted is kept, which is bounded.
//!
//! Only records that were there when the report was begun count, so that the same period gives the same report once it is over.

use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::try_unfold;

use crate::access::Permit;
use crate::audit::actions::BuildAuditReport;
use crate::audit::repository::AuditRepository;
use crate::audit::tree::{AuditTree, Verification};
use crate::code_policy::{CodePolicyRepository, policy_in_force};
use crate::error::Result;
use crate::execution::{ExecutionQuery, ExecutionRepository};
use crate::page::{MAX_PAGE, PageRequest};

mod beginning;
mod content;
mod counting;
mod period;
mod reading;

pub use beginning::BeginningFault;
pub use content::{AccessCount, DayCount, DenialCount, Events, ExecutingCount, ExecutionCount, OutcomeCount, Report};
use counting::{Counting, Tally};
pub use period::{MAX_DAYS, Period};
use reading::Reading;

/// What building a report tells.
#[derive(Debug)]
pub enum Building {
    /// So many records of the period were read.
    Read(u64),
    /// The report; the last.
    Done(Box<Report>),
}

/// A report that is being built.
pub type Builds = Pin<Box<dyn Stream<Item = Result<Building>> + Send>>;

/// What a report is made from.
pub(super) struct Sources {
    pub(super) repository: Arc<dyn AuditRepository>,
    pub(super) tree: Arc<dyn AuditTree>,
    pub(super) executions: Arc<dyn ExecutionRepository>,
    pub(super) policies: Arc<dyn CodePolicyRepository>,
    pub(super) permit: Permit<BuildAuditReport>,
}

/// Reports on these records of the log.
pub(super) fn build(sources: Sources, period: Period, records: Range<u64>) -> Builds {
    let counting = Counting::new(&period);
    let builder = Builder { sources, period, counting, reading: Reading::new(records), stage: Stage::Records };
    Box::pin(try_unfold(builder, |mut builder| async move {
        Ok(match builder.stage {
            Stage::Records => {
                builder.read().await?;
                Some((Building::Read(builder.counting.records), builder))
            }
            Stage::Rest => {
                let report = builder.report().await?;
                builder.stage = Stage::Done;
                Some((Building::Done(Box::new(report)), builder))
            }
            Stage::Done => None,
        })
    }))
}

#[derive(Clone, Copy)]
enum Stage {
    Records,
    Rest,
    Done,
}

struct Builder {
    sources: Sources,
    period: Period,
    counting: Counting,
    reading: Reading,
    stage: Stage,
}

impl Builder {
    /// Counts the next records.
    async fn read(&mut self) -> Result<()> {
        let Sources { repository, permit, .. } = &self.sources;
        match self.reading.step(repository.as_ref(), permit, &self.period).await? {
            Some(records) => records.into_iter().for_each(|record| self.counting.count(&self.period, record)),
            None => self.stage = Stage::Rest,
        }
        Ok(())
    }

    /// The report, with what is not in the records of the period.
    async fn report(&mut self) -> Result<Report> {
        let Sources { repository, tree, policies, permit, .. } = &self.sources;
        let scope = permit.scope();
        let executions = self.executions().await?;
        let policy = permit.open(policy_in_force(policies.as_ref(), &scope).await?, permit.target())?;
        let mut exceptions = policy.exceptions;
        exceptions.retain(|exception| exception.expires > self.period.from());
        let oldest = permit.open_page(repository.since(&scope, 0, 1).await?).items.into_iter().next();
        let verification = self.verification().await?;
        let counted = std::mem::replace(&mut self.counting, Counting::new(&self.period));
        let oldest = oldest.map(|record| (record.sequence, record.entry.time));
        let sequence = oldest.map(|(sequence, _)| sequence);
        let beginning = beginning::fault(repository.as_ref(), tree.as_ref(), permit, sequence).await?;
        Ok(Report { executions, exceptions, oldest, beginning, verification, ..counted.into_report(scope.tenant().clone()) })
    }

    /// Whether everything that was read is what was signed for. Where it is, the rest is said of what was counted, which stays the same
    /// while the log grows.
    async fn verification(&self) -> Result<Option<Verification>> {
        let Sources { tree, permit, .. } = &self.sources;
        let scope = permit.scope();
        let Some((first, last)) = self.reading.read() else { return Ok(None) };
        let read = tree.verify(&scope, first, last).await?;
        match self.counting.sequences() {
            _ if !read.whole => Ok(Some(read)),
            Some((first, last)) => Ok(Some(tree.verify(&scope, first, last).await?)),
            None => Ok(None),
        }
    }

    /// What became of the executions of the period.
    async fn executions(&self) -> Result<Vec<ExecutionCount>> {
        let permit = &self.sources.permit;
        let (created_from, created_before) = (Some(self.period.from()), Some(self.period.before()));
        let query = ExecutionQuery { created_from, created_before, ..ExecutionQuery::default() };
        let mut tally = Tally::default();
        let mut after = None;
        loop {
            let page = PageRequest { size: MAX_PAGE, after };
            let page = permit.open_page(self.sources.executions.list(&permit.scope(), &query, &page).await?);
            for execution in page.items {
                let reason = execution.failure.map_or("", |failure| failure.reason.as_str());
                tally.add((execution.state.as_str(), reason), 1);
            }
            after = page.next;
            if after.is_none() {
                let row = |((state, reason), executions)| ExecutionCount { state, reason, executions };
                return Ok(tally.into_rows().map(row).collect());
            }
        }
    }
}
