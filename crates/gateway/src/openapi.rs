//! The routes as an OpenAPI 3.1 document, made of nothing but the descriptors and the table of roles: comments are descriptions, and each
//! operation says which permission it demands, and which role reaches how far with it.

use http::Method as Verb;
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use crate::accept::{EVENT_STREAM, LINES};
use crate::body::JSON;
use crate::comments::Comments;
use crate::contract::{BodyRule, Contract, Route};
use crate::precondition;
use crate::roles::Roles;
use crate::schema::{Schemas, is_output_only, is_required, well_known};
use crate::template::{Capture, Segment};

/// The option that a permission stands in.
const PERMISSION: &str = "zona.annotations.v1.permission";
/// What the permission of a method says that anybody may call.
const ANYONE: &str = "WHO_ANYONE";
/// What every operation answers that does not succeed.
const ERROR: &str = "#/components/responses/Error";
const ABOUT: &str = "Every method of Zona's contract over HTTP, in proto3 JSON: 64-bit integers are texts, enumerations are names, bytes are \
    base64, fields may be written in camelCase or snake_case, and unknown ones are refused. docs/gateway.md says the rest.";

/// The document.
pub fn describe(contract: &Contract) -> Value {
    let (comments, roles) = (Comments::of(&contract.pool), Roles::documented());
    let mut schemas = Schemas::new(&comments, contract.methods.values().map(|method| method.output.clone()));
    let mut paths: Map<String, Value> = Map::new();
    let mut routes: Vec<(String, &Route)> = contract.routes.iter().map(|route| (path(route), route)).collect();
    routes.sort_by(|(one, _), (other, _)| one.cmp(other));
    for (path, route) in routes {
        let operation = operation(route, contract, &comments, &roles, &mut schemas);
        let at = paths.entry(path).or_insert_with(|| json!({}));
        at[route.verb.as_str().to_ascii_lowercase()] = operation;
    }
    let error = schemas.message(&contract.status);
    let mut services: Vec<_> = contract.pool.services().filter(|service| !comments.service(service).is_empty()).collect();
    services.sort_by(|one, other| one.name().cmp(other.name()));
    let tags: Vec<Value> =
        services.iter().map(|service| json!({ "name": service.name(), "description": comments.service(service) })).collect();
    let document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Zona", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "responses": {
                "Error": {
                    "description": "The call failed: the HTTP status is that of the code, and docs/errors.md lists the reasons.",
                    "content": { JSON: { "schema": error } },
                },
            },
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "An access token, or an API key." },
                "session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "zona-session",
                    "description": "The session of a browser, over TLS `__Host-zona-session`. What is no GET needs `x-zona-csrf`, too.",
                },
            },
        },
    });
    sorted(document)
}

fn operation(route: &Route, contract: &Contract, comments: &Comments, roles: &Roles, schemas: &mut Schemas<'_>) -> Value {
    let method = &route.method;
    let comment = comments.method(&method.descriptor);
    let service = method.descriptor.parent_service();
    let mut operation = json!({
        "operationId": operation_id(route),
        "tags": [service.name()],
        "summary": comment.split_terminator(['.', '\n']).next().unwrap_or_default(),
        "description": comment,
        "parameters": parameters(route, comments, schemas),
        "responses": responses(route, schemas),
    });
    match &route.body {
        BodyRule::None => {}
        BodyRule::Whole => {
            let captured = |field: &FieldDescriptor| route.template.captures.iter().any(|capture| capture.path == [field.clone()]);
            let schema = schemas.object(&method.input, |field| !captured(field));
            operation["requestBody"] = json!({ "content": { JSON: { "schema": schema } } });
        }
        BodyRule::Field(field) => {
            let kind = field.kind();
            let schema = schemas.brought(kind.as_message().expect("the route was read so"));
            operation["requestBody"] = json!({ "required": is_required(field), "content": { JSON: { "schema": schema } } });
        }
    }
    if let Some(permission) = permission(route, contract) {
        let open = permission["who"] == ANYONE;
        operation["security"] = if open { json!([]) } else { json!([{ "bearer": [] }, { "session": [] }]) };
        if let Some(reach) = permission["action"].as_str().and_then(|action| roles.of(action)) {
            operation["x-zona-roles"] = reach;
        }
        operation["x-zona-permission"] = permission;
    }
    operation
}

/// Unique, also where a method has several routes.
fn operation_id(route: &Route) -> String {
    let method = &route.method.descriptor;
    let name = format!("{}_{}", method.parent_service().name(), method.name());
    let literals = |segment: &Segment| match segment {
        Segment::Literal(text) => Some(text.clone()),
        _ => None,
    };
    // The first route of a method is called as the method; those beside it, by their path, too.
    let described = crate::contract::first_template(method);
    if described.as_deref() == Some(route.template.text.as_str()) {
        return name;
    }
    let path: Vec<String> = route.template.segments.iter().filter_map(literals).collect();
    format!("{name}_{}", path.join("_"))
}

fn responses(route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let mut responses = json!({ "200": success(route, schemas), "default": { "$ref": ERROR } });
    if is_compared(route) {
        responses["304"] = json!({ "description": "The caller has this state already." });
    }
    if precondition::resumption(&route.method).is_some() {
        responses["204"] = json!({ "description": "The stream has ended, and the caller has all of it." });
    }
    responses
}

/// Whether what is answered is not sent to whoever has it.
fn is_compared(route: &Route) -> bool {
    route.verb == Verb::GET && route.method.output.get_field_by_name("etag").is_some()
}

