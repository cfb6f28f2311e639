//! `[keys]`: what protects the keys that wrap others.

use std::path::PathBuf;
use std::sync::Arc;

use kms::{AwsConfig, AwsKms, Endpoint, VaultConfig, VaultTransit};
use settings::{Place, Reader, Section, section, value};

use super::storage::Store;

section! {
    /// What protects the files of wrapping keys.
    pub struct Keys in Place::table("keys");

    /// what protects the files of wrapping keys beside their mode: `none`, `aws-kms` or `vault-transit`; see [Keys](keys.md#a-key-management-service)
    protection: Protection = "none" => value::choice(&[("none", Protection::None), ("aws-kms", Protection::AwsKms), ("vault-transit", Protection::VaultTransit)]);
    /// id, ARN or alias of the key of AWS KMS
    aws_key: Option<String> => value::optional(value::any);
    /// the region that requests to AWS KMS are signed for
    aws_region: Option<String> => value::optional(region);
    /// where AWS KMS is; not set: `https://kms.REGION.amazonaws.com`
    aws_endpoint: Option<String> => value::optional(value::any);
    /// credentials for AWS KMS, a file as programs of AWS have it, read anew each time
    aws_credentials: Option<PathBuf> => value::optional(absolute);
    /// the section of that file
    aws_profile: String = "default" => value::text(word);
    /// where Vault is, such as `https://vault.example.org:8200`
    vault_address: Option<String> => value::optional(value::any);
    /// the path of Vault's transit engine
    vault_mount: String = "transit" => value::text(word);
    /// the name of the key of Vault's transit engine
    vault_key: Option<String> => value::optional(word);
    /// a file with a token for Vault, read anew each time
    vault_token_file: Option<PathBuf> => value::optional(absolute);
    /// a file with the wrapping key to begin with, instead of one that is made: 32 random bytes, as they are, in base64 or in hexadecimal digits,
    /// which not everybody may read. Where there are keys, it opens what it has wrapped and wraps nothing; see [Keys](keys.md#the-hierarchy)
    kek_file: Option<PathBuf> => value::optional(absolute);
    /// a directory of all keys of an installation, which the servers of one `store.mongodb` share: those that wrap others, and those of
    /// access tokens and of audit logs; not set: the data directory. `keys.kek_file` needs it beside `store.mongodb`
    directory: Option<PathBuf> => value::optional(absolute);
    /// the authorities that may say who AWS KMS or Vault is, and no others may, a PEM file; not set: those that the system trusts
    ca: Option<PathBuf> => value::optional(absolute);
}

/// What protects wrapping keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// The mode of their files alone.
    None,
    /// A key of AWS KMS.
    AwsKms,
    /// A key of Vault's transit engine.
    VaultTransit,
}

// === impl Keys ===

impl Keys {
    /// Reads the section, and what its keys have to say of each other and of the store.
    pub(super) fn checked(reader: &mut Reader<'_>, store: Option<&Store>) -> Option<Self> {
        let keys = Keys::read(reader, Keys::SECTION.path())?;
        let mut problems = keys.problems();
        if keys.directory.is_some() && store.is_some_and(|store| store.mongodb.is_none()) {
            let problem = "is for servers that share a store: set `store.mongodb`, or leave it out, and keys lie in the data directory";
            problems.push(("directory", problem.to_owned()));
        }
        // Each of them would find the wrapping key that it needs, and make the other keys for itself.
        if keys.kek_file.is_some() && keys.directory.is_none() && store.is_some_and(|store| store.mongodb.is_some()) {
            let problem = "is missing: the servers of `store.mongodb` share all keys, not only the one of `keys.kek_file`";
            problems.push(("directory", problem.to_owned()));
        }
        for (key, problem) in &problems {
            reader.refuse(&Section::key(Keys::SECTION.path(), key), problem);
        }
        problems.is_empty().then_some(keys)
    }

    fn problems(&self) -> Vec<(&'static str, String)> {
        let missing =
            |is_missing: bool, key| is_missing.then(|| (key, format!("is missing: `keys.protection` is {:?}", self.protection.name())));
        let address = |key| self.endpoint().and_then(Result::err).map(|problem| (key, problem));
        let found = match self.protection {
            Protection::None => Vec::new(),
            Protection::AwsKms => vec![
                missing(self.aws_key.is_none(), "aws_key"),
                missing(self.aws_region.is_none(), "aws_region"),
                missing(self.aws_credentials.is_none(), "aws_credentials"),
                address("aws_endpoint"),
            ],
            Protection::VaultTransit => vec![
                missing(self.vault_address.is_none(), "vault_address"),
                missing(self.vault_key.is_none(), "vault_key"),
                missing(self.vault_token_file.is_none(), "vault_token_file"),
                address("vault_address"),
            ],
        };
        found.into_iter().flatten().collect()
    }

    /// Where the service is that protects wrapping keys; `None` where none does, or it is not said where.
    fn endpoint(&self) -> Option<Result<Endpoint, String>> {
        let usual = |region: &String| format!("https://kms.{region}.amazonaws.com");
        let address = match self.protection {
            Protection::None => None,
            Protection::AwsKms => self.aws_endpoint.clone().or_else(|| self.aws_region.as_ref().map(usual)),
            Protection::VaultTransit => self.vault_address.clone(),
        };
        address.map(|address| Endpoint::parse(&address, self.ca.clone()))
    }

    /// What protects wrapping keys; `None` where nothing is to, beside the mode of their files.
    pub(crate) fn guard(&self) -> Option<Arc<dyn keys::KeyGuard>> {
        const READ: &str = "a section is refused that lacks what its protection needs";
        let endpoint = || self.endpoint().expect(READ).expect(READ);
        match self.protection {
            Protection::None => None,
            Protection::AwsKms => Some(Arc::new(AwsKms::new(AwsConfig {
                endpoint: endpoint(),
                region: self.aws_region.clone().expect(READ),
                key: self.aws_key.clone().expect(READ),
                credentials: self.aws_credentials.clone().expect(READ),
                profile: self.aws_profile.clone(),
            }))),
            Protection::VaultTransit => Some(Arc::new(VaultTransit::new(VaultConfig {
                endpoint: endpoint(),
                mount: self.vault_mount.clone(),
                key: self.vault_key.clone().expect(READ),
                token: self.vault_token_file.clone().expect(READ),
            }))),
        }
    }
}

impl Protection {
    fn name(self) -> &'static str {
        match self {
            Protection::None => "none",
            Protection::AwsKms => "aws-kms",
            Protection::VaultTransit => "vault-transit",
        }
    }
}

/// A part of a host's name.
fn region(text: &str) -> Result<String, String> {
    let is_one =
        !text.is_empty() && text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_one { Ok(text.to_owned()) } else { Err("must be a region, such as eu-central-1".to_owned()) }
}

/// A name that stands in a path or a header as it is.
fn word(text: &str) -> Result<String, String> {
    let is_one = !text.is_empty() && text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte));
    match is_one && !text.contains("..") && !text.starts_with('/') {
        true => Ok(text.to_owned()),
        false => Err("must have letters, digits, hyphens, underscores, dots and slashes only, at most 128".to_owned()),
    }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}
