//! Pages of lists.

/// Most items of one page.
pub const MAX_PAGE: u32 = 1_000;

/// Items of a page when the request names no size.
pub const DEFAULT_PAGE: u32 = 50;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// In the order that was asked for.
    pub items: Vec<T>,
    /// Where the next page starts; `None` at the end. Opaque to all but the repository.
    pub next: Option<String>,
}

/// Which page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to [`MAX_PAGE`].
    pub size: u32,
    /// The `next` of the page before.
    pub after: Option<String>,
}
