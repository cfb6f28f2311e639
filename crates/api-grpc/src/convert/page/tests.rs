//! Pages that are put together from steps of the repository.

use domain::page::{Page, PageRequest};
use prost_types::FieldMask;

use super::*;

/// A list of items of these sizes; the cursor is the index of the next one.
struct Items(Vec<usize>);

impl Items {
    async fn fetch(&self, page: PageRequest) -> Result<Page<usize>> {
        assert!((1..=MAX_PAGE).contains(&page.size));
        let start: usize = page.after.map_or(0, |cursor| cursor.parse().unwrap());
        let end = self.0.len().min(start + page.size as usize);
        let next = (end < self.0.len()).then(|| end.to_string());
        Ok(Page { items: (start..end).collect(), next })
    }

    /// Sizes of all pages, read with their tokens to the end.
    async fn pages(&self, size: i32) -> Vec<usize> {
        let mut token = String::new();
        let mut seen = Vec::new();
        let mut pages = Vec::new();
        loop {
            let paging = paging(size, &token);
            let convert = |index: &usize| FieldMask { paths: vec![format!("{index:08}{}", "x".repeat(self.0[*index]))] };
            let (items, next) = paging.collect(|page| self.fetch(page), convert).await.unwrap();
            let bytes: usize = items.iter().map(Message::encoded_len).sum();
            assert!(bytes <= MAX_BYTES || items.len() == 1, "{bytes} bytes");
            seen.extend(items.iter().map(|item| item.paths[0][..8].parse::<usize>().unwrap()));
            pages.push(items.len());
            token = next;
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, (0..self.0.len()).collect::<Vec<_>>(), "each item once, in order");
        pages
    }
}

fn paging(size: i32, token: &str) -> Paging {
    let mut violations = Violations::default();
    let paging = Paging::read("List", size, token, &FieldMask::default(), &mut violations);
    assert_eq!(violations.into_inner(), []);
    paging
}

#[tokio::test]
async fn small_items_fill_pages_of_the_size_that_is_asked_for() {
    assert_eq!(Items(vec![10; 0]).pages(10).await, [0]);
    assert_eq!(Items(vec![10; 25]).pages(10).await, [10, 10, 5]);
    assert_eq!(Items(vec![10; 120]).pages(0).await, [50, 50, 20]);
    assert_eq!(Items(vec![10; 1_205]).pages(5_000).await, [1_000, 205]);
}

#[tokio::test]
async fn large_items_end_a_page_early_and_none_is_lost() {
    let half = MAX_BYTES / 2;
    assert_eq!(Items(vec![half; 5]).pages(1_000).await, [1, 1, 1, 1, 1]);
    assert_eq!(Items(vec![MAX_BYTES * 2; 3]).pages(1_000).await, [1, 1, 1]);
    let mut mixed = vec![10; 300];
    mixed[150] = MAX_BYTES;
    mixed[299] = MAX_BYTES;
    let pages = Items(mixed).pages(1_000).await;
    assert!(pages.len() > 2 && pages.iter().all(|items| *items > 0), "{pages:?}");
}

#[tokio::test]
async fn a_list_that_ends_its_pages_early_is_asked_once_for_a_page() {
    for (found, more) in [(0, true), (7, true), (7, false), (300, true)] {
        let asked = std::cell::Cell::new(0);
        let fetch = |page: PageRequest| {
            asked.set(asked.get() + 1);
            let items: Vec<usize> = (0..found.min(page.size as usize)).collect();
            std::future::ready(Ok(Page { items, next: more.then(|| "further".to_owned()) }))
        };
        let (items, next) = paging(300, "").ending_early().collect(fetch, |_| FieldMask::default()).await.unwrap();
        assert_eq!((items.len(), next.is_empty(), asked.get()), (found, !more, 1));
    }
}

#[test]
fn a_token_is_opened_only_by_what_it_was_made_for() {
    let binding = bind("List", &FieldMask { paths: vec!["a".to_owned()] });
    let token = seal("cursor", &binding);
    assert_eq!(open(&token, &binding).as_deref(), Some("cursor"));
    assert_eq!(open(&token, &bind("Other", &FieldMask { paths: vec!["a".to_owned()] })), None);
    assert_eq!(open(&token, &bind("List", &FieldMask::default())), None);
    for broken in ["", "A", "!!", &token[1..], &token[..20]] {
        assert_eq!(open(broken, &binding), None, "{broken:?}");
    }
}
