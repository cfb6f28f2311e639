//! The methods of the contract, as the server treats them: one table, built from the descriptors. Routes apart, whatever the server
//! knows of a service or a method stands here: how it is called, what it does, and which services health answers for.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use api_proto::zona::annotations::v1::{Operation, Who};

/// Unary methods that answer when user code is done: the one thing that a descriptor does not tell.
const RUNS: [&str; 1] = ["/zona.execution.v1.ExecutionService/Transform"];
/// Reads that show code or what programs have put out, which secrets there are, what the platform is made of, or who has done what: each is recorded, which a descriptor does not tell
/// either. All other reads are counted.
const SHOWS: [&str; 13] = [
    "/zona.process.v1.ProcessService/GetPlatform",
    "/zona.process.v1.ProcessService/ReadLogs",
    "/zona.secret.v1.SecretService/GetSecret",
    "/zona.secret.v1.SecretService/ListSecrets",
    "/zona.utility.v1.CopyService/GetProposal",
    "/zona.utility.v1.UtilityService/GetUtility",
    "/zona.utility.v1.UtilityService/GetUtilityVersion",
    "/zona.utility.v1.UtilityService/DiffUtilityVersions",
    "/zona.execution.v1.ExecutionService/GetExecution",
    "/zona.execution.v1.ExecutionService/WatchExecution",
    "/zona.audit.v1.AuditService/ListAuditRecords",
    "/zona.audit.v1.AuditService/WatchAuditRecords",
    "/zona.audit.v1.AuditService/BuildAuditReport",
];
/// Methods that start an execution, which store their intent together with it. Any other that has an effect stores its intent before,
/// also one that comes to execute something otherwise.
const LAUNCHES: [&str; 3] = [
    "/zona.execution.v1.ExecutionService/ExecuteUtility",
    "/zona.execution.v1.ExecutionService/StartExecution",
    "/zona.execution.v1.ExecutionService/Transform",
];
/// The label of what is no method of ours: a path is the caller's choice of words.
const OTHER: &str = "other";
/// The kind of resource that is stopped.
const EXECUTION: &str = "execution";
/// How paths of reflection begin: of what is served, it alone takes many messages.
const REFLECTION: &str = "/grpc.reflection.";

/// How a method is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One message in, one out, soon.
    Unary,
    /// One message in, one out, when user code is done.
    Run,
    /// Messages out for as long as there are any.
    Stream,
}

/// What the request of a method is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Input {
    /// One message; it is held until the request has ended, and only then dealt with.
    One,
    /// Messages that are dealt with one by one.
    Many,
    /// Bytes that somebody else makes a message of, once all are there.
    Bytes,
}

/// What a method does, as far as it matters when its caller goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing is changed: the work is dropped with the call.
    Nothing,
    /// An execution is started, which is stored before anything runs. From there on, the task of the execution stores what becomes of
    /// it; the call is only how somebody asked for it, and where the execution is to end with the call, it ends by the call's being
    /// dropped.
    Launch,
    /// An execution is stopped: its task stores that.
    Stop,
    /// Something is changed: the work is brought to its end whoever is still there.
    Change,
}

/// One method.
#[derive(Debug)]
pub(crate) struct Method {
    /// Its path, e.g. `/zona.utility.v1.UtilityService/GetUtility`.
    pub(crate) path: String,
    /// How it is called.
    pub(crate) shape: Shape,
    /// What its request is made of.
    pub(crate) input: Input,
    /// What it does.
    pub(crate) effect: Effect,
    /// Whether each call of it is recorded although it has no effect, for what it shows.
    pub(crate) shows: bool,
    /// Whether anybody may call it: its request itself proves who asks, or it answers what is public.
    pub(crate) open: bool,
}

/// Methods each call of which is recorded, although it would be counted only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordedSingly(BTreeSet<String>);

/// Every method of the contract. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Methods {
    by_path: Arc<HashMap<String, Arc<Method>>>,
    other: Arc<Method>,
    reflection: Arc<Method>,
    services: Arc<BTreeSet<String>>,
}

