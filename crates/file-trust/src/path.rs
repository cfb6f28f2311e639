//! Walks a path as the kernel does, judging each step: since nobody else can change a step that was found good, what was walked is
//! what is opened afterwards.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::Error;
use crate::judge::Judge;

/// Links that are followed; the kernel's own bound.
const LINKS: usize = 40;

/// Where a path leads, links included, and what is there. The last step itself is not judged.
pub(crate) fn resolve(judge: &Judge, path: &Path) -> Result<(PathBuf, Metadata), Error> {
    let mut walk = Walk::of(path)?;
    while let Some(step) = walk.left.pop_front() {
        judge.passage(&walk.here, &walk.metadata)?;
        walk.step(judge, &step)?;
    }
    Ok((walk.here, walk.metadata))
}

/// Judges everything on the way to a path's last name, which need not exist.
pub(crate) fn parents(judge: &Judge, path: &Path) -> Result<(), Error> {
    let absolute = std::path::absolute(path).map_err(Error::system(path))?;
    let Some(parent) = absolute.parent() else { return Ok(()) };
    match resolve(judge, parent) {
        Ok((found, metadata)) => judge.passage(&found, &metadata),
        // What is missing is made by whoever asks, below what is there.
        Err(error) if error.is_not_found() => parents(judge, parent),
        Err(error) => Err(error),
    }
}

struct Walk {
    here: PathBuf,
    metadata: Metadata,
    left: VecDeque<OsString>,
    links: usize,
}

// === impl Walk ===

impl Walk {
    fn of(path: &Path) -> Result<Self, Error> {
        let absolute = std::path::absolute(path).map_err(Error::system(path))?;
        let (here, metadata) = root()?;
        Ok(Walk { here, metadata, left: steps(&absolute), links: 0 })
    }

    fn step(&mut self, judge: &Judge, step: &OsString) -> Result<(), Error> {
        let next = if step == ".." { self.here.parent().unwrap_or(&self.here).to_owned() } else { self.here.join(step) };
        let metadata = fs::symlink_metadata(&next).map_err(Error::system(&next))?;
        if !metadata.is_symlink() {
            (self.here, self.metadata) = (next, metadata);
            return Ok(());
        }
        judge.owned(&next, &metadata)?;
        self.links += 1;
        if self.links > LINKS {
            return Err(Error::system(&next)(io::Error::from(rustix::io::Errno::LOOP)));
        }
        let target = fs::read_link(&next).map_err(Error::system(&next))?;
        if target.is_absolute() {
            (self.here, self.metadata) = root()?;
        }
        for step in steps(&target).into_iter().rev() {
            self.left.push_front(step);
        }
        Ok(())
    }
}

fn root() -> Result<(PathBuf, Metadata), Error> {
    let root = PathBuf::from("/");
    let metadata = fs::symlink_metadata(&root).map_err(Error::system(&root))?;
    Ok((root, metadata))
}

fn steps(path: &Path) -> VecDeque<OsString> {
    let named = |component: Component<'_>| matches!(component, Component::Normal(_) | Component::ParentDir);
    path.components().filter(|component| named(*component)).map(|component| component.as_os_str().to_owned()).collect()
}
