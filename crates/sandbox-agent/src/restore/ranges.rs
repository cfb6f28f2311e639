//! Which of a process's memory is put back: what it can write to without a call that is seen, and what it once wrote, such as the
//! tables of a library that the loader has filled. The rest are pages of files; whoever maps the file again has the same.

use std::io;

use sandbox_protocol::control::MOST_PUT_BACK;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Mappings that are tracked at most. An interpreter with its usual modules has about 30.
const MOST_RANGES: usize = 1024;
/// Pages that are tracked at most. Each costs a restore the time to look at it, and a copy.
const MOST_PAGES: u64 = MOST_PUT_BACK / PAGE;
/// How the names of the mappings end that are the kernel's: `[vvar]`, `[vdso]`, `[vsyscall]`. Nothing ends like them that is writable.
const KERNELS_OWN: [&str; 4] = ["[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]"];

/// Flags of memory that the kernel empties by itself: in a copy of the process, or whenever it is short of memory. Who keeps random numbers
/// there learns by it that they are used up; put back with the rest they would come again.
const EMPTIED: [&str; 2] = ["wf", "dp"];

/// Memory of one mapping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Its first address.
    pub start: u64,
    /// The one behind its last.
    pub end: u64,
    /// Pages in the ranges before it.
    pub first_page: usize,
    /// Whether it is the stack.
    pub is_stack: bool,
}

/// What is put back of one process, in the order of addresses. Its pages are numbered, from 0.
pub struct Ranges(Vec<Range>);

// === impl Ranges ===

impl Ranges {
    /// The mappings of a text like `/proc/self/maps` that are put back, in their order. `has_own` says whether a range that cannot be
    /// written to has pages that are of no file.
    ///
    /// # Errors
    /// Memory that others can change, that cannot be read, or more than can be tracked; a line that is none.
    pub fn of(maps: &str, mut has_own: impl FnMut(u64, u64) -> io::Result<bool>) -> io::Result<Self> {
        let mut ranges = Vec::new();
        let mut pages = 0;
        for line in maps.lines() {
            let mapping = Mapping::parse(line)?;
            let refused = |why| io::Error::other(format!("{why}: {line}"));
            if mapping.is_writable && mapping.is_shared {
                return Err(refused("others can change this memory"));
            }
            if !mapping.is_writable && (!mapping.can_have_own() || !has_own(mapping.start, mapping.end)?) {
                continue;
            }
            if !mapping.is_readable {
                return Err(refused("this memory cannot be read"));
            }
            let first_page = usize::try_from(pages).map_err(io::Error::other)?;
            ranges.push(Range { start: mapping.start, end: mapping.end, first_page, is_stack: line.ends_with("[stack]") });
            pages += (mapping.end - mapping.start) / PAGE;
        }
        if ranges.is_empty() || ranges.len() > MOST_RANGES || pages > MOST_PAGES {
            return Err(io::Error::other(format!("{pages} pages in {} mappings cannot be tracked", ranges.len())));
        }
        Ok(Ranges(ranges))
    }

