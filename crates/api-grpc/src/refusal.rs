//! When a refusal is answered that hides whether something exists: after the same time, whatever was looked at to find that out. What
//! was read lately is in memory, what was not is loaded with its code, and what is missing is looked for in the store each time; whoever
//! measures that could tell them apart. What is answered stands elsewhere.

use std::future::Future;
use std::io;
use std::time::Duration;

use domain::error::ErrorKind;
use domain::{Error, Result};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime};
use tokio::net::unix::pipe::Receiver;
use tokio::time::{Instant, sleep_until};

/// From the beginning of the work to its refusal, at least. The looks that are to be hidden take a tenth of it on a busy machine; who asks
/// for what is there never waits for it.
const PATIENCE: Duration = Duration::from_millis(5);

/// Does `work`, whose refusals that hide whether something exists come no earlier than [`PATIENCE`] after it began. Who waits holds what its
/// stream holds, and a place among the changes where it is one: no thread, no connection of a store, no lock.
pub(crate) async fn evenly<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    evenly_where(|done| done.as_ref().is_err_and(hides), work).await
}

/// As [`evenly`], for work that tells of refusals in its answers: `refuses` says of which.
pub(crate) async fn evenly_where<T>(refuses: impl FnOnce(&Result<T>) -> bool, work: impl Future<Output = Result<T>>) -> Result<T> {
    let begun = Instant::now();
    let done = work.await;
    if refuses(&done) {
        wait_until(begun + PATIENCE).await;
    }
    done
}

/// Waits for a timer of the kernel. The runtime's own counts in milliseconds from when somebody begins to wait, so what was done before
/// would show in when it rings.
async fn wait_until(then: Instant) {
    if rings_at(then).await.is_err() {
        // Without a descriptor for it, the coarse one serves.
        sleep_until(then).await;
    }
}

async fn rings_at(then: Instant) -> io::Result<()> {
    let left = then.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(());
    }
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    let once = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec::try_from(left).map_err(|_beyond| io::ErrorKind::InvalidInput)?,
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &once)?;
    // Any descriptor that becomes readable can be waited for like this; the runtime's type for all kinds of them is made by unsafe code only.
    Receiver::from_owned_fd_unchecked(timer)?.readable().await
}

/// Whether it is answered alike for what exists and for what does not.
fn hides(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Denied | ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    async fn check_takes_its_time<T>(work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let mut work = Box::pin(work);
        let done = match work.as_mut().now_or_never() {
            // A thread that was stopped for so long in between, as under a tracer, finds that the time is over.
            Some(done) => {
                assert!(begun.elapsed() >= PATIENCE, "it is answered at once");
                done
            }
            None => work.await,
        };
        assert!(begun.elapsed() >= PATIENCE, "{:?}", begun.elapsed());
        done
    }

    #[tokio::test]
    async fn a_refusal_that_is_known_at_once_takes_its_time() {
        let missing = Error::NotFound { resource: "tenants/demo/utilities/some".to_owned() };
        check_takes_its_time(evenly(async { Err::<(), _>(missing) })).await.unwrap_err();
        let denied = Error::Denied { action: "utility.get", resource: "tenants/acme/utilities/some".to_owned() };
        check_takes_its_time(evenly(async { Err::<(), _>(denied) })).await.unwrap_err();
    }

    #[tokio::test]
    async fn an_answer_that_refuses_takes_its_time_too() {
        let told = evenly_where(|told| matches!(told, Ok(false)), async { Ok(false) });
        assert!(!check_takes_its_time(told).await.unwrap());
    }

    #[tokio::test]
    async fn what_hides_nothing_is_answered_at_once() {
        assert!(evenly(async { Ok(()) }).now_or_never().is_some());
        for error in [Error::Unauthenticated, Error::Invalid(Vec::new())] {
            assert!(evenly(async { Err::<(), _>(error) }).now_or_never().is_some());
        }
    }
}
