//! What manifests say and what is refused: helpers and a manifest to start from.

use std::collections::BTreeSet;

use super::*;
use crate::problem::Problems;

mod bad;
mod environments;
mod good;

/// A manifest of two services, to which tests add.
const BASE: &str = "
name: shop
services:
  - name: db
    group: SYSTEM
    context: {image: 'postgres:16', mounts: [{kind: volume, source: data, target: /data}]}
    health: {tcp: 5432}
  - name: web
    context: {image: 'web:1'}
    depends_on: [{service: db}]
    replicas: 2
volumes: {data: {}}
";

fn read(text: &str) -> Result<File, Problems> {
    File::read(text, Notation::Yaml)
}

#[track_caller]
fn manifest(text: &str) -> Manifest {
    match read(text) {
        Ok(file) => file.manifest(),
        Err(problems) => panic!("{}", shown(&problems)),
    }
}

fn shown(problems: &Problems) -> String {
    problems.list().iter().map(|problem| format!("{problem}\n")).collect()
}

fn rules_of(problems: &Problems) -> BTreeSet<&'static str> {
    problems.list().iter().map(|problem| problem.rule).collect()
}
