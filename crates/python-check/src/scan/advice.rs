//! What to do instead: advice for names that honest code uses and the scan refuses. It decides nothing.

/// What a utility does where other programs use these names of refused modules.
pub(super) fn of_refused(path: &str, name: &str) -> Option<&'static str> {
    Some(match (path, name) {
        ("sys", "stdout" | "stderr" | "__stdout__" | "__stderr__") => "Use `print`: what is printed becomes the output of the run.",
        ("sys", "stdin" | "argv" | "orig_argv") => "Take a parameter of `transform` or `main`.",
        ("sys", "exit") => "Return, or raise `SystemExit`.",
        ("sys", "maxsize") => "Write the number: `2**63 - 1`.",
        ("sys", "version" | "version_info" | "platform" | "byteorder" | "getsizeof" | "getrecursionlimit" | "setrecursionlimit") => {
            "Do without: every run of a utility has the same interpreter."
        }
        ("os", "environ" | "getenv" | "environb") => "Take a parameter; secrets are parameters too.",
        ("os", "path") | ("os.path", _) => "Use `pathlib.PurePosixPath` for names of files; there are no files.",
        ("os", "urandom") => "Use `secrets.token_bytes`.",
        ("os", "linesep") => "Write `\\n`.",
        ("socket", "inet_aton" | "inet_pton" | "inet_ntoa" | "inet_ntop" | "AF_INET" | "AF_INET6" | "error" | "htonl" | "ntohl") => {
            "Use `ipaddress`: `ipaddress.ip_address(text)` raises ValueError for what is no address."
        }
        ("inspect", "cleandoc" | "getdoc") => "Use `textwrap.dedent`.",
        ("inspect", "isclass") => "Use `isinstance(x, type)`.",
        ("inspect", "iscoroutinefunction" | "isawaitable") => "Use `asyncio.iscoroutinefunction`, or `hasattr(x, '__await__')`.",
        _ => return None,
    })
}

/// What to use in place of a refused name of a reviewed module, and why that one is refused if its family does not say.
pub(super) fn of_member(path: &str, name: &str) -> Option<(Option<&'static str>, &'static str)> {
    Some(match (path, name) {
        ("pathlib", "Path" | "PosixPath" | "WindowsPath") => (None, "Use `pathlib.PurePosixPath` for names of files; there are no files."),
        (
            "asyncio",
            "Future"
            | "get_event_loop"
            | "new_event_loop"
            | "get_running_loop"
            | "set_event_loop"
            | "Runner"
            | "AbstractEventLoop"
            | "get_event_loop_policy"
            | "set_event_loop_policy",
        ) => (
            Some("it leads to the event loop, which opens connections and starts processes"),
            "Use `asyncio.run`, `asyncio.create_task`, `asyncio.gather`, `asyncio.Queue` and `asyncio.Event`.",
        ),
        ("string", "Formatter") => (None, "Use an f-string, `str.format` on a constant, or `string.Template`."),
        ("gzip" | "bz2" | "lzma", "open") => (None, "Use `compress` and `decompress`, on bytes."),
        _ => return None,
    })
}

/// What to use in place of a module that is not allowed or refused, or no longer there.
pub(super) fn of_module(path: &str) -> Option<&'static str> {
    Some(match path.split('.').next().unwrap_or(path) {
        "threading" | "concurrent" | "_thread" | "dummy_threading" => {
            "The sandbox has no threads: do the work in order, or use `asyncio`; a lock without threads locks nothing, leave it out."
        }
        "argparse" | "optparse" => "A utility gets its parameters as arguments of `transform` or `main`.",
        "locale" => "Format numbers and dates with format strings.",
        "distutils" => {
            "Python 3.12 removed it. Compare versions as tuples of numbers, or with `packaging.version` where the runtime has it; \
             for `strtobool` write the words out: `value.lower() in ('y', 'yes', 'true', '1')`."
        }
        "imp" => "Python 3.12 removed it. Import what you need by name.",
        "asyncore" | "asynchat" | "smtpd" => "Python 3.12 removed it. The sandbox has no network: take the data as a parameter.",
        "cgi" => "Python 3.13 removed it. Use `html.escape` and `urllib.parse.parse_qs`; for uploads `email.message`.",
        "cgitb" => "Python 3.13 removed it. Use `traceback.format_exc()`.",
        "pipes" => "Python 3.13 removed it. Use `shlex.quote`.",
        "crypt" => "Python 3.13 removed it. Use `hashlib.scrypt` or `hashlib.pbkdf2_hmac`.",
        "uu" => "Python 3.13 removed it. Use `base64`, or `binascii.a2b_uu` and `binascii.b2a_uu`.",
        "imghdr" | "sndhdr" => "Python 3.13 removed it. Compare the first bytes of the data.",
        "telnetlib" | "nntplib" | "nis" => "Python 3.13 removed it. The sandbox has no network: take the data as a parameter.",
        "xdrlib" => "Python 3.13 removed it. Use `struct`.",
        "formatter" | "parser" | "symbol" | "binhex" | "macpath" => "Python 3.10 and 3.11 removed it.",
        "aifc" | "audioop" | "chunk" | "mailcap" | "msilib" | "ossaudiodev" | "spwd" | "sunau" | "lib2to3" => "Python 3.13 removed it.",
        other => return of_python_2_module(other),
    })
}

