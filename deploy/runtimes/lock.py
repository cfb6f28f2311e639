"""What a runtime's lock names: packages with one version and the hashes of their wheels, from `requirements.lock` (pip's format) or
`pylock.toml` (PEP 751). A lock is read as one target sees it, and what cannot be read with certainty is refused at its place.

It installs nothing, and asks no index. Whoever installs takes what was read here and not the file, so that nobody reads it in
another way.
"""

import re
import tomllib

REQUIREMENTS = "requirements.lock"
PYLOCK = "pylock.toml"
# A whole line of comment does not go on, whatever it ends in; a comment behind something does. Both are pip's rules.
COMMENT_LINE = re.compile(r"\s*#")
COMMENT = re.compile(r"(^|\s+)#.*$")
NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
VERSION = r"[A-Za-z0-9][A-Za-z0-9._!+-]*"
REQUIREMENT = re.compile(rf"({NAME})==({VERSION})((?: --hash=sha256:[0-9a-f]{{64}})+)")
SHA256 = re.compile(r"[0-9a-f]{64}")
TOKEN = re.compile(r"""\s*(?:(?P<text>'[^']*'|"[^"]*")|(?P<word>[a-z_]+)|(?P<sign>===|==|!=|<=|>=|~=|<|>|\(|\)))""")
CLAUSE = re.compile(r"(==|!=|<=|>=|~=|<|>)\s*([0-9]+(?:\.[0-9]+)*)(\.\*)?")
# Marker parentheses inside each other; tools write two.
MAX_DEPTH = 20


class Refused(Exception):
    """What a lock has that cannot be used, and the way out."""


class Target:
    """For whom a lock is read: a Python as MAJOR.MINOR, on 64-bit Linux."""

    def __init__(self, python):
        self.python = python
        self.words = {"implementation_name": "cpython", "os_name": "posix", "platform_machine": "x86_64",
                      "platform_python_implementation": "CPython", "platform_system": "Linux", "sys_platform": "linux"}
        # The third number is the interpreter's that the runtime meets: what depends on it has two answers.
        self.versions = {"python_version": (python, python), "python_full_version": (f"{python}.0", f"{python}.99"),
                         "implementation_version": (f"{python}.0", f"{python}.99")}

    def way_out(self):
        """Commands whose output is taken as it is."""
        return (f"`uv pip compile --generate-hashes --python-version {self.python} --python-platform x86_64-manylinux2014 IN -o {REQUIREMENTS}`, or "
                f"`pip-compile --generate-hashes --strip-extras --no-emit-options --no-emit-index-url --no-emit-find-links "
                f"--no-emit-trusted-host IN -o {REQUIREMENTS}` under Python {self.python}, or `uv export --format {PYLOCK} "
                f"--no-emit-project -o {PYLOCK}`")