    /// Whether these are all that is to be put back of a process with these mappings. `has_own` says of a range what it says to
    /// [`of`](Self::of).
    ///
    /// # Errors
    /// A line that is none, or what `has_own` says.
    pub fn hold(&self, maps: &str, mut has_own: impl FnMut(u64, u64) -> io::Result<bool>) -> io::Result<bool> {
        for line in maps.lines() {
            let mapping = Mapping::parse(line)?;
            let has_to = match mapping.is_writable {
                true if mapping.is_shared => return Ok(false),
                true => true,
                false => mapping.can_have_own() && !self.cover(mapping.start, mapping.end) && has_own(mapping.start, mapping.end)?,
            };
            if has_to && !self.cover(mapping.start, mapping.end) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every page from `start` to `end` is one of these.
    fn cover(&self, start: u64, end: u64) -> bool {
        let mut at = start;
        while at < end {
            match self.around(at) {
                Some(range) => at = range.end,
                None => return false,
            }
        }
        true
    }

    /// One by one.
    pub fn iter(&self) -> impl Iterator<Item = &Range> {
        self.0.iter()
    }

    /// First and last addresses of what has no gap.
    pub fn runs(&self) -> Vec<(u64, u64)> {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for range in &self.0 {
            match runs.last_mut() {
                Some((_, end)) if *end == range.start => *end = range.end,
                _ => runs.push((range.start, range.end)),
            }
        }
        runs
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.0.last().map_or(0, |last| last.first_page + ((last.end - last.start) / PAGE) as usize)
    }

    /// The first address and the one behind the last.
    pub fn bounds(&self) -> (u64, u64) {
        let first = self.0.first().map_or(0, |range| range.start);
        (first, self.0.last().map_or(first, |range| range.end))
    }

    /// The number of the page at this address, if it is one of these.
    pub fn page_at(&self, address: u64) -> Option<usize> {
        let range = self.around(address)?;
        Some(range.first_page + ((address - range.start) / PAGE) as usize)
    }

    /// The address of a page.
    pub fn address_of(&self, page: usize) -> u64 {
        let range = &self.0[self.0.partition_point(|range| range.first_page <= page) - 1];
        range.start + (page - range.first_page) as u64 * PAGE
    }

    /// The range that this address lies in.
    fn around(&self, address: u64) -> Option<&Range> {
        let range = self.0.get(self.0.partition_point(|range| range.end <= address))?;
        (range.start <= address).then_some(range)
    }
}

/// Refuses a process with memory that the kernel empties by itself, by a text like `/proc/self/smaps`.
///
/// # Errors
/// There is such memory, or the text does not tell.
pub fn refuse_emptied(smaps: &str) -> io::Result<()> {
    let (mut mapping, mut is_told) = ("", false);
    for line in smaps.lines() {
        match line.strip_prefix("VmFlags:") {
            Some(flags) if flags.split_ascii_whitespace().any(|flag| EMPTIED.contains(&flag)) => {
                let why = "the kernel empties this memory by itself, where random numbers may be kept";
                return Err(io::Error::other(format!("{why}: {mapping}")));
            }
            Some(_) => is_told = true,
            None if parse(line).is_some() => mapping = line,
            None => {}
        }
    }
    if is_told { Ok(()) } else { Err(io::Error::other("the kernel does not tell the flags of mappings")) }
}

/// A line `7f00-7f01 rw-p ...`.
struct Mapping {
    start: u64,
    end: u64,
    is_readable: bool,
    is_writable: bool,
    is_shared: bool,
    is_kernels: bool,
}

// === impl Mapping ===

impl Mapping {
    fn parse(line: &str) -> io::Result<Self> {
        let (start, end, [read, write, _, shared]) = parse(line).ok_or_else(|| io::Error::other(format!("not a mapping: {line}")))?;
        Ok(Mapping {
            start,
            end,
            is_readable: read == b'r',
            is_writable: write == b'w',
            is_shared: shared != b'p',
            is_kernels: KERNELS_OWN.iter().any(|name| line.ends_with(name)),
        })
    }

    /// Whether it can have pages that are of no file, though nobody writes to it.
    fn can_have_own(&self) -> bool {
        !self.is_shared && !self.is_kernels
    }
}

/// Start, end and mode of a line `7f00-7f01 rw-p ...`.
fn parse(line: &str) -> Option<(u64, u64, [u8; 4])> {
    let mut words = line.split_ascii_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let mode = words.next()?.as_bytes().try_into().ok()?;
    let (start, end) = (u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
    (start < end).then_some((start, end, mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "555500000000-555500002000 r-xp 00000000 08:01 17    /usr/bin/python3\n";
    const HEAP: &str = "555500002000-555500005000 rw-p 00000000 00:00 0    [heap]\n";
    const STACK: &str = "7ffe00000000-7ffe00001000 rw-p 00000000 00:00 0    [stack]\n";

    /// As if no range that cannot be written to had pages of its own.
    fn of_files(maps: &str) -> io::Result<Vec<Range>> {
        Ranges::of(maps, |_, _| Ok(false)).map(|ranges| ranges.0)
    }

    #[test]
    fn what_can_be_written_is_tracked_and_nothing_else() {
        let ranges = of_files(&format!("{CODE}{HEAP}{STACK}")).unwrap();
        let heap = Range { start: 0x5555_0000_2000, end: 0x5555_0000_5000, first_page: 0, is_stack: false };
        let stack = Range { start: 0x7ffe_0000_0000, end: 0x7ffe_0000_1000, first_page: 3, is_stack: true };
        assert_eq!(ranges, [heap, stack]);
    }

    #[test]
    fn what_was_written_once_is_tracked_too() {
        let ranges = Ranges::of(&format!("{CODE}{HEAP}"), |start, _| Ok(start == 0x5555_0000_0000)).unwrap();
        assert_eq!(ranges.iter().map(|range| range.first_page).collect::<Vec<_>>(), [0, 2]);
        let clock = "7fff00000000-7fff00004000 r--p 00000000 00:00 0    [vvar]\n";
        assert_eq!(Ranges::of(&format!("{HEAP}{clock}"), |_, _| Ok(true)).unwrap().0.len(), 1, "the kernel's own is not");
    }

    #[test]
    fn memory_that_is_written_and_executed_is_tracked() {
        assert_eq!(of_files("1000-2000 rwxp 0 00:00 0\n").unwrap().len(), 1);
    }

    #[test]
    fn a_child_with_memory_that_others_can_change_or_nobody_can_read_has_no_snapshot() {
        let shared = "7f0000000000-7f0000001000 rw-s 00000000 00:01 5    /dev/zero (deleted)\n";
        assert!(of_files(&format!("{HEAP}{shared}")).is_err());
        assert!(of_files(&format!("{HEAP}{}", shared.replace("rw-s", "r--s"))).is_ok(), "nobody writes to it through this mapping");
        assert!(of_files(&format!("{HEAP}{}", shared.replace("rw-s", "-w-p"))).is_err());
    }

    #[test]
    fn memory_that_the_kernel_empties_by_itself_is_refused_by_its_flags() {
        let of = |flags: &str| {
            format!("1000-2000 rw-p 00000000 00:00 0 \nSize:    4 kB\nVmFlags: rd wr mr mw me ac sd\n{HEAP}VmFlags: {flags}\n")
        };
        assert!(refuse_emptied(&of("rd wr mr mw me ac sd")).is_ok());
        for flags in ["rd wr mr mw me wf sd", "rd wr dp", "wf"] {
            let refused = refuse_emptied(&of(flags)).unwrap_err().to_string();
            assert!(refused.ends_with(HEAP.trim()), "{refused}");
        }
        assert!(refuse_emptied(&format!("{CODE}{HEAP}")).is_err(), "nothing is told");
    }

    #[test]
    fn a_text_that_is_no_list_of_mappings_has_no_snapshot() {
        for text in ["", CODE, "what", "2000-1000 rw-p", "1000-2000", "1000-2000 rw", "0-100000000000 rw-p 0 00:00 0"] {
            assert!(of_files(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_is_found_by_its_address_and_back_and_no_other_address_is_one() {
        let ranges = Ranges::of("1000-3000 rw-p\n3000-4000 rw-p\n9000-b000 rw-p\n", |_, _| Ok(false)).unwrap();
        for (page, address) in [0x1000, 0x2000, 0x3000, 0x9000, 0xa000].into_iter().enumerate() {
            assert_eq!(ranges.page_at(address), Some(page));
            assert_eq!(ranges.address_of(page), address);
        }
        for address in [0, 0xfff, 0x4000, 0x8000, 0xb000] {
            assert_eq!(ranges.page_at(address), None, "{address:#x}");
        }
        assert_eq!((ranges.pages(), ranges.bounds()), (5, (0x1000, 0xb000)));
        assert_eq!(ranges.runs(), [(0x1000, 0x4000), (0x9000, 0xb000)]);
    }

    #[test]
    fn whoever_can_write_elsewhere_too_is_not_held() {
        let ranges = Ranges::of("1000-3000 rw-p\n3000-4000 rw-p\n9000-b000 rw-p\n", |_, _| Ok(false)).unwrap();
        let check = |maps: &str, own: bool, expected: bool| assert_eq!(ranges.hold(maps, |_, _| Ok(own)).unwrap(), expected, "{maps}");
        for maps in ["1000-4000 rw-p\n9000-b000 rw-p\n", "1000-2000 r--p\n9000-a000 rw-p\n", "5000-6000 r--p\n", "5000-6000 r--s\n"] {
            check(maps, false, true);
        }
        check("5000-6000 r--s\n", true, true);
        check("1000-2000 r--p\n", true, true);
        for maps in ["1000-5000 rw-p\n", "5000-6000 rw-p\n", "1000-4000 rw-s\n", "8000-a000 rw-p\n", "5000-6000 -w-p\n"] {
            check(maps, false, false);
        }
        check("5000-6000 r--p\n", true, false);
    }
}
