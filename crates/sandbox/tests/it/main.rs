//! Real programs in real sandboxes, each test on both backends. They need root (or user namespaces), a Docker daemon on its
//! default socket and the runtime image, and fail where one is missing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod apparmor;
mod battery;
mod faults;
mod gvisor;
mod isolation;
mod landlock;
mod lifecycle;
mod limits;
mod outcomes;
mod output;
mod restored;
mod runtimes;
mod stock;
mod sweep;
mod tiers;

/// Makes each named `async fn(Host)` a test on both backends.
#[macro_export]
macro_rules! on_both_backends {
    ($($name:ident),+ $(,)?) => {
        mod namespace {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let host = $crate::support::Host::open($crate::support::Kind::Namespace).await;
                super::$name(&host).await;
                host.close().await;
            })+
        }
        mod docker {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                let host = $crate::support::Host::open($crate::support::Kind::Docker).await;
                super::$name(&host).await;
                host.close().await;
            })+
        }
    };
}
