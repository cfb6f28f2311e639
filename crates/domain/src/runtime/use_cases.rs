//! Use cases of runtimes: operators install them, callers read them.

use std::sync::Arc;

use crate::access::Permit;
use crate::error::{Error, Result};
use crate::page::{Page, PageRequest};
use crate::runtime::{Runtime, RuntimeCatalog, actions};

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Runtimes {
    catalog: Arc<dyn RuntimeCatalog>,
}

impl Runtimes {
    /// Wires the use cases to their port.
    pub fn new(catalog: Arc<dyn RuntimeCatalog>) -> Self {
        Runtimes { catalog }
    }

    /// A page of runtimes, by name. The cursor is the name of the last one.
    ///
    /// # Errors
    /// Those of the sandbox, when it cannot say what it has.
    pub async fn list(&self, _permit: &Permit<actions::ListRuntimes>, page: &PageRequest) -> Result<Page<Runtime>> {
        let mut items = self.sorted().await?;
        items.retain(|runtime| page.after.as_ref().is_none_or(|after| *runtime.name > **after));
        let size = page.size as usize;
        let next = (items.len() > size).then(|| items.get(size.saturating_sub(1)).map(|last| last.name.to_string())).flatten();
        items.truncate(size);
        Ok(Page { items, next })
    }

    /// One runtime.
    ///
    /// # Errors
    /// [`Error::NotFound`]; those of the sandbox.
    pub async fn get(&self, permit: &Permit<actions::GetRuntime>) -> Result<Runtime> {
        let name = permit.target();
        let found = self.sorted().await?.into_iter().find(|runtime| runtime.name == name.runtime);
        found.ok_or_else(|| Error::NotFound { resource: name.to_string() })
    }

    async fn sorted(&self) -> Result<Vec<Runtime>> {
        let mut runtimes = self.catalog.runtimes().await?;
        runtimes.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(runtimes)
    }
}
