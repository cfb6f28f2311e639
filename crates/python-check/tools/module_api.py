#!/usr/bin/env python3
"""Writes the reviewed interface of the standard library, as seen by the interpreter that runs this.

usage: /usr/bin/python3.11 tools/module_api.py > data/python-3.11.api

The review is in this file: which modules a utility may import, and which of their public names stay out and why. The
interpreter contributes what exists: names come from `__all__`, or from `dir()` where there is none; names that are modules
are refused as pivots; names that a module merely imported from elsewhere are left out. Nothing of this runs at check time.

Output, one line each:
    stdlib NAME...               every top-level module of the standard library
    builtins NAME...             every builtin name
    MODULE + NAME...             may be used freely
    MODULE ~ NAME...             may only be called, with arguments that the checker knows how to check
    MODULE - NAME:FAMILY...      refused, with the family of the finding
"""
import builtins
import importlib
import sys
import types

# "*" takes the public interface as the interpreter gives it; a string lists the names that are allowed.
ALLOW = {
    "__future__": "*", "abc": "*", "array": "*", "ast": "*", "base64": "*", "binascii": "*", "bisect": "*", "calendar": "*",
    "cmath": "*", "collections": "*", "collections.abc": "*", "colorsys": "*", "configparser": "*", "contextlib": "*", "copy": "*",
    "csv": "*", "dataclasses": "*", "datetime": "*", "decimal": "*", "difflib": "*", "enum": "*", "errno": "*", "fnmatch": "*",
    "fractions": "*", "functools": "*", "getopt": "*", "graphlib": "*", "hashlib": "*", "heapq": "*", "hmac": "*", "html": "*",
    "html.entities": "*", "html.parser": "*", "ipaddress": "*", "itertools": "*", "json": "*", "json.decoder": "*",
    "json.encoder": "*", "keyword": "*", "math": "*", "numbers": "*", "operator": "*", "pprint": "*", "queue": "*", "quopri": "*",
    "random": "*", "re": "*", "reprlib": "*", "sched": "*", "secrets": "*", "statistics": "*", "string": "*", "stringprep": "*",
    "struct": "*", "textwrap": "*", "time": "*", "token": "*", "tomllib": "*", "typing": "*", "unicodedata": "*",
    "urllib.parse": "*", "uuid": "*", "weakref": "*", "zlib": "*", "plistlib": "*",
    "asyncio": """run sleep gather wait wait_for as_completed create_task shield timeout timeout_at TaskGroup Queue PriorityQueue
        LifoQueue QueueEmpty QueueFull QueueShutDown Lock Event Condition Semaphore BoundedSemaphore Barrier BrokenBarrierError
        TimeoutError CancelledError InvalidStateError iscoroutine iscoroutinefunction isfuture FIRST_COMPLETED FIRST_EXCEPTION
        ALL_COMPLETED ensure_future Task current_task""",
    "bz2": "compress decompress BZ2Compressor BZ2Decompressor",
    "codecs": """encode decode lookup getencoder getdecoder getincrementalencoder getincrementaldecoder iterencode iterdecode BOM
        BOM_BE BOM_LE BOM_UTF8 BOM_UTF16 BOM_UTF16_BE BOM_UTF16_LE BOM_UTF32 BOM_UTF32_BE BOM_UTF32_LE CodecInfo
        strict_errors ignore_errors replace_errors backslashreplace_errors Codec IncrementalEncoder IncrementalDecoder
        ascii_encode ascii_decode latin_1_encode latin_1_decode utf_8_encode utf_8_decode utf_16_encode utf_16_decode charmap_encode
        charmap_decode charmap_build escape_encode escape_decode unicode_escape_encode unicode_escape_decode""",
    "email": "message_from_string message_from_bytes message_from_file message_from_binary_file",
    "email.charset": "Charset add_charset QP BASE64 SHORTEST", "email.encoders": "*", "email.errors": "*",
    "email.generator": "Generator BytesGenerator DecodedGenerator", "email.header": "*", "email.headerregistry": "Address Group HeaderRegistry",
    "email.message": "*", "email.mime": "", "email.mime.application": "*", "email.mime.audio": "*", "email.mime.base": "*",
    "email.mime.image": "*", "email.mime.message": "*", "email.mime.multipart": "*", "email.mime.nonmultipart": "*",
    "email.mime.text": "*", "email.parser": "*", "email.policy": "*", "email.utils": "*",
    "gzip": "compress decompress BadGzipFile",
    "http": "HTTPStatus HTTPMethod", "http.cookies": "SimpleCookie BaseCookie CookieError Morsel",
    "io": """StringIO BytesIO TextIOWrapper BufferedReader BufferedWriter BufferedRandom BufferedRWPair SEEK_SET SEEK_CUR SEEK_END
        UnsupportedOperation IOBase RawIOBase BufferedIOBase TextIOBase DEFAULT_BUFFER_SIZE IncrementalNewlineDecoder BlockingIOError""",
    "logging": """getLogger debug info warning warn error exception critical fatal log disable captureWarnings getLevelName addLevelName
        getLevelNamesMapping DEBUG INFO WARNING WARN ERROR CRITICAL FATAL NOTSET BASIC_FORMAT Handler NullHandler Filter Logger
        LoggerAdapter LogRecord""",
    "lzma": """compress decompress LZMACompressor LZMADecompressor LZMAError FORMAT_AUTO FORMAT_XZ FORMAT_ALONE FORMAT_RAW CHECK_NONE
        CHECK_CRC32 CHECK_CRC64 CHECK_SHA256 PRESET_DEFAULT PRESET_EXTREME is_check_supported""",
    "mimetypes": "guess_type guess_extension guess_all_extensions",
    "shlex": "split quote join",
    "traceback": "format_exc print_exc format_exception print_exception format_exception_only",
    "types": """SimpleNamespace MappingProxyType NoneType EllipsisType NotImplementedType UnionType GenericAlias GeneratorType
        AsyncGeneratorType CoroutineType MethodType BuiltinFunctionType BuiltinMethodType TracebackType FrameType DynamicClassAttribute get_original_bases""",
    "urllib": "", "warnings": "warn simplefilter filterwarnings resetwarnings",
    "xml": "", "xml.dom": "*", "xml.dom.minidom": "*", "xml.etree": "", "xml.etree.ElementTree": "*",
    "xml.parsers": "", "xml.parsers.expat": "ParserCreate ExpatError ErrorString error",
    "xml.sax": "", "xml.sax.saxutils": "escape unescape quoteattr XMLGenerator",
    "zoneinfo": "ZoneInfo available_timezones ZoneInfoNotFoundError InvalidTZPathWarning",
}

