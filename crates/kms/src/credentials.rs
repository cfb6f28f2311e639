//! Files with what a server authenticates with.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::Error;

/// Most bytes of such a file.
const MAX_BYTES: u64 = 16 * 1024;
/// What of a mode is for those who are neither its user nor of its group.
const OTHERS: u32 = 0o007;

/// The text of a file that nobody but the server's user and root can change. Read anew each time: what is in it ends and is replaced.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let problem = |problem: String| Error::Credentials { path: path.to_owned(), problem };
    let trusted = file_trust::trusted(path).map_err(|error| problem(format!("cannot be trusted: {error}")))?;
    let unreadable = |error: io::Error| problem(format!("cannot be read: {}", error.kind()));
    let file = File::open(trusted).map_err(unreadable)?;
    if file.metadata().map_err(unreadable)?.mode() & OTHERS != 0 {
        return Err(problem("can be read by everybody; take that away: chmod o-rwx".to_owned()));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// What programs of AWS read as `~/.aws/credentials`: sections in brackets, one name and value a line.
pub struct AwsCredentials {
    /// The id of the access key.
    pub id: String,
    /// The access key.
    pub secret: Zeroizing<String>,
    /// The token of a session, where it is one.
    pub session: Option<String>,
}

impl AwsCredentials {
    /// The section of this name of a file, which nobody but this process's user and root can change and not everybody can read.
    ///
    /// # Errors
    /// It cannot be trusted or read, or has no such section.
    pub fn read(path: &Path, profile: &str) -> Result<Self, Error> {
        let text = read(path)?;
        let missing = |what: &str| Error::Credentials { path: path.to_owned(), problem: format!("has no {what} in [{profile}]") };
        let value = |name: &str| {
            let section = text.lines().skip_while(|line| line.trim() != format!("[{profile}]")).skip(1);
            let mut lines = section.take_while(|line| !line.trim_start().starts_with('['));
            lines.find_map(|line| line.split_once('=').filter(|(key, _)| key.trim() == name).map(|(_, value)| value.trim().to_owned()))
        };
        Ok(AwsCredentials {
            id: value("aws_access_key_id").ok_or_else(|| missing("aws_access_key_id"))?,
            secret: Zeroizing::new(value("aws_secret_access_key").ok_or_else(|| missing("aws_secret_access_key"))?),
            session: value("aws_session_token"),
        })
    }
}
