//! Configs and secrets as the archive that the daemon unpacks into a container before it starts.

use std::io;

use tar::{Builder, Header};

use crate::engine::File;

/// Readable for whatever user the container runs as, as Docker Swarm does it.
const MODE: u32 = 0o444;

/// An archive of files, by their paths from the root.
pub(super) fn of(files: &[File]) -> io::Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for file in files {
        let mut header = Header::new_gnu();
        header.set_mode(MODE);
        header.set_size(file.content.len() as u64);
        archive.append_data(&mut header, file.target.trim_start_matches('/'), file.content.as_slice())?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn a_long_path_and_any_bytes_arrive_as_they_are() {
        let long = format!("/etc/{}/settings.toml", "directory/".repeat(20));
        let files = [
            File { target: long.clone(), content: vec![0, 255, 10] },
            File { target: "/run/secrets/empty".to_owned(), content: Vec::new() },
        ];
        let archive = of(&files).unwrap();
        let mut archive = tar::Archive::new(archive.as_slice());
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            assert_eq!(entry.header().mode().unwrap(), MODE);
            found.push(File { target: format!("/{}", entry.path().unwrap().display()), content });
        }
        assert_eq!(found, files);
    }
}
