//! What was asked of single services since a manifest was given: laid over it like one more environment, and held to the same rules.

use std::collections::BTreeMap;

use crate::manifest::content::Manifest;
use crate::manifest::file::File;
use crate::manifest::{build, overlay, rules};
use crate::node::{Member, Node, Value};
use crate::problem::Problems;

/// What was asked of one service; nothing leaves what the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whether it shall run.
    pub enabled: Option<bool>,
    /// How often it shall run.
    pub replicas: Option<u32>,
    /// How often it was restarted.
    pub restarts: u32,
}

impl File {
    /// What is wanted in an environment, or outside of all, with what was asked for since laid over it, by service.
    ///
    /// # Errors
    /// There is no such environment or service, or what was asked for breaks a rule.
    pub fn asked(&self, environment: Option<&str>, asked: &BTreeMap<String, Asked>) -> Result<Manifest, Problems> {
        let mut problems = Problems::default();
        let mut root = match environment {
            None => self.root.clone(),
            Some(name) if self.environments().contains(&name) => overlay::merged(&self.root, name),
            Some(name) => {
                problems.add("environments", None, "unknown-environment", format!("there is no environment `{name}`"));
                return Err(problems);
            }
        };
        for name in asked.keys() {
            let named = |service: &&Node| service.get("name").and_then(Node::scalar) == Some(name.as_str());
            if !root.get("services").map(Node::items).unwrap_or_default().iter().any(|service| named(&service)) {
                problems.add(format!("services.{name}"), None, "unknown-service", format!("there is no service `{name}`"));
            }
        }
        let changes = asked.iter().map(|(name, asked)| member(name, Node::new(Value::Map(asked.members()))));
        overlay::lay_services(&mut root, &Node::new(Value::Map(changes.collect())));
        let mut manifest = build::manifest(&root);
        for service in &mut manifest.services {
            service.restarts = asked.get(&service.name).map_or(0, |asked| asked.restarts);
        }
        rules::check(&manifest, &root, &mut problems);
        if problems.is_empty() { Ok(manifest) } else { Err(problems.sorted()) }
    }
}

impl Asked {
    fn members(&self) -> Vec<Member> {
        let enabled = self.enabled.map(|enabled| member("enabled", Node::new(Value::Bool(enabled))));
        let replicas = self.replicas.map(|replicas| member("replicas", Node::new(Value::Number(replicas.to_string()))));
        enabled.into_iter().chain(replicas).collect()
    }
}

fn member(name: &str, node: Node) -> Member {
    Member { name: name.to_owned(), place: None, node }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::file::Notation;
    use crate::observed::Observed;
    use crate::plan::{Kind, plan};
    use crate::revision::revisions;

    const SHOP: &str = "\
name: shop
services:
  - {name: db, context: {image: 'db:1'}, ports: [{target: 5432, published: 5432}]}
  - {name: web, context: {image: 'web:1'}, replicas: 2, depends_on: [{service: db}]}
environments: {production: {services: {web: {replicas: 4}}}}
";

    fn shop() -> File {
        File::read(SHOP, Notation::Yaml).unwrap()
    }

    fn asked(service: &str, asked: Asked) -> BTreeMap<String, Asked> {
        BTreeMap::from([(service.to_owned(), asked)])
    }

    fn refused(environment: Option<&str>, given: &BTreeMap<String, Asked>) -> Vec<&'static str> {
        let problems = shop().asked(environment, given).unwrap_err();
        problems.list().iter().map(|problem| problem.rule).collect()
    }

    #[test]
    fn what_is_asked_of_a_service_goes_before_its_environment() {
        let wanted = |environment, given: &BTreeMap<String, Asked>| shop().asked(environment, given).unwrap().services[1].wanted();
        assert_eq!(wanted(None, &BTreeMap::new()), 2);
        assert_eq!(wanted(Some("production"), &BTreeMap::new()), 4);
        assert_eq!(wanted(Some("production"), &asked("web", Asked { replicas: Some(3), ..Asked::default() })), 3);
        assert_eq!(wanted(None, &asked("web", Asked { enabled: Some(false), ..Asked::default() })), 0);
    }

    #[test]
    fn what_is_asked_is_held_to_the_rules_of_manifests() {
        let twice = Asked { replicas: Some(2), ..Asked::default() };
        assert_eq!(refused(None, &asked("db", twice.clone())), ["port-held-twice"]);
        assert_eq!(refused(None, &asked("cache", twice)), ["unknown-service"]);
        assert_eq!(refused(Some("test"), &BTreeMap::new()), ["unknown-environment"]);
        let stopped = Asked { enabled: Some(false), ..Asked::default() };
        assert_eq!(refused(None, &asked("db", stopped)), ["dependency-disabled"], "`web` waits for it");
    }

    #[test]
    fn a_restart_replaces_the_replicas_of_its_service_alone() {
        let once = asked("web", Asked { restarts: 1, ..Asked::default() });
        let (before, after) = (shop().manifest(), shop().asked(None, &once).unwrap());
        assert_eq!(revisions(&before)["db"], revisions(&after)["db"]);
        assert_ne!(revisions(&before)["web"], revisions(&after)["web"]);
        assert_eq!(revisions(&shop().asked(None, &BTreeMap::new()).unwrap()), revisions(&before));
        let made = plan(&after, &Observed::default());
        assert!(made.actions().all(|action| action.kind == Kind::Create));
    }
}
