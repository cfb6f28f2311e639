//! Pages of lists: sizes, tokens, and answers that stay below what a client takes by default.
//!
//! A token is bound to the method and to every argument but `page_size`, the parent among them. It grants nothing: the
//! permit of the call decides, and each query is scoped to the tenant of that permit.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::Result;
use domain::page::{DEFAULT_PAGE, MAX_PAGE, Page, PageRequest};
use prost::Message;
use sha2::{Digest, Sha256};

use crate::convert::Violations;

/// Most bytes of items in an answer: clients refuse more than 4 MiB unless told otherwise.
const MAX_BYTES: usize = 3 * 1024 * 1024;
/// Items that are asked of the repository at once, so that a long page of large items is never held whole in memory.
const STEP: u32 = 100;
/// First byte of a token; another one is of another format.
const FORMAT: u8 = 1;
/// Bytes of the binding in a token: enough that no two argument lists share it by accident.
const BINDING: usize = 16;

/// Which page is asked for.
#[derive(Debug)]
pub(crate) struct Paging {
    size: u32,
    after: Option<String>,
    binding: [u8; BINDING],
    /// Items that are asked of the repository at once.
    step: u32,
    ends_early: bool,
}

impl Paging {
    /// Reads size and token; `arguments` is the request without the two.
    pub(crate) fn read(method: &str, size: i32, token: &str, arguments: &impl Message, violations: &mut Violations) -> Self {
        let binding = bind(method, arguments);
        let size = match u32::try_from(size) {
            Ok(0) => DEFAULT_PAGE,
            Ok(size) => size.min(MAX_PAGE),
            Err(_) => {
                violations.push("page_size", "OUT_OF_RANGE", "must not be negative");
                DEFAULT_PAGE
            }
        };
        let after = open(token, &binding);
        if after.is_none() && !token.is_empty() {
            let text = "is no token of this list: use next_page_token of the page before, with the other fields as they were";
            violations.push("page_token", "MALFORMED", text);
        }
        Paging { size, after, binding, step: STEP, ends_early: false }
    }

    /// Ends a page where the repository ends one that is not full: it has looked at as much as a page may cost.
    pub(crate) fn ending_early(self) -> Self {
        Paging { step: self.size, ends_early: true, ..self }
    }

    /// Collects a page from `fetch`, and the token of the next one, empty at the end. The page ends early where the next items
    /// would make the answer too large; one item is always answered.
    pub(crate) async fn collect<T, W, F>(
        &self,
        mut fetch: impl FnMut(PageRequest) -> F,
        convert: impl Fn(&T) -> W,
    ) -> Result<(Vec<W>, String)>
    where
        W: Message,
        F: Future<Output = Result<Page<T>>>,
    {
        let mut items: Vec<W> = Vec::new();
        let mut after = self.after.clone();
        let mut bytes = 0;
        let mut step = self.step;
        loop {
            let missing = self.size - u32::try_from(items.len()).unwrap_or(self.size);
            let size = missing.min(step);
            let page = fetch(PageRequest { size, after: after.clone() }).await?;
            let more: Vec<W> = page.items.iter().map(&convert).collect();
            bytes += more.iter().map(Message::encoded_len).sum::<usize>();
            if bytes > MAX_BYTES && !items.is_empty() {
                break;
            }
            if bytes > MAX_BYTES && size > 1 {
                step = size / 2;
                bytes = 0;
                continue;
            }
            let ends_early = self.ends_early && more.len() < size as usize;
            items.extend(more);
            after = page.next;
            if after.is_none() || items.len() >= self.size as usize || ends_early {
                break;
            }
        }
        Ok((items, after.map_or_else(String::new, |cursor| seal(&cursor, &self.binding))))
    }
}

fn bind(method: &str, arguments: &impl Message) -> [u8; BINDING] {
    let mut hasher = Sha256::new();
    hasher.update([FORMAT]);
    hasher.update(method.as_bytes());
    hasher.update([0]);
    hasher.update(arguments.encode_to_vec());
    let digest: [u8; 32] = hasher.finalize().into();
    std::array::from_fn(|index| digest[index])
}

fn seal(cursor: &str, binding: &[u8; BINDING]) -> String {
    URL_SAFE_NO_PAD.encode([&[FORMAT], binding.as_slice(), cursor.as_bytes()].concat())
}

/// The cursor of a token; `None` for one that was made for another list, or not by us.
fn open(token: &str, binding: &[u8; BINDING]) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let cursor = bytes.strip_prefix(&[FORMAT])?.strip_prefix(binding.as_slice())?;
    String::from_utf8(cursor.to_vec()).ok()
}

#[cfg(test)]
mod tests;
