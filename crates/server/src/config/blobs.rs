//! `[blobs]`: where large output is kept once its execution has ended.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use blobs::{Location, S3Config};
use kms::Endpoint;
use settings::{Place, Reader, Section, section, value};
use tls::Trust;

use crate::bridge::credentials::AwsFile;

/// What the address of a directory begins with, and that of a bucket.
const FILE: &str = "file://";
const S3: &str = "s3://";
/// The directory in a data directory.
const DIRECTORY: &str = "blobs";
/// Bytes of a bucket's name, as S3 has it.
const BUCKET: std::ops::RangeInclusive<usize> = 3..=63;
/// Most bytes of what all names in a bucket begin with: names have 1,024.
const MAX_PREFIX: usize = 512;

section! {
    /// Where large output is kept once its execution has ended.
    pub struct Blobs in Place::table("blobs");

    /// where what is too large for the store is kept: a directory, such as `file:///var/lib/zona/blobs`, which servers that share a store share,
    /// too, or a bucket of S3, such as `s3://bucket/prefix`; not set: `blobs` in the data directory, and none beside `store.mongodb`, which
    /// keeps everything itself then. See [Storage](storage.md#the-archive)
    url: Option<Kept> => value::optional(kept);
    /// where the bucket is asked for; not set: Amazon S3 in its region
    endpoint: Option<String> => value::optional(endpoint);
    /// the region that requests for the bucket are signed for
    region: String = "us-east-1" => value::text(region);
    /// credentials for the bucket, a file as programs of AWS have it, read anew each time; needed beside `s3://`
    credentials: Option<PathBuf> => value::optional(absolute);
    /// the section of that file
    profile: String = "default" => value::text(value::any);
    /// the authorities that may say who the endpoint is, and no others may, a PEM file; not set: those that the system trusts
    ca: Option<PathBuf> => value::optional(absolute);
}

/// Where objects are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// In a directory.
    Directory(PathBuf),
    /// In a bucket, under names that begin so.
    Bucket {
        /// Its name.
        name: String,
        /// What they begin with; may be empty.
        prefix: String,
    },
}

impl Blobs {
    /// Reads the section, and what its keys have to say of each other.
    pub(super) fn checked(reader: &mut Reader<'_>) -> Option<Self> {
        let blobs = Blobs::read(reader, Blobs::SECTION.path())?;
        let is_alone = matches!(blobs.url, Some(Kept::Bucket { .. })) && blobs.credentials.is_none();
        if is_alone {
            reader.refuse(&Section::key(Blobs::SECTION.path(), "credentials"), "is missing: `blobs.url` is a bucket");
        }
        (!is_alone).then_some(blobs)
    }

    /// Where objects are kept; `None` where none are. A store that lies in the data directory has them beside it.
    pub(crate) fn location(&self, data: &Path, is_shared: bool) -> Option<Location> {
        Some(match &self.url {
            None if is_shared => return None,
            None => Location::Directory(data.join(DIRECTORY)),
            Some(Kept::Directory(directory)) => Location::Directory(directory.clone()),
            Some(Kept::Bucket { name, prefix }) => {
                let file = self.credentials.clone().expect("a section is refused that has a bucket and no credentials");
                Location::S3(S3Config {
                    bucket: name.clone(),
                    prefix: prefix.clone(),
                    region: self.region.clone(),
                    endpoint: self.endpoint.clone(),
                    trust: self.ca.clone().map_or(Trust::System, Trust::File),
                    credentials: Arc::new(AwsFile { file, profile: self.profile.clone() }),
                })
            }
        })
    }
}

/// An address of a directory, as it is, or of a bucket: nothing in it is escaped.
fn kept(text: &str) -> Result<Kept, String> {
    if text.contains(['%', '?', '#']) {
        return Err("must have no `%`, `?` or `#`".to_owned());
    }
    if let Some(path) = text.strip_prefix(FILE).filter(|path| path.starts_with('/')) {
        return Ok(Kept::Directory(PathBuf::from(path)));
    }
    let unknown = || format!("must be a directory, such as {FILE}/var/lib/zona/blobs, or a bucket, such as {S3}bucket/prefix");
    let rest = text.strip_prefix(S3).ok_or_else(unknown)?;
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_name = BUCKET.contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte));
    let prefix = prefix.trim_end_matches('/');
    let is_part = |part: &str| {
        !part.is_empty() && !matches!(part, "." | "..") && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let is_prefix = prefix.is_empty() || (prefix.len() <= MAX_PREFIX && prefix.split('/').all(is_part));
    match is_name && is_prefix {
        true => Ok(Kept::Bucket { name: name.to_owned(), prefix: prefix.to_owned() }),
        false => Err("names no bucket, or a prefix with more than letters, digits, hyphens, underscores and dots".to_owned()),
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    Endpoint::parse(text, None).map(|_| text.trim_end_matches('/').to_owned())
}

/// A part of a host's name.
fn region(text: &str) -> Result<String, String> {
    let is_one =
        !text.is_empty() && text.len() <= 63 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_one { Ok(text.to_owned()) } else { Err("must be a region, such as eu-central-1".to_owned()) }
}

fn absolute(text: &str) -> Result<PathBuf, String> {
    std::path::absolute(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_of_a_directory_or_of_a_bucket() {
        assert_eq!(kept("file:///var/lib/zona/blobs"), Ok(Kept::Directory(PathBuf::from("/var/lib/zona/blobs"))));
        let bucket = |name: &str, prefix: &str| Ok(Kept::Bucket { name: name.to_owned(), prefix: prefix.to_owned() });
        for (text, expected) in
            [("s3://zona", bucket("zona", "")), ("s3://zona/", bucket("zona", "")), ("s3://a.b-c/x/y_1/", bucket("a.b-c", "x/y_1"))]
        {
            assert_eq!(kept(text), expected, "{text}");
        }
        for wrong in [
            "/var/lib",
            "file://host/var",
            "file:/var",
            "file:///a%20b",
            "",
            "s3://",
            "s3://ab",
            "s3://Zona",
            "s3://user:secret@zona",
            "s3://zona/../x",
            "s3://zona//x",
            "s3://zona/x y",
            "gs://zona",
        ] {
            assert!(kept(wrong).is_err(), "{wrong}");
        }
    }

    fn set(url: Option<Kept>) -> Blobs {
        let credentials = Some("/c".into());
        Blobs { url, endpoint: None, region: "us-east-1".to_owned(), credentials, profile: "default".to_owned(), ca: None }
    }

    #[test]
    fn a_store_of_the_data_directory_has_its_objects_there_and_a_shared_one_where_it_is_said() {
        let at = |url, is_shared| set(url).location(Path::new("/d"), is_shared).map(|location| format!("{location:?}"));
        let (own, said) = (Some("Directory(\"/d/blobs\")".to_owned()), Some("Directory(\"/b\")".to_owned()));
        assert_eq!([at(None, false), at(None, true)], [own, None]);
        let directory = || Some(Kept::Directory("/b".into()));
        assert_eq!([at(directory(), false), at(directory(), true)], [said.clone(), said]);
        let bucket = Some(Kept::Bucket { name: "zona".to_owned(), prefix: "x".to_owned() });
        assert_eq!(at(bucket, true), Some("S3(s3://zona/x)".to_owned()), "without its credentials");
    }
}
