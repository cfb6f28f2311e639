//! What is declared of settings: keys, the sections that hold them, and all sections of a program together.

use figment::Figment;

/// The settings of one place.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Where they stand.
    pub place: Place,
    /// What there is.
    pub keys: &'static [Key],
}

/// Where settings stand in a file.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Name of the table; empty for keys outside of any.
    table: &'static str,
    /// For a table of tables: how documents call the name of one of them, and what one is.
    each: Option<(&'static str, &'static str)>,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its name in the table.
    pub name: &'static str,
    /// Its default as TOML; empty where it is not set by itself.
    pub preset: &'static str,
    /// What documents show as the default, where that is not the preset.
    pub shown: &'static str,
    /// The doc comment, line breaks and all.
    pub comment: &'static str,
}

/// Every section of a program, in the order in which they are printed.
#[derive(Debug, Clone)]
pub struct Schema(Vec<Section>);

impl Place {
    /// Outside of any table.
    pub const fn outside() -> Self {
        Place { table: "", each: None }
    }

    /// The table `[NAME]`.
    pub const fn table(name: &'static str) -> Self {
        Place { table: name, each: None }
    }

    /// Tables `[NAME.PLACEHOLDER]`, as many as somebody writes; `noun` says what one is, e.g. "a tenant".
    pub const fn each(name: &'static str, placeholder: &'static str, noun: &'static str) -> Self {
        Place { table: name, each: Some((placeholder, noun)) }
    }
}

impl Section {
    /// The full name of a key in the table at `path`.
    pub fn key(path: &str, name: &str) -> String {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    }

    /// Where its keys are read from; of a table of tables, see [`Section::entries`].
    pub const fn path(&self) -> &'static str {
        self.place.table
    }

    /// The table of one entry of a table of tables.
    pub fn entry(&self, name: &str) -> String {
        Section::key(self.place.table, name)
    }

    /// The names under which somebody wrote tables into a table of tables.
    pub fn entries(&self, figment: &Figment) -> Vec<String> {
        let tables = figment.find_value(self.place.table).ok().and_then(|value| value.into_dict());
        tables.map(|tables| tables.into_keys().collect()).unwrap_or_default()
    }

    /// How documents write its table: `store`, `runtimes.NAME`.
    pub(crate) fn documented_path(&self) -> String {
        self.place.each.map_or_else(|| self.path().to_owned(), |(placeholder, _)| self.entry(placeholder))
    }

    pub(crate) const fn is_each(&self) -> bool {
        self.place.each.is_some()
    }

    /// What one table of a table of tables is; empty for other sections.
    pub(crate) fn noun(&self) -> &'static str {
        self.place.each.map_or("", |(_, noun)| noun)
    }

    /// What stands behind its table in a full name; `None` for a key of another table.
    pub(crate) fn below<'a>(&self, key: &'a str) -> Option<&'a str> {
        match self.path() {
            "" => Some(key),
            table => key.strip_prefix(table).and_then(|rest| rest.strip_prefix('.')),
        }
    }

    /// Whether this full name is one of its keys.
    fn has(&self, key: &str) -> bool {
        let named = |leaf: &str| self.keys.iter().any(|key| key.name == leaf);
        let below = self.below(key);
        match self.is_each() {
            true => below.and_then(|below| below.rsplit_once('.')).is_some_and(|(_, leaf)| named(leaf)),
            false => below.is_some_and(named),
        }
    }
}

impl Key {
    /// What it means, in one line of Markdown.
    pub fn meaning(&self) -> String {
        self.comment.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Schema {
    /// These sections.
    pub fn new(sections: impl IntoIterator<Item = Section>) -> Self {
        Schema(sections.into_iter().collect())
    }

    pub(crate) fn sections(&self) -> &[Section] {
        &self.0
    }

    /// Every key that is written out in full, and those of tables of tables with their placeholders.
    pub fn keys(&self) -> Vec<String> {
        let of = |section: &Section| section.keys.iter().map(|key| Section::key(&section.documented_path(), key.name)).collect::<Vec<_>>();
        self.0.iter().flat_map(of).collect()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.0.iter().any(|section| section.has(key))
    }

    /// Whether a table of this name holds keys or tables.
    pub(crate) fn is_table(&self, name: &str) -> bool {
        !name.is_empty() && self.0.iter().any(|section| section.path() == name)
    }

    /// That a key is unknown, and which ones may have been meant: those of its section, or the sections where there is none such.
    pub(crate) fn unknown(&self, key: &str) -> String {
        let (table, _) = key.split_once('.').unwrap_or(("", key));
        let names = |found: &mut dyn Iterator<Item = &Section>| {
            found.flat_map(|section| section.keys).map(|key| key.name).collect::<Vec<_>>().join(", ")
        };
        let of = |table: &str| names(&mut self.0.iter().filter(|section| !section.is_each() && section.path() == table));
        let each = self.0.iter().find(|section| section.is_each() && section.below(key).is_some_and(|below| below.contains('.')));
        match (table, each) {
            ("", _) => format!("is unknown; keys outside a section are {}; sections are {}", of(""), self.tables()),
            (_, Some(each)) => {
                format!("is unknown; {} has {}", each.noun(), names(&mut std::iter::once(each)))
            }
            (table, _) if of(table).is_empty() => format!("is unknown; sections are {}", self.tables()),
            (table, _) => format!("is unknown; [{table}] has {}", of(table)),
        }
    }

    fn tables(&self) -> String {
        let named = self.0.iter().filter(|section| !section.path().is_empty());
        named.map(|section| format!("[{}]", section.documented_path())).collect::<Vec<_>>().join(", ")
    }

    /// The declared defaults as a TOML file.
    pub(crate) fn presets(&self) -> String {
        let mut text = String::new();
        for section in self.0.iter().filter(|section| !section.is_each()) {
            for key in section.keys.iter().filter(|key| !key.preset.is_empty()) {
                text.push_str(&format!("{} = {}\n", Section::key(section.path(), key.name), key.preset));
            }
        }
        text
    }
}
