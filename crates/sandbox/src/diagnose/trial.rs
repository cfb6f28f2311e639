//! The program that tells whether a tier works.

use std::time::Duration;

use domain::json::JsonText;
use domain::name::{RuntimeId, TenantId};
use domain::sandbox::{Entry, Isolation, Job, Limits, Purpose, Secrets};

/// How long one tier may take, start included.
pub(super) const TIER_DEADLINE: Duration = Duration::from_secs(30);
/// A program that works only where Python, its standard library and its private `/tmp` are there.
pub(super) const PROGRAM: &str = "import json, tempfile\n\ndef transform(value):\n    with tempfile.TemporaryFile() as file:\n        file.write(json.dumps(value).encode())\n        file.seek(0)\n        return json.load(file)\n";
/// A program for where there is no directory to write to, or where it is to leave nothing.
pub(super) const PROGRAM_WITHOUT_FILES: &str = "import json\n\ndef transform(value):\n    return json.loads(json.dumps(value))\n";
/// What it gets and gives back.
pub(super) const VALUE: &str = r#"{"works": [true, null, 9007199254740993]}"#;

/// Runs the program in a tier, for a tenant of ours.
pub(super) fn trial(isolation: Isolation, runtime: &str) -> Result<Job, String> {
    let named = |error: domain::Error| error.to_string();
    Ok(Job {
        tenant: TenantId::parse("tenant", "doctor").map_err(named)?,
        purpose: Purpose::Trial,
        isolation,
        runtime: RuntimeId::new(runtime),
        code: PROGRAM.into(),
        entry: Entry::Transform(vec![JsonText::read(VALUE)]),
        params_json: JsonText::read("{}"),
        secrets: Secrets::default(),
        limits: Limits::DEFAULT,
        fresh: false,
    })
}
