//! Import statements: which modules, and which names of them.

use std::collections::HashSet;

use domain::code::{Family, Import};
use ruff_python_ast as ast;
use ruff_text_size::TextRange;

use super::Scan;
use crate::catalog::{self, Catalog, Name, Verdict};
use crate::location::Lines;
use crate::report::shorten;
use crate::rule::{self, Rule};

/// Most imports of one report.
const MAX_IMPORTS: usize = 500;

/// The report's list of imports, in order of first appearance.
pub(super) fn list(imports: Vec<(&str, TextRange)>, lines: &Lines<'_>, catalog: &Catalog) -> Vec<Import> {
    let mut seen = HashSet::new();
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
            self.judge_module(alias.name.as_str(), alias.range);
        }
    }

    pub(super) fn import_from(&mut self, import: &'a ast::StmtImportFrom) {
        let Some(module) = import.module.as_ref().filter(|_| import.level == 0) else {
            self.add(&rule::IMPORT_RELATIVE, import.range, "import from a package that a utility does not have".to_owned());
            return;
        };
        self.imports.push((module.as_str(), module.range));
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
        match instead_of(path, name) {
            Some(other) => self.suggest(rule, range, message, other.to_owned()),
            None => self.add(rule, range, message),
        }
    }

    /// Judges the import of a module; each place once.
    fn judge_module(&mut self, path: &str, range: TextRange) -> Verdict {
        let verdict = self.catalog.module(path);
        let shown = shorten(path);
        match verdict {
            Verdict::Reviewed | Verdict::Open => {}
            Verdict::Forbidden(family) => {
                self.add(import_rule(family), range, format!("import of `{shown}`: {}", catalog::why(family)));
            }
            Verdict::NotAllowed => {
                let message = format!("`{shown}` belongs to Python, but the policy does not allow it");
                match alternative(path) {
                    Some(other) => self.suggest(&rule::DEPENDENCY_NOT_ALLOWED, range, message, other.to_owned()),
                    None => self.add(&rule::DEPENDENCY_NOT_ALLOWED, range, message),
                }
            }
            Verdict::NotInstalled => self.add(&rule::DEPENDENCY_NOT_INSTALLED, range, format!("the runtime does not have `{shown}`")),
            Verdict::Unlisted => {
                let message = format!("`{shown}` is not among the reviewed modules of its package");
                self.suggest(&rule::DEPENDENCY_UNKNOWN, range, message, "Use the modules that `zona runtime show` lists.".to_owned());
            }
            Verdict::Unknown => self.add(&rule::DEPENDENCY_UNKNOWN, range, format!("no module `{shown}` is known")),
        }
        verdict
    }

    /// Judges a name of an allowed module.
    pub(super) fn judge_member(&mut self, path: &str, verdict: Verdict, name: &str, range: TextRange) {
        if verdict == Verdict::Open {
            self.judge_open_member(path, name, range);
            return;
        }
        let shown = format!("{}.{}", shorten(path), shorten(name));
        match self.catalog.name(path, name) {
            Name::Allowed | Name::CallOnly | Name::Module => {}
            Name::Refused(family) => self.add(member_rule(family), range, format!("`{shown}`: {}", member_reason(family))),
            Name::Unknown if is_plain_special(name) => {}
            Name::Unknown if name.starts_with('_') || self.catalog.is_stdlib(name) => {
                self.add(&rule::PIVOT_MODULE, range, format!("`{shown}` is not the module's own"));
            }
            Name::Unknown => {
                self.add(&rule::API_REFUSED, range, format!("`{shown}` is not in the reviewed interface of `{}`", shorten(path)))
            }
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

/// What a utility does where other programs use these names.
fn instead_of(path: &str, name: &str) -> Option<&'static str> {
    Some(match (path, name) {
        ("sys", "stdout" | "stderr" | "__stdout__" | "__stderr__") => "Use `print`: what is printed becomes the output of the run.",
        ("sys", "stdin" | "argv" | "orig_argv") => "Take a parameter of `transform` or `main`.",
        ("sys", "exit") => "Return, or raise `SystemExit`.",
        ("sys", "maxsize") => "Write the number: `2**63 - 1`.",
        ("sys", "version" | "version_info" | "platform" | "byteorder" | "getsizeof" | "getrecursionlimit" | "setrecursionlimit") => {
            "Do without: every run of a utility has the same interpreter."
        }
        ("os", "environ" | "getenv" | "environb") => "Take a parameter; secrets are parameters too.",
        ("os", "path") | ("os.path", _) => "Use `pathlib.PurePosixPath` for names of files; there are no files.",
        ("os", "urandom") => "Use `secrets.token_bytes`.",
        ("os", "linesep") => "Write `\\n`.",
        _ => return None,
    })
}

fn alternative(path: &str) -> Option<&'static str> {
    Some(match path.split('.').next().unwrap_or(path) {
        "threading" | "concurrent" | "_thread" => "The sandbox has no threads: do the work in order, or use `asyncio`.",
        "argparse" | "optparse" => "A utility gets its parameters as arguments of `transform` or `main`.",
        "locale" => "Format numbers and dates with format strings.",
        _ => return None,
    })
}
