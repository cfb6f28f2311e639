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
import validators
import xmltodict
from cryptography.fernet import Fernet
from typing_extensions import TypedDict


class Answer(TypedDict):
    domain: str
    page: str
    ok: bool


class Host(pydantic.BaseModel):
    name: str


def transform(value: str) -> Answer:
    found = tldextract.extract(value)
    host = Host(name=found.fqdn)
    key = Fernet(Fernet.generate_key())
    checks = [
        validators.domain(host.name),
        netaddr.IPAddress("10.0.0.1") in netaddr.IPNetwork("10.0.0.0/8"),
        key.decrypt(key.encrypt(b"x")) == b"x",
        orjson.loads(b"[1]") == [1] and xmltodict.parse("<a>1</a>") == {"a": "1"},
        regex.search(r"\p{L}+", "ä") is not None,
        dateparser.parse("2026-01-01", locales=["en"]).astimezone(pytz.utc).year == 2026,
        chardet.detect(b"abc")["encoding"] is not None,
    ]
    page = jinja2.sandbox.SandboxedEnvironment().from_string("<b>{{ text }}</b>").render(text="a")
    return {"domain": found.domain, "page": bs4.BeautifulSoup(page, "html.parser").b.text, "ok": all(checks)}
