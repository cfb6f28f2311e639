#!/usr/bin/env python3
"""Writes the reviewed interface of a runtime, as seen by the interpreter that runs this: of the standard library, and of the
packages in the directories that are named.

usage: python3.11 -I -B tools/module_api.py [PACKAGES]... > data/python-3.11.api

The review is in this file: which modules a utility may import, and which of their public names stay out and why. The
interpreter contributes what exists: names come from `__all__`, or from `dir()` where there is none; names that are modules
are refused as pivots; names that a module merely imported from elsewhere are left out. Packages are imported to see what they
have, so this runs where a runtime is built, never where code is checked.

Output, one line each; `RuntimeInterface` reads it and refuses anything else:
    python MAJOR.MINOR           the interpreter's version
    stdlib NAME...               every top-level module of the standard library
    builtins NAME...             every builtin name
    MODULE + NAME...             may be used freely
    MODULE ~ NAME...             may only be called, with arguments that the checker knows how to check
    MODULE - NAME:FAMILY...      refused, with the family of the finding
"""
import builtins
import contextlib
import importlib
import pkgutil
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
    "urllib.parse": "*", "uuid": "*", "weakref": "*", "zlib": "*", "plistlib": "*", "contextvars": "*",
    "asyncio": """run sleep gather wait wait_for as_completed create_task shield timeout timeout_at TaskGroup Queue PriorityQueue
        LifoQueue QueueEmpty QueueFull QueueShutDown Lock Event Condition Semaphore BoundedSemaphore Barrier BrokenBarrierError
        TimeoutError CancelledError InvalidStateError iscoroutine iscoroutinefunction isfuture FIRST_COMPLETED FIRST_EXCEPTION
        ALL_COMPLETED ensure_future Task current_task all_tasks Timeout""",
    "bz2": "compress decompress BZ2Compressor BZ2Decompressor",
    "codecs": """encode decode lookup getencoder getdecoder getincrementalencoder getincrementaldecoder iterencode iterdecode BOM
        BOM_BE BOM_LE BOM_UTF8 BOM_UTF16 BOM_UTF16_BE BOM_UTF16_LE BOM_UTF32 BOM_UTF32_BE BOM_UTF32_LE CodecInfo
        strict_errors ignore_errors replace_errors backslashreplace_errors Codec IncrementalEncoder IncrementalDecoder
        ascii_encode ascii_decode latin_1_encode latin_1_decode utf_8_encode utf_8_decode utf_16_encode utf_16_decode charmap_encode
        charmap_decode charmap_build escape_encode escape_decode unicode_escape_encode unicode_escape_decode
        xmlcharrefreplace_errors namereplace_errors BufferedIncrementalEncoder BufferedIncrementalDecoder make_identity_dict
        make_encoding_map utf_16_be_encode utf_16_be_decode utf_16_le_encode utf_16_le_decode utf_32_encode utf_32_decode
        utf_7_encode utf_7_decode""",
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
        LoggerAdapter LogRecord makeLogRecord""",
    "lzma": """compress decompress LZMACompressor LZMADecompressor LZMAError FORMAT_AUTO FORMAT_XZ FORMAT_ALONE FORMAT_RAW CHECK_NONE
        CHECK_CRC32 CHECK_CRC64 CHECK_SHA256 PRESET_DEFAULT PRESET_EXTREME is_check_supported""",
    "mimetypes": "guess_type guess_extension guess_all_extensions types_map common_types encodings_map suffix_map",
    "pathlib": "PurePath PurePosixPath PureWindowsPath",
    "shlex": "split quote join",
    "traceback": "format_exc print_exc format_exception print_exception format_exception_only",
    "types": """SimpleNamespace MappingProxyType NoneType EllipsisType NotImplementedType UnionType GenericAlias GeneratorType
        AsyncGeneratorType CoroutineType MethodType BuiltinFunctionType BuiltinMethodType TracebackType FrameType DynamicClassAttribute get_original_bases
        ClassMethodDescriptorType GetSetDescriptorType MemberDescriptorType MethodDescriptorType MethodWrapperType WrapperDescriptorType""",
    "urllib": "", "warnings": "warn simplefilter filterwarnings resetwarnings",
    "xml": "", "xml.dom": "*", "xml.dom.minidom": "*", "xml.etree": "", "xml.etree.ElementTree": "*",
    "xml.parsers": "", "xml.parsers.expat": "ParserCreate ExpatError ErrorString error",
    "xml.sax": "", "xml.sax.saxutils": "escape unescape quoteattr XMLGenerator",
    "zipfile": "BadZipFile BadZipfile LargeZipFile ZipInfo ZIP_STORED ZIP_DEFLATED ZIP_BZIP2 ZIP_LZMA",
    "zoneinfo": "ZoneInfo available_timezones ZoneInfoNotFoundError InvalidTZPathWarning",
}

# Public names beside `__all__` that are documented.
EXTRA = {
    "asyncio": "TaskGroup timeout timeout_at Barrier BrokenBarrierError", "calendar": "error", "contextlib": "AsyncContextDecorator", "email.message": "MIMEPart",
    "email.policy": "SMTPUTF8", "hashlib": "scrypt", "hmac": "compare_digest", "json.decoder": "scanstring", "random": "", "re": "DEBUG", "statistics": "LinearRegression", "copy": "error",
    "difflib": "", "email.utils": "quote localtime", "urllib.parse": "ResultBase", "configparser": "Error", "binascii": "",
    "xml.dom": "", "mimetypes": "guess_file_type", "weakref": "",
}

# Callable only directly; the checker looks at the arguments.
CALL = {
    "operator": "attrgetter methodcaller", "functools": "wraps update_wrapper", "contextlib": "redirect_stdout redirect_stderr",
    "warnings": "catch_warnings", "gzip": "GzipFile", "logging": "basicConfig StreamHandler Formatter", "xml.etree.ElementTree": "canonicalize", "zipfile": "ZipFile",
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
    "pathlib": {"file-access": "Path PosixPath WindowsPath UnsupportedOperation"},
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
    "zipfile": {"file-access": "Path PyZipFile is_zipfile main"},
    "zoneinfo": {"file-access": "reset_tzpath TZPATH"},
}


# The review of packages. Every public module of one that is not named here is part of the interface; of one that is, only these,
# and of one with none, no name at all.
PACKAGES = {
    "annotated_types": "annotated_types",
    "bs4": "bs4 bs4.dammit bs4.element bs4.exceptions bs4.filter bs4.formatter",
    "cffi": "",
    "chardet": "chardet chardet.universaldetector",
    "cryptography": """cryptography cryptography.exceptions cryptography.fernet cryptography.hazmat cryptography.hazmat.backends
        cryptography.hazmat.primitives cryptography.hazmat.primitives.asymmetric cryptography.hazmat.primitives.asymmetric.dh
        cryptography.hazmat.primitives.asymmetric.dsa cryptography.hazmat.primitives.asymmetric.ec
        cryptography.hazmat.primitives.asymmetric.ed25519 cryptography.hazmat.primitives.asymmetric.ed448
        cryptography.hazmat.primitives.asymmetric.padding cryptography.hazmat.primitives.asymmetric.rsa
        cryptography.hazmat.primitives.asymmetric.utils cryptography.hazmat.primitives.asymmetric.x25519
        cryptography.hazmat.primitives.asymmetric.x448 cryptography.hazmat.primitives.ciphers
        cryptography.hazmat.primitives.ciphers.aead cryptography.hazmat.primitives.ciphers.algorithms
        cryptography.hazmat.primitives.ciphers.modes cryptography.hazmat.primitives.cmac cryptography.hazmat.primitives.constant_time
        cryptography.hazmat.primitives.hashes cryptography.hazmat.primitives.hmac cryptography.hazmat.primitives.kdf
        cryptography.hazmat.primitives.kdf.concatkdf cryptography.hazmat.primitives.kdf.hkdf cryptography.hazmat.primitives.kdf.pbkdf2
        cryptography.hazmat.primitives.kdf.scrypt cryptography.hazmat.primitives.keywrap cryptography.hazmat.primitives.padding
        cryptography.hazmat.primitives.poly1305 cryptography.hazmat.primitives.serialization
        cryptography.hazmat.primitives.serialization.pkcs12 cryptography.hazmat.primitives.serialization.pkcs7
        cryptography.hazmat.primitives.twofactor cryptography.hazmat.primitives.twofactor.hotp
        cryptography.hazmat.primitives.twofactor.totp cryptography.x509 cryptography.x509.oid""",
    "dateparser": "dateparser dateparser.date dateparser.search",
    "dateparser_cli": "", "dateparser_data": "", "dateparser_scripts": "",
    "jinja2": "jinja2 jinja2.exceptions jinja2.sandbox",
    "markupsafe": "markupsafe",
    "netaddr": "netaddr netaddr.core",
    "numpy": """numpy numpy.dtypes numpy.exceptions numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.polynomial.polynomial numpy.random
        numpy.strings numpy.typing""",
    "orjson": "orjson",
    "pandas": "pandas pandas.api pandas.api.types pandas.errors pandas.tseries pandas.tseries.frequencies pandas.tseries.holiday pandas.tseries.offsets",
    "pydantic": """pydantic pydantic.alias_generators pydantic.aliases pydantic.color pydantic.config pydantic.dataclasses pydantic.errors
        pydantic.fields pydantic.functional_serializers pydantic.functional_validators pydantic.json_schema pydantic.networks
        pydantic.root_model pydantic.types pydantic.warnings""",
    "pydantic_core": "pydantic_core",
    "pytz": "pytz pytz.exceptions",
    "regex": "regex",
    "soupsieve": "soupsieve",
    "tldextract": "tldextract",
    "typing_extensions": "typing_extensions",
    "typing_inspection": "",
    "tzdata": "",
    "tzlocal": "tzlocal",
    "validators": "validators",
    "xmltodict": "xmltodict",
    "yaml": "yaml yaml.error",
    "dateutil": "dateutil dateutil.easter dateutil.parser dateutil.relativedelta dateutil.rrule dateutil.tz dateutil.utils",
    "defusedxml": "defusedxml defusedxml.ElementTree defusedxml.common defusedxml.minidom",
    "jmespath": "jmespath jmespath.exceptions jmespath.functions",
    "packaging": "packaging packaging.specifiers packaging.utils packaging.version packaging.requirements packaging.markers",
    "idna": "idna",
    "six": "six",
}

# Names of packages that are refused, by module and family.
REFUSE_IN_PACKAGES = {
    "jinja2": {
        # Templates of a plain environment reach every attribute; those of `jinja2.sandbox` do not.
        "format-escape": "Template Environment make_logging_undefined",
        "file-access": "FileSystemLoader PackageLoader ModuleLoader FileSystemBytecodeCache BytecodeCache MemcachedBytecodeCache"},
    "jinja2.sandbox": {"format-escape": "Environment"},
    "markupsafe": {"format-escape": "EscapeFormatter"},
    "numpy": {"file-access": """fromfile fromregex memmap loadtxt genfromtxt savetxt save savez savez_compressed DataSource get_include""",
        "deserialization": "load", "native-code": "ctypeslib f2py", "introspection": "info show_config show_runtime"},
    # `eval` and what reads or writes files; data comes in as parameters, and goes out as results.
    "pandas": {"file-access": """read_clipboard read_csv read_excel read_feather read_fwf read_gbq read_hdf read_html read_json read_orc
        read_parquet read_sas read_spss read_sql read_sql_query read_sql_table read_stata read_table read_xml ExcelFile ExcelWriter HDFStore""",
        "deserialization": "read_pickle to_pickle", "dynamic-code": "eval", "process": "test show_versions"},
    # What makes types of texts evaluates them; an import string imports what it names.
    "pydantic": {"dynamic-code": "create_model ImportString PyObject TypeAdapter", "file-access": "FilePath DirectoryPath NewPath SocketPath",
        "deserialization": "parse_file_as parse_raw_as"},
    "pydantic.types": {"dynamic-code": "ImportString PyObject", "file-access": "FilePath DirectoryPath NewPath SocketPath PathType"},
    "pytz": {"file-access": "open_resource resource_exists"},
    "typing_extensions": {"dynamic-code": "get_type_hints ForwardRef evaluate_forward_ref"},
    "yaml": {"deserialization": """load load_all full_load full_load_all unsafe_load unsafe_load_all add_constructor add_multi_constructor
        Loader UnsafeLoader FullLoader CLoader CUnsafeLoader CFullLoader Constructor UnsafeConstructor FullConstructor YAMLObject
        YAMLObjectMetaclass""", "module-pivot": "warnings"},
    "dateutil.tz": {"file-access": "tzfile gettz tzical"},
    "defusedxml": {"dynamic-code": "defuse_stdlib"},
    "defusedxml.ElementTree": {"file-access": "parse iterparse"},
    "defusedxml.minidom": {"file-access": "parse"},
    "six": {"dynamic-code": "exec_ add_move remove_move reraise with_metaclass add_metaclass", "module-pivot": "moves",
        "introspection": """get_function_globals get_function_closure get_function_code get_method_function get_method_self
        get_unbound_function create_bound_method create_unbound_method get_function_defaults"""},
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


def describe(name, wanted, call, refused, listed):
    """Output lines of one module, or nothing where the interpreter does not have it. `listed` are the modules of the interface."""
    try:
        module = load(name)
    except ImportError:
        return
    wanted = public_names(name, module) if wanted == "*" else set(wanted.split())
    wanted |= set(EXTRA.get(name, "").split())
    refused = {word: family for family, words in refused.items() for word in words.split()}
    call = set(call.split())
    for attribute in dir(module):
        if isinstance(getattr(module, attribute), types.ModuleType) and f"{name}.{attribute}" not in listed:
            refused.setdefault(attribute, "module-pivot")
    allowed = {word for word in wanted if hasattr(module, word)} - refused.keys() - call
    allowed = {word for word in allowed if not isinstance(getattr(module, word), types.ModuleType)}
    print(name, "+", *sorted(filter(str.isidentifier, allowed)))
    if call:
        print(name, "~", *sorted(word for word in call if hasattr(module, word)))
    refused = {word: family for word, family in refused.items() if not word.startswith("_") and word.isidentifier()}
    if refused:
        print(name, "-", *(f"{word}:{family}" for word, family in sorted(refused.items())))


def load(name):
    """Imports a module; what it prints is not ours."""
    with contextlib.redirect_stdout(sys.stderr):
        return importlib.import_module(name)


def roots(directories):
    """Top-level modules of the distributions in these directories."""
    # Not before the standard library is described: this import hangs further modules into its packages.
    import importlib.metadata
    found = set()
    for distribution in importlib.metadata.distributions(path=directories):
        files = [file.parts for file in distribution.files or ()]
        found |= {parts[0] for parts in files if len(parts) > 1 and parts[-1].endswith((".py", ".so"))}
        found |= {parts[0].split(".")[0] for parts in files if len(parts) == 1 and parts[0].endswith((".py", ".so"))}
    return sorted(root for root in found if root.isidentifier() and not root.startswith("_") and root not in sys.stdlib_module_names)


def modules_below(root):
    """The public modules of a package that can be imported here; what needs something that is missing is left out."""
    if root in PACKAGES:
        return PACKAGES[root].split()
    try:
        module = load(root)
    except Exception as error:
        print(f"{root} cannot be imported: {error}", file=sys.stderr)
        return []
    found = [root]
    for entry in pkgutil.walk_packages(getattr(module, "__path__", ()), f"{root}.", onerror=lambda name: None):
        if any(part.startswith("_") or part in {"tests", "test"} for part in entry.name.split(".")):
            continue
        try:
            load(entry.name)
        except Exception as error:
            print(f"{entry.name} cannot be imported: {error}", file=sys.stderr)
        else:
            found.append(entry.name)
    return found


def main():
    version = ".".join(map(str, sys.version_info[:2]))
    print(f"# Generated by tools/module_api.py from Python {version}. Do not edit: change the review in the script.")
    print("python", version)
    print("stdlib", *sorted(sys.stdlib_module_names))
    print("builtins", *sorted(dir(builtins)))
    for name in sorted(ALLOW):
        describe(name, ALLOW[name], CALL.get(name, ""), REFUSE.get(name, {}), ALLOW)
    directories = sys.argv[1:]
    # Packages of the machine that this runs on are none of the runtime's.
    sys.path[:] = [place for place in sys.path if not place.endswith(("dist-packages", "site-packages"))] + directories
    for root in roots(directories):
        listed = modules_below(root)
        if not listed and root in PACKAGES:
            print(root, "+")
        for name in sorted(listed):
            describe(name, "*", "", REFUSE_IN_PACKAGES.get(name, {}), listed)


if __name__ == "__main__":
    main()
