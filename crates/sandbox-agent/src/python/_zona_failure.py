"""Says why a program failed: the reason's code, one sentence for a person, and a traceback with user frames only.

A system call that the sandbox refuses reaches user code as a bare `EPERM`; here it becomes what was called, on which line, and
what to do instead. Everything here reads objects that user code made, so every step survives a hostile one.
"""

import ast
import builtins
import errno
import opcode
import traceback

from _zona_result import NotSerializable, TooLarge, Unreadable, encode

USER_FILE = "<utility>"
# In bytes of UTF-8: what the server keeps of each.
MESSAGE_BYTES = 2 * 1024
TRACEBACK_BYTES = 16 * 1024
NAME_BYTES = 200
# Of a traceback that is longer: one line, what an exception says, the beginning. The rest of the room is its end's.
LINE_BYTES = 2 * 1024
WORDS_CHARACTERS = 2 * 1024
HEAD_BYTES = 4 * 1024
# Of more frames than these, the ones in the middle are counted only.
OUTER_FRAMES, INNER_FRAMES = 10, 30
CAUSES = 16
PATH_DEPTH = 64

NO_NETWORK = "this runtime has no network"
NO_PROCESSES = "this runtime starts no processes"
NO_THREADS = "this runtime starts no threads"
NO_SIGNALS = "this runtime sends no signals"
NO_LOCKS = "files cannot be locked where a program may have processes; use a lock of threading or multiprocessing"
NO_PERMISSION = "this runtime does not permit it"
OTHER_LEVEL = "; remove the call or ask an administrator for another isolation level"
NO_LEVEL = "; remove the call, no isolation level permits it"
NO_PROGRAMS = "files in /tmp cannot be executed"
READ_ONLY = "the file system is read-only except /tmp; write there instead"
NO_FILES = (
    "this isolation opens the runtime's files only and has no directory to write to; keep data in memory (io.BytesIO), or ask an "
    "administrator for a backend with namespaces"
)
NO_LOCALES = "; a sandbox has no locale but C, in which text is UTF-8 all the same: remove the call"
NO_TEMPORARY_DIRECTORY = "No usable temporary directory"

NETWORK_WORDS = {
    "socket", "ssl", "urllib", "http", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "nntplib", "socketserver",
    "xmlrpc", "requests", "httpx", "aiohttp", "urllib3", "selector_events", "getaddrinfo", "gethostbyname", "connect",
    "create_connection",
}
PROCESS_WORDS = {
    "subprocess", "multiprocessing", "popen_fork", "popen_spawn_posix", "popen_forkserver", "pty", "fork", "forkpty",
    "posix_spawn", "posix_spawnp", "system", "popen", "execv", "execve", "execvp", "execvpe", "execl", "execle", "execlp",
    "spawnv", "spawnl", "spawnvp", "spawnlp", "fork_exec", "_fork_exec",
}
SIGNAL_WORDS = {"kill", "killpg", "raise_signal", "pthread_kill", "abort", "pidfd_send_signal"}
LOCK_WORDS = {"flock", "lockf"}
THREAD_MESSAGE = "can't start new thread"
# Semaphores and shared memory of processes lie in a directory that only exists where there may be processes.
SEMAPHORES = "/multiprocessing/"
RAISE = "RAISE_VARARGS"
# The instruction by which a `with` statement calls `__exit__` after an exception.
LEAVE = "WITH_EXCEPT_START"

DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_SEMAPHORES = {errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS, errno.ENOENT}
DENIED_ERRORS = {errno.EPERM, errno.EACCES, errno.EROFS, errno.ENOSYS}


_names = vars(builtins)
# Not before Python 3.11.
GROUP = _names.get("BaseExceptionGroup")
_TracebackException = traceback.TracebackException


class Place:
    """Where programs run: whether they have a directory to write to, and the builtins that they begin with."""

    writable = True
    builtins = dict(_names)


class WithBuiltins:
    """The builtins as programs find them, while the standard library works for us: a program may have replaced some."""

    def __enter__(self):
        self.replaced = [(name, _names.get(name, WithBuiltins)) for name, value in Place.builtins.items() if _names.get(name) is not value]
        if self.replaced:
            _names.update(Place.builtins)

    def __exit__(self, *_error):
        for name, value in self.replaced:
            if value is WithBuiltins:
                _names.pop(name, None)
            else:
                _names[name] = value


class InvalidParameter(Exception):
    """A parameter or value from which the type that its annotation names cannot be made."""


def payload(described):
    return encode(described)


def no_entry_point(name):
    message = "the code defines no function %s(value, **params)" % name
    return payload({"reason": "NO_RESULT", "message": message})


