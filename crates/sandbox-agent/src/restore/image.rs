//! The memory of a child as it waited for its program, page by page. A child is a copy of the zygote, and most pages it has not
//! written: these are read from the zygote, once a program has written to them, and kept for all children.

use std::{cell::OnceCell, io, os::fd::AsFd, rc::Rc};

use rustix::process::Pid;

use super::{
    kernel,
    ranges::{self, PAGE, Ranges},
    tracking::Pages,
    visible,
};

const BYTES: usize = PAGE as usize;
const ZEROS: [u8; BYTES] = [0; BYTES];
/// Pages that are compared at once: what the kernel reads with one call of a few, and little memory.
const PAGES_AT_ONCE: usize = 16;
/// In place of a page of its own: it is in the origin.
const INHERITED: u32 = u32::MAX;
/// In place of a page of its own: it is all zeros.
const NOTHING: u32 = u32::MAX - 1;

/// The pages of all ranges, in their order.
pub struct Image {
    ranges: Rc<Ranges>,
    /// Which page of its own it is, or [`INHERITED`] or [`NOTHING`].
    places: Vec<u32>,
    own: Vec<u8>,
    origin: Option<Rc<Origin>>,
}

/// The zygote. While it makes children it writes to its stack alone, and the kernel to what is its thread's own.
pub struct Origin {
    pid: Pid,
    ranges: Rc<Ranges>,
    pages: Vec<OnceCell<Box<[u8]>>>,
}

// === impl Image ===

impl Image {
    /// All of a stopped process.
    ///
    /// # Errors
    /// What the system says.
    pub fn whole(pid: Pid, ranges: Rc<Ranges>) -> io::Result<Self> {
        let pages: Vec<usize> = (0..ranges.pages()).collect();
        let mut image = Image { places: vec![INHERITED; pages.len()], ranges, own: Vec::new(), origin: None };
        image.read(pid, &pages)?;
        Ok(image)
    }

    /// Of a process that has written nothing since it is a copy of `origin`.
    pub fn inherited(origin: Rc<Origin>) -> Self {
        let ranges = origin.ranges.clone();
        Image { places: vec![INHERITED; ranges.pages()], ranges, own: Vec::new(), origin: Some(origin) }
    }

    /// Reads pages of a stopped process.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&mut self, pid: Pid, pages: &[usize]) -> io::Result<()> {
        let mut bytes = vec![0; pages.len() * BYTES];
        kernel::read_memory(pid, pages.iter().map(|&page| (self.ranges.address_of(page), BYTES)), &mut bytes)?;
        let before = self.own.len() / BYTES;
        let mut kept = 0;
        for (index, &page) in pages.iter().enumerate() {
            let place = index * BYTES..(index + 1) * BYTES;
            if bytes[place.clone()] == ZEROS {
                self.places[page] = NOTHING;
                continue;
            }
            bytes.copy_within(place, kept * BYTES);
            self.places[page] = (before + kept) as u32;
            kept += 1;
        }
        bytes.truncate(kept * BYTES);
        // Most children are read once.
        if self.own.is_empty() {
            self.own = bytes
        } else {
            self.own.append(&mut bytes)
        }
        self.own.shrink_to_fit();
        Ok(())
    }

    /// What it is of.
    pub fn ranges(&self) -> &Rc<Ranges> {
        &self.ranges
    }

    /// How many pages are kept here and nowhere else.
    #[cfg(test)]
    pub fn own_pages(&self) -> usize {
        self.own.len() / BYTES
    }

    /// Which of these pages of a stopped process have other bytes than here.
    ///
    /// # Errors
    /// What the system says.
    pub fn differing(&self, pid: Pid, pages: &[usize]) -> io::Result<Vec<usize>> {
        let mut differing = Vec::new();
        let mut bytes = [0; BYTES * PAGES_AT_ONCE];
        for pages in pages.chunks(PAGES_AT_ONCE) {
            let bytes = &mut bytes[..pages.len() * BYTES];
            kernel::read_memory(pid, pages.iter().map(|&page| (self.ranges.address_of(page), BYTES)), bytes)?;
            for (&page, now) in pages.iter().zip(bytes.chunks(BYTES)) {
                if self.page(page)? != now {
                    differing.push(page);
                }
            }
        }
        Ok(differing)
    }

    /// The bytes of a page.
    ///
    /// # Errors
    /// It is in the origin, which the system does not let be read.
    pub fn page(&self, page: usize) -> io::Result<&[u8]> {
        match (self.places[page], &self.origin) {
            (NOTHING, _) => Ok(&ZEROS),
            (INHERITED, Some(origin)) => origin.page(page),
            (INHERITED, None) => Err(io::Error::other("a page that is inherited of nobody")),
            (own, _) => Ok(&self.own[own as usize * BYTES..][..BYTES]),
        }
    }
}

// === impl Origin ===

impl Origin {
    /// The process that children are copies of, by its id and its directory in a procfs. Each of its pages is there from now on, and so in
    /// the copies that it makes.
    ///
    /// # Errors
    /// What the system says, or that it has memory that others can change or that the kernel empties by itself.
    pub fn new(pid: Pid, directory: &impl AsFd) -> io::Result<Self> {
        ranges::refuse_emptied(&visible::mappings_with_flags(directory.as_fd())?)?;
        let pages = Pages::of(directory)?;
        let ranges = Ranges::of(&visible::mappings(directory.as_fd())?, |start, end| pages.has_own(start, end))?;
        let missing = pages.missing(&ranges)?;
        let mut first_bytes = vec![0; missing.len()];
        kernel::read_memory(pid, missing.iter().map(|&page| (ranges.address_of(page), 1)), &mut first_bytes)?;
        let pages = (0..ranges.pages()).map(|_| OnceCell::new()).collect();
        Ok(Origin { pid, ranges: Rc::new(ranges), pages })
    }

    /// What it can write to, and so whoever is a copy of it.
    pub fn ranges(&self) -> &Ranges {
        &self.ranges
    }

    fn page(&self, page: usize) -> io::Result<&[u8]> {
        if let Some(bytes) = self.pages[page].get() {
            return Ok(bytes);
        }
        let mut bytes = vec![0; BYTES].into_boxed_slice();
        kernel::read_memory(self.pid, [(self.ranges.address_of(page), BYTES)].into_iter(), &mut bytes)?;
        Ok(self.pages[page].get_or_init(|| bytes))
    }
}