impl Methods {
    /// Reads them out of the descriptors.
    pub(crate) fn of_contract(singly: &RecordedSingly) -> Self {
        let described = api_proto::methods();
        let services = described.iter().map(|method| method.service.clone()).collect();
        let method = |described: &api_proto::Method| {
            let method = Method::of(described);
            Method { shows: method.shows || (method.is_counted() && singly.0.contains(&method.path)), ..method }
        };
        let by_path = described.iter().map(|described| (described.path(), Arc::new(method(described)))).collect();
        // What is not known may stream, and changes nothing: no handler hears of it.
        let other = |input| {
            Arc::new(Method { path: OTHER.to_owned(), shape: Shape::Stream, input, effect: Effect::Nothing, shows: false, open: false })
        };
        let (other, reflection) = (other(Input::One), other(Input::Many));
        Methods { by_path: Arc::new(by_path), other, reflection, services: Arc::new(services) }
    }

    /// The method of this path; one that stands for all others where the contract has none.
    pub(crate) fn find(&self, path: &str) -> &Arc<Method> {
        let other = if path.starts_with(REFLECTION) { &self.reflection } else { &self.other };
        self.by_path.get(path).unwrap_or(other)
    }

    /// Full names of the services.
    pub(crate) fn services(&self) -> impl Iterator<Item = &str> {
        self.services.iter().map(String::as_str)
    }
}

impl RecordedSingly {
    /// Reads `UtilityService/ListUtilities,...`; `*` is every method that would be counted.
    ///
    /// # Errors
    /// With what to do, where one names no such method.
    pub fn parse(text: &str) -> Result<Self, String> {
        let methods: Vec<_> = api_proto::methods().iter().map(Method::of).filter(Method::is_counted).map(|method| method.path).collect();
        let mut singly = BTreeSet::new();
        for name in text.split(',').map(str::trim) {
            let meant: Vec<_> = methods.iter().filter(|path| name == "*" || path.ends_with(&format!(".{name}"))).cloned().collect();
            if meant.is_empty() {
                return Err(format!(
                    "{name:?} is no method whose calls are counted; say for instance UtilityService/ListUtilities, or * for all of them"
                ));
            }
            singly.extend(meant);
        }
        Ok(RecordedSingly(singly))
    }
}

impl Method {
    /// Whether its calls are counted unless somebody wants each of them recorded.
    fn is_counted(&self) -> bool {
        self.effect == Effect::Nothing && !self.shows && !self.open
    }

    fn of(described: &api_proto::Method) -> Self {
        let path = described.path();
        let shape = match described.streams {
            true => Shape::Stream,
            false if RUNS.contains(&path.as_str()) => Shape::Run,
            false => Shape::Unary,
        };
        let effect = match described.permission.operation() {
            _ if described.is_get => Effect::Nothing,
            Operation::Unspecified | Operation::Read => Effect::Nothing,
            Operation::Execute if LAUNCHES.contains(&path.as_str()) => Effect::Launch,
            // What is left to do to an execution is to stop it.
            Operation::Execute if described.permission.resource == EXECUTION => Effect::Stop,
            Operation::Execute | Operation::Create | Operation::Update | Operation::Delete | Operation::Administer => Effect::Change,
        };
        // The contract has no method that takes more messages than one.
        let (shows, open) = (SHOWS.contains(&path.as_str()), described.permission.who() == Who::Anyone);
        Method { path, shape, input: Input::One, effect, shows, open }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, shape: Shape, effect: Effect) {
        let methods = Methods::of_contract(&RecordedSingly::default());
        let method = methods.find(path);
        assert_eq!((method.path.as_str(), method.shape, method.effect), (path, shape, effect));
    }

    #[test]
    fn shape_and_effect_of_a_method_follow_from_its_descriptor() {
        check("/zona.utility.v1.UtilityService/GetUtility", Shape::Unary, Effect::Nothing);
        check("/zona.utility.v1.UtilityService/ValidateCode", Shape::Unary, Effect::Nothing);
        check("/zona.utility.v1.UtilityService/CreateUtility", Shape::Unary, Effect::Change);
        check("/zona.utility.v1.UtilityService/DeleteUtility", Shape::Unary, Effect::Change);
        check("/zona.utility.v1.UtilityService/RestoreUtilityVersion", Shape::Unary, Effect::Change);
        check("/zona.utility.v1.CodePolicyService/UpdateCodePolicy", Shape::Unary, Effect::Change);
        check("/zona.server.v1.ServerService/GetServerInfo", Shape::Unary, Effect::Nothing);
        check("/zona.execution.v1.ExecutionService/StartExecution", Shape::Unary, Effect::Launch);
        check("/zona.execution.v1.ExecutionService/CancelExecution", Shape::Unary, Effect::Stop);
        check("/zona.execution.v1.ExecutionService/Transform", Shape::Run, Effect::Launch);
        check("/zona.execution.v1.ExecutionService/ExecuteUtility", Shape::Stream, Effect::Launch);
        check("/zona.execution.v1.ExecutionService/WatchExecution", Shape::Stream, Effect::Nothing);
    }

