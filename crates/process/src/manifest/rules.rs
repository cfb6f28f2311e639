//! Rules about several values of a manifest: names that must exist, names that must be unique, orders that have no circle, ports that
//! cannot be held twice, numbers that contradict each other. All of them are looked at, whatever the others say.

use crate::manifest::content::Manifest;
use crate::node::Node;
use crate::problem::Problems;

mod dependencies;
mod ports;
mod references;
mod tenants;
mod updates;
mod view;

use self::view::View;

/// Adds everything that is wrong with a manifest beyond the fields themselves.
pub(super) fn check(manifest: &Manifest, root: &Node, problems: &mut Problems) {
    let mut view = View::new(root, problems);
    references::check(manifest, &mut view);
    dependencies::check(manifest, &mut view);
    ports::check(manifest, &mut view);
    updates::check(manifest, &mut view);
    tenants::check(manifest, &mut view);
}
