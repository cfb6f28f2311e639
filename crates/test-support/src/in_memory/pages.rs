//! Pages of what is in memory.

use domain::Error;
use domain::page::{MAX_PAGE, Page, PageRequest};

/// Cuts a page out of all items, which are in order. A token is the order's name and the key of the last item, which need not
/// exist any more: `is_after` says whether an item comes after that key.
pub(super) fn page<T>(
    items: Vec<T>,
    request: &PageRequest,
    order: &str,
    key: impl Fn(&T) -> (u64, String),
    is_after: impl Fn(&(u64, String), &(u64, String)) -> bool,
) -> domain::Result<Page<T>> {
    let after = request.after.as_deref().map(|text| parse(text, order)).transpose()?;
    let mut rest = items.into_iter().filter(|item| after.as_ref().is_none_or(|after| is_after(&key(item), after)));
    let items: Vec<T> = rest.by_ref().take(request.size.clamp(1, MAX_PAGE) as usize).collect();
    let more = rest.next().is_some();
    let next = items.last().filter(|_| more).map(|last| {
        let (time, id) = key(last);
        format!("{order}/{time}/{id}")
    });
    Ok(Page { items, next })
}

fn parse(text: &str, order: &str) -> domain::Result<(u64, String)> {
    let malformed = || Error::invalid("page_token", "MALFORMED", "is not a token of this list");
    let mut parts = text.splitn(3, '/');
    let (found, time, id) = (parts.next(), parts.next(), parts.next());
    let time = time.and_then(|time| time.parse().ok()).ok_or_else(malformed)?;
    match (found == Some(order), id) {
        (true, Some(id)) => Ok((time, id.to_owned())),
        (true, None) | (false, _) => Err(malformed()),
    }
}
