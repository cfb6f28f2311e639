//! The reference as a page, made of the description: every operation with what it takes, answers and demands, and every message that it names.
//! It has no scripts and nothing from elsewhere; its one style sheet stands in it, and the policy names its digest.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::{Map, Value};

const STYLE: &str = "\
    :root{color-scheme:light dark}\
    body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}\
    code{font-family:ui-monospace,monospace;font-size:.9em}\
    summary{cursor:pointer;padding:.3rem 0}\
    details{border-bottom:1px solid #8884}\
    dt{margin-top:.5rem}\
    dd{margin-left:1.5rem}\
    nav ul{columns:15rem;padding-left:1rem}";
/// How a reference to a message begins.
const SCHEMAS: &str = "#/components/schemas/";

/// What the page may do in a browser: look as it says.
pub(crate) fn policy() -> String {
    let style = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{style}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
}

/// The page of a description.
pub(crate) fn render(document: &Value) -> String {
    let tags: Vec<&Value> = document["tags"].as_array().into_iter().flatten().collect();
    let operations = operations(document);
    let of = |tag: &Value| -> Vec<_> { operations.iter().filter(|(_, _, operation)| operation["tags"][0] == tag["name"]).collect() };
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Zona over HTTP" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Zona over HTTP" }
                p { (text(&document["info"]["description"])) }
                p { "For programs: " a href="/openapi.json" { "openapi.json" } "." }
                nav aria-label="Services" {
                    ul {
                        @for tag in &tags { li { a href={ "#" (text(&tag["name"])) } { (text(&tag["name"])) } } }
                        li { a href="#messages" { "Messages" } }
                    }
                }
                main {
                    @for tag in &tags {
                        h2 id=(text(&tag["name"])) { (text(&tag["name"])) }
                        (paragraphs(&tag["description"]))
                        @for (path, verb, operation) in of(tag) { (self::operation(path, verb, operation)) }
                    }
                    h2 id="messages" { "Messages" }
                    @for (name, schema) in members(&document["components"]["schemas"]) {
                        details id=(name) {
                            summary { code { (name) } }
                            (paragraphs(&schema["description"]))
                            @if let Some(values) = schema["enum"].as_array() {
                                ul { @for value in values { li { code { (text(value)) } } } }
                            }
                            (properties(schema))
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn operation(path: &str, verb: &str, operation: &Value) -> Markup {
    let body = &operation["requestBody"]["content"]["application/json"]["schema"];
    let answers = members(&operation["responses"]["200"]["content"]);
    html! {
        details id=(text(&operation["operationId"])) {
            summary { code { (verb.to_uppercase()) " " (path) } " " (text(&operation["operationId"])) }
            (paragraphs(&operation["description"]))
            p {
                "Permission " code { (text(&operation["x-zona-permission"]["action"])) }
                @for (role, reach) in members(&operation["x-zona-roles"]) { ", " (role.to_lowercase()) ": " (text(reach)) }
                "."
            }
            dl {
                @for parameter in operation["parameters"].as_array().into_iter().flatten() {
                    dt { code { (text(&parameter["name"])) } " in the " (text(&parameter["in"])) ", " (kind(&parameter["schema"])) }
                    dd { (text(&parameter["description"])) }
                }
            }
            @if !body.is_null() {
                p { "Body: " (kind(body)) }
                (properties(body))
            }
            p { "Answer: " @for (number, (media, content)) in answers.enumerate() { @if number > 0 { " or " } (kind(&content["schema"])) " (" (media) ")" } }
        }
    }
}

fn properties(schema: &Value) -> Markup {
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|known| known == name));
    html! {
        dl {
            @for (name, property) in members(&schema["properties"]) {
                dt { code { (name) } ", " (kind(property)) @if required(name) { ", required" } @if property["readOnly"] == true { ", not sent" } }
                dd { (text(&property["description"])) }
            }
        }
    }
}

/// What a schema is, in a few words; of a message, its name.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix(SCHEMAS)) {
        return html! { a href={ "#" (name) } { (name) } };
    }
    match schema["type"].as_str() {
        Some("array") => html! { "list of " (kind(&schema["items"])) },
        Some("object") if !schema["additionalProperties"].is_null() => html! { "map to " (kind(&schema["additionalProperties"])) },
        Some(name) => html! { (name) @if let Some(format) = schema["format"].as_str() { " (" (format) ")" } },
        None => html! { "any value" },
    }
}

/// Each operation with its path and verb.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = members(&document["paths"]);
    paths.flat_map(|(path, item)| members(item).map(move |(verb, operation)| (path, verb, operation))).collect()
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn paragraphs(value: &Value) -> Markup {
    html! { @for paragraph in text(value).split("\n\n").filter(|paragraph| !paragraph.is_empty()) { p { (paragraph) } } }
}
