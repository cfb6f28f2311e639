//! Which of a process's memory is put back: what it can write to without a call that is seen, and what it once wrote, such as the
//! tables of a library that the loader has filled. The rest are pages of files; whoever maps the file again has the same.

use std::io;

/// Bytes of a page.
pub const PAGE: u64 = 4096;
/// Mappings that are tracked at most. An interpreter with its usual modules has about 30.
const MOST_RANGES: usize = 1024;
/// Pages that are tracked at most: 256 MiB. Each costs a restore the time to look at it.
const MOST_PAGES: u64 = 64 * 1024;
/// How the names of the mappings end that are the kernel's: `[vvar]`, `[vdso]`, `[vsyscall]`. Nothing ends like them that is writable.
const KERNELS_OWN: [&str; 4] = ["[vvar]", "[vvar_vclock]", "[vdso]", "[vsyscall]"];

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

/// The mappings of a text like `/proc/self/maps` that are put back, in their order. `has_own` says whether a range that cannot be
/// written to has pages that are of no file.
///
/// # Errors
/// Memory that others can change, that cannot be read, or more than can be tracked; a line that is none.
pub fn tracked(maps: &str, mut has_own: impl FnMut(u64, u64) -> io::Result<bool>) -> io::Result<Vec<Range>> {
    let mut ranges = Vec::new();
    let mut pages = 0;
    for line in maps.lines() {
        let refused = |why| io::Error::other(format!("{why}: {line}"));
        let (start, end, [read, write, _, shared]) = parse(line).ok_or_else(|| refused("not a mapping"))?;
        let is_writable = write == b'w';
        if is_writable && shared != b'p' {
            return Err(refused("others can change this memory"));
        }
        if !is_writable && (shared != b'p' || KERNELS_OWN.iter().any(|name| line.ends_with(name)) || !has_own(start, end)?) {
            continue;
        }
        if read != b'r' {
            return Err(refused("this memory cannot be read"));
        }
        let first_page = usize::try_from(pages).map_err(io::Error::other)?;
        ranges.push(Range { start, end, first_page, is_stack: line.ends_with("[stack]") });
        pages += (end - start) / PAGE;
    }
    if ranges.is_empty() || ranges.len() > MOST_RANGES || pages > MOST_PAGES {
        return Err(io::Error::other(format!("{pages} pages in {} mappings cannot be tracked", ranges.len())));
    }
    Ok(ranges)
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
        tracked(maps, |_, _| Ok(false))
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
        let ranges = tracked(&format!("{CODE}{HEAP}"), |start, _| Ok(start == 0x5555_0000_0000)).unwrap();
        assert_eq!(ranges.iter().map(|range| range.first_page).collect::<Vec<_>>(), [0, 2]);
        let clock = "7fff00000000-7fff00004000 r--p 00000000 00:00 0    [vvar]\n";
        assert_eq!(tracked(&format!("{HEAP}{clock}"), |_, _| Ok(true)).unwrap().len(), 1, "the kernel's own is not");
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
    fn a_text_that_is_no_list_of_mappings_has_no_snapshot() {
        for text in ["", CODE, "what", "2000-1000 rw-p", "1000-2000", "1000-2000 rw", "0-100000000000 rw-p 0 00:00 0"] {
            assert!(of_files(text).is_err(), "{text}");
        }
    }
}
