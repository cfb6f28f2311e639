//! The contract as the gateway reads it: its methods, and their routes out of the `google.api.http` options. Descriptors of error details
//! stand beside it, so that errors are told whole.

use std::collections::HashMap;
use std::sync::Arc;

use http::Method as Verb;
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor};
use prost_types::FileDescriptorSet;

use crate::error::Error;
use crate::router::{Found, Router};
use crate::template::Template;

/// The option that a route stands in.
const HTTP: &str = "google.api.http";
/// What a failure is, in JSON too.
const STATUS: &str = "google.rpc.Status";

/// A contract that can be served.
#[derive(Debug)]
pub struct Contract {
    pub(crate) pool: DescriptorPool,
    /// By their paths, e.g. `/zona.utility.v1.UtilityService/GetUtility`.
    pub(crate) methods: HashMap<String, Arc<Method>>,
    pub(crate) routes: Vec<Route>,
    pub(crate) status: MessageDescriptor,
    router: Router,
}

/// A method.
#[derive(Debug)]
pub(crate) struct Method {
    /// Its path, as gRPC knows it.
    pub(crate) path: String,
    pub(crate) descriptor: MethodDescriptor,
    pub(crate) input: MessageDescriptor,
    pub(crate) output: MessageDescriptor,
    /// Whether it answers many messages.
    pub(crate) streams: bool,
}

/// One way to call a method.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Arc<Method>,
    pub(crate) verb: Verb,
    pub(crate) template: Template,
    pub(crate) body: BodyRule,
    /// The field that is answered in place of the whole message.
    pub(crate) answered: Option<FieldDescriptor>,
}

/// What the body of a request is.
#[derive(Debug, Clone)]
pub(crate) enum BodyRule {
    /// There is none, and what the path does not say stands behind the question mark.
    None,
    /// Everything that the path does not say.
    Whole,
    /// This field; the others stand behind the question mark.
    Field(FieldDescriptor),
}

// === impl Contract ===

impl Contract {
    /// The contract of this build.
    ///
    /// # Errors
    /// [`Error`]: it cannot be served.
    pub fn built_in() -> Result<Self, Error> {
        Self::of(api_proto::DESCRIPTOR_SET)
    }

    /// A contract that is an encoded `google.protobuf.FileDescriptorSet` with its imports.
    ///
    /// # Errors
    /// [`Error`]: it cannot be served.
    pub fn of(descriptors: &[u8]) -> Result<Self, Error> {
        let mut pool = DescriptorPool::decode(descriptors)?;
        add_missing(&mut pool, tonic_types::pb::FILE_DESCRIPTOR_SET)?;
        let status = pool.get_message_by_name(STATUS).expect("the descriptors of error details begin with it");
        let mut contract = Contract { methods: HashMap::new(), routes: Vec::new(), router: Router::default(), status, pool };
        let described: Vec<MethodDescriptor> = contract.pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect();
        for descriptor in described {
            contract.add(descriptor)?;
        }
        Ok(contract)
    }

    fn add(&mut self, descriptor: MethodDescriptor) -> Result<(), Error> {
        if descriptor.is_client_streaming() {
            return Err(Error::ClientStream(descriptor.full_name().to_owned()));
        }
        let path = format!("/{}/{}", descriptor.parent_service().full_name(), descriptor.name());
        let method = Arc::new(Method {
            input: descriptor.input(),
            output: descriptor.output(),
            streams: descriptor.is_server_streaming(),
            path: path.clone(),
            descriptor,
        });
        for rule in rules(&self.pool, &method.descriptor) {
            let route = Route::read(&method, &rule)?;
            if let Err(other) = self.router.add(route.verb.clone(), &route.template, self.routes.len()) {
                let first = self.routes[other].method.descriptor.full_name().to_owned();
                let (second, route) = (method.descriptor.full_name().to_owned(), route.template.text);
                return Err(Error::Conflict { first, second, route });
            }
            self.routes.push(route);
        }
        self.methods.insert(path, method);
        Ok(())
    }

    /// What a path means.
    pub(crate) fn find<'p>(&self, verb: &Verb, path: &'p str) -> Found<'p> {
        self.router.find(verb, path)
    }
}

/// Adds the files that the pool does not have.
fn add_missing(pool: &mut DescriptorPool, encoded: &[u8]) -> Result<(), Error> {
    let set = FileDescriptorSet::decode(encoded).expect("a library has encoded it");
    let missing: Vec<_> = set.file.into_iter().filter(|file| pool.get_file_by_name(file.name()).is_none()).collect();
    Ok(pool.add_file_descriptor_protos(missing)?)
}

/// The rule of a method, and those beside it.
fn rules(pool: &DescriptorPool, method: &MethodDescriptor) -> Vec<DynamicMessage> {
    let Some(option) = pool.get_extension_by_name(HTTP) else { return Vec::new() };
    let options = method.options();
    if !options.has_extension(&option) {
        return Vec::new();
    }
    let rule = options.get_extension(&option).as_message().cloned();
    let beside = rule.as_ref().and_then(|rule| rule.get_field_by_name("additional_bindings").map(std::borrow::Cow::into_owned));
    let beside = beside.and_then(|beside| beside.as_list().map(<[_]>::to_vec)).unwrap_or_default();
    rule.into_iter().chain(beside.iter().filter_map(|rule| rule.as_message().cloned())).collect()
}

// === impl Route ===

impl Route {
    fn read(method: &Arc<Method>, rule: &DynamicMessage) -> Result<Self, Error> {
        let text = |name: &str| rule.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default();
        let known = [("get", Verb::GET), ("put", Verb::PUT), ("post", Verb::POST), ("delete", Verb::DELETE), ("patch", Verb::PATCH)];
        let chosen = known.into_iter().map(|(name, verb)| (text(name), verb)).find(|(route, _)| !route.is_empty());
        let problem = |route: &str, problem: String| Error::Route {
            method: method.descriptor.full_name().to_owned(),
            route: route.to_owned(),
            problem,
        };
        let (route, verb) = chosen.ok_or_else(|| problem("", "it has none of get, put, post, delete and patch".to_owned()))?;
        let template = Template::parse(&route, &method.input).map_err(|wrong| problem(&route, wrong))?;
        let body = match text("body").as_str() {
            "" => BodyRule::None,
            "*" => BodyRule::Whole,
            name => BodyRule::Field(message_field(&method.input, name).map_err(|wrong| problem(&route, wrong))?),
        };
        let answered = match text("response_body").as_str() {
            "" => None,
            name => Some(method.output.get_field_by_name(name).ok_or_else(|| problem(&route, format!("there is no field {name:?}")))?),
        };
        if answered.is_some() && method.streams {
            return Err(problem(&route, "a stream answers whole messages".to_owned()));
        }
        Ok(Route { method: Arc::clone(method), verb, template, body, answered })
    }
}

fn message_field(input: &MessageDescriptor, name: &str) -> Result<FieldDescriptor, String> {
    let field = input.get_field_by_name(name).ok_or_else(|| format!("there is no field {name:?}"))?;
    match field.kind() {
        Kind::Message(_) if !field.is_list() && !field.is_map() => Ok(field),
        _ => Err(format!("{name:?} is not one message")),
    }
}

/// The path of a method's own route, without those beside it.
pub(crate) fn first_template(method: &MethodDescriptor) -> Option<String> {
    let rule = rules(method.parent_pool(), method).into_iter().next()?;
    let text = |name: &str| rule.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    ["get", "put", "post", "delete", "patch"].into_iter().filter_map(text).find(|text| !text.is_empty())
}