def describe(error, code, limits, strict, interrupted):
    """The failure as the protocol's `Failure`. Never raises."""
    try:
        with WithBuiltins():
            return Description(error, code, limits, strict, interrupted).to_json()
    except BaseException:
        return unknown(error)


def unknown(error):
    """The failure for an exception that resists being looked at."""
    name = name_of(error)
    return {"reason": "USER_ERROR", "message": "the program failed with " + name, "exception": name}


def is_a(error, kind):
    """As `isinstance`, without asking the object, which may lie or fail."""
    return issubclass(type(error), kind)


def for_stderr(error, described):
    """What Python would print, and for a denial the sentence that explains it."""
    if is_a(error, SystemExit):
        text = words_of(error.code) + "\n" if not isinstance(error.code, int) else ""
    elif is_a(error, (InvalidParameter, NotSerializable, TooLarge, Unreadable)):
        text = words_of(error) + "\n"
    else:
        with WithBuiltins():
            text = user_traceback(error)
        if described and described["reason"] not in ("USER_ERROR", "EXIT_CODE"):
            text += described["message"] + "\n"
    return clean(text).encode("utf-8", "backslashreplace")


def is_about_locales(error):
    return type(error).__module__ == "locale" and type(error).__name__ == "Error"


class Description:
    """One look at an exception that ended a program."""

    def __init__(self, error, code, limits, strict, interrupted):
        self.error = error
        self.subject = lone(error)
        self.code = code
        self.limits = limits
        self.strict = strict
        self.interrupted = interrupted
        self.user_frame = last_user_frame(self.subject)
        self.line = self.user_frame[1] if self.user_frame else None
        if is_a(error, SyntaxError) and error.filename == USER_FILE and isinstance(error.lineno, int):
            self.line = error.lineno

    def to_json(self):
        reason, message = self.verdict()
        shown = not is_a(self.error, (InvalidParameter, NotSerializable, TooLarge, Unreadable, SystemExit))
        described = {"reason": reason, "message": within(message, MESSAGE_BYTES)}
        if shown:
            described["exception"] = name_of(self.error)
            described["traceback"] = user_traceback(self.error)
        if isinstance(self.line, int) and self.line > 0:
            described["line"] = self.line
        if is_a(self.error, SystemExit):
            described["exit_code"] = exit_code(self.error)
        return described

    def verdict(self):
        error = self.error
        if is_a(error, InvalidParameter):
            return "INVALID_PARAMETER", words_of(error)
        if is_a(error, NotSerializable):
            return "RESULT_NOT_SERIALIZABLE", words_of(error)
        if is_a(error, TooLarge):
            return "RESULT_TOO_LARGE", words_of(error)
        if is_a(error, Unreadable):
            return "USER_ERROR", words_of(error)
        if is_a(error, SystemExit):
            return "EXIT_CODE", "the program ended itself with exit code %d" % exit_code(error)
        if is_a(error, KeyboardInterrupt) and self.interrupted:
            return "INTERRUPTED", "the program was interrupted before it finished"
        for cause in causes(self.subject):
            found = self.verdict_of_system_error(cause)
            if found:
                return found
        words = one_line(error) if self.subject is error else "%s: %s" % (one_line(error), one_line(self.subject))
        return "USER_ERROR", words + (NO_LOCALES if is_about_locales(self.subject) else "")

    def verdict_of_system_error(self, error):
        """Reason and sentence when a limit or the sandbox caused `error`; None when user code did."""
        frames = frames_of(error)
        if raised_by_user(frames):
            return None
        if is_a(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return "OUT_OF_MEMORY", "out of memory" + self.limit("memory") + self.at_line()
        if is_a(error, RuntimeError) and THREAD_MESSAGE in words_of(error):
            return self.no_more("threads", NO_THREADS)
        if type(error).__name__ == "gaierror":
            return self.denied(NO_NETWORK + NO_LEVEL)
        if not is_a(error, OSError):
            return None
        if self.strict and error.errno in NO_SEMAPHORES and SEMAPHORES in called_files(frames):
            return self.denied(self.only_here(NO_PROCESSES))
        if not Place.writable and (error.errno == errno.EACCES or NO_TEMPORARY_DIRECTORY in words_of(error)):
            return self.denied(NO_FILES)
        if error.errno in DISK_ERRORS:
            return "DISK_LIMIT", "no space left in /tmp" + self.limit("tmpfs") + self.at_line()
        process = self.is_about(PROCESS_WORDS, frames)
        if error.errno == errno.EAGAIN and process:
            return self.no_more("processes", NO_PROCESSES)
        if error.errno not in DENIED_ERRORS:
            return None
        if process and error.errno == errno.EACCES:
            return self.denied(self.only_here(NO_PROCESSES) if self.strict else NO_PROGRAMS)
        if error.errno == errno.EROFS or (error.errno == errno.EACCES and error.filename is not None):
            return self.denied(READ_ONLY)
        if process:
            return self.denied(self.only_here(NO_PROCESSES))
        if self.is_about(NETWORK_WORDS, frames):
            return self.denied(NO_NETWORK + NO_LEVEL)
        if self.is_about(SIGNAL_WORDS, frames):
            return self.denied(self.only_here(NO_SIGNALS))
        if not self.strict and self.is_about(LOCK_WORDS, frames):
            return self.denied(NO_LOCKS)
        return self.denied(NO_PERMISSION + NO_LEVEL)

    def only_here(self, why):
        """What the strict level refuses and others permit, to processes of the program's own."""
        return why + (OTHER_LEVEL if self.strict else NO_LEVEL)

    def no_more(self, what, refusal):
        if self.strict:
            return self.denied(self.only_here(refusal))
        return "PROCESS_LIMIT", "the limit of %s is reached%s" % (what, self.at_line())

    def denied(self, why):
        return "DENIED_OPERATION", "blocked: %s%s - %s" % (self.called() or "an operation", self.at_line(), why)

    def is_about(self, words, frames):
        """Whether the innermost library frame, or else what the user called, belongs to a family."""
        hints = (self.called() or "").replace("(", "").replace(")", "").split(".")
        for code, _line, _index in frames[-3:]:
            if code.co_filename != USER_FILE:
                path = code.co_filename.replace("\\", "/").split("/")
                hints += [path[-1].rsplit(".", 1)[0], code.co_name] + path[-3:-1]
        return any(hint in words for hint in hints)

    def called(self):
        """The call on the user's line that did not come back, as written: `socket.socket()`."""
        if not self.user_frame:
            return None
        code, line, index = self.user_frame
        try:
            return self.call_at(code, line, index)
        except Exception:
            return None

    def call_at(self, code, line, index):
        tree = ast.parse(self.code)
        span = position(code, index)
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.lineno <= line <= node.end_lineno]
        exact = [node for node in calls if (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset) == span]
        found = (exact or calls)[:1]
        return ast.unparse(found[0].func)[:200] + "()" if found else None

    def at_line(self):
        return " at line %d" % self.line if self.line else ""

    def limit(self, name):
        size = self.limits.get(name)
        return " (the limit is %s)" % bytes_in_words(size) if size else ""


