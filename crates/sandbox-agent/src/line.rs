//! Short texts without an allocator.

/// Longest text: a report with two numbers of 20 digits.
const CAPACITY: usize = 96;

/// A text that grows at its end; what no longer fits is left out.
pub struct Line {
    bytes: [u8; CAPACITY],
    length: usize,
}

// === impl Line ===

impl Default for Line {
    fn default() -> Self {
        Line { bytes: [0; CAPACITY], length: 0 }
    }
}

impl Line {
    /// What was pushed.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Adds a text.
    pub fn push(&mut self, text: &[u8]) {
        for &byte in text {
            if let Some(place) = self.bytes.get_mut(self.length) {
                *place = byte;
                self.length += 1;
            }
        }
    }

    /// Adds a number in decimal digits.
    pub fn push_number(&mut self, number: u64) {
        if number >= 10 {
            self.push_number(number / 10);
        }
        self.push(&[b'0' + (number % 10) as u8]);
    }
}
