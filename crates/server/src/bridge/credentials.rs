//! The credentials for a bucket, which lie in a file as those for AWS KMS do.

use std::path::PathBuf;

use blobs::{Credentials, Keys};
use domain::error::Source;
use kms::AwsCredentials;

/// A file as programs of AWS have it.
#[derive(Debug)]
pub(crate) struct AwsFile {
    pub(crate) file: PathBuf,
    /// The section of it.
    pub(crate) profile: String,
}

impl Credentials for AwsFile {
    fn read(&self) -> Result<Keys, Source> {
        let AwsCredentials { id, secret, session } = AwsCredentials::read(&self.file, &self.profile)?;
        Ok(Keys { id, secret, session })
    }
}