# Public names beside `__all__` that are documented.
EXTRA = {
    "asyncio": "TaskGroup timeout timeout_at Barrier BrokenBarrierError", "calendar": "error", "email.message": "MIMEPart",
    "hashlib": "scrypt", "json.decoder": "scanstring", "random": "", "re": "DEBUG", "statistics": "LinearRegression", "copy": "error",
    "difflib": "", "email.utils": "quote localtime", "urllib.parse": "ResultBase", "configparser": "Error", "binascii": "",
    "xml.dom": "", "mimetypes": "guess_file_type", "weakref": "",
}

# Callable only directly; the checker looks at the arguments.
CALL = {
    "operator": "attrgetter methodcaller", "functools": "wraps update_wrapper", "contextlib": "redirect_stdout redirect_stderr",
    "warnings": "catch_warnings", "gzip": "GzipFile", "logging": "basicConfig StreamHandler Formatter", "xml.etree.ElementTree": "canonicalize",
}

# Refused, by family; everything else that is not allowed is refused as outside the reviewed interface.
REFUSE = {
    "asyncio": {"network": """open_connection open_unix_connection start_server start_unix_server StreamReader StreamWriter
        StreamReaderProtocol Protocol DatagramProtocol BaseProtocol BufferedProtocol Transport BaseTransport DatagramTransport ReadTransport
        WriteTransport get_event_loop new_event_loop get_running_loop set_event_loop AbstractEventLoop AbstractServer Server
        SelectorEventLoop BaseEventLoop Runner Future get_event_loop_policy set_event_loop_policy DefaultEventLoopPolicy EventLoop""",
        "process": "create_subprocess_exec create_subprocess_shell subprocess SubprocessProtocol SubprocessTransport to_thread"},
    "ast": {"dynamic-code": "main"},
    "bz2": {"file-access": "open BZ2File"}, "lzma": {"file-access": "open LZMAFile"}, "gzip": {"file-access": "open"},
    "codecs": {"file-access": "open EncodedFile StreamReader StreamWriter StreamReaderWriter StreamRecoder getreader getwriter",
        "dynamic-code": "register register_error"},
    "contextlib": {"file-access": "chdir"},
    "dataclasses": {"dynamic-code": "make_dataclass"},
    "email.utils": {"network": "make_msgid"},
    "enum": {"introspection": "global_enum global_enum_repr global_flag_repr global_str"},
    "io": {"file-access": "open open_code FileIO OpenWrapper"},
    "logging": {"file-access": "FileHandler handlers config lastResort", "introspection": "currentframe root Manager"},
    "mimetypes": {"file-access": "init read_mime_types MimeTypes knownfiles inited"},
    "shlex": {"file-access": "shlex"},
    "string": {"format-escape": "Formatter"},
    "traceback": {"introspection": """walk_stack walk_tb extract_stack extract_tb StackSummary FrameSummary TracebackException print_stack
        format_stack print_tb format_tb print_last print_list clear_frames format_list"""},
    "types": {"dynamic-code": "FunctionType LambdaType CodeType new_class prepare_class resolve_bases coroutine",
        "introspection": "CellType", "module-pivot": "ModuleType"},
    "typing": {"dynamic-code": "get_type_hints ForwardRef evaluate_forward_ref"},
    "urllib": {"network": "request error response robotparser"},
    "uuid": {"process": "getnode main"},
    "http": {"network": "client server cookiejar"},
    "warnings": {"introspection": "warn_explicit"},
    "xml.dom": {"file-access": "pulldom"},
    "xml.dom.minidom": {"file-access": "parse DOMImplementationLS DocumentLS getDOMImplementation"},
    "xml.etree.ElementTree": {"file-access": "parse iterparse ElementTree"},
    "xml.sax": {"file-access": "parse parseString make_parser"},
    "zoneinfo": {"file-access": "reset_tzpath TZPATH"},
}


