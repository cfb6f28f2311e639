//! What configs hold, brought into a manifest in the place of the files that they name.

use cli::Result;
use process::node::{Member, Node, Value};

/// Replaces the file of every config by what `read` says that it holds; says whether there was one. Environments have no configs of their own.
///
/// # Errors
/// Those of `read`.
pub fn bring_in(root: &mut Node, read: impl Fn(&str) -> Result<String>) -> Result<bool> {
    let mut is_changed = false;
    for config in members(root, "configs") {
        let Value::Map(fields) = &mut config.node.value else { continue };
        let Some(field) = fields.iter_mut().find(|field| field.name == "file") else { continue };
        let Some(path) = field.node.scalar().map(str::to_owned) else { continue };
        let node = Node::new(Value::Text(read(&path)?));
        *field = Member { name: "content".to_owned(), place: field.place, node };
        // It was the digest of the file.
        fields.retain(|field| field.name != "digest");
        is_changed = true;
    }
    Ok(is_changed)
}

fn members<'a>(node: &'a mut Node, name: &str) -> &'a mut [Member] {
    let Value::Map(all) = &mut node.value else { return &mut [] };
    match all.iter_mut().find(|member| member.name == name).map(|member| &mut member.node.value) {
        Some(Value::Map(found)) => found,
        _ => &mut [],
    }
}

#[cfg(test)]
mod tests {
    use process::manifest::{File, Notation, Source};
    use process::node::read_yaml;

    use super::*;
    use crate::local::ps::shown::document;

    const SHOP: &str = "\
name: shop
services: [{name: web, context: {image: 'web:1', environment: {VERSION: 1.10}, configs: [{source: a, target: /a}]}}]
configs: {a: {file: a.toml}, b: {content: 'x = 1'}}
environments: {production: {services: {web: {replicas: 2}}}}
";

    #[test]
    fn what_configs_hold_stands_in_the_manifest_and_everything_else_is_as_it_was() {
        let mut root = read_yaml(SHOP).unwrap();
        assert!(bring_in(&mut root, |path| Ok(format!("# {path}\n\"quoted\": {{}}\n"))).unwrap());
        let text = cli::document::yaml::yaml(&document(&root));
        let file = File::read(&text, Notation::Yaml).unwrap();
        let here = |path: &str| Source::Inline(format!("# {path}\n\"quoted\": {{}}\n"));
        assert_eq!(file.manifest().configs["a"].source, here("a.toml"));
        assert_eq!(file.manifest().configs["b"].source, Source::Inline("x = 1".to_owned()));
        assert_eq!(file.environment("production").unwrap().0.services[0].replicas, 2);
        assert_eq!(file.manifest().services[0].context.environment["VERSION"], "1.10");
        let mut plain = read_yaml("name: shop\nservices: []\n").unwrap();
        assert!(!bring_in(&mut plain, |_| unreachable!("there is no file")).unwrap());
    }
}
