//! The macro that declares a section: everything about its settings in one place.

/// Declares a section: a struct with one field for each setting, how each is read, and what documents say of it.
///
/// A setting has a doc comment, which is its meaning in docs/operations.md, a type, and after `=>` how it is read, mostly by
/// a function of [`value`](crate::value). After `=` stands its default, as TOML; without one it is not set unless somebody sets it.
/// `shown` says in Markdown what the default is, where the default alone does not.
///
/// ```
/// use settings::{Place, section, value};
///
/// section! {
///     /// How the store is used.
///     pub struct Store in Place::table("store");
///
///     /// connections that read at once
///     readers: usize = 4 => value::number(1..=64);
///     /// a directory for copies
///     copies: Option<String>, shown "none are made" => value::optional(|text| Ok(text.to_owned()));
/// }
/// assert_eq!(Store::SECTION.keys[0].meaning(), "connections that read at once");
/// ```
#[macro_export]
macro_rules! section {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident in $place:expr;

        $(
            $(#[doc = $meaning:literal])+
            $key:ident: $type:ty $(= $preset:literal)? $(, shown $shown:literal)? => $read:expr;
        )+
    ) => {
        $(#[$attribute])*
        #[derive(Debug, Clone)]
        $visibility struct $name {
            $(
                $(#[doc = $meaning])+
                pub $key: $type,
            )+
        }

        impl $name {
            /// What is declared.
            pub const SECTION: $crate::Section = $crate::Section {
                place: $place,
                keys: &[$(
                    $crate::Key {
                        name: stringify!($key),
                        preset: [$(stringify!($preset),)? ""][0],
                        shown: [$($shown,)? ""][0],
                        comment: concat!($($meaning),+),
                    }
                ),+],
            };

            /// Reads every key of the table at `path` before it gives up, so that every problem is known.
            pub fn read(reader: &mut $crate::Reader<'_>, path: &str) -> Option<Self> {
                $(let $key = ($read)(&mut *reader, &$crate::Section::key(path, stringify!($key)));)+
                Some($name { $($key: $key?),+ })
            }
        }
    };
}
