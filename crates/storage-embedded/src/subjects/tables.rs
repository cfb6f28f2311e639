//! Where the name of a person may stand: in every text of every table but those that are known to hold none. What a later version adds
//! is looked into without being named here.

use domain::name::TenantId;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::error::{Result, during};

/// Tables that hold no name of a person, or whose texts may not change: code is what its hash says.
const EXEMPT: [&str; 11] = [
    "data_keys",
    "epochs",
    "leases",
    "output",
    "output_totals",
    "subjects",
    "totals",
    "utility_copies",
    "utility_imports",
    "version_code",
    "waiting",
];
/// The table of tenants themselves.
pub(super) const TENANTS: &str = "tenants";
/// How tables of audit logs begin: people stand under ids there.
const AUDIT: &str = "audit_";
/// Rows that are looked at in one read.
const STEP: u32 = 500;

/// A table, by what is needed to look for names.
#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// The columns of its key, in order.
    key: Vec<String>,
    /// The column that says of which tenant a row is; none where all belong to the installation.
    tenant: Option<&'static str>,
    /// The columns that hold text.
    texts: Vec<String>,
}

/// What is looked for: a name as a whole text, as a text of JSON, and as the beginning of another name.
#[derive(Debug, Clone)]
pub(super) struct Needle {
    whole: String,
    quoted: String,
    beginning: String,
}

/// What a step has found, and the key of the last row that it has looked at where there may be more.
pub(super) struct Step {
    pub(super) found: Vec<Found>,
    pub(super) last: Option<Vec<Value>>,
}

/// A row that holds a name.
pub(super) struct Found {
    pub(super) key: Vec<Value>,
    /// Whose it is.
    pub(super) tenant: Option<TenantId>,
}

// === impls ===

impl Needle {
    pub(super) fn new(name: &str) -> Self {
        let quoted = serde_json::Value::from(name).to_string();
        Needle { whole: name.to_owned(), quoted, beginning: format!("{name}/") }
    }

    fn values(&self) -> [Value; 3] {
        [&self.whole, &self.quoted, &self.beginning].map(|text| text.clone().into())
    }
}

impl Table {
    /// The tables to look into.
    pub(super) fn all(connection: &Connection) -> Result<Vec<Self>> {
        const TABLES: &str = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        let doing = "listing tables";
        let names = |sql| connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<String>>>();
        let named = names(TABLES).map_err(during(doing))?;
        let wanted = named.into_iter().filter(|name| !EXEMPT.contains(&name.as_str()) && !name.starts_with(AUDIT));
        let tables = wanted.map(|name| Table::read(connection, name).map_err(during(doing)));
        Ok(tables.collect::<Result<Vec<_>>>()?.into_iter().filter(|table| !table.texts.is_empty()).collect())
    }

    fn read(connection: &Connection, name: String) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1)")?;
        let column = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, u32>(2)?));
        let columns = statement.query_map([&name], column)?.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut key: Vec<_> = columns.iter().filter(|(_, _, place)| *place > 0).collect();
        key.sort_by_key(|(_, _, place)| *place);
        let mut key: Vec<String> = key.into_iter().map(|(name, _, _)| name.clone()).collect();
        if key.is_empty() {
            key.push("rowid".to_owned());
        }
        // Tenants themselves are kept under their numbers.
        let tenant = Some(if name == TENANTS { "code" } else { "tenant" });
        let tenant = tenant.filter(|tenant| columns.iter().any(|(column, _, _)| column == tenant));
        let texts = columns.into_iter().filter(|(_, kind, _)| kind == "TEXT").map(|(name, _, _)| name).collect();
        Ok(Table { name, key, tenant, texts })
    }

    /// Looks at some rows behind a key, in the order of keys.
    pub(super) fn step(&self, connection: &Connection, needle: &Needle, after: Option<&[Value]>) -> Result<Step> {
        let key = self.key.join(", ");
        let holds = self.texts.iter().map(|text| format!("{text} = ?1 OR instr({text}, ?2) OR instr({text}, ?3)"));
        let holds = holds.collect::<Vec<_>>().join(" OR ");
        let places = (0..self.key.len()).map(|index| format!("?{}", index + 4)).collect::<Vec<_>>().join(", ");
        let behind = if after.is_some() { format!("WHERE ({key}) > ({places})") } else { String::new() };
        let tenant = self.tenant.unwrap_or("NULL");
        let sql = format!("SELECT {key}, {holds}, {tenant} FROM {} {behind} ORDER BY {key} LIMIT {STEP}", self.name);
        let values = needle.values().into_iter().chain(after.unwrap_or_default().iter().cloned());
        let run = || {
            let mut statement = connection.prepare(&sql)?;
            let mut rows = statement.query(params_from_iter(values))?;
            let (mut found, mut last, mut looked_at) = (Vec::new(), None, 0);
            while let Some(row) = rows.next()? {
                let key = (0..self.key.len()).map(|index| row.get(index)).collect::<rusqlite::Result<Vec<Value>>>()?;
                if row.get::<_, Option<bool>>(self.key.len())?.unwrap_or_default() {
                    let code: Option<String> = row.get(self.key.len() + 1)?;
                    let tenant = code.and_then(|code| TenantId::parse("tenant", &code).ok());
                    found.push(Found { key: key.clone(), tenant });
                }
                (last, looked_at) = (Some(key), looked_at + 1);
            }
            Ok(Step { found, last: last.filter(|_| looked_at == STEP) })
        };
        run().map_err(during("looking for a name"))
    }

    /// Puts another name into a row.
    pub(super) fn replace(&self, connection: &Connection, needle: &Needle, other: &Needle, key: &[Value]) -> Result<usize> {
        let set = |text: &String| format!("{text} = CASE WHEN {text} = ?1 THEN ?4 ELSE replace(replace({text}, ?2, ?5), ?3, ?6) END");
        let set = self.texts.iter().map(set).collect::<Vec<_>>().join(", ");
        let which = self.key.iter().enumerate().map(|(index, column)| format!("{column} = ?{}", index + 7));
        let which = which.collect::<Vec<_>>().join(" AND ");
        let sql = format!("UPDATE {} SET {set} WHERE {which}", self.name);
        let values = needle.values().into_iter().chain(other.values()).chain(key.iter().cloned());
        connection.prepare(&sql).and_then(|mut statement| statement.execute(params_from_iter(values))).map_err(during("replacing a name"))
    }
}
