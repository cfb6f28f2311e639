//! The memory of a child as it waited for its program, page by page. A child is a copy of the zygote, and most pages are still the
//! same ones: these are read from the zygote, once a program has written to them, and kept for all children.

use std::{
    cell::{OnceCell, RefCell},
    collections::BTreeMap,
    io,
    rc::Rc,
};

use rustix::process::Pid;

use super::{
    kernel::{self, Mapped, Tracking},
    ranges::{PAGE, Range},
};

const BYTES: usize = PAGE as usize;
/// Pages that are read at once.
const CHUNK: usize = 64;
const ZEROS: [u8; BYTES] = [0; BYTES];

/// The pages of all ranges, in their order.
pub struct Image {
    ranges: Vec<Range>,
    pages: Vec<Page>,
    own: Vec<u8>,
    origin: Option<Rc<Origin>>,
}

/// The zygote. While it lives it writes to its stack alone, so every other page that a child shares with it is what it was.
pub struct Origin {
    pid: Pid,
    fetched: RefCell<BTreeMap<u64, Rc<[u8]>>>,
}

/// Where a page's bytes are.
enum Page {
    /// They are zeros.
    Zeros,
    /// In the image itself, as this one of its own.
    Own(u32),
    /// In the origin, at the same address.
    Inherited(OnceCell<Rc<[u8]>>),
}

// === impl Image ===

impl Image {
    /// Reads the ranges of a stopped process, and has every page present afterwards. What it shares with `origin`, of which it is a copy
    /// that has changed no mapping, is left there.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(pid: Pid, ranges: Vec<Range>, tracking: &Tracking, origin: Option<&Rc<Origin>>) -> io::Result<Self> {
        let mut image = Image { ranges: Vec::new(), pages: Vec::new(), own: Vec::new(), origin: origin.cloned() };
        for range in &ranges {
            let mut mapped = tracking.mapped(range.start, range.end)?;
            if origin.is_none() || range.is_stack {
                mapped.fill(Mapped::Own);
            }
            image.read_range(pid, range, &mapped)?;
        }
        image.ranges = ranges;
        image.own.shrink_to_fit();
        Ok(image)
    }

    fn read_range(&mut self, pid: Pid, range: &Range, mapped: &[Mapped]) -> io::Result<()> {
        let mut buffer = vec![0; CHUNK * BYTES];
        let mut index = 0;
        while let Some(first) = mapped.get(index) {
            if *first == Mapped::Shared {
                self.pages.push(Page::Inherited(OnceCell::new()));
                index += 1;
                continue;
            }
            let alike = mapped.iter().skip(index).take(CHUNK).take_while(|page| **page == Mapped::Own).count();
            let chunk = &mut buffer[..alike * BYTES];
            kernel::read_memory(pid, range.start + index as u64 * PAGE, chunk)?;
            chunk.chunks_exact(BYTES).for_each(|page| self.keep(page));
            index += alike;
        }
        Ok(())
    }

    fn keep(&mut self, page: &[u8]) {
        if page == ZEROS {
            self.pages.push(Page::Zeros);
            return;
        }
        self.own.extend_from_slice(page);
        self.pages.push(Page::Own((self.own.len() / BYTES - 1) as u32));
    }

    /// The ranges, in the order of their addresses.
    pub fn ranges(&self) -> &[Range] {
        &self.ranges
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// How many of them are kept here and nowhere else.
    #[cfg(test)]
    pub fn own_pages(&self) -> usize {
        self.own.len() / BYTES
    }

    /// The first address and the one behind the last.
    pub fn bounds(&self) -> (u64, u64) {
        let first = self.ranges.first().map_or(0, |range| range.start);
        (first, self.ranges.last().map_or(first, |range| range.end))
    }

    /// The index of the page at this address, if it is one of these.
    pub fn page_at(&self, address: u64) -> Option<usize> {
        let range = self.ranges.get(self.ranges.partition_point(|range| range.end <= address))?;
        let offset = address.checked_sub(range.start)?;
        Some(range.first_page + (offset / PAGE) as usize)
    }

    /// The address of a page.
    pub fn address_of(&self, page: usize) -> u64 {
        let range = &self.ranges[self.ranges.partition_point(|range| range.first_page <= page) - 1];
        range.start + (page - range.first_page) as u64 * PAGE
    }

    /// The bytes of a page.
    ///
    /// # Errors
    /// It is in the origin, which the system does not let be read.
    pub fn page(&self, page: usize) -> io::Result<&[u8]> {
        match &self.pages[page] {
            Page::Zeros => Ok(&ZEROS),
            Page::Own(slot) => Ok(&self.own[*slot as usize * BYTES..][..BYTES]),
            Page::Inherited(bytes) => match (bytes.get(), &self.origin) {
                (Some(bytes), _) => Ok(bytes),
                (None, Some(origin)) => {
                    let fetched = origin.page(self.address_of(page))?;
                    Ok(bytes.get_or_init(|| fetched))
                }
                (None, None) => Err(io::Error::other("a page that is inherited of nobody")),
            },
        }
    }
}

// === impl Origin ===

impl Origin {
    /// The process that children are copies of.
    pub fn new(pid: Pid) -> Self {
        Origin { pid, fetched: RefCell::default() }
    }

    fn page(&self, address: u64) -> io::Result<Rc<[u8]>> {
        if let Some(page) = self.fetched.borrow().get(&address) {
            return Ok(page.clone());
        }
        let mut bytes = [0; BYTES];
        kernel::read_memory(self.pid, address, &mut bytes)?;
        let page: Rc<[u8]> = bytes.into();
        self.fetched.borrow_mut().insert(address, page.clone());
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(ranges: &[(u64, u64)]) -> Image {
        let mut first_page = 0;
        let mut image = Image { ranges: Vec::new(), pages: Vec::new(), own: Vec::new(), origin: None };
        for &(start, end) in ranges {
            image.ranges.push(Range { start, end, first_page, is_stack: false });
            first_page += ((end - start) / PAGE) as usize;
        }
        image.pages.extend((0..first_page).map(|_| Page::Zeros));
        image
    }

    #[test]
    fn a_page_is_found_by_its_address_and_back_and_no_other_address_is_one() {
        let image = image(&[(0x1000, 0x3000), (0x3000, 0x4000), (0x9000, 0xb000)]);
        for (page, address) in [0x1000, 0x2000, 0x3000, 0x9000, 0xa000].into_iter().enumerate() {
            assert_eq!(image.page_at(address), Some(page));
            assert_eq!(image.address_of(page), address);
        }
        for address in [0, 0xfff, 0x4000, 0x8000, 0xb000] {
            assert_eq!(image.page_at(address), None, "{address:#x}");
        }
    }
}