    #[test]
    fn exactly_these_methods_do_not_store_their_intent_before_they_begin() {
        let methods = Methods::of_contract(&RecordedSingly::default());
        let with = |effect: Effect| {
            let methods = methods.by_path.values().filter(|method| method.effect == effect);
            methods.map(|method| method.path.as_str()).collect::<BTreeSet<_>>()
        };
        assert_eq!(with(Effect::Launch), BTreeSet::from(LAUNCHES));
        assert_eq!(with(Effect::Stop), BTreeSet::from(["/zona.execution.v1.ExecutionService/CancelExecution"]));
    }

    #[test]
    fn a_method_that_executes_a_utility_in_another_way_is_no_launch() {
        let launch = api_proto::methods().into_iter().find(|method| method.path() == LAUNCHES[0]).unwrap();
        let other = api_proto::Method { name: "RunUtility".to_owned(), ..launch };
        assert_eq!(Method::of(&other).effect, Effect::Change);
    }

    #[test]
    fn exactly_these_methods_are_open_to_anyone() {
        let methods = Methods::of_contract(&RecordedSingly::default());
        let mut open: Vec<&str> = methods.by_path.values().filter(|method| method.open).map(|method| method.path.as_str()).collect();
        open.sort_unstable();
        let named = ["Bootstrap", "GetKeySet", "IssueToken", "RefreshToken"];
        assert_eq!(open, named.map(|name| format!("/zona.identity.v1.IdentityService/{name}")));
    }

    #[test]
    fn every_method_that_waits_for_user_code_is_a_unary_method_of_the_contract() {
        let methods = Methods::of_contract(&RecordedSingly::default());
        for run in RUNS {
            assert_eq!(methods.find(run).shape, Shape::Run, "{run}");
        }
        assert_eq!(methods.by_path.len(), api_proto::permissions().len());
    }

    #[test]
    fn every_method_that_shows_what_is_to_be_known_is_a_read_of_the_contract() {
        let methods = Methods::of_contract(&RecordedSingly::default());
        for path in SHOWS {
            let method = methods.find(path);
            assert!(method.shows && method.effect == Effect::Nothing, "{path}");
        }
        assert!(!methods.find("/zona.utility.v1.UtilityService/ListUtilities").shows);
    }

    #[test]
    fn whatever_is_no_method_of_the_contract_has_one_name() {
        assert_eq!(Methods::of_contract(&RecordedSingly::default()).find("/zona.utility.v1.UtilityService/PeekUtility").path, OTHER);
    }

    #[test]
    fn calls_that_are_counted_are_recorded_each_where_somebody_wants_that_and_never_the_other_way_round() {
        let recorded = |text: &str| {
            let methods = Methods::of_contract(&RecordedSingly::parse(text).unwrap());
            methods.by_path.values().filter(|method| method.shows).map(|method| method.path.clone()).collect::<BTreeSet<_>>()
        };
        let always = SHOWS.map(str::to_owned);
        let list = "/zona.utility.v1.UtilityService/ListUtilities".to_owned();
        assert_eq!(recorded("UtilityService/ListUtilities"), always.iter().cloned().chain([list.clone()]).collect());
        let all = recorded("TenantService/ListTenants, *");
        assert!(all.is_superset(&always.into()) && all.contains(&list) && all.contains("/zona.server.v1.ServerService/GetServerInfo"));
        assert!(!all.contains("/zona.identity.v1.IdentityService/GetKeySet"), "strangers would fill the log");
        for wrong in ["", "ListUtilities", "UtilityService/CreateUtility", "UtilityService/GetUtility", "x,*"] {
            assert!(RecordedSingly::parse(wrong).unwrap_err().contains("is no method whose calls are counted"), "{wrong}");
        }
    }
}