def normalized(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def read(path, text, target):
    """Version and hashes of each package, by normalized name."""
    pairs = pylock(path, text, target) if path.name == PYLOCK else requirements(path, text, target)
    locked = {}
    for place, name, version, hashes in pairs:
        if normalized(name) in locked:
            raise Refused(f"{path}, {place}: {name} is there twice")
        locked[normalized(name)] = (version, hashes)
    return locked


# === requirements.lock ===

def requirements(path, text, target):
    for number, line in joined(path, text):
        line = " ".join(COMMENT.sub("", line).split())
        if not line:
            continue
        match = REQUIREMENT.fullmatch(line)
        if match is None:
            raise Refused(f"{path}, line {number}: must be name==version --hash=sha256:...{trouble(line)}: {line[:80]}\n"
                          f"written by {target.way_out()}")
        yield f"line {number}", match[1], match[2], re.findall(r"sha256:[0-9a-f]{64}", match[3])


def joined(path, text):
    """Lines with those that they go on in, each with the number of its first, as pip joins them."""
    begun, parts = 0, []
    for number, line in enumerate(text.splitlines(), 1):
        comment = COMMENT_LINE.match(line)
        if line.endswith("\\") and not comment:
            if COMMENT.search(line):
                raise Refused(f"{path}, line {number}: a comment that ends in a backslash takes the next line along, and pip would not see it; "
                              "drop the backslash")
            begun = begun if parts else number
            parts.append(line.rstrip("\\") + " ")
            continue
        yield begun if parts else number, "".join([*parts, " " if comment else "", line])
        parts = []
    if parts:
        yield begun, "".join(parts)


def trouble(line):
    if line.startswith("-"):
        return " (options have no place in a lock)"
    if "@" in line or "://" in line:
        return " (a package comes from an index, not from an address)"
    if ";" in line:
        return " (without a marker: a lock is for one Python and one platform)"
    if "[" in line:
        return " (without extras: what they bring has lines of its own)"
    if "==" not in line:
        return " (a version is missing)"
    return "" if "--hash=sha256:" in line else " (hashes are missing)"


# === pylock.toml ===

def pylock(path, text, target):
    try:
        lock = tomllib.loads(text)
    except ValueError as error:
        raise Refused(f"{path} is no TOML: {error}") from error
    field = Field(path, "", lock, target)
    if field.text("lock-version") != "1.0":
        raise Refused(f"{path}, lock-version: is {lock['lock-version']!r}, and only 1.0 is known")
    field.fits("requires-python")
    environments = [field.holds(f"environments[{number}]", marker) for number, marker in enumerate(field.items("environments", str))]
    if environments and not any(environments):
        raise Refused(f"{path}, environments: none is Python {target.python} on 64-bit Linux")
    field.groups = field.items("default-groups", str)
    packages = field.items("packages", dict, required=True)
    chosen = 0
    for number, table in enumerate(packages):
        package = Field(path, f"packages[{number}].", table, target, field.groups)
        if "marker" in table and not package.holds("marker", package.text("marker")):
            continue
        chosen += 1
        yield package_of(package)
    if not chosen:
        raise Refused(f"{path}, packages: none of {len(packages)} is for Python {target.python} on 64-bit Linux; a runtime without packages has a "
                      f"{REQUIREMENTS} with nothing but comments")


def package_of(package):
    name = package.text("name")
    if not re.fullmatch(NAME, name):
        raise Refused(f"{package.place('name')}: is no name of a package: {name[:80]!r}")
    package.fits("requires-python")
    for kind in ("vcs", "directory", "archive"):
        if kind in package.table:
            raise Refused(f"{package.place(kind)}: {name} comes from no index; only wheels of an index are installed, since building a package "
                          "runs its code")
    wheels = package.items("wheels", dict)
    if not wheels:
        raise Refused(f"{package.place('wheels')}: {name} has none; only wheels are installed, since building a package runs its code")
    version = package.text("version")
    if not re.fullmatch(VERSION, version):
        raise Refused(f"{package.place('version')}: is no version: {version[:80]!r}")
    hashes = []
    for number, wheel in enumerate(wheels):
        digests = wheel.get("hashes")
        digest = digests.get("sha256") if isinstance(digests, dict) else None
        if not isinstance(digest, str) or not SHA256.fullmatch(digest.lower()):
            raise Refused(f"{package.place(f'wheels[{number}].hashes')}: must have a sha256 of 64 hexadecimal digits")
        hashes.append(f"sha256:{digest.lower()}")
    return package.place("name"), name, version, hashes


class Field:
    """A table of a lock, and where it stands."""

    def __init__(self, path, prefix, table, target, groups=()):
        self.path, self.prefix, self.table, self.target, self.groups = path, prefix, table, target, groups

    def place(self, key):
        return f"{self.path}, {self.prefix}{key}"

    def text(self, key):
        value = self.table.get(key)
        if not isinstance(value, str) or not value:
            raise Refused(f"{self.place(key)}: must be a text{'' if key in self.table else ', and is missing'}")
        return value

    def items(self, key, kind, required=False):
        value = self.table.get(key, None if required else [])
        if not isinstance(value, list) or not all(isinstance(one, kind) for one in value):
            raise Refused(f"{self.place(key)}: must be a list of {'tables' if kind is dict else 'texts'}"
                          f"{'' if key in self.table else ', and is missing'}")
        return value

    def fits(self, key):
        """Refuses what is for another Python."""
        if key not in self.table:
            return
        wanted = self.text(key)
        for clause in wanted.split(","):
            match = CLAUSE.fullmatch(clause.strip())
            if match is None:
                raise Refused(f"{self.place(key)}: cannot be understood: {wanted[:80]!r}")
            try:
                both = [compared(version, match[1], match[2] + (match[3] or "")) for version in self.target.versions["python_full_version"]]
            except ValueError as error:
                raise Refused(f"{self.place(key)}: {error}: {wanted[:80]!r}") from error
            if not any(both):
                raise Refused(f"{self.place(key)}: is {wanted!r}, and the runtime has Python {self.target.python}")

    def holds(self, key, marker):
        """Whether a marker holds for the target; one that cannot be answered is refused."""
        try:
            return Marker(marker, self.target, self.groups).answer()
        except ValueError as error:
            raise Refused(f"{self.place(key)}: {error}: {marker[:200]!r}\na lock without it is written by {self.target.way_out()}") from error


class Marker:
    """A condition on the environment (PEP 508, with the lists of PEP 751). ValueError for what has no certain answer."""

    def __init__(self, text, target, groups):
        self.tokens, self.target, self.groups = [], target, groups
        place = 0
        while text[place:].strip():
            match = TOKEN.match(text, place)
            if match is None:
                raise ValueError("cannot be understood")
            self.tokens.append((match.lastgroup, match[match.lastgroup]))
            place = match.end()

    def answer(self):
        answer = self.either(0)
        if self.tokens:
            raise ValueError("cannot be understood")
        return answer

    def either(self, depth):
        answer = self.both(depth)
        while self.next_is("or"):
            # Both sides are read, whatever the first one says.
            other = self.both(depth)
            answer = answer or other
        return answer

    def both(self, depth):
        answer = self.one(depth)
        while self.next_is("and"):
            other = self.one(depth)
            answer = answer and other
        return answer

    def one(self, depth):
        if depth > MAX_DEPTH:
            raise ValueError("has too many parentheses")
        if self.next_is("("):
            answer = self.either(depth + 1)
            if not self.next_is(")"):
                raise ValueError("cannot be understood")
            return answer
        left, sign, right = self.take(), self.sign(), self.take()
        return self.comparison(left, sign, right)

    def comparison(self, left, sign, right):
        if left[0] == "word" and right[0] == "text":
            key, value = left[1], right[1][1:-1]
        elif left[0] == "text" and right[0] == "word":
            key, value = right[1], left[1][1:-1]
            if sign in ("in", "not in"):
                if key not in ("extras", "dependency_groups"):
                    raise ValueError(f"asks for {key} in a way that is not known")
                chosen = () if key == "extras" else self.groups
                return (normalized(value) in map(normalized, chosen)) == (sign == "in")
            sign = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}.get(sign, sign)
        else:
            raise ValueError("cannot be understood")
        if key in self.target.versions:
            return self.version(key, sign, value)
        known = self.target.words.get(key)
        answers = {"==": lambda: known == value, "!=": lambda: known != value, "in": lambda: known in value, "not in": lambda: known not in value}
        if known is None or sign not in answers:
            raise ValueError(f"asks for {key} {sign}, which is not known of a runtime")
        return answers[sign]()

    def version(self, key, sign, value):
        if not CLAUSE.fullmatch(f"{sign}{value}"):
            raise ValueError(f"compares {key} in a way that is not known")
        lowest, highest = (compared(version, sign, value) for version in self.target.versions[key])
        between = key != "python_version" and sign in ("==", "!=") and not value.endswith(".*") and value.startswith(f"{self.target.python}.")
        if lowest != highest or between:
            raise ValueError("depends on the last number of the Python version, and a runtime is for all of them")
        return lowest

    def next_is(self, wanted):
        if self.tokens and self.tokens[0][0] != "text" and self.tokens[0][1] == wanted:
            self.tokens.pop(0)
            return True
        return False

    def take(self):
        if not self.tokens:
            raise ValueError("ends too early")
        return self.tokens.pop(0)

    def sign(self):
        sign = self.take()[1]
        if sign == "not" and self.next_is("in"):
            return "not in"
        return sign


def compared(version, sign, bound):
    """Versions of Python as numbers; a bound may end in `.*`."""
    prefix = bound.endswith(".*")
    numbers = [int(part) for part in version.split(".")]
    limit = [int(part) for part in bound.removesuffix(".*").split(".")]
    if prefix and sign not in ("==", "!="):
        raise ValueError("has .* where it means nothing")
    if sign == "~=":
        if len(limit) < 2:
            raise ValueError("has ~= with one number")
        return numbers >= limit and numbers[:len(limit) - 1] == limit[:-1]
    if prefix:
        return (numbers[:len(limit)] == limit) == (sign == "==")
    width = max(len(numbers), len(limit))
    numbers, limit = (one + [0] * (width - len(one)) for one in (numbers, limit))
    return {"==": numbers == limit, "!=": numbers != limit, "<": numbers < limit, "<=": numbers <= limit,
            ">": numbers > limit, ">=": numbers >= limit}[sign]