fn success(route: &Route, schemas: &mut Schemas<'_>) -> Value {
    let output = &route.method.output;
    let schema = match &route.answered {
        None => schemas.message(output),
        Some(field) => schemas.field(field),
    };
    let content = match route.method.streams {
        true => json!({ LINES: { "schema": schema }, EVENT_STREAM: { "schema": schema } }),
        false => json!({ JSON: { "schema": schema } }),
    };
    let description = if route.method.streams { "Messages, each as it comes." } else { "The answer." };
    json!({ "description": description, "content": content })
}

fn parameters(route: &Route, comments: &Comments, schemas: &mut Schemas<'_>) -> Vec<Value> {
    let mut parameters = Vec::new();
    for capture in &route.template.captures {
        let field = capture.path.last().expect("a path has a field");
        let schema = if capture.is_single() { schemas.field(field) } else { json!({ "type": "string" }) };
        for name in names(route, capture) {
            let description = format!("Part of `{}`. {}", crate::field::dotted(&capture.path), comments.field(field));
            parameters.push(json!({ "name": name, "in": "path", "required": true, "description": description, "schema": bare(&schema) }));
        }
    }
    let in_query = |field: &FieldDescriptor| match &route.body {
        BodyRule::None => true,
        BodyRule::Whole => false,
        BodyRule::Field(body) => field != body,
    };
    let mut path = Vec::new();
    for field in route.method.input.fields().filter(in_query) {
        query(&field, &mut path, route, comments, schemas, &mut parameters);
    }
    parameters.extend(headers(route));
    parameters
}

/// A field as a parameter of the query; of a message, its fields.
fn query(
    field: &FieldDescriptor,
    above: &mut Vec<FieldDescriptor>,
    route: &Route,
    comments: &Comments,
    schemas: &mut Schemas<'_>,
    parameters: &mut Vec<Value>,
) {
    let recursive = above.iter().any(|known| known.kind() == field.kind() && known.kind().as_message().is_some());
    if is_output_only(field) || field.is_map() || recursive {
        return;
    }
    above.push(field.clone());
    let captured = route.template.captures.iter().any(|capture| capture.path == *above);
    match field.kind() {
        _ if captured => {}
        Kind::Message(message) if well_known(message.full_name()).is_none() => {
            if !field.is_list() {
                message.fields().for_each(|inner| query(&inner, above, route, comments, schemas, parameters));
            }
        }
        _ => {
            let name = above.iter().map(FieldDescriptor::json_name).collect::<Vec<_>>().join(".");
            let schema = bare(&schemas.field(field));
            let mut parameter = json!({ "name": name, "in": "query", "description": comments.field(field), "schema": schema });
            if above.len() == 1 && is_required(field) {
                parameter["required"] = true.into();
            }
            parameters.push(parameter);
        }
    }
    above.pop();
}

fn headers(route: &Route) -> Vec<Value> {
    let header =
        |name: &str, description: &str| json!({ "name": name, "in": "header", "description": description, "schema": { "type": "string" } });
    let input: &MessageDescriptor = &route.method.input;
    let mut headers = Vec::new();
    if precondition::etag_path(&route.method).is_some() {
        headers.push(header("If-Match", "The etag of the state that the request is about, in quotes."));
    }
    if input.get_field_by_name("request_id").is_some() {
        headers.push(header("Idempotency-Key", "A UUID: a repetition of the request answers what the first one did."));
    }
    if is_compared(route) {
        headers.push(header("If-None-Match", "The etag of the state that the caller has, in quotes."));
    }
    if precondition::resumption(&route.method).is_some() {
        headers.push(header("Last-Event-ID", "The id of the last event that was received: the stream goes on behind it."));
    }
    headers
}

/// A schema without the description, which stands beside it.
fn bare(schema: &Value) -> Value {
    let mut schema = schema.clone();
    if let Some(members) = schema.as_object_mut() {
        members.remove("description");
    }
    schema
}

/// The permission as the contract states it.
fn permission(route: &Route, contract: &Contract) -> Option<Value> {
    let option = contract.pool.get_extension_by_name(PERMISSION)?;
    let options = route.method.descriptor.options();
    let stated = options.get_extension(&option);
    serde_json::to_value(stated.as_message()?).ok()
}

/// The path as OpenAPI writes it: each wildcard has a name.
fn path(route: &Route) -> String {
    let named: Vec<(usize, String)> =
        route.template.captures.iter().flat_map(|capture| wildcards(route, capture).into_iter().zip(names(route, capture))).collect();
    let segments = route.template.segments.iter().enumerate().map(|(at, segment)| match segment {
        Segment::Literal(text) => text.clone(),
        Segment::Any | Segment::Rest => {
            let name = named.iter().find(|(of, _)| *of == at).map_or("part", |(_, name)| name.as_str());
            format!("{{{name}}}")
        }
    });
    let path = segments.map(|segment| format!("/{segment}")).collect::<String>();
    if route.template.verb.is_empty() { path } else { format!("{path}:{}", route.template.verb) }
}

fn wildcards(route: &Route, capture: &Capture) -> Vec<usize> {
    let to = capture.to.unwrap_or(route.template.segments.len());
    (capture.from..to).filter(|at| !matches!(route.template.segments[*at], Segment::Literal(_))).collect()
}

/// The names of a capture's wildcards: what the collection before each is made of, such as `utility` behind `utilities`.
fn names(route: &Route, capture: &Capture) -> Vec<String> {
    let name = |at: usize| match at.checked_sub(1).map(|before| &route.template.segments[before]) {
        Some(Segment::Literal(collection)) if !capture.is_single() => singular(collection),
        _ => capture.path.last().expect("a path has a field").json_name().to_owned(),
    };
    wildcards(route, capture).into_iter().map(name).collect()
}

fn singular(collection: &str) -> String {
    match collection.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => collection.strip_suffix('s').unwrap_or(collection).to_owned(),
    }
}

/// The same with the members of objects in order, so that a document is the same text whatever else is built with it.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
