//! The calls of a tenant that all servers take from, in Redis: the generic cell rate algorithm (GCRA). What is stored of a tenant and class is one time,
//! at which everything that was taken would have come at the rate itself; it lies at most a second ahead.

use std::num::NonZeroU32;
use std::time::Duration;

use domain::limit::CallClass;
use domain::name::TenantId;
use fred::interfaces::LuaInterface as _;
use resilience::Standing;

use crate::redis::{Connection, speaks_against};

/// How far ahead of the rate a tenant may be: the calls of this time may come at once.
const AHEAD: Duration = Duration::from_secs(1);
/// Longest wait that is believed: no answer of the script says more.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Takes up to ARGV[3] calls of which one comes each ARGV[1] microseconds, not further ahead than ARGV[2]. Answers how many, and
/// for how many microseconds there is nothing where it is none. The time is Redis's own: servers' clocks may differ.
const SCRIPT: &str = "\
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, ahead, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local stored = redis.call('GET', KEYS[1])
local taken_until = stored and tonumber(stored) or now
if taken_until < now or taken_until > now + ahead + interval then taken_until = now end
local there = math.floor((now + ahead - taken_until) / interval)
if there < 1 then return {0, math.ceil(taken_until + interval - ahead - now)} end
local taken = math.min(wanted, there)
taken_until = taken_until + taken * interval
redis.call('SET', KEYS[1], string.format('%.0f', taken_until), 'PX', math.ceil((taken_until - now) / 1000) + 1)
return {taken, 0}";

/// What all servers take from.
pub(super) struct Common(Connection);

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Calls(NonZeroU32),
    Nothing { wait: Duration },
}

impl Common {
    pub(super) fn new(connection: Connection) -> Self {
        Common(connection)
    }

    /// Takes some calls of a tenant; `None` where that cannot be asked. A full Redis refuses the script where it would store something.
    pub(super) async fn take(&self, tenant: &TenantId, class: CallClass, rate: NonZeroU32, wanted: u32) -> Option<Taken> {
        let key = format!("zona:{{{tenant}}}:limits:{}", class.as_str());
        let interval = Duration::from_secs(1) / rate.get();
        let micros = |duration: Duration| duration.as_secs_f64() * 1e6;
        let arguments = [micros(interval).to_string(), micros(AHEAD).to_string(), wanted.to_string()];
        let client = self.0.command();
        let run = || client.eval::<Vec<i64>, _, _, _>(SCRIPT, vec![key.clone()], arguments.to_vec());
        let answer = self.0.writes.ask(speaks_against, run).await.ok()?;
        let [taken, wait]: [i64; 2] = answer.try_into().ok()?;
        match u32::try_from(taken).ok().and_then(NonZeroU32::new) {
            // More than was wanted, nobody has said.
            Some(taken) => Some(Taken::Calls(taken.min(NonZeroU32::new(wanted)?))),
            None => Some(Taken::Nothing { wait: Duration::from_micros(u64::try_from(wait).ok()?).min(MAX_WAIT) }),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        self.0.writes.standing()
    }
}