def public_names(name, module):
    """The public interface as the interpreter gives it."""
    declared = getattr(module, "__all__", None)
    if declared is not None:
        return set(declared)
    names = set()
    for attribute in dir(module):
        value = getattr(module, attribute)
        home = getattr(value, "__module__", None)
        # A class or function from elsewhere is not this module's interface.
        foreign = isinstance(home, str) and home.lstrip("_").split(".")[0] not in {name.split(".")[0], "builtins"} and callable(value)
        if not attribute.startswith("_") and not foreign:
            names.add(attribute)
    return names


def describe(name):
    """Output lines of one module, or nothing where the interpreter does not have it."""
    try:
        module = importlib.import_module(name)
    except ImportError:
        return
    refused = {word: family for family, words in REFUSE.get(name, {}).items() for word in words.split()}
    call = set(CALL.get(name, "").split())
    wanted = public_names(name, module) if ALLOW[name] == "*" else set(ALLOW[name].split())
    wanted |= set(EXTRA.get(name, "").split())
    for attribute in dir(module):
        if isinstance(getattr(module, attribute), types.ModuleType) and f"{name}.{attribute}" not in ALLOW:
            refused.setdefault(attribute, "module-pivot")
    allowed = {word for word in wanted if hasattr(module, word)} - refused.keys() - call
    allowed = {word for word in allowed if not isinstance(getattr(module, word), types.ModuleType)}
    print(name, "+", *sorted(allowed))
    if call:
        print(name, "~", *sorted(word for word in call if hasattr(module, word)))
    refused = {word: family for word, family in refused.items() if not word.startswith("_")}
    if refused:
        print(name, "-", *(f"{word}:{family}" for word, family in sorted(refused.items())))


def main():
    version = ".".join(map(str, sys.version_info[:2]))
    print(f"# Generated by tools/module_api.py from Python {version}. Do not edit: change the review in the script.")
    print("stdlib", *sorted(sys.stdlib_module_names))
    print("builtins", *sorted(dir(builtins)))
    for name in sorted(ALLOW):
        describe(name)


if __name__ == "__main__":
    main()
