//! How many bytes of a text could begin something that adds a level to its tree, wherever its tokens begin and end: in strings and comments,
//! too, so that nothing depends on who reads them how.

/// How many bytes may begin a token that adds a level.
pub(super) fn deepening(text: &str) -> usize {
    count(text, |step| step.deepens)
}

/// How many of them may begin a list, which are the levels that the parser looks around from when it leaves them behind an error: brackets,
/// f-strings, the parameters of a lambda, and what is yielded.
pub(super) fn lists(text: &str) -> usize {
    count(text, |step| step.lists)
}

fn count(text: &str, counts: impl Fn(Step) -> u8) -> usize {
    let mut before = BEFORE_OTHERS;
    let counted = text.bytes().map(|byte| {
        let step = STEPS[before][usize::from(byte)];
        before = usize::from(step.before);
        usize::from(counts(step))
    });
    counted.sum()
}

/// What a byte counts, and what it is to the byte behind it.
#[derive(Clone, Copy)]
struct Step {
    deepens: u8,
    lists: u8,
    before: u8,
}

/// Behind anything that no word has.
const BEFORE_OTHERS: usize = 0;
/// Behind a letter, or what else only goes on with a word.
const IN_WORD: usize = 1;
/// Behind a digit.
const IN_NUMBER: usize = 2;

static STEPS: [[Step; 256]; 3] = {
    let mut steps = [[Step { deepens: 0, lists: 0, before: 0 }; 256]; 3];
    let mut before = 0;
    while before < steps.len() {
        let mut byte = 0;
        while byte < 256 {
            steps[before][byte] = step(before, byte as u8);
            byte += 1;
        }
        before += 1;
    }
    steps
};

const fn step(before: usize, byte: u8) -> Step {
    let deepens = match byte {
        b'(' | b'[' | b'{' | b'"' | b'\'' => true,
        b'.' | b'+' | b'-' | b'*' | b'/' | b'%' | b'@' | b'|' | b'&' | b'^' | b'~' | b'<' | b'>' | b'=' => true,
        // `and`, `await`, `if`, `lambda`, `not`, `or` and `yield`; a number may end right before them, and in a letter.
        b'a' | b'i' | b'l' | b'n' | b'o' | b'y' => before != IN_WORD,
        b'A'..=b'Z' | b'a'..=b'z' => before == IN_NUMBER,
        _ => false,
    };
    let lists = match byte {
        b'(' | b'[' | b'{' => true,
        b'"' | b'\'' => before == IN_WORD,
        b'l' | b'y' => before != IN_WORD,
        b'A'..=b'Z' | b'a'..=b'z' => before == IN_NUMBER,
        _ => false,
    };
    let before = match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'_' => IN_WORD,
        b'0'..=b'9' => IN_NUMBER,
        _ => BEFORE_OTHERS,
    };
    Step { deepens: deepens as u8, lists: lists as u8, before: before as u8 }
}
