//! The stories of `console/stories`: what people do in a browser, told by Node and Debian's chromium against this build's binary. Here they
//! are started only.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
};

use e2e::{command::run, workspace};

/// What all scripts of the console may take on the way to a browser, together (SPECIFICATION.md).
const MOST_SCRIPT_BYTES: usize = 600 * 1024;

/// Whether somebody is installing: stories begin together.
static INSTALLING: Mutex<()> = Mutex::new(());

fn check(story: &str) {
    let console = workspace::path("console");
    install(&console);
    let story = format!("stories/{story}.test.mjs");
    // Each file has one server and one browser, so that what fails is said beside nothing else.
    let ended = run(Command::new(workspace::tool("node"))
        .current_dir(&console)
        .args(["--test", &story])
        .env("ZONA_BINARY", workspace::zona())
        .env("CHROMIUM", workspace::tool("chromium")));
    ended.with_code(0);
}

/// Packages of npm lie beside the sources, and are installed where they are not what the lock file names.
fn install(console: &Path) {
    // A story that failed while it installed has nothing that another one would find half done: npm begins anew.
    let _held = INSTALLING.lock().unwrap_or_else(PoisonError::into_inner);
    let installed = console.join("node_modules/.package-lock.json").metadata().and_then(|found| found.modified());
    let wanted = console.join("package-lock.json").metadata().and_then(|found| found.modified());
    if installed.is_ok_and(|installed| wanted.is_ok_and(|wanted| wanted <= installed)) {
        return;
    }
    // As `cargo xtask console` does it: `npm ci` refuses a lock file where the registry lacks an optional package of another system.
    let words = ["install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
    run(Command::new(workspace::tool("npm")).current_dir(console).args(words)).with_code(0);
}

#[test]
fn the_scripts_of_the_console_stay_small() {
    let scripts = workspace::path("console/dist/assets");
    let mut total = 0;
    for entry in fs::read_dir(scripts).expect("the console is committed") {
        let path = entry.expect("it is readable").path();
        if path.extension().is_some_and(|extension| extension == "js") {
            total += run(Command::new(workspace::tool("gzip")).arg("-9c").arg(path)).with_code(0).stdout.len();
        }
    }
    assert!(total > 0 && total <= MOST_SCRIPT_BYTES, "{total} bytes");
}

#[test]
fn people_write_run_and_restore_code_in_a_browser() {
    check("writing");
}

#[test]
fn administrators_let_people_in_and_out_in_a_browser() {
    check("administration");
}

#[test]
fn administrators_keep_secrets_webhooks_and_bounds_of_a_tenant_in_a_browser() {
    check("tenant");
}

#[test]
fn every_page_fits_and_is_accessible_in_light() {
    check("pages_light");
}

#[test]
fn every_page_fits_and_is_accessible_in_dark() {
    check("pages_dark");
}

#[test]
fn every_page_has_no_text_outside_of_the_catalogue_and_fits_in_german() {
    check("words");
}

#[test]
fn a_browser_finds_a_byte_of_the_audit_log_that_was_changed_in_the_store() {
    check("audit");
}

#[test]
fn super_administrators_see_and_change_services_in_a_browser() {
    check("services");
}

#[test]
fn every_page_of_services_fits_is_accessible_and_has_no_text_outside_of_the_catalogue() {
    check("service_pages");
}

#[test]
fn people_sign_in_at_the_page_of_an_issuer_in_a_browser() {
    check("issuer");
}

#[test]
fn people_in_two_tabs_and_beside_each_other_lose_nothing_in_a_browser() {
    check("mishaps");
}
