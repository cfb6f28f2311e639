//! Why a gateway cannot be made: the contract has routes that cannot be served.

use prost_reflect::DescriptorError;

/// Why a gateway cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The descriptors are none.
    #[error("failed to read the descriptors of the contract")]
    Descriptors(#[from] DescriptorError),
    /// A route cannot be read.
    #[error("the route {route:?} of {method} cannot be served: {problem}")]
    Route {
        /// The method's full name.
        method: String,
        /// The path template.
        route: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Two routes are the same.
    #[error("{first} and {second} have the same route {route:?}")]
    Conflict {
        /// The full name of one method.
        first: String,
        /// That of the other.
        second: String,
        /// The path template.
        route: String,
    },
    /// A method takes many messages, which no route can carry.
    #[error("{0} takes a stream of messages, which no request over HTTP carries")]
    ClientStream(String),
}
