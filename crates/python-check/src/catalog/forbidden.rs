//! Modules of the standard library that are refused, by family, and what their best-known functions do. A module that is
//! neither here nor reviewed is a question of policy, not an attack.

use domain::code::Family;

use crate::rule::{self, Rule};

/// Refused modules by family; submodules share the fate of their package.
const MODULES: &[(Family, &str)] = &[
    (
        Family::ForbiddenImport,
        "os posix nt sys builtins __builtin__ __builtins__ __main__ platform sysconfig site sitecustomize usercustomize signal \
         resource pwd grp spwd atexit getpass readline rlcompleter curses tkinter Tkinter turtle idlelib tty termios fcntl syslog \
         winreg _winreg msvcrt ensurepip venv distutils setuptools pip pkg_resources lib2to3 inspect gc dis opcode symtable \
         tracemalloc faulthandler pyclbr pdb bdb cmd mmap antigravity nis test pydoc_data",
    ),
    (
        Family::FileAccess,
        "pathlib shutil glob tempfile fileinput filecmp linecache zipfile tarfile sqlite3 dbm anydbm dumbdbm gdbm whichdb posixpath \
         ntpath genericpath macpath os.path mailbox netrc wave aifc sunau sndhdr imghdr tokenize uu binhex zipapp _io _pyio \
         nturl2path gettext xml.sax",
    ),
    (
        Family::Network,
        "socket ssl select selectors socketserver SocketServer asyncore asynchat http.client http.server http.cookiejar urllib \
         urllib2 httplib xmlrpc xmlrpclib ftplib poplib imaplib smtplib smtpd nntplib telnetlib webbrowser wsgiref cgi cgitb \
         BaseHTTPServer SimpleHTTPServer CGIHTTPServer robotparser _socket _ssl logging.handlers asyncio.streams asyncio.events \
         asyncio.base_events asyncio.sslproto asyncio.transports asyncio.selector_events asyncio.protocols",
    ),
    (
        Family::Process,
        "subprocess multiprocessing pty popen2 commands _posixsubprocess _multiprocessing _winapi _thread asyncio.subprocess \
         asyncio.base_subprocess asyncio.unix_events asyncio.threads",
    ),
    (
        Family::DynamicCode,
        "importlib imp pkgutil runpy code codeop compileall py_compile zipimport modulefinder timeit doctest unittest pydoc \
         cProfile profile pstats trace annotationlib ihooks rexec new _imp _frozen_importlib _frozen_importlib_external \
         logging.config concurrent.interpreters",
    ),
    (Family::Deserialization, "pickle cPickle _pickle marshal shelve copyreg copy_reg pickletools"),
    (Family::NativeCode, "ctypes _ctypes dl _testcapi _testinternalcapi"),
];

/// Modules that newer versions of Python no longer have.
const FORMER: &str = "asynchat asyncore imp distutils smtpd aifc audioop cgi cgitb chunk crypt imghdr mailcap msilib nis nntplib \
                      ossaudiodev pipes sndhdr spwd sunau telnetlib uu xdrlib lib2to3 binhex formatter parser symbol macpath";

const PROCESS_NAMES: &str = "system popen popen2 popen3 popen4 execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle \
                             spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe posix_spawn posix_spawnp fork forkpty kill killpg abort \
                             startfile wait waitpid wait3 wait4 setsid _exit pidfd_open";
const FILE_NAMES: &str = "open fdopen read write listdir scandir walk fwalk remove unlink rename renames replace mkdir makedirs rmdir \
                          removedirs stat lstat fstat chmod chown link symlink readlink truncate access chdir getcwd path mkfifo \
                          mknod utime sendfile copy_file_range memfd_create mkstemp";

/// Names of `sys` that tell about the process and lead nowhere.
const SYS_HARMLESS: &str = "argv orig_argv byteorder copyright exit float_info getrecursionlimit getsizeof hash_info hexversion \
                            implementation int_info intern maxsize maxunicode platform setrecursionlimit stderr stdin stdout version \
                            version_info";

/// Refused modules with the family for which they are refused.
pub(super) fn modules() -> impl Iterator<Item = (&'static str, Family)> {
    MODULES.iter().flat_map(|(family, names)| names.split(' ').map(move |name| (name, *family)))
}

/// Modules that were part of the standard library once.
pub(super) fn former() -> impl Iterator<Item = &'static str> {
    FORMER.split(' ')
}

fn has(names: &str, name: &str) -> bool {
    names.split(' ').any(|other| other == name)
}

/// The rule that a use of `name` of the refused module `path` breaks.
pub(crate) fn use_of(family: Family, path: &str, name: &str) -> &'static Rule {
    match path {
        "os" | "posix" | "nt" if has(PROCESS_NAMES, name) => &rule::PROCESS_API,
        "os" | "posix" | "nt" if has(FILE_NAMES, name) => &rule::FILE_API,
        "builtins" | "__builtin__" | "__builtins__" => builtin(name),
        "sys" if has(SYS_HARMLESS, name) => &rule::API_REFUSED,
        "sys" => &rule::INTROSPECTION_BUILTIN,
        _ => match family {
            Family::FileAccess => &rule::FILE_API,
            Family::Network => &rule::NETWORK_API,
            Family::Process => &rule::PROCESS_API,
            Family::DynamicCode => &rule::DYNAMIC_API,
            Family::Deserialization => &rule::DESERIALIZATION_API,
            Family::NativeCode => &rule::NATIVE_API,
            _ => &rule::API_REFUSED,
        },
    }
}

fn builtin(name: &str) -> &'static Rule {
    match name {
        "open" | "file" => &rule::FILE_BUILTIN,
        "eval" | "exec" | "compile" | "__import__" | "execfile" => &rule::DYNAMIC_BUILTIN,
        "breakpoint" | "help" => &rule::DEBUG_BUILTIN,
        _ => &rule::INTROSPECTION_BUILTIN,
    }
}

/// What makes a family dangerous, for a message.
pub(crate) fn why(family: Family) -> &'static str {
    match family {
        Family::FileAccess => "it works on files",
        Family::Network => "it uses the network",
        Family::Process => "it starts processes or threads of its own",
        Family::DynamicCode => "it imports or runs code that nobody has checked",
        Family::Deserialization => "reading its data runs what the data says",
        Family::NativeCode => "it runs native code",
        _ => "it leads to the interpreter and the operating system",
    }
}
