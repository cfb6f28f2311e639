//! Objects in a bucket of S3, or of what speaks its protocol.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use object_store::aws::{AmazonS3, AmazonS3Builder, AwsCredential};
use object_store::{CredentialProvider, RetryConfig};
use tls::Trust;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::https::Https;

/// A bucket, and how it is asked.
#[derive(Clone)]
pub struct S3Config {
    /// Its name.
    pub bucket: String,
    /// What the names of all objects begin with; empty where there is no more to say.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// Where it is asked for, an `https` address or an `http` address on this host; `None` for Amazon's own.
    pub endpoint: Option<String>,
    /// Who may say so.
    pub trust: Trust,
    /// Who asks.
    pub credentials: Arc<dyn Credentials>,
}

/// What a server authenticates with.
pub struct Keys {
    /// The id of the access key.
    pub id: String,
    /// The access key.
    pub secret: Zeroizing<String>,
    /// The token of a session, where it is one.
    pub session: Option<String>,
}

/// Port: who asks. Read anew each time, as what it answers ends and is replaced.
pub trait Credentials: fmt::Debug + Send + Sync {
    /// What is authenticated with now. Blocks for a moment.
    ///
    /// # Errors
    /// There is nothing that can be trusted.
    fn read(&self) -> Result<Keys, domain::error::Source>;
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// The bucket, which nobody has asked yet.
pub(crate) fn open(config: &S3Config) -> Result<AmazonS3, Error> {
    let is_plain = config.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
    let trust = (!is_plain).then(|| config.trust.clone());
    let retry = RetryConfig { max_retries: 0, retry_timeout: Duration::ZERO, ..RetryConfig::default() };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(&config.bucket)
        .with_region(&config.region)
        .with_http_connector(Https { trust })
        .with_credentials(Arc::new(Provider(Arc::clone(&config.credentials))))
        // Whoever asks again is the guard before it.
        .with_retry(retry)
        // Some of what speaks the protocol removes one object at a time only.
        .with_disable_bulk_delete(true);
    if let Some(endpoint) = &config.endpoint {
        // Outside of Amazon few buckets have a host of their own. The address was looked at before: it is of this host, or encrypted.
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false).with_allow_http(is_plain);
    }
    builder.build().map_err(Error::Store)
}

#[derive(Debug)]
struct Provider(Arc<dyn Credentials>);

#[async_trait]
impl CredentialProvider for Provider {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credentials = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || credentials.read()).await?;
        let Keys { id, secret, session } = read.map_err(|source| object_store::Error::Generic { store: "S3", source })?;
        Ok(Arc::new(AwsCredential { key_id: id, secret_key: secret.as_str().to_owned(), token: session }))
    }
}
