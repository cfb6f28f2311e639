"""Finds indicators of compromise in text: IP addresses, domains, URLs, e-mail addresses and file hashes.

Analysts write indicators so that nobody clicks on them: `hxxps://evil[.]example`, `198.51.100[.]7`, `user[at]evil[.]example`.
Such text is restored first, then searched. Each indicator is listed once, in order of appearance, in its own list only:
the domain of a URL or an address is listed as a domain too, but a file hash is never a domain.

>>> found = transform("GET hxxp://evil[.]example/a.php from 198.51.100[.]7, mail bob(at)corp[.]example")
>>> found["urls"], found["ips"]
(['http://evil.example/a.php'], ['198.51.100.7'])
>>> found["domains"], found["emails"]
(['evil.example', 'corp.example'], ['bob@corp.example'])
>>> transform("d41d8cd98f00b204e9800998ecf8427e")["hashes"]
{'md5': ['d41d8cd98f00b204e9800998ecf8427e'], 'sha1': [], 'sha256': []}
>>> transform("999.1.1.1 and version 1.2.3.4.5 and 10.0.0.5", include_private=False)["ips"]
[]
>>> transform("see 2001:db8::1 at 12:30:45")["ips"]
['2001:db8::1']
"""

import ipaddress
import re
from urllib.parse import urlsplit

REFANG = [
    (re.compile(r"\bhxxp(s?)(?=\[?:)", re.IGNORECASE), r"http\1"),
    (re.compile(r"\s?[\[({](?:\.|dot)[\])}]\s?", re.IGNORECASE), "."),
    (re.compile(r"\s?[\[({](?:@|at)[\])}]\s?", re.IGNORECASE), "@"),
    (re.compile(r"\[(:|://|/)\]"), r"\1"),
    (re.compile(r"\\\."), "."),
]
URL = re.compile(r"\b(?:https?|ftp)://[^\s<>\"'`{}|\\^]+", re.IGNORECASE)
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}\b", re.IGNORECASE)
DOMAIN = re.compile(r"(?<![\w@/.-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24}\b(?![\w-])", re.IGNORECASE)
IPV4 = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w]|\.\d)")
IPV6 = re.compile(r"(?<![\w:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)
HASHES = {"md5": 32, "sha1": 40, "sha256": 64}
HEX = re.compile(r"(?<![0-9a-z])[0-9a-f]{32,64}(?![0-9a-z])", re.IGNORECASE)

# Ends of file names that look like top-level domains in reports.
FILE_ENDINGS = {"bat", "bin", "cfg", "cmd", "conf", "dll", "doc", "docx", "exe", "gz", "htm", "html", "ini", "jpg", "js", "json",
                "lnk", "log", "msi", "pdf", "php", "png", "ps1", "rar", "rtf", "sys", "tmp", "txt", "vbs", "xls", "xlsx", "xml", "zip"}


def transform(value: str, include_private: bool = True) -> dict:
    """Returns the lists `ips`, `domains`, `urls`, `emails` and the hashes by kind.

    With `include_private` false, addresses that are not reachable from the internet are left out.
    """
    text = refang(value)
    urls = [strip_end(url) for url in URL.findall(text)]
    emails = [email.lower() for email in EMAIL.findall(text)]
    hosts = [urlsplit_host(url) for url in urls] + [email.split("@")[1] for email in emails]
    rest = EMAIL.sub(" ", URL.sub(" ", text))
    domains = [domain.lower() for domain in DOMAIN.findall(rest)]
    found_ips = addresses(IPV4.findall(rest) + IPV6.findall(rest) + hosts, include_private)
    return {
        "ips": unique(found_ips),
        "domains": unique(domain for domain in hosts + domains if is_domain(domain)),
        "urls": unique(urls),
        "emails": unique(emails),
        "hashes": {kind: unique(h.lower() for h in HEX.findall(rest) if len(h) == size) for kind, size in HASHES.items()},
    }


def refang(text):
    """Undoes the usual ways to make an indicator harmless."""
    for pattern, replacement in REFANG:
        text = pattern.sub(replacement, text)
    return text


def strip_end(url):
    """Drops the punctuation of the sentence around a URL, but keeps a bracket that the URL itself opened."""
    url = url.rstrip(".,;:!?'\"")
    if url.endswith(")") and "(" not in url:
        url = url[:-1]
    if url.endswith("]") and "[" not in url:
        url = url[:-1]
    return url


def urlsplit_host(url):
    """Host of a URL, or an empty text where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def addresses(candidates, include_private):
    """The candidates that are IP addresses, in their normal form."""
    for candidate in candidates:
        try:
            address = ipaddress.ip_address(candidate)
        except ValueError:
            continue
        if include_private or address.is_global:
            yield str(address)


def is_domain(name):
    """Whether a name with a dot is a domain rather than an address or a file."""
    return "." in name and bool(DOMAIN.fullmatch(name)) and name.rsplit(".", 1)[1] not in FILE_ENDINGS


def unique(items):
    """Each item once, in order of appearance."""
    return list(dict.fromkeys(items))
