//! Brings a database to the newest schema, one transaction for each step, and refuses one that it does not know.

use std::path::Path;

use rusqlite::Connection;

use crate::error::{Error, Result, during};

/// Marks the file as ours in its header ("Zona" in ASCII).
const APPLICATION_ID: i32 = 0x5a6f_6e61;

/// Step `n` leads from schema `n` to `n + 1`. A step that was released is never changed, and keeps its place: the next one is the last.
const STEPS: &[&str] = &[
    include_str!("../migrations/0001_documents.sql"),
    include_str!("../migrations/0002_code_policies.sql"),
    include_str!("../migrations/0003_utility_imports.sql"),
    include_str!("../migrations/0004_runtime_of_imports.sql"),
    include_str!("../migrations/0005_leases.sql"),
    include_str!("../migrations/0006_version_code.sql"),
    include_str!("../migrations/0007_epochs.sql"),
    include_str!("../migrations/0008_grants.sql"),
    include_str!("../migrations/0009_audit.sql"),
    include_str!("../migrations/0010_identity.sql"),
    include_str!("../migrations/0011_deleted_principals.sql"),
    include_str!("../migrations/0012_subjects.sql"),
    include_str!("../migrations/0013_tenants.sql"),
    include_str!("../migrations/0014_events.sql"),
    include_str!("../migrations/0015_shares.sql"),
    include_str!("../migrations/0016_tenant_settings.sql"),
    include_str!("../migrations/0018_audit_removal.sql"),
    include_str!("../migrations/0019_webhooks.sql"),
    include_str!("../migrations/0020_readable_holds.sql"),
    include_str!("../migrations/0021_utility_copies.sql"),
    include_str!("../migrations/0022_lean_indexes.sql"),
    include_str!("../migrations/0023_secrets.sql"),
    include_str!("../migrations/0024_sealed_contents.sql"),
    include_str!("../migrations/0025_waiting.sql"),
    include_str!("../migrations/0026_output_archive.sql"),
    include_str!("../migrations/0027_platform.sql"),
    include_str!("../migrations/0028_schedules.sql"),
    include_str!("../migrations/0029_operations.sql"),
    include_str!("../migrations/0030_platform_sightings.sql"),
];

/// Applies the steps that the database lacks.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    migrate_through(connection, path, STEPS)
}

fn migrate_through(connection: &mut Connection, path: &Path, steps: &[&str]) -> Result<()> {
    let known = u32::try_from(steps.len()).expect("there are few steps");
    let found = schema(connection)?;
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(during("reading its mark"))?;
    if application != APPLICATION_ID && !is_empty(connection)? {
        return Err(Error::Foreign { path: path.to_owned() });
    }
    if found > known {
        return Err(Error::Newer { path: path.to_owned(), found, known });
    }
    for (step, number) in steps.iter().zip(1..).skip(found as usize) {
        apply(connection, step, number)?;
        tracing::info!(schema = number, "migrated the database");
    }
    Ok(())
}

fn apply(connection: &mut Connection, step: &str, number: u32) -> Result<()> {
    let doing = "migrating the schema";
    let transaction = connection.transaction().map_err(during(doing))?;
    transaction.execute_batch(step).map_err(during(doing))?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(during(doing))?;
    transaction.pragma_update(None, "user_version", number).map_err(during(doing))?;
    transaction.commit().map_err(during(doing))
}

fn schema(connection: &Connection) -> Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(during("reading the schema's version"))
}

