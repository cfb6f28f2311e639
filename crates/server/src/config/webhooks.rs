//! `[webhooks]`: how events are sent to addresses of others, and to which.

use std::path::PathBuf;
use std::time::Duration;

use domain::webhook::WebhookConfig;
use settings::{Place, section, value};
use tls::Trust;
use webhooks::Network;

section! {
    /// How events are sent to addresses of others, and to which.
    pub struct Webhooks in Place::table("webhooks");

    /// attempts before a delivery becomes a dead letter
    attempts: u32 = 24 => value::number(1..=100);
    /// the pause behind the first that fails; it doubles with each further one, up to an hour
    first_pause: Duration = "10s" => value::duration(Duration::from_millis(100));
    /// dead letters that were given up longer ago are removed, hourly
    keep: Duration = "30d" => value::duration(Duration::from_secs(60));
    /// longest time of one attempt
    timeout: Duration = "10s" => value::duration(Duration::from_millis(100));
    /// addresses beyond the public internet that may be sent to, separated by commas, e.g. `10.1.0.0/16`; with `127.0.0.0/8` also in
    /// plain text over http, to this machine only
    networks: Option<Vec<Network>>, shown "none" => value::optional(read_networks);
    /// the authorities that may say who a receiver is, and no others may, a PEM file; not set: those that the system trusts
    ca: Option<PathBuf> => value::optional(absolute);
}

impl Webhooks {
    /// How deliveries are tried.
    pub(crate) fn deliveries(&self) -> WebhookConfig {
        WebhookConfig { attempts: self.attempts, first_pause: self.first_pause, keep: self.keep }
    }

    /// How they are sent.
    pub(crate) fn sender(&self) -> webhooks::Config {
        let trust = self.ca.clone().map_or(Trust::System, Trust::File);
        webhooks::Config { timeout: self.timeout, networks: self.networks.clone().unwrap_or_default().into(), trust }
    }
}

fn read_networks(text: &str) -> Result<Vec<Network>, String> {
    let network = |text: &str| text.trim().parse::<Network>().map_err(|error| format!("{text:?} {error}"));
    text.split(',').map(network).collect()
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}
