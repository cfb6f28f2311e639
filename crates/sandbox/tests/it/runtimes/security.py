import datetime
import os

import bs4
import chardet
import dateparser
import jinja2.sandbox
import netaddr
import orjson
import pydantic
import pytz
import regex
import tldextract
import typing_extensions
import validators
import xmltodict
from cryptography import x509
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec


class Port(pydantic.BaseModel):
    number: int = pydantic.Field(gt=0)


def sealed():
    fernet = Fernet(Fernet.generate_key())
    key = ec.generate_private_key(ec.SECP256R1())
    key.public_key().verify(key.sign(b"x", ec.ECDSA(hashes.SHA256())), b"x", ec.ECDSA(hashes.SHA256()))
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a")])
    return fernet.decrypt(fernet.encrypt(b"x")), name.rfc4514_string()


def suffixes():
    # Whatever it is told, it asks nobody and keeps nothing.
    told = tldextract.TLDExtract(cache_dir="/tmp/suffixes", suffix_list_urls=["http://example.org/list"])
    plain = tldextract.extract("http://forums.bbc.co.uk/x")
    return plain.domain, plain.suffix, told("www.example.com").domain, os.listdir("/tmp")


def main():
    noon = {"RELATIVE_BASE": datetime.datetime(2026, 1, 1, 12)}
    uses = {
        "beautifulsoup4": (lambda: bs4.BeautifulSoup("<p>a<b>c</b>", "html.parser").select_one("p b").text, "c"),
        "chardet": (lambda: chardet.detect("Größe über alles".encode())["encoding"].lower(), "utf-8"),
        "cryptography": (sealed, (b"x", "CN=a")),
        "dateparser": (lambda: str(dateparser.parse("il y a 2 heures", settings=noon)), "2026-01-01 10:00:00"),
        "jinja2": (lambda: jinja2.sandbox.SandboxedEnvironment().from_string("{{ x }}{{ x.__class__ }}").render(x=1), "1"),
        "netaddr": (lambda: netaddr.IPNetwork("10.0.0.0/30").size, 4),
        "orjson": (lambda: orjson.loads(orjson.dumps({"a": 1})), {"a": 1}),
        "pydantic": (lambda: Port(number="3").model_dump(), {"number": 3}),
        "pytz": (lambda: str(pytz.timezone("Europe/Vienna").localize(datetime.datetime(2026, 7, 1))), "2026-07-01 00:00:00+02:00"),
        "regex": (lambda: regex.findall(r"\p{Lu}", "aBÄ"), ["B", "Ä"]),
        "tldextract": (suffixes, ("bbc", "co.uk", "example", [])),
        "typing_extensions": (lambda: typing_extensions.get_origin(list[int]), list),
        "validators": (lambda: bool(validators.domain("example.com")), True),
        "xmltodict": (lambda: xmltodict.parse("<a><b>1</b></a>"), {"a": {"b": "1"}}),
    }
    answers = {name: (use(), expected) for name, (use, expected) in uses.items()}
    return {name: repr(answer) for name, (answer, expected) in answers.items() if answer != expected}