def frames_of(error):
    """(code, line, instruction) from the outermost frame to the one that raised."""
    found = []
    step = error.__traceback__
    while step is not None:
        found.append((step.tb_frame.f_code, step.tb_lineno, step.tb_lasti))
        step = step.tb_next
    return found


def lone(error):
    """The one exception of a group that the library made, such as that of the only task that failed; else the exception itself."""
    for _ in range(CAUSES):
        if GROUP is None or not is_a(error, GROUP) or len(error.exceptions) != 1 or raised_by_user(frames_of(error)):
            break
        error = error.exceptions[0]
    return error


def last_user_frame(error):
    """The user's innermost frame; where the library failed while it cleaned up, that of what it cleaned up after."""
    for cause in causes(error):
        user = [frame for frame in frames_of(cause) if frame[0].co_filename == USER_FILE]
        if user:
            return user[-1]
    return None


def called_files(frames):
    """The paths of the library's frames below the user's innermost, as one text."""
    files = []
    for code, _line, _index in reversed(frames):
        if code.co_filename == USER_FILE:
            break
        files.append(code.co_filename)
    return "\n".join(files)


def position(code, index):
    """(line, end line, column, end column) of an instruction, where this Python knows it."""
    if not hasattr(code, "co_positions") or index < 0:
        return None
    for number, span in enumerate(code.co_positions()):
        if number == index // 2:
            return span
    return None


def raised_by_user(frames):
    """Whether a `raise` statement of the user made the exception, and not a call that failed."""
    return is_users(frames[-1:]) and instruction(frames[-1]) == RAISE


def is_users(frames):
    return any(code.co_filename == USER_FILE for code, _line, _index in frames)


def instruction(frame):
    """The name of the instruction that a frame was at."""
    code, _line, index = frame
    return opcode.opname[code.co_code[index]] if 0 <= index < len(code.co_code) else None


