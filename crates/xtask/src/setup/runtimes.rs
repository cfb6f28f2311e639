//! Runtimes of utilities, built from the lock files in `deploy/runtimes`: images for the docker backend, directories of packages for
//! the namespace backend. The scripts there do the work and find out whether an image is up to date.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail};

use crate::{
    process::{find, run},
    workspace::Workspace,
};

/// What a directory's content depends on, beside its own recipe.
const TOOLS: [&str; 3] = ["deploy/runtimes/build.py", "deploy/runtimes/lock.py", "crates/python-check/tools/module_api.py"];
/// What a recipe consists of; it has one of the two locks.
const RECIPE: [&str; 3] = ["runtime.toml", "requirements.lock", "pylock.toml"];

/// Builds the base image, and the images of one runtime or of all.
///
/// # Errors
/// When there is no such runtime, or a script fails; it says why on stderr.
pub fn images(workspace: &Workspace, name: Option<&str>, force: bool) -> anyhow::Result<()> {
    let chosen = chosen(workspace, name)?;
    let mut base = Command::new(workspace.path("deploy/sandbox/build-image.sh"));
    base.env("ZONA_CACHE_DIR", &workspace.cache).args(force.then_some("--force"));
    run(&mut base)?;
    for runtime in chosen {
        let mut build = build(workspace)?;
        run(build.arg("image").arg(recipe(workspace, &runtime)).args(force.then_some("--force")))?;
    }
    Ok(())
}

/// Installs a runtime's packages into a directory.
///
/// # Errors
/// When there is no such runtime, or the script fails.
pub fn directory(workspace: &Workspace, name: &str, into: &Path, python: Option<&Path>) -> anyhow::Result<()> {
    let runtime = chosen(workspace, Some(name))?.remove(0);
    let mut build = build(workspace)?;
    build.arg("directory").arg(recipe(workspace, &runtime)).arg(into);
    if let Some(python) = python {
        build.arg("--python").arg(python);
    }
    run(&mut build)
}

/// Keeps a directory of every runtime in the cache, for the tests: `runtimes/NAME`.
///
/// # Errors
/// When one cannot be built.
pub fn cached(workspace: &Workspace) -> anyhow::Result<()> {
    for runtime in names(workspace)? {
        let recipe = recipe(workspace, &runtime);
        let parts = RECIPE.map(|part| recipe.join(part)).into_iter().filter(|part| part.is_file());
        let files = parts.chain(TOOLS.map(|tool| workspace.path(tool)));
        let wanted =
            files.map(|file| fs::read_to_string(&file).with_context(|| file.display().to_string())).collect::<Result<String, _>>()?;
        let home = workspace.cache.join("runtimes");
        let mark = home.join(format!("{runtime}.built-from"));
        if fs::read_to_string(&mark).is_ok_and(|built| built == wanted) && home.join(&runtime).is_dir() {
            continue;
        }
        directory(workspace, &runtime, &home.join(&runtime), None)?;
        fs::write(mark, wanted)?;
    }
    Ok(())
}

fn chosen(workspace: &Workspace, name: Option<&str>) -> anyhow::Result<Vec<String>> {
    let names = names(workspace)?;
    match name {
        None => Ok(names),
        Some(name) if names.iter().any(|known| known == name) => Ok(vec![name.to_owned()]),
        Some(name) => bail!("there is no runtime {name} in deploy/runtimes; there are {}", names.join(", ")),
    }
}

fn names(workspace: &Workspace) -> anyhow::Result<Vec<String>> {
    let entries = fs::read_dir(workspace.path("deploy/runtimes"))?.collect::<Result<Vec<_>, _>>()?;
    let recipes = entries.into_iter().map(|entry| entry.path()).filter(|path| path.join("runtime.toml").is_file());
    let mut names: Vec<String> = recipes.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
    names.sort();
    Ok(names)
}

fn recipe(workspace: &Workspace, runtime: &str) -> PathBuf {
    workspace.path("deploy/runtimes").join(runtime)
}

/// The script, under Debian's own interpreter where there is one: another on PATH may lack pip.
fn build(workspace: &Workspace) -> anyhow::Result<Command> {
    let system = Path::new("/usr/bin/python3");
    let python = if system.is_file() { system.to_path_buf() } else { find("python3").context("python3 is missing")? };
    let mut command = Command::new(python);
    command.arg("-B").arg(workspace.path("deploy/runtimes/build.py"));
    Ok(command)
}

#[cfg(test)]
mod tests;
