//! Random programs that look at all that they can see and change what they can, and what they say without what may differ. The benchmarks run the
//! same ones.

/// Everything that a program can see, and what it has done before.
const HEAD: &str = "import builtins, collections, ctypes, datetime, decimal, gc, hashlib, json, math, mmap, os, random, re, signal, string, sys, time
encode = json.JSONEncoder().encode
keep = []
def descriptors():
    found = []
    for number in range(64):
        try:
            os.fstat(number)
        except OSError:
            continue
        found.append(number)
    return found
def state():
    return [
        len(sys.modules), sorted(name for name in vars(builtins) if name.startswith('x')), sorted(vars(json)), sys.getrecursionlimit(),
        sorted(os.environ), os.getcwd(), os.listdir('/tmp'), descriptors(), gc.isenabled(), str(signal.getsignal(signal.SIGUSR1)),
        math.pi, decimal.getcontext().prec, len(re._cache), sys.getswitchinterval(), signal.getitimer(signal.ITIMER_REAL),
        type(sys.stdout).__name__, sys.argv, len(signal.sigpending()), divide(1.0, 3.0).hex(), sys.flags.optimize, str(sys.gettrace()), len(string.ascii_letters),
    ]
def divide(one, other):
    return one / other
";

/// What a program does; the number is random. An expression, of which the text is told.
const EXPRESSIONS: [&str; 38] = [
    "setattr(builtins, 'x%', 1)",
    "sys.modules.update(m%=sys)",
    "setattr(json, 'extra%', 1)",
    "setattr(json, 'dumps', None)",
    "setattr(math, 'pi', 3)",
    "setattr(decimal.getcontext(), 'prec', 5 + %)",
    "re.compile('a%+')",
    "sys.setrecursionlimit(500 + %)",
    "os.environ.update(E='%')",
    "random.seed(%)",
    "[0] * (% * 100)",
    "open('/tmp/f%', 'w').write('x')",
    "os.mkdir('/tmp/d%')",
    "os.umask(% & 7)",
    "os.chdir('/')",
    "signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])",
    "keep.append(bytearray(% * 1000))",
    "keep.append([str(number) for number in range(% * 10)])",
    "keep.append(mmap.mmap(-1, 4096 * (1 + %)))",
    "keep.append(os.open('/', os.O_RDONLY))",
    "keep.append(os.pipe())",
    "mmap.mmap(-1, 4096 * (1 + %))",
    "os.close(os.open('/', os.O_RDONLY))",
    "gc.disable()",
    "print('o%')",
    "sys.stdout.write('x' * %)",
    "collections.Counter(str(2 ** (% * 50))).most_common(1)",
    "hashlib.sha256(b'%').hexdigest()",
    "datetime.date(2000 + %, 1, 1).isoformat()",
    "sorted(range(%), key=lambda number: -number)",
    "{}['k%']",
    "1 // (% % 5)",
    "sum(number * number for number in range(% * 50))",
    "exec('y = %')",
    "time.sleep(0.0001 * %)",
    "sys.setswitchinterval(0.001 * (1 + %))",
    "ctypes.create_string_buffer(% * 100).raw[:3]",
];

/// Random enough, and the same for the same seed: see Steele and others, "Fast splittable pseudorandom number generators".
pub struct Random(u64);

impl Random {
    /// The same programs for the same seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// The next program: it looks at everything, does some of the things above, and tells what came of it.
    pub fn program(&mut self) -> String {
        let mut lines = vec!["def main():".to_owned(), "    before, seen = state(), []".to_owned()];
        for _ in 0..=self.below(6) {
            let expression = EXPRESSIONS[self.below(EXPRESSIONS.len())].replacen('%', &self.below(10).to_string(), 1);
            lines.push(format!("    try:\n        seen.append(repr({expression})[:60])"));
            lines.push("    except Exception as error:\n        seen.append(repr(error)[:60])".to_owned());
        }
        lines.push(match self.below(10) {
            0 => "    raise ValueError(repr(seen))".to_owned(),
            1 => "    sys.exit(len(seen) % 2)".to_owned(),
            _ => "    return encode([before, seen])".to_owned(),
        });
        format!("{HEAD}{}\n", lines.join("\n"))
    }
}

/// What a program says, without addresses, which differ from one interpreter to the next.
pub fn without_addresses(text: &str) -> String {
    let mut parts = text.split("0x");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut all, part| {
        all.push_str("0x");
        all.push_str(part.trim_start_matches(|letter: char| letter.is_ascii_hexdigit()));
        all
    })
}