def causes(error):
    """The exception, then what the standard library made it of; not what user code had dealt with, or replaced by an own one."""
    seen = set()
    while is_a(error, BaseException) and id(error) not in seen and len(seen) < CAUSES:
        seen.add(id(error))
        yield error
        frames = frames_of(error)
        if raised_by_user(frames):
            return
        reason = getattr(error, "reason", None)
        cause = error.__cause__ or (reason if is_a(reason, BaseException) else None)
        error = cause or (error.__context__ if stems_from_context(frames, error.__context__) else None)


def stems_from_context(frames, context):
    """Whether the library failed while it dealt with `context`, or at the end of a `with` that `context` had ended."""
    if context is None:
        return False
    users = [frame for frame in frames if frame[0].co_filename == USER_FILE]
    if users and instruction(users[-1]) == LEAVE:
        return True
    # The outermost frame of an exception is the one that caught it.
    return bool(frames) and not is_users(frames[-1:]) and not is_users(frames_of(context)[:1])


class UserFrames(traceback.StackSummary):
    """The frames of user code; of very many, the outer and the inner ones."""

    def format(self, **options):
        frames = super().format(**options)
        left_out = len(frames) - OUTER_FRAMES - INNER_FRAMES
        if left_out <= 1:
            return frames
        return frames[:OUTER_FRAMES] + ["  [... %d frames left out ...]\n" % left_out] + frames[-INNER_FRAMES:]


def user_traceback(error):
    """The traceback as Python prints it, without the sandbox's and the library's frames, in every chained exception too."""
    try:
        whole = _TracebackException(type(error), error, error.__traceback__)
        keep_user_frames(whole, set())
        text = "".join(whole.format())
    except BaseException:
        text = plain_traceback(error)
    return without_middle(text)


def keep_user_frames(part, seen):
    if part is None or id(part) in seen:
        return
    seen.add(id(part))
    part.stack = UserFrames(frame for frame in part.stack or () if frame.filename == USER_FILE)
    words = getattr(part, "_str", None)
    if type(words) is str and len(words) > WORDS_CHARACTERS:
        part._str = words[:WORDS_CHARACTERS] + "…"
    keep_user_frames(part.__cause__, seen)
    keep_user_frames(part.__context__, seen)
    for inner in getattr(part, "exceptions", None) or ():
        keep_user_frames(inner, seen)


def plain_traceback(error):
    """The same in short, where the library cannot make it."""
    users = [frame for frame in frames_of(error) if frame[0].co_filename == USER_FILE]
    lines = ['  File "%s", line %s, in %s\n' % (USER_FILE, line, code.co_name) for code, line, _index in users[-INNER_FRAMES:]]
    return "".join(["Traceback (most recent call last):\n"] * bool(lines) + lines) + one_line(error) + "\n"


def without_middle(text):
    """A traceback that fits: the end says what happened and stays, the beginning says where it began."""
    lines = [within(line, LINE_BYTES) for line in text.splitlines(True)]
    if sum(map(bytes_of, lines)) <= TRACEBACK_BYTES:
        return "".join(lines)
    head = fitting(lines, HEAD_BYTES)
    tail = fitting(lines[len(head) :][::-1], TRACEBACK_BYTES - HEAD_BYTES - LINE_BYTES)[::-1]
    return "".join(head + ["[... %d lines left out ...]\n" % (len(lines) - len(head) - len(tail))] + tail)


def fitting(lines, most):
    """As many of the first lines as have at most so many bytes."""
    for count, line in enumerate(lines):
        most -= bytes_of(line)
        if most < 0:
            return lines[:count]
    return lines


def exit_code(error):
    """The status a shell would see for this `SystemExit`."""
    try:
        if error.code is None:
            return 0
        return error.code & 0xFF if isinstance(error.code, int) else 1
    except BaseException:
        return 1


def one_line(error):
    text = words_of(error)
    name = name_of(error)
    return "%s: %s" % (name, text) if text else name


def name_of(error):
    return within(type(error).__name__, NAME_BYTES)


def words_of(value):
    try:
        return str(value)
    except BaseException:
        return "<%s without words>" % type(value).__name__


def clean(text):
    """Text that has a UTF-8 form: lone surrogates become escapes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def bytes_of(text):
    return len(text.encode("utf-8", "backslashreplace"))


def within(text, longest):
    """At most so many bytes of clean text, and one character that says where more is left out; the end of a line stays one."""
    encoded = text[: longest + 1].encode("utf-8", "backslashreplace")
    if len(encoded) <= longest and len(text) <= longest:
        return encoded.decode("utf-8")
    end = "…\n" if text.endswith("\n") else "…"
    return encoded[: longest - 4].decode("utf-8", "ignore") + end


def bytes_in_words(size):
    return "%d MiB" % (size >> 20) if size >= 1 << 20 else "%d bytes" % size
