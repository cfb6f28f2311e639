//! JSON over HTTP for every RPC of the contract, transcoded by its descriptors: the routes of the `google.api.http` options, the Connect
//! protocol's unary JSON, and gRPC-Web. Server streams are Server-Sent Events or lines of JSON.
//!
//! For browsers it keeps sessions in cookies, and gives them the console, a page that is built elsewhere.
//!
//! It deliberately knows no rule of the business and checks no permission: each request becomes one call of the gRPC services behind
//! their layers, and what these answer is what is told. It opens no port and knows no TLS; that is the server's.

mod accept;
mod answer;
mod body;
mod comments;
mod connect;
mod console;
mod contract;
mod cookie;
mod csrf;
mod document;
mod error;
mod field;
mod gateway;
mod gathering;
mod inner;
mod json;
mod metadata;
mod names;
mod openapi;
mod origin;
mod outside;
mod page;
mod precondition;
mod refusal;
mod request;
mod roles;
mod router;
mod schema;
mod session;
mod stream;
mod template;
mod unknown;

pub use contract::Contract;
pub use error::Error;
pub use gateway::{Config, Gateway};
pub use openapi::describe;
pub use origin::Origin;
pub use outside::{Issuers, Page, SignIn, Unanswered, Way, redirect};

#[cfg(test)]
mod tests;
