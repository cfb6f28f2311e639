//! Lists that come in pages, whole.

use std::future::Future;

use crate::failure::Result;

/// Every item of a list: `fetch` asks for the page behind a token, the first one behind an empty one, and answers its items and the
/// token of the next, empty at the end.
///
/// # Errors
/// Those of `fetch`.
pub async fn every<T, F>(mut fetch: impl FnMut(String) -> F) -> Result<Vec<T>>
where
    F: Future<Output = Result<(Vec<T>, String)>>,
{
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let (items, next) = fetch(token).await?;
        found.extend(items);
        if next.is_empty() {
            return Ok(found);
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_page_is_asked_for_once_in_order_to_the_last_also_an_empty_one() {
        let pages = [(vec![1, 2], "a"), (vec![], "b"), (vec![3], "")];
        let mut asked = Vec::new();
        let found = every(|token| {
            let (items, next) = pages[asked.len()].clone();
            asked.push(token);
            async move { Ok((items, next.to_owned())) }
        });
        assert_eq!(found.await.unwrap(), [1, 2, 3]);
        assert_eq!(asked, ["", "a", "b"]);
    }
}
