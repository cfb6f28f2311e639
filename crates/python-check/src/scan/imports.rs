//! Import statements: which modules, and which names of them.

use domain::code::{Family, Import};
use ruff_python_ast as ast;
use ruff_text_size::TextRange;

use super::{Scan, advice};
use crate::catalog::{self, Catalog, Name, Verdict};
use crate::location::Lines;
use crate::map::Set;
use crate::report::shorten;
use crate::rule::{self, Rule};

/// Most imports of one report.
const MAX_IMPORTS: usize = 500;

/// The report's list of imports, in order of first appearance.
pub(super) fn list(imports: Vec<(&str, TextRange)>, lines: &Lines<'_>, catalog: &Catalog) -> Vec<Import> {
    let mut seen = Set::default();
    let first = imports.into_iter().filter(|(module, _)| seen.insert(*module));
    first
        .take(MAX_IMPORTS)
        .map(|(module, range)| Import { line: lines.line(range.start()), standing: catalog.standing(module), module: module.to_owned() })
        .collect()
}

impl<'a> Scan<'a, '_> {
    pub(super) fn import(&mut self, import: &'a ast::StmtImport) {
        for alias in &import.names {
            self.imports.push((alias.name.as_str(), alias.range));
            if !self.sink.is_full() {
                self.judge_bound_module(alias);
            }
        }
    }

    pub(super) fn import_from(&mut self, import: &'a ast::StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0) else {
            self.add(&rule::IMPORT_RELATIVE, import.range, "import from a package that a utility does not have".to_owned());
            return;
        };
        self.imports.push((module.as_str(), module.range));
        if self.sink.is_full() {
            return;
        }
        let path = module.as_str();
        if self.catalog.is_reviewed(path) && import.names.iter().all(|alias| self.catalog.name(path, alias.name.as_str()) == Name::Module) {
            // `from urllib import parse`: what counts is the module that is bound.
            for alias in &import.names {
                self.judge_module(&format!("{path}.{}", alias.name), alias.range);
            }
            return;
        }
        let verdict = self.judge_module(path, module.range);
        for alias in &import.names {
            if self.sink.is_full() {
                return;
            }
            self.judge_imported_name(path, verdict, alias);
        }
    }

    fn judge_imported_name(&mut self, path: &str, verdict: Verdict, alias: &'a ast::Alias) {
        let name = alias.name.as_str();
        if name == "*" {
            if verdict == Verdict::Open || (verdict == Verdict::Reviewed && !self.catalog.star_is_safe(path)) {
                self.add(&rule::IMPORT_STAR, alias.range, format!("star import from `{path}`"));
            }
            return;
        }
        match verdict {
            Verdict::Reviewed if self.catalog.name(path, name) == Name::Module => {
                self.judge_module(&format!("{path}.{name}"), alias.range);
            }
            Verdict::Reviewed | Verdict::Open => self.judge_member(path, verdict, name, alias.range),
            Verdict::Forbidden(family) => {
                self.refuse_use(family, path, name, alias.range);
            }
            Verdict::NotAllowed | Verdict::NotInstalled | Verdict::Unlisted | Verdict::Unknown => {
                self.judge_unsafe(path, name, alias.range);
            }
        }
    }

    /// Refuses the use of `name` of a refused module.
    pub(super) fn refuse_use(&mut self, family: Family, path: &str, name: &str, range: TextRange) {
        let rule = catalog::use_of(family, path, name);
        let message = format!("use of `{}.{}`: {}", shorten(path), shorten(name), catalog::why(family));
        match advice::of_refused(path, name) {
            Some(other) => self.suggest(rule, range, message, other.to_owned()),
            None => self.add(rule, range, message),
        }
    }

    /// Judges the import of a module; each place once.
    fn judge_module(&mut self, path: &str, range: TextRange) -> Verdict {
        let verdict = self.catalog.module(path);
        let shown = || shorten(path);
        match verdict {
            Verdict::Reviewed | Verdict::Open => {}
            Verdict::Forbidden(family) => {
                let message = format!("import of `{}`: {}", shown(), catalog::why(family));
                self.suggest_for_module(import_rule(family), path, range, message);
            }
            Verdict::NotAllowed => {
                let message = format!("`{}` belongs to Python, but the policy does not allow it", shown());
                self.suggest_for_module(&rule::DEPENDENCY_NOT_ALLOWED, path, range, message);
            }
            Verdict::NotInstalled => self.add(&rule::DEPENDENCY_NOT_INSTALLED, range, format!("the runtime does not have `{}`", shown())),
            Verdict::Unlisted => {
                let message = format!("`{}` is not among the reviewed modules of its package", shown());
                self.suggest(&rule::DEPENDENCY_UNKNOWN, range, message, "Use the modules that `zona runtime show` lists.".to_owned());
            }
            Verdict::Unknown => {
                self.suggest_for_module(&rule::DEPENDENCY_UNKNOWN, path, range, format!("no module `{}` is known", shown()));
            }
        }
        verdict
    }

    fn suggest_for_module(&mut self, rule: &'static Rule, path: &str, range: TextRange, message: String) {
        match advice::of_module(path) {
            Some(other) => self.suggest(rule, range, message, other.to_owned()),
            None => self.add(rule, range, message),
        }
    }

    /// Judges the module that an import statement binds to a name. Whether anything uses it is known at the end.
    fn judge_bound_module(&mut self, alias: &'a ast::Alias) {
        let path = alias.name.as_str();
        match self.catalog.module(path) {
            Verdict::Forbidden(family) if advice::of_module(path).is_none() => {
                let bound = alias.asname.as_ref().map_or_else(|| path.split('.').next().unwrap_or(path), |name| name.as_str());
                let message = format!("import of `{}`: {}", shorten(path), catalog::why(family));
                self.refused_imports.push((bound, import_rule(family), alias.range, message));
            }
            _ => {
                self.judge_module(path, alias.range);
            }
        }
    }

    /// Reports the imports of refused modules: one that nothing uses can simply go.
    pub(super) fn judge_refused_imports(&mut self) {
        for (bound, rule, range, message) in std::mem::take(&mut self.refused_imports) {
            if self.read.contains(bound) {
                self.add(rule, range, message);
            } else {
                let advice = format!("Nothing uses `{}`: deleting the import is enough.", shorten(bound));
                self.suggest(rule, range, format!("{message}; nothing here uses it"), advice);
            }
        }
    }

    /// Judges a name of an allowed module.
    pub(super) fn judge_member(&mut self, path: &str, verdict: Verdict, name: &str, range: TextRange) {
        if verdict == Verdict::Open {
            self.judge_open_member(path, name, range);
            return;
        }
        let shown = || format!("{}.{}", shorten(path), shorten(name));
        match (self.catalog.name(path, name), self.catalog.opened(path)) {
            (Name::Allowed | Name::CallOnly | Name::Module, _) => {}
            (Name::Refused(family), _) => self.refuse_member(family, path, name, range),
            (Name::Unknown, _) if is_plain_special(name) => {}
            // Of a module that only the preset opens.
            (Name::Unknown, Some(family)) => self.refuse_use(family, path, name, range),
            (Name::Unknown, None) if name.starts_with('_') || self.catalog.is_stdlib(name) => {
                self.refuse_pivot(name, range, format!("`{}` is not the module's own", shown()));
            }
            (Name::Unknown, None) => {
                self.add(&rule::API_REFUSED, range, format!("`{}` is not in the reviewed interface of `{}`", shown(), shorten(path)))
            }
        }
    }

    fn refuse_member(&mut self, family: Family, path: &str, name: &str, range: TextRange) {
        let advice = advice::of_member(path, name);
        let reason = advice.and_then(|(reason, _)| reason).unwrap_or(member_reason(family));
        let message = format!("`{}.{}`: {reason}", shorten(path), shorten(name));
        match advice {
            Some((_, other)) => self.suggest(member_rule(family), range, message, other.to_owned()),
            None if family == Family::ModulePivot => self.refuse_pivot(name, range, message),
            None => self.add(member_rule(family), range, message),
        }
    }

    /// A module inside a module. One that may be imported is better imported.
    fn refuse_pivot(&mut self, name: &str, range: TextRange, message: String) {
        if self.catalog.module(name) == Verdict::Reviewed {
            self.suggest(&rule::PIVOT_MODULE, range, message, format!("Write `import {name}`."));
        } else {
            self.add(&rule::PIVOT_MODULE, range, message);
        }
    }

    /// A package without a reviewed interface: private names and modules of the standard library inside it are refused.
    fn judge_open_member(&mut self, path: &str, name: &str, range: TextRange) {
        if self.judge_unsafe(path, name, range) || is_plain_special(name) {
            return;
        }
        let own = self.imported.contains(format!("{path}.{name}").as_str());
        if name.starts_with('_') || (!own && catalog_module_name(self.catalog, name)) {
            self.add(&rule::PIVOT_MODULE, range, format!("`{}.{}` is not the package's own", shorten(path), shorten(name)));
        }
    }

    pub(super) fn judge_unsafe(&mut self, path: &str, name: &str, range: TextRange) -> bool {
        let Some(family) = catalog::unsafe_name(path, name) else { return false };
        self.add(member_rule(family), range, format!("`{}.{name}`: {}", shorten(path), member_reason(family)));
        true
    }
}

