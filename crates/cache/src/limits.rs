//! How often a tenant may call: counted here, and for all servers together through Redis.
//!
//! Each server counts for itself first, so one alone never lets more through than all may together. Where there is Redis, it takes calls from
//! the tenant's common store of them there, some at a time, so that most calls ask nobody. Where Redis is gone, slow or full, each
//! server lets its share through: never more than that, and never everything.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::Result;
use domain::limit::{CallClass, CallLimits, refusal};
use domain::name::TenantId;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use resilience::Standing;
use tokio::time::Instant;

use crate::flights::{Flights, Landing, Seat};
use crate::redis::{Config, Connection, Error as RedisError};

mod common;

use common::{Common, Taken};

/// A twentieth of a second's calls is taken from Redis at a time: it is asked at most some twenty times a second for each tenant and class, and
/// what a server that dies has taken and not used is little.
const TAKEN_AT_A_TIME: u32 = 20;
/// How long what was taken may be used: beyond, the calls of one second would be made in another.
const USABLE: Duration = Duration::from_secs(1);
/// How often a call waits for what others take; then Redis is asked for it alone.
const TURNS: u32 = 3;
/// Tenants of which something is kept; with more, what is not in use is let go.
const MAX_TENANTS: usize = 100_000;

/// Calls a second of one tenant, of each class; `None` for as many as come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Reads.
    pub reads: Option<NonZeroU32>,
    /// Changes.
    pub writes: Option<NonZeroU32>,
    /// Executions.
    pub executions: Option<NonZeroU32>,
    /// How many servers share them while Redis cannot be asked.
    pub servers: NonZeroU32,
}

/// The limits of a server.
pub struct Limits {
    classes: [Option<Class>; 3],
    common: Option<Common>,
}

/// What is kept of one class of calls.
struct Class {
    class: CallClass,
    rate: NonZeroU32,
    here: DefaultKeyedRateLimiter<TenantId>,
    share: DefaultKeyedRateLimiter<TenantId>,
    taken: Mutex<HashMap<TenantId, Held>>,
    taking: Flights<TenantId>,
}

/// What was taken and is not used yet, or that nothing is to be had for a while.
#[derive(Clone, Copy)]
enum Held {
    Calls { left: u32, until: Instant },
    Nothing { until: Instant },
}

/// What all servers together say.
enum Verdict {
    Granted,
    Refused(Duration),
    /// They cannot be asked.
    Unknown,
}

// === impl Limits ===

impl Limits {
    /// Limits that this server keeps by itself.
    pub fn local(rates: &Rates) -> Self {
        let class = |class, rate: Option<NonZeroU32>| rate.map(|rate| Class::new(class, rate, rates.servers));
        let classes =
            [class(CallClass::Read, rates.reads), class(CallClass::Write, rates.writes), class(CallClass::Execute, rates.executions)];
        Limits { classes, common: None }
    }

    /// Limits that servers keep together through Redis. Begins to connect, and waits for nothing.
    ///
    /// # Errors
    /// There can be no way to Redis. That it does not answer is no reason.
    pub fn shared(rates: &Rates, redis: &Config) -> std::result::Result<Self, RedisError> {
        Ok(Limits { common: Some(Common::new(Connection::open(redis)?)), ..Limits::local(rates) })
    }

    /// How asking Redis goes; `None` where there is none.
    pub fn standing(&self) -> Option<Standing> {
        self.common.as_ref().map(Common::standing)
    }

    async fn ask_all(&self, common: &Common, class: &Class, tenant: &TenantId) -> Verdict {
        for _ in 0..TURNS {
            if let Some(verdict) = class.use_held(tenant) {
                return verdict;
            }
            match class.taking.take(tenant) {
                Seat::First(flight) => {
                    let taken = common.take(tenant, class.class, class.rate, class.at_a_time()).await;
                    let verdict = taken.map(|taken| class.hold(tenant, taken));
                    flight.land(if verdict.is_some() { Landing::Done } else { Landing::Failed });
                    return verdict.unwrap_or(Verdict::Unknown);
                }
                Seat::Behind(other) => match other.landing().await {
                    Landing::Done | Landing::GivenUp => {}
                    Landing::Failed => return Verdict::Unknown,
                },
            }
        }
        match common.take(tenant, class.class, class.rate, 1).await {
            Some(Taken::Calls(_)) => Verdict::Granted,
            Some(nothing @ Taken::Nothing { .. }) => class.hold(tenant, nothing),
            None => Verdict::Unknown,
        }
    }
}

#[async_trait]
impl CallLimits for Limits {
    async fn admit(&self, tenant: &TenantId, class: CallClass) -> Result<()> {
        let Some(class) = self.classes.iter().flatten().find(|known| known.class == class) else { return Ok(()) };
        class.count(&class.here, tenant)?;
        let Some(common) = &self.common else { return Ok(()) };
        match self.ask_all(common, class, tenant).await {
            Verdict::Granted => Ok(()),
            Verdict::Refused(wait) => Err(refusal(tenant, class.class, wait)),
            Verdict::Unknown => class.count(&class.share, tenant),
        }
    }
}

// === impl Class ===

impl Class {
    fn new(class: CallClass, rate: NonZeroU32, servers: NonZeroU32) -> Self {
        let share = NonZeroU32::new(rate.get() / servers.get()).unwrap_or(NonZeroU32::MIN);
        Class {
            class,
            rate,
            here: RateLimiter::keyed(Quota::per_second(rate)),
            share: RateLimiter::keyed(Quota::per_second(share)),
            taken: Mutex::default(),
            taking: Flights::new(),
        }
    }

    fn at_a_time(&self) -> u32 {
        (self.rate.get() / TAKEN_AT_A_TIME).max(1)
    }

    fn count(&self, bucket: &DefaultKeyedRateLimiter<TenantId>, tenant: &TenantId) -> Result<()> {
        if bucket.len() > MAX_TENANTS {
            bucket.retain_recent();
        }
        let now = DefaultClock::default().now();
        bucket.check_key(tenant).map_err(|refused| refusal(tenant, self.class, refused.wait_time_from(now)))
    }

    /// Uses one of the calls that were taken; `None` where more must be.
    fn use_held(&self, tenant: &TenantId) -> Option<Verdict> {
        let now = Instant::now();
        match self.taken().get_mut(tenant)? {
            Held::Calls { left, until } if *left > 0 && now < *until => {
                *left -= 1;
                Some(Verdict::Granted)
            }
            Held::Nothing { until } if now < *until => Some(Verdict::Refused(*until - now)),
            Held::Calls { .. } | Held::Nothing { .. } => None,
        }
    }

    /// Keeps what was taken, but for one, which is used.
    fn hold(&self, tenant: &TenantId, taken: Taken) -> Verdict {
        let now = Instant::now();
        let (held, verdict) = match taken {
            Taken::Calls(calls) => (Held::Calls { left: calls.get() - 1, until: now + USABLE }, Verdict::Granted),
            Taken::Nothing { wait } => (Held::Nothing { until: now + wait }, Verdict::Refused(wait)),
        };
        let mut all = self.taken();
        if all.len() >= MAX_TENANTS {
            all.retain(|_, held| {
                now < match held {
                    Held::Calls { until, .. } | Held::Nothing { until } => *until,
                }
            });
        }
        all.insert(tenant.clone(), held);
        verdict
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<TenantId, Held>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
