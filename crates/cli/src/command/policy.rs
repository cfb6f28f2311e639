//! `zona policy ...`: what the code of the tenant's utilities may use, and which rules are excepted.

use std::time::{Duration, SystemTime};

use api_proto::zona::utility::v1 as pb;
use clap::{Args, Subcommand};

use super::execution::moment;
use super::utility::{Isolation, Preset};
use crate::client::{Client, names, soon};
use crate::context::Context;
use crate::document::message::{document, flag};
use crate::exit::Exit;
use crate::failure::{Failure, Result};
use crate::output::{fields, table};
use crate::pending::Pending;

#[expect(missing_docs, reason = "a comment here would be help text; the command line has its own")]
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Show the code policy of the tenant
    Show,
    /// Change the code policy; what is not named stays as it is
    Update(Update),
}

#[derive(Debug, Args)]
#[command(after_help = "Lists replace the ones before; an empty name, e.g. --extra-module \"\", leaves none. Rules are in docs/rules.")]
pub struct Update {
    /// What of the refused modules is open all the same
    #[arg(long, value_enum, ignore_case = true)]
    preset: Option<Preset>,
    /// Allow only this one of the reviewed modules; may be repeated
    #[arg(long, value_name = "MODULE")]
    only_module: Option<Vec<String>>,
    /// Allow this module beside the reviewed ones; may be repeated
    #[arg(long, value_name = "MODULE")]
    extra_module: Option<Vec<String>>,
    /// Let warnings of this rule block, too; may be repeated
    #[arg(long, value_name = "RULE")]
    deny_rule: Option<Vec<String>>,
    /// Allow a rule for one utility for a time; may be repeated, and adds to the exceptions there are
    #[arg(long, value_name = "UTILITY:RULE", value_parser = excepted, requires_all = ["reason", "expires"])]
    allow_rule: Vec<(String, String)>,
    /// Why, for those who review exceptions
    #[arg(long, value_name = "TEXT", requires = "allow_rule")]
    reason: Option<String>,
    /// After which time the rule holds again, e.g. 30d
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, requires = "allow_rule")]
    expires: Option<Duration>,
    /// Take the exception of a rule for one utility back; may be repeated
    #[arg(long, value_name = "UTILITY:RULE", value_parser = excepted)]
    revoke_rule: Vec<(String, String)>,
    /// The weakest isolation that executions may have
    #[arg(long, value_enum, ignore_case = true)]
    minimum_isolation: Option<Isolation>,
    /// Whether every execution gets a process that was forked for it alone
    #[arg(long, value_name = "BOOL")]
    fresh_processes: Option<bool>,
    /// Only when the policy still has this etag
    #[arg(long)]
    etag: Option<String>,
}

impl Policy {
    /// Does what was asked.
    ///
    /// # Errors
    /// What the person should read.
    pub fn run<'a>(&'a self, context: &'a Context) -> Pending<'a> {
        Box::pin(self.perform(context))
    }

    async fn perform(&self, context: &Context) -> Result {
        let client = context.connect().await?;
        let policy = match self {
            Policy::Show => get(&client, context).await?,
            Policy::Update(update) => update.run(&client, context).await?,
        };
        context.output.one(|| document(&policy), || human(&policy))?;
        Ok(Exit::Ok)
    }
}

async fn get(client: &Client, context: &Context) -> Result<pb::CodePolicy> {
    let name = names::code_policy(&context.tenant);
    Ok(client.policies().get_code_policy(soon(pb::GetCodePolicyRequest { name })).await?.into_inner())
}

impl Update {
    async fn run(&self, client: &Client, context: &Context) -> Result<pb::CodePolicy> {
        let name = names::code_policy(&context.tenant);
        let mut policy = pb::CodePolicy { name, etag: self.etag.clone().unwrap_or_default(), ..Default::default() };
        let mut paths = self.apply(&mut policy);
        if !(self.allow_rule.is_empty() && self.revoke_rule.is_empty()) {
            let present = get(client, context).await?;
            policy.exceptions = self.exceptions(present.exceptions, SystemTime::now())?;
            paths.push("exceptions");
            if policy.etag.is_empty() {
                // Exceptions are added to what was read, so nobody may have written in between.
                policy.etag = present.etag;
            }
        }
        if paths.is_empty() {
            return Err(Failure::usage("nothing to change was named").hint("`zona policy update --help` lists what can be changed"));
        }
        let update_mask = Some(prost_types::FieldMask { paths: paths.into_iter().map(str::to_owned).collect() });
        let request = pb::UpdateCodePolicyRequest { policy: Some(policy), update_mask };
        Ok(client.policies().update_code_policy(soon(request)).await?.into_inner())
    }

