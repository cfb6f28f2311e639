//! Figures of the tree, to compare one commit with another: circles, the largest file and function, and how many files there
//! are. Tests are counted, and left out of what is largest.

use std::fmt;

use crate::tidy::{
    circles::{self, Circle},
    rust_file::is_test_file,
    tokens::{Sources, Tokens, is_word},
};

/// What `cargo xtask tidy --figures` prints.
pub struct Figures {
    circles: Vec<Circle>,
    files: usize,
    product_files: usize,
    largest_file: Size,
    largest_function: Size,
}

/// A number of lines, and what has it.
#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    lines: usize,
    what: String,
}

// === impl Figures ===

impl Figures {
    /// Measures the tree; `lines` answers how many lines a file has.
    pub fn measure(sources: &Sources, lines: impl Fn(&str) -> usize) -> Self {
        let product: Vec<(&String, &Tokens)> = sources.iter().filter(|(path, _)| !is_test_file(path)).collect();
        let files = product.iter().map(|(path, _)| Size { lines: lines(path), what: (*path).clone() });
        let functions = product.iter().filter_map(|(path, tokens)| largest_function(path, tokens));
        Self {
            circles: circles::find(sources),
            files: sources.len(),
            product_files: product.len(),
            largest_file: files.max().unwrap_or_default(),
            largest_function: functions.max().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "circles between files: {}", self.circles.len())?;
        for circle in &self.circles {
            writeln!(f, "  {} files: {}", circle.files.len(), circle.around())?;
        }
        writeln!(f, "largest file: {}", self.largest_file)?;
        writeln!(f, "largest function: {}", self.largest_function)?;
        write!(f, "Rust files: {}, {} of them product", self.files, self.product_files)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines, {}", self.lines, self.what)
    }
}

/// From the line of `fn` to the closing brace.
fn largest_function(path: &str, tokens: &Tokens) -> Option<Size> {
    let all = tokens.all();
    let named = |index: &usize| all[*index].text == "fn" && is_word(tokens.text(index + 1)) && !tokens.is_test(*index);
    let sizes = (0..all.len()).filter(named).filter_map(|start| {
        // A declaration without a body ends before any brace opens.
        let open = (start..all.len()).find(|index| matches!(all[*index].text.as_str(), "{" | ";") && !in_array(tokens, start, *index))?;
        let close = (all[open].text == "{").then(|| tokens.close_of(open))?;
        let lines = all.get(close)?.line - all[start].line + 1;
        Some(Size { lines, what: format!("{path}:{} {}", all[start].line, tokens.text(start + 1)) })
    });
    sizes.max()
}

/// Whether a `;` between `start` and `index` belongs to a type such as `[u8; 4]`.
fn in_array(tokens: &Tokens, start: usize, index: usize) -> bool {
    let depth = |text: &str| tokens.all()[start..index].iter().filter(|token| token.text == text).count();
    depth("[") > depth("]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_file_and_function_are_of_the_product() {
        let text = "//! A.\nfn small(a: [u8; 2]) {}\nfn large(a: [u8; 2]) -> u8 {\n    1\n}\ntrait T {\n fn f();\n}\n\n\
            #[cfg(test)]\nmod tests {\n fn larger() {\n  1;\n  2;\n  3;\n }\n}\n";
        let parse = |text| Tokens::parse(text).expect("the fixture is Rust");
        let sources: Sources = [("crates/a/src/lib.rs", parse(text)), ("tests/it/main.rs", parse("fn g() {\n\n\n\n\n}"))]
            .map(|(path, tokens)| (path.to_owned(), tokens))
            .into();
        let figures = Figures::measure(&sources, |path| path.len());
        assert_eq!(figures.largest_function, Size { lines: 3, what: "crates/a/src/lib.rs:3 large".to_owned() });
        assert_eq!(figures.largest_file.what, "crates/a/src/lib.rs");
        assert_eq!((figures.files, figures.product_files, figures.circles.len()), (2, 1, 0));
    }
}
