//! Well-known packages outside the standard library: enough to tell a missing dependency from a mistake, and to name what
//! the dangerous ones do. Import names, not distribution names.

use domain::code::Family;

const DANGEROUS: &[(Family, &str)] = &[
    (
        Family::Network,
        "requests httpx aiohttp urllib3 httplib2 websocket websockets paramiko pysftp asyncssh fabric grpc pymongo motor redis psycopg \
         psycopg2 asyncpg aiomysql MySQLdb pymysql boto3 botocore aiobotocore tornado twisted scapy dns ldap ldap3 pycurl treq pika \
         kafka confluent_kafka zmq nats requests_toolbelt requests_html mechanize scrapy selenium playwright telnetlib3 aioftp \
         elasticsearch opensearchpy smbclient impacket netmiko napalm pysnmp trio anyio gevent eventlet uvloop curl_cffi hvac kubernetes slack_sdk \
         sendgrid twilio openai anthropic",
    ),
    (Family::Process, "pexpect sh plumbum psutil invoke delegator envoy docker billiard loky ptyprocess"),
    (Family::NativeCode, "cffi _cffi_backend cython Cython pyximport numba llvmlite ctypesgen pybind11 jpype pythonnet clr"),
    (Family::Deserialization, "dill cloudpickle jsonpickle joblib srsly pickle5 hickle"),
    (
        Family::DynamicCode,
        "asteval simpleeval RestrictedPython IPython ipykernel jupyter_client codejail cloudpickle_extra execjs js2py nbformat",
    ),
    (Family::FileAccess, "aiofiles fsspec watchdog pyfilesystem2 fs path"),
];

const KNOWN: &str = "numpy pandas scipy sklearn matplotlib PIL cv2 lxml bs4 yaml ruamel toml tomli tomlkit dateutil pytz tzlocal arrow pendulum \
                     jinja2 markupsafe mako simplejson ujson orjson msgpack cbor2 attr attrs pydantic marshmallow cerberus jsonschema jmespath \
                     jsonpath_ng glom regex chardet charset_normalizer idna certifi click rich tqdm tabulate texttable colorama termcolor \
                     cryptography Crypto nacl OpenSSL jwt jose passlib bcrypt argon2 tldextract validators netaddr iptools ipwhois whois \
                     phonenumbers email_validator langdetect nltk spacy textblob emoji unidecode inflection humanize faker openpyxl xlrd \
                     xlsxwriter docx pptx PyPDF2 pypdf pdfminer reportlab markdown html2text bleach feedparser xmltodict dateparser tld googleapiclient google_auth_oauthlib defusedxml \
                     stix2 pymisp yara pefile oletools olefile magic evtx sympy networkx polars pyarrow duckdb sqlalchemy peewee django flask \
                     fastapi starlette uvicorn gunicorn werkzeug celery rq dask ray torch tensorflow keras transformers xgboost lightgbm \
                     more_itertools toolz cytoolz sortedcontainers cachetools typing_extensions mypy_extensions six future typeguard \
                     parsedatetime isodate ciso8601 dotenv environs structlog loguru pygments docutils sphinx pytest hypothesis mock freezegun \
                     nose tox setuptools_scm wheel google azure msal demistomock CommonServerPython CommonServerUserPython splunklib \
                     shodan vt greynoise maxminddb geoip2 user_agents ua_parser furl yarl multidict Levenshtein rapidfuzz jellyfish \
                     fuzzywuzzy thefuzz pyparsing lark parso ply antlr4 textfsm ttp deepdiff dictdiffer boltons pyasn1 asn1crypto ecdsa rsa";

/// Names of allowed packages that do what their package is not allowed for.
const UNSAFE: &[(&str, Family, &str)] = &[
    ("yaml", Family::Deserialization, "load load_all full_load full_load_all unsafe_load unsafe_load_all Loader UnsafeLoader FullLoader"),
    (
        "pandas",
        Family::FileAccess,
        "read_csv read_excel read_json read_parquet read_hdf read_feather read_table read_fwf read_orc read_sql ExcelFile HDFStore",
    ),
    ("pandas", Family::Deserialization, "read_pickle to_pickle"),
    ("pandas", Family::DynamicCode, "eval"),
    ("numpy", Family::FileAccess, "fromfile memmap loadtxt genfromtxt savetxt save savez DataSource"),
    ("numpy", Family::Deserialization, "load"),
    ("numpy", Family::NativeCode, "ctypeslib f2py"),
    ("jinja2", Family::FormatEscape, "Template Environment"),
    ("mako", Family::DynamicCode, "template"),
    ("sympy", Family::DynamicCode, "sympify parse_expr lambdify"),
    ("lxml", Family::FileAccess, "parse iterparse"),
    ("torch", Family::Deserialization, "load"),
];

/// Well-known modules, with the family of the dangerous ones.
pub(super) fn modules() -> impl Iterator<Item = (&'static str, Option<Family>)> {
    let dangerous = DANGEROUS.iter().flat_map(|(family, names)| names.split(' ').map(move |name| (name, Some(*family))));
    KNOWN.split(' ').map(|name| (name, None)).chain(dangerous)
}

/// The family of an unsafe name of a package.
pub(crate) fn unsafe_name(path: &str, name: &str) -> Option<Family> {
    let root = path.split('.').next().unwrap_or(path);
    let mut rows = UNSAFE.iter().filter(|(package, ..)| *package == root);
    rows.find(|(_, _, names)| names.split(' ').any(|other| other == name)).map(|(_, family, _)| *family)
}
