//! The words in which a shape is declared: objects, fields, and kinds of values.

/// An object: its fields, and what it is.
#[derive(Debug)]
pub struct Shape {
    /// Its name in the schema.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub about: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it may be.
    pub kind: Kind,
    /// What it means, in one sentence, with its default.
    pub about: &'static str,
}

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text that is not empty, of at most so many bytes.
    Text(usize),
    /// A name: lower-case letters, digits and single hyphens inside, at most 63 characters, as DNS and engines take it.
    Name,
    /// The name of an environment variable or parameter.
    Variable,
    /// A reference to an image.
    Image,
    /// An absolute path without `..`.
    Path,
    /// A truth value.
    Flag,
    /// A whole number in a range.
    Whole(i64, i64),
    /// A duration with its unit.
    Duration,
    /// A size with its unit.
    Size,
    /// A number of processors.
    Processors,
    /// A share in percent.
    Share,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A text, a number or a truth value, taken as it is written; may be empty.
    Scalar,
    /// Values of one kind, at most so many.
    List(&'static Kind, usize),
    /// Values of one kind under names of one kind, at most [`MAX_MEMBERS`].
    Map(&'static Kind, &'static Kind),
    /// An object.
    Object(&'static Shape),
}

/// The longest name that engines take: one label of DNS.
pub const MAX_NAME: usize = 63;

/// Members of a map whose names are the writer's: rules compare each with each.
pub const MAX_MEMBERS: usize = 4_000;

/// A field that must be there.
pub const fn required(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, required: true, kind, about }
}

/// A field that may be absent.
pub const fn optional(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, required: false, kind, about }
}