/// Modules that packages often carry as attributes; other names of the standard library are ordinary words.
fn catalog_module_name(catalog: &Catalog, name: &str) -> bool {
    (catalog.is_refused_module(name) || matches!(catalog.module(name), Verdict::Forbidden(_))) && catalog.is_stdlib(name)
}

/// Special names of modules that hold text.
fn is_plain_special(name: &str) -> bool {
    matches!(name, "__name__" | "__doc__" | "__version__" | "__all__" | "__author__")
}

fn import_rule(family: Family) -> &'static Rule {
    match family {
        Family::FileAccess => &rule::FILE_IMPORT,
        Family::Network => &rule::NETWORK_IMPORT,
        Family::Process => &rule::PROCESS_IMPORT,
        Family::DynamicCode => &rule::DYNAMIC_IMPORT,
        Family::Deserialization => &rule::DESERIALIZATION_IMPORT,
        Family::NativeCode => &rule::NATIVE_IMPORT,
        _ => &rule::IMPORT_FORBIDDEN,
    }
}

fn member_rule(family: Family) -> &'static Rule {
    match family {
        Family::FileAccess => &rule::FILE_API,
        Family::Network => &rule::NETWORK_API,
        Family::Process => &rule::PROCESS_API,
        Family::DynamicCode => &rule::DYNAMIC_API,
        Family::Deserialization => &rule::DESERIALIZATION_API,
        Family::NativeCode => &rule::NATIVE_API,
        Family::FormatEscape => &rule::FORMAT_FORMATTER,
        Family::Introspection => &rule::INTROSPECTION_FRAME,
        Family::ModulePivot => &rule::PIVOT_MODULE,
        _ => &rule::API_REFUSED,
    }
}

fn member_reason(family: Family) -> &'static str {
    match family {
        Family::ModulePivot => "a module inside a module",
        Family::FormatEscape => "it takes any template",
        Family::Introspection => "it leads to frames or namespaces",
        other => catalog::why(other),
    }
}
