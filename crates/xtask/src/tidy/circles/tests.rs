//! Circles are found through every way in which one file can name another, and nothing else is one.

use super::*;
use crate::tidy::tokens::Tokens;

fn sources(files: &[(&str, &str)]) -> Sources {
    let parse = |text: &str| Tokens::parse(text).expect("the fixture is Rust");
    files.iter().map(|(path, text)| (format!("crates/a/src/{path}"), parse(text))).collect()
}

#[track_caller]
fn check(files: &[(&str, &str)], expected: &[&str]) {
    let found: Vec<String> = find(&sources(files)).iter().map(|circle| circle.around().replace("crates/a/src/", "")).collect();
    assert_eq!(found, expected);
}

#[test]
fn files_that_name_each_other_are_a_circle() {
    let files = [("lib.rs", "mod b; mod c;"), ("b.rs", "use crate::c::C; pub struct B;"), ("c.rs", "pub struct C(crate::b::B);")];
    check(&files, &["b.rs -> c.rs (crate::c::C) -> b.rs (crate::b::B)"]);
}

#[test]
fn a_row_of_files_is_no_circle() {
    check(&[("lib.rs", "mod b; mod c; pub use b::B;"), ("b.rs", "use crate::c::C; pub struct B(C);"), ("c.rs", "pub struct C;")], &[]);
}

#[test]
fn a_child_that_names_its_parent_is_none_as_long_as_the_parent_only_declares_it() {
    let child = ("b/c.rs", "use super::B; fn f(_: B) {}");
    check(&[("lib.rs", "mod b;"), ("b.rs", "mod c; pub struct B;"), child], &[]);
    check(
        &[("lib.rs", "mod b;"), ("b.rs", "mod c; pub struct B; fn g() { c::f() }"), child],
        &["b.rs -> b/c.rs (c::f) -> b.rs (super::B)"],
    );
    check(&[("lib.rs", "mod b;"), ("b.rs", "mod c; pub use c::f; pub struct B;"), child], &["b.rs -> b/c.rs (c::f) -> b.rs (super::B)"]);
}

#[test]
fn what_a_parent_hands_on_is_named_where_it_is_defined() {
    let lib = ("lib.rs", "mod b;");
    check(
        &[lib, ("b.rs", "mod c; mod d; pub use d::D; pub use c::C;"), ("b/c.rs", "pub struct C(super::D);"), ("b/d.rs", "pub struct D;")],
        &[],
    );
    let circle = "b/c.rs -> b/d.rs (super::D) -> b/c.rs (crate::b::C)";
    let d = ("b/d.rs", "pub struct D; fn f() -> crate::b::C {}");
    check(&[lib, ("b.rs", "mod c; mod d; pub use d::*; pub use c::C;"), ("b/c.rs", "pub struct C(super::D);"), d], &[circle]);
}

#[test]
fn a_lifetime_before_a_name_defines_nothing() {
    let files = [
        ("lib.rs", "mod b;"),
        ("b.rs", "mod c; mod d; pub use d::D; fn f() -> &'static D { c::g() }"),
        ("b/c.rs", "use super::D;"),
        ("b/d.rs", "pub struct D;"),
    ];
    check(&files, &[]);
}

#[test]
fn an_imported_module_counts_for_what_is_used_of_it() {
    let lib = ("lib.rs", "mod b; mod c; mod d;");
    let c = ("c.rs", "pub use crate::d::f; pub fn g() { crate::b::B }");
    check(&[lib, ("b.rs", "use crate::c; pub struct B; fn h() { c::f() }"), c, ("d.rs", "pub fn f() {}")], &[]);
    check(
        &[lib, ("b.rs", "use crate::{c as e, d}; pub struct B; fn h() { e::g() }"), c, ("d.rs", "pub fn f() {}")],
        &["b.rs -> c.rs (e::g) -> b.rs (crate::b::B)"],
    );
}

#[test]
fn everything_imported_at_once_counts_for_the_module() {
    check(
        &[("lib.rs", "mod b;"), ("b.rs", "mod c; fn f() { c::g() }"), ("b/c.rs", "use super::*;")],
        &["b.rs -> b/c.rs (c::g) -> b.rs (super)"],
    );
}

#[test]
fn names_in_nested_imports_and_inline_modules_are_followed() {
    let files = [
        ("lib.rs", "mod b { pub mod c; pub use self::c::{inner::{C}}; } mod d;"),
        ("b/c.rs", "pub mod inner { pub struct C(crate::d::D); }"),
        ("d.rs", "use crate::{b::{C, c::{self, inner}}}; pub struct D;"),
    ];
    check(&files, &["b/c.rs -> d.rs (crate::d::D) -> b/c.rs (crate::b::C)"]);
}

#[test]
fn tests_visibility_comments_and_other_crates_name_nothing() {
    let b =
        "//! Like crate::c::C.\npub(in crate::c) struct B; #[cfg(test)] mod tests { use crate::c::C; } fn f() { \"crate::c::C\"; ::c::C; }";
    check(&[("lib.rs", "mod b; mod c;"), ("b.rs", b), ("c.rs", "pub struct C(crate::b::B); use std::b::c;")], &[]);
}

#[test]
fn the_shortest_way_around_a_knot_is_shown_with_its_size() {
    let files = [
        ("lib.rs", "mod b; mod c; mod d;"),
        ("b.rs", "pub struct B(crate::c::C);"),
        ("c.rs", "pub struct C;\nfn f(_: crate::d::D) {}"),
        ("d.rs", "pub struct D(crate::b::B, crate::c::C);"),
    ];
    let problems: Vec<String> = judge(&find(&sources(&files)), &[]).iter().map(ToString::to_string).collect();
    let way = "crates/a/src/c.rs -> crates/a/src/d.rs (crate::d::D) -> crates/a/src/c.rs (crate::c::C)";
    assert_eq!(problems, [format!("crates/a/src/c.rs:2: a circle of 3 files: {way}")]);
}

#[test]
fn an_exception_covers_its_files_and_no_more() {
    let circles =
        find(&sources(&[("lib.rs", "mod b;"), ("b.rs", "mod c; pub use c::C; pub struct B;"), ("b/c.rs", "pub struct C(super::B);")]));
    let judged = |files: &'static [&'static str]| judge(&circles, &[Exception { files, reason: "recursion" }]).len();
    assert_eq!(judged(&["crates/a/src/b.rs", "crates/a/src/b/"]), 0);
    // The circle is refused, and the exception with it.
    assert_eq!(judged(&["crates/a/src/b.rs"]), 2);
}

#[test]
fn an_exception_that_no_circle_needs_is_refused() {
    let problems = judge(&[], &[Exception { files: &["crates/a/src/b.rs"], reason: "recursion" }]);
    assert!(problems.len() == 1 && problems[0].to_string().contains("no circle is left here"), "{problems:?}");
}

#[test]
fn binaries_and_libraries_are_crates_and_tests_are_not() {
    let roots = ["crates/a/src/lib.rs", "crates/a/src/main.rs", "tests/src/bin/bench/main.rs", "crates/a/src/bin/b.rs"];
    assert!(roots.iter().all(|path| is_crate_root(path)));
    let others = ["crates/a/src/b/lib.rs", "crates/a/tests/it/main.rs", "tests/src/bin/bench/list.rs", "crates/a/build.rs"];
    assert!(!others.iter().any(|path| is_crate_root(path)));
}