fn is_empty(connection: &Connection) -> Result<bool> {
    let query = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
    connection.query_row(query, [], |row| row.get(0)).map_err(during("reading the schema"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(connection: &Connection) -> Vec<String> {
        let mut statement = connection.prepare("SELECT name FROM sqlite_schema ORDER BY name").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn steps_are_taken_in_the_order_of_their_names_which_leave_no_room_between_them() {
        // No file ever had this number.
        const NEVER: u32 = 17;
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let number = |file: &std::path::PathBuf| file.file_name().unwrap().to_str().unwrap()[..4].parse::<u32>().unwrap();
        let numbers: Vec<_> = files.iter().map(number).collect();
        let last = u32::try_from(STEPS.len()).unwrap() + 1;
        assert_eq!(numbers, (1..=last).filter(|number| *number != NEVER).collect::<Vec<_>>());
        let texts: Vec<_> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
        assert_eq!(texts, STEPS, "each file has the place of its name");
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("x")).unwrap();
        let first = objects(&connection);
        migrate(&mut connection, Path::new("x")).unwrap();
        assert_eq!(objects(&connection), first);
        assert_eq!(schema(&connection).unwrap() as usize, STEPS.len());
    }

    #[test]
    fn a_failing_step_leaves_the_schema_before_it() {
        let mut connection = Connection::open_in_memory().unwrap();
        let steps = ["CREATE TABLE one (a);", "CREATE TABLE two (a); CREATE TABLE one (a);"];
        migrate_through(&mut connection, Path::new("x"), &steps).unwrap_err();
        assert_eq!(objects(&connection), ["one"]);
        assert_eq!(schema(&connection).unwrap(), 1);
        migrate_through(&mut connection, Path::new("x"), &[steps[0], "CREATE TABLE two (a);"]).unwrap();
        assert_eq!(objects(&connection), ["one", "two"]);
    }

    #[test]
    fn code_that_was_stored_with_its_version_moves_to_its_own_table() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_through(&mut connection, Path::new("x"), &STEPS[..5]).unwrap();
        let before = "INSERT INTO utilities VALUES ('acme', 'u', 'script', 'ann', 0, 1, 1, 1, 1, '{}');
             INSERT INTO versions (tenant, id, number, document, code) VALUES ('acme', 'u', 1, '{}', 'äöü 🦀')";
        connection.execute_batch(before).unwrap();
        migrate(&mut connection, Path::new("x")).unwrap();
        let query = "SELECT code, code_bytes FROM versions JOIN version_code USING (tenant, id, number)";
        let row = connection.query_row(query, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).unwrap();
        assert_eq!(row, ("äöü 🦀".to_owned(), 11));
    }

    #[test]
    fn whoever_had_something_before_there_were_tenants_is_one() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_through(&mut connection, Path::new("x"), &STEPS[..12]).unwrap();
        let before = "INSERT INTO utilities VALUES ('acme', 'u', 'script', 'ann', 0, 1, 1, 1, 1, '{}');
             INSERT INTO principals VALUES ('system', 'user', 'root', 1, 1, '{}');
             INSERT INTO code_policies VALUES ('acme', 1, '{}');
             INSERT INTO audit_logs VALUES ('beta', 1, 0)";
        connection.execute_batch(before).unwrap();
        migrate(&mut connection, Path::new("x")).unwrap();
        let mut statement = connection.prepare("SELECT number, code, document FROM tenants ORDER BY number").unwrap();
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i32>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?));
        let found: Vec<_> = statement.query_map([], read).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            found.iter().map(|(number, code, _)| (*number, code.as_str())).collect::<Vec<_>>(),
            [(1, "acme"), (2, "beta"), (3, "system")]
        );
        for (number, code, text) in found {
            let code = domain::name::TenantId::parse("tenant", &code).unwrap();
            let document = storage_documents::decode::<storage_documents::TenantDocument>(&text).unwrap();
            let tenant = document.into_tenant(code.clone(), number).unwrap();
            assert!(tenant.created.as_millis() > 1_700_000_000_000 && tenant.display_name == code.as_str(), "{tenant:?}");
        }
    }

    #[test]
    fn output_that_was_stored_before_is_counted_to_its_tenant() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate_through(&mut connection, Path::new("x"), &STEPS[..15]).unwrap();
        for (tenant, id, bytes) in [("acme", "a", 100), ("acme", "b", 20), ("beta", "a", 3)] {
            let execution =
                "INSERT INTO executions (tenant, id, utility, caller, state, created, ended, unfinished, instance, document, token)
                 VALUES (?1, ?2, 'u', 'c', 's', 1, 2, 0, 'i', '{}', 1)";
            connection.execute(execution, [tenant, id]).unwrap();
            connection.execute("INSERT INTO output VALUES (?1, ?2, 1, 1, ?3, x'00')", (tenant, id, bytes)).unwrap();
        }
        migrate(&mut connection, Path::new("x")).unwrap();
        let mut statement = connection.prepare("SELECT tenant, bytes FROM output_totals ORDER BY tenant").unwrap();
        let totals = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap);
        assert_eq!(totals.collect::<Vec<(String, i64)>>(), [("acme".to_owned(), 120), ("beta".to_owned(), 3)]);
    }

    #[test]
    fn a_newer_database_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Path::new("x")).unwrap();
        connection.pragma_update(None, "user_version", 999).unwrap();
        let error = migrate(&mut connection, Path::new("x")).unwrap_err();
        assert!(matches!(error, Error::Newer { found: 999, .. }), "{error}");
        assert_eq!(schema(&connection).unwrap(), 999);
    }

    #[test]
    fn somebody_elses_database_is_refused_untouched() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (a)").unwrap();
        let error = migrate(&mut connection, Path::new("x")).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error}");
        assert_eq!(objects(&connection), ["theirs"]);
    }
}
