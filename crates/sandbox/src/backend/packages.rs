//! What is installed beside the standard library: read from the metadata that installers leave, or from an image's label.
//!
//! It deliberately never imports or runs anything of a package.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::Package;
use crate::failure::{RUNTIME_UNUSABLE, StartFailure};

/// Longest metadata file that is read: what stands above the description of a package fits many times.
const MAX_METADATA: u64 = 1024 * 1024;

/// The label `zona.packages` of an image: distributions with their modules, or names and versions of system packages.
#[derive(Deserialize)]
#[serde(untagged)]
enum Label {
    Distributions(Vec<Package>),
    System(BTreeMap<String, String>),
}

/// Reads the label `zona.packages` of an image.
pub(crate) fn of_label(json: &str, image: &str) -> Result<Vec<Package>, StartFailure> {
    let label = serde_json::from_str(json).map_err(|error| StartFailure::Refused {
        reason: RUNTIME_UNUSABLE,
        message: format!("label `zona.packages` of image `{image}` does not list packages ({error}); rebuild it with `cargo xtask image`"),
    })?;
    Ok(match label {
        Label::Distributions(packages) => sorted(packages),
        Label::System(versions) => {
            versions.into_iter().map(|(name, version)| Package { name, version, modules: Vec::new(), hashes: Vec::new() }).collect()
        }
    })
}

/// The distributions installed in these directories. One whose metadata cannot be read is left out: it can still be imported
/// where the tenant's policy names its modules, but nothing is known of it.
pub(crate) fn below(directories: &[String]) -> Vec<Package> {
    let entries = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let metadata = entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "dist-info"));
    sorted(metadata.filter_map(|path| distribution(&path)).collect())
}

pub(crate) fn sorted(mut packages: Vec<Package>) -> Vec<Package> {
    packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    packages
}

fn distribution(path: &Path) -> Option<Package> {
    let metadata = read(&path.join("METADATA"))?;
    let header = |name: &str| {
        let lines = metadata.lines().take_while(|line| !line.is_empty());
        lines
            .filter_map(|line| line.split_once(": "))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    Some(Package { name: header("Name")?, version: header("Version")?, modules: modules(path), hashes: Vec::new() })
}

/// Top-level modules: what the package says, else what its list of files shows.
fn modules(path: &Path) -> Vec<String> {
    let named: BTreeSet<String> = match read(&path.join("top_level.txt")) {
        Some(text) => text.lines().map(str::trim).filter(|name| is_module(name)).map(str::to_owned).collect(),
        None => read(&path.join("RECORD")).map(|record| record.lines().filter_map(module_of).collect()).unwrap_or_default(),
    };
    named.into_iter().collect()
}

/// `requests` of `requests/api.py,...`; `six` of `six.py,...` and of `six.cpython-311-x86_64-linux-gnu.so,...`.
fn module_of(line: &str) -> Option<String> {
    let file = line.split(',').next()?;
    let name = match file.split_once('/') {
        Some((directory, _)) => directory,
        None => file.strip_suffix(".py").or_else(|| file.strip_suffix(".so")?.split('.').next())?,
    };
    is_module(name).then(|| name.to_owned())
}

fn is_module(name: &str) -> bool {
    !name.is_empty() && name != "__pycache__" && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn read(path: &Path) -> Option<String> {
    let small = fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() <= MAX_METADATA);
    small.then(|| fs::read(path).ok()).flatten().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, file: &str, text: &str) {
        fs::create_dir_all(directory).unwrap();
        fs::write(directory.join(file), text).unwrap();
    }

    #[test]
    fn distributions_are_known_by_their_metadata() {
        let root = tempfile::tempdir().unwrap();
        let yaml = root.path().join("PyYAML-6.0.dist-info");
        write(&yaml, "METADATA", "Metadata-Version: 2.1\nName: PyYAML\nVersion: 6.0\n\nVersion: of the text\n");
        write(&yaml, "top_level.txt", "_yaml\nyaml\n");
        let six = root.path().join("six-1.17.0.dist-info");
        write(&six, "METADATA", "Name: six\nVersion: 1.17.0\n");
        write(
            &six,
            "RECORD",
            "six.py,sha256=x,1\nsix-1.17.0.dist-info/METADATA,,\n__pycache__/six.pyc,,\nfast.cpython-311.so,,\nmore/a.py,,\n",
        );
        write(&root.path().join("broken-1.dist-info"), "METADATA", "no header at all\n");
        let found = below(&[root.path().display().to_string(), "/nowhere".to_owned()]);
        let expect = |name: &str, version: &str, modules: &[&str]| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            modules: modules.iter().map(|module| (*module).to_owned()).collect(),
            hashes: Vec::new(),
        };
        assert_eq!(found, [expect("PyYAML", "6.0", &["_yaml", "yaml"]), expect("six", "1.17.0", &["fast", "more", "six"])]);
    }

    #[test]
    fn a_label_lists_distributions_or_system_packages() {
        let distributions = of_label(r#"[{"name": "six", "version": "1", "modules": ["six"]}]"#, "image").unwrap();
        assert_eq!((distributions[0].name.as_str(), distributions[0].modules.as_slice()), ("six", ["six".to_owned()].as_slice()));
        let system = of_label(r#"{"libc6": "2.36"}"#, "image").unwrap();
        assert_eq!((system[0].version.as_str(), system[0].modules.len()), ("2.36", 0));
        let Err(StartFailure::Refused { reason, message }) = of_label("7", "image") else { panic!("accepted") };
        assert!(reason == RUNTIME_UNUSABLE && message.contains("image"), "{message}");
    }
}