/// What Python 3 calls a module of Python 2.
fn of_python_2_module(name: &str) -> Option<&'static str> {
    Some(match name {
        "ConfigParser" => "Python 2 called it so: `import configparser`.",
        "StringIO" | "cStringIO" => "Python 2 called it so: `from io import StringIO`, or `BytesIO` for bytes.",
        "Queue" => "Python 2 called it so: `import queue`, or `collections.deque` without threads.",
        "cPickle" | "cpickle" => "Python 2 called it so; reading such data runs what the data says. Use `json`.",
        "urlparse" => "Python 2 called it so: `from urllib.parse import urlparse`.",
        "urllib2" | "httplib" | "cookielib" | "Cookie" => {
            "Python 2 called it so. The sandbox has no network: take the data as a parameter."
        }
        "HTMLParser" => "Python 2 called it so: `from html.parser import HTMLParser`.",
        "htmlentitydefs" => "Python 2 called it so: `from html import entities`.",
        "__builtin__" => "Python 2 called it so; the builtins need no import.",
        "sets" => "Python 2 called it so: `set` is a builtin.",
        "md5" | "sha" => "Python 2 called it so: `import hashlib`.",
        "UserDict" | "UserList" | "UserString" => "Python 2 called it so: the class is in `collections`.",
        "commands" | "popen2" => "Python 2 called it so. The sandbox refuses processes: do the work in Python.",
        "thread" => "Python 2 called it so. The sandbox has no threads: do the work in order, or use `asyncio`.",
        _ => return None,
    })
}

/// What Python 3 has in place of a builtin of Python 2.
pub(super) fn of_python_2_builtin(name: &str) -> Option<&'static str> {
    Some(match name {
        "unicode" | "basestring" => "Use `str`.",
        "xrange" => "Use `range`.",
        "unichr" => "Use `chr`.",
        "long" => "Use `int`.",
        "raw_input" => "Take a parameter of `transform` or `main`.",
        "reduce" => "Write `from functools import reduce`.",
        "cmp" => "Write `(a > b) - (a < b)`; for sorting use `key`, or `functools.cmp_to_key`.",
        "apply" => "Write `f(*arguments)`.",
        "buffer" => "Use `memoryview`.",
        "intern" => "Do without.",
        "coerce" => "Convert the numbers with `int` or `float`.",
        "StandardError" => "Use `Exception`.",
        "izip" | "imap" | "ifilter" => "Use `zip`, `map` and `filter`, which are lazy in Python 3.",
        _ => return None,
    })
}

/// What to use in place of a refused builtin, where its rule does not say.
pub(super) fn of_builtin(name: &str) -> Option<&'static str> {
    Some(match name {
        "locals" | "globals" => "Set the variable to None first and ask `is None`; to test for a name, write `\"name\" in locals()`.",
        "dir" => "Use `hasattr(x, \"name\")`.",
        _ => return None,
    })
}

/// What to use in place of a private attribute of the library.
pub(super) fn of_private(name: &str) -> Option<&'static str> {
    Some(match name {
        "_headers" => "Use `message.items()`.",
        "_payload" => "Use `message.get_payload()`.",
        "_exp" => "Use `number.as_tuple().exponent`.",
        "_sections" => "Use `parser.sections()` and `parser.items(section)`.",
        "_version" => "Use `address.version`.",
        "_value" => "Use `value`.",
        _ => return None,
    })
}

/// What calls a function of a module by a computed name.
pub(super) fn of_computed_member(path: &str) -> Option<&'static str> {
    Some(match path {
        "hashlib" => "Use `hashlib.new(name, data)`.",
        "math" | "statistics" | "operator" => "Use a dict of the functions that you mean: `{\"sqrt\": math.sqrt}[name]`.",
        _ => return None,
    })
}