    /// Puts what was named into `policy`, but for exceptions; answers its paths.
    fn apply(&self, policy: &mut pb::CodePolicy) -> Vec<&'static str> {
        let mut paths = Vec::new();
        let lists = [
            ("only_modules", &self.only_module, &mut policy.only_modules),
            ("extra_modules", &self.extra_module, &mut policy.extra_modules),
            ("denied_rules", &self.deny_rule, &mut policy.denied_rules),
        ];
        for (path, named, list) in lists {
            if let Some(named) = named {
                *list = named.iter().filter(|name| !name.is_empty()).cloned().collect();
                paths.push(path);
            }
        }
        if let Some(preset) = self.preset {
            policy.preset = preset.proto().into();
            paths.push("preset");
        }
        if let Some(isolation) = self.minimum_isolation {
            policy.minimum_isolation = isolation.proto().into();
            paths.push("minimum_isolation");
        }
        if let Some(fresh) = self.fresh_processes {
            policy.fresh_processes = fresh;
            paths.push("fresh_processes");
        }
        paths
    }

    /// The exceptions there are, less those that have ended or are revoked or granted anew, and the new ones.
    fn exceptions(&self, present: Vec<pb::RuleException>, now: SystemTime) -> Result<Vec<pb::RuleException>> {
        let named = |list: &[(String, String)], exception: &pb::RuleException| {
            list.iter().any(|(utility, rule)| *utility == exception.utility && *rule == exception.rule)
        };
        if let Some((utility, rule)) = self
            .revoke_rule
            .iter()
            .find(|(utility, rule)| !present.iter().any(|exception| exception.utility == *utility && exception.rule == *rule))
        {
            return Err(Failure::new(Exit::NotFound, format!("there is no exception of {rule} for {utility}")));
        }
        let now = prost_types::Timestamp::from(now);
        let holds = |end: &prost_types::Timestamp| (end.seconds, end.nanos) > (now.seconds, now.nanos);
        let stays = |exception: &pb::RuleException| {
            exception.expire_time.as_ref().is_some_and(holds) && !named(&self.revoke_rule, exception) && !named(&self.allow_rule, exception)
        };
        let mut exceptions: Vec<_> = present.into_iter().filter(stays).collect();
        let expire_time = self.expires.map(|expires| end(&now, expires)).transpose()?;
        exceptions.extend(self.allow_rule.iter().map(|(utility, rule)| pb::RuleException {
            utility: utility.clone(),
            rule: rule.clone(),
            reason: self.reason.clone().unwrap_or_default(),
            expire_time,
            granted_by: String::new(),
        }));
        Ok(exceptions)
    }
}

fn end(now: &prost_types::Timestamp, after: Duration) -> Result<prost_types::Timestamp> {
    let seconds = i64::try_from(after.as_secs()).ok().and_then(|seconds| now.seconds.checked_add(seconds));
    let seconds = seconds.ok_or_else(|| Failure::usage("--expires is too long"))?;
    Ok(prost_types::Timestamp { seconds, nanos: now.nanos })
}

fn excepted(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once(':') {
        Some((utility, rule)) if !utility.is_empty() && !rule.is_empty() => Ok((utility.to_owned(), rule.to_owned())),
        _ => Err("must be the id of a utility and a rule, e.g. backup:ZPY-IMPORT-001".to_owned()),
    }
}

fn human(policy: &pb::CodePolicy) -> String {
    let only = if policy.only_modules.is_empty() { "all reviewed".to_owned() } else { policy.only_modules.join(" ") };
    let mut text = fields(&[
        ("name", policy.name.clone()),
        ("preset", flag("PolicyPreset", policy.preset().as_str_name())),
        ("modules", only),
        ("extra modules", policy.extra_modules.join(" ")),
        ("denied rules", policy.denied_rules.join(" ")),
        ("isolation", format!("at least {}", flag("Isolation", policy.minimum_isolation().as_str_name()))),
        ("processes", if policy.fresh_processes { "always fresh" } else { "as the server has them" }.to_owned()),
        ("etag", policy.etag.clone()),
        ("updated", moment(policy.update_time.as_ref())),
    ]);
    if !policy.exceptions.is_empty() {
        let rows = policy.exceptions.iter().map(|exception| {
            let end = moment(exception.expire_time.as_ref());
            vec![
                exception.utility.clone(),
                exception.rule.clone(),
                end,
                names::id(&exception.granted_by).to_owned(),
                exception.reason.clone(),
            ]
        });
        text.push_str(&format!("\nexceptions:\n{}", table(&["UTILITY", "RULE", "UNTIL", "GRANTED BY", "REASON"], rows)));
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        update: Update,
    }

    fn update(arguments: &[&str]) -> Update {
        Line::try_parse_from([&["update"], arguments].concat()).unwrap_or_else(|error| panic!("{error}")).update
    }

    fn exception(utility: &str, seconds: i64) -> pb::RuleException {
        let expire_time = Some(prost_types::Timestamp { seconds, nanos: 0 });
        pb::RuleException { utility: utility.to_owned(), rule: "R".to_owned(), reason: "old".to_owned(), expire_time, ..Default::default() }
    }

    #[test]
    fn exceptions_are_added_renewed_and_revoked_and_ended_ones_drop_out() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let line =
            ["--allow-rule", "new:R", "--allow-rule", "renewed:R", "--reason", "why", "--expires", "10s", "--revoke-rule", "revoked:R"];
        let present = vec![exception("kept", 101), exception("ended", 100), exception("renewed", 101), exception("revoked", 101)];
        let after = update(&line).exceptions(present, now).unwrap();
        let seen: Vec<_> = after.iter().map(|one| (one.utility.as_str(), one.reason.as_str(), one.expire_time.unwrap().seconds)).collect();
        assert_eq!(seen, [("kept", "old", 101), ("new", "why", 110), ("renewed", "why", 110)]);
        assert!(update(&line).exceptions(Vec::new(), now).is_err(), "nothing to revoke");
    }

    #[test]
    fn only_what_is_named_changes() {
        let mut policy = pb::CodePolicy::default();
        let paths = update(&["--extra-module", "yaml", "--extra-module", "lxml", "--deny-rule", ""]).apply(&mut policy);
        assert_eq!(paths, ["extra_modules", "denied_rules"]);
        assert_eq!((policy.extra_modules.join(" ").as_str(), policy.denied_rules.len()), ("yaml lxml", 0));
    }

    #[test]
    fn an_exception_needs_a_reason_and_an_end() {
        assert!(Line::try_parse_from(["update", "--allow-rule", "a:R", "--reason", "why"]).is_err());
        assert!(Line::try_parse_from(["update", "--allow-rule", "a", "--reason", "why", "--expires", "1d"]).is_err());
        assert!(Line::try_parse_from(["update", "--reason", "why"]).is_err());
    }
}
