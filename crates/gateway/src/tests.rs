//! What a gateway makes of requests, before services of the tests that answer what they are asked.

mod calls;
mod described;
mod harness;
mod identity;
mod outside;
mod requests;
mod routes;
mod sessions;
mod streams;
