//! The reference as a page: every route with what its comment says, without scripts and without anything from elsewhere.

use maud::{DOCTYPE, html};

use crate::comments::Comments;
use crate::contract::{Contract, Route};
use crate::openapi;

/// What the page may do in a browser: nothing.
pub(crate) const POLICY: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The page.
pub(crate) fn render(contract: &Contract) -> String {
    let comments = Comments::of(&contract.pool);
    let mut services: Vec<_> =
        contract.pool.services().filter(|service| contract.routes.iter().any(|route| is_of(route, service.full_name()))).collect();
    services.sort_by(|one, other| one.name().cmp(other.name()));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Zona over HTTP" }
            }
            body {
                h1 { "Zona over HTTP" }
                p { "For programs: " a href="/openapi.json" { "openapi.json" } "." }
                @for service in &services {
                    h2 { (service.name()) }
                    @for paragraph in comments.service(service).split("\n\n") { p { (paragraph) } }
                    @for route in contract.routes.iter().filter(|route| is_of(route, service.full_name())) {
                        details {
                            summary { code { (route.verb.as_str()) " " (openapi::path(route)) } " " (route.method.descriptor.name()) }
                            @for paragraph in comments.method(&route.method.descriptor).split("\n\n") { p { (paragraph) } }
                            dl {
                                @for field in route.method.input.fields() {
                                    dt { code { (field.json_name()) } }
                                    dd { (comments.field(&field)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn is_of(route: &Route, service: &str) -> bool {
    route.method.descriptor.parent_service().full_name() == service
}
