//! Keyset pages: where a page ended, as text of the form
//! `<version>:<order>:<milliseconds>:<id>`. Callers treat it as opaque; it grants nothing, as every query is scoped by its tenant.

use domain::page::{MAX_PAGE, PageRequest};
use domain::{Error, Result};

/// A page ends early, with a token for the rest, when its items weigh this much: bounds memory and messages, whatever size is asked.
pub const PAGE_BYTES: usize = 2 * 1024 * 1024;

const VERSION: &str = "1";

/// The sort key of the last item of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The time that the list is ordered by; 0 where it is ordered by id.
    pub millis: i64,
    /// The id, or the number, that breaks ties.
    pub id: String,
}

impl Cursor {
    /// The cursor as text; `order` names the list's order.
    pub fn encode(&self, order: &str) -> String {
        format!("{VERSION}:{order}:{}:{}", self.millis, self.id)
    }

    /// Reads a cursor of a list in this order.
    ///
    /// # Errors
    /// [`malformed`].
    pub fn decode(text: &str, order: &str) -> Result<Self> {
        let mut parts = text.splitn(4, ':');
        let (version, found, millis, id) = (parts.next(), parts.next(), parts.next(), parts.next());
        let millis = millis.and_then(|millis| millis.parse().ok()).filter(|millis| *millis >= 0);
        match (millis, id) {
            (Some(millis), Some(id)) if version == Some(VERSION) && found == Some(order) && !id.is_empty() => {
                Ok(Cursor { millis, id: id.to_owned() })
            }
            _ => Err(malformed()),
        }
    }
}

/// A page of a list that is ordered by id alone.
pub struct PageById {
    order: &'static str,
    size: usize,
    /// What lies behind this id is on the page, or behind it.
    pub after: String,
}

impl PageById {
    /// The page that is asked for of a list in this order.
    ///
    /// # Errors
    /// [`malformed`].
    pub fn new(page: &PageRequest, order: &'static str) -> Result<Self> {
        let after = page.after.as_deref().map(|text| Cursor::decode(text, order)).transpose()?;
        Ok(PageById { order, size: page.size.clamp(1, MAX_PAGE) as usize, after: after.map_or_else(String::new, |cursor| cursor.id) })
    }

    /// How many to ask for: one more than the page holds tells whether there is a next one.
    pub fn limit(&self) -> usize {
        self.size + 1
    }

    /// Leaves what is on the page; answers where the next one begins, if there is one.
    pub fn cut<T>(&self, rows: &mut Vec<T>, id: impl FnOnce(&T) -> &str) -> Option<String> {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        rows.last().filter(|_| more).map(|last| Cursor { millis: 0, id: id(last).to_owned() }.encode(self.order))
    }
}

/// The refusal of a token that this store did not make for this list.
pub fn malformed() -> Error {
    Error::invalid("page_token", "MALFORMED", "is not a token of this list; start again without one")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        let cursor = Cursor { millis: 1_700_000_000_123, id: "a-b".to_owned() };
        assert_eq!(Cursor::decode(&cursor.encode("created"), "created").unwrap(), cursor);
    }

    #[test]
    fn what_is_no_cursor_of_this_order_is_refused() {
        for text in ["", "1", "1:created:5", "1:created:5:", "1:created:-5:a", "1:created:x:a", "2:created:5:a", "1:updated:5:a", "%00"] {
            let error = Cursor::decode(text, "created").unwrap_err();
            assert!(matches!(&error, Error::Invalid(all) if all[0].field == "page_token"), "{text}: {error}");
        }
    }

    #[test]
    fn a_page_by_id_ends_with_its_last_row_and_the_next_begins_behind_it() {
        let page = |size, after: Option<String>| PageById::new(&PageRequest { size, after }, "some").unwrap();
        let first = page(2, None);
        let mut found = ["a", "b", "c"].map(str::to_owned).to_vec();
        assert_eq!((first.after.as_str(), first.limit()), ("", 3));
        let next = first.cut(&mut found, String::as_str).expect("there is a third");
        assert_eq!((found.len(), page(2, Some(next)).after.as_str()), (2, "b"));
        assert_eq!(first.cut(&mut found, String::as_str), None);
    }
}
