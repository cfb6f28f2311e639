//! Ten programs like those that people write, one after the other, on each backend: what a closed loop carries, and what one costs the
//! processors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::json::JsonText;
use domain::sandbox::{Entry, Isolation, Limits};

use super::slices::{Carried, PART, in_turns, note_failure};
use crate::arguments::Effort;
use crate::load;
use crate::peers::Peer;
use crate::peers::sandbox::{Engine, job};
use crate::report::{Report, Table};

const CALLERS: usize = 16;
const COLUMNS: [&str; 7] = ["peer", "per second", "p50 ms", "p95 ms", "p99 ms", "CPU ms each", "failed"];

/// Source text and a value as JSON text.
const PROGRAMS: [(&str, &str); 10] = [
    ("def transform(value):\n    return value.upper()\n", r#""hello world""#),
    (
        "import re, unicodedata\n\
         def transform(value):\n    plain = unicodedata.normalize('NFKD', value).encode('ascii', 'ignore').decode()\n    \
             return re.sub(r'[^a-z0-9]+', '-', plain.lower()).strip('-')\n",
        r#""Dîner à la carte: the 3rd Évening!""#,
    ),
    (
        "import csv, io\n\
         def transform(value):\n    rows = list(csv.DictReader(io.StringIO('host,port,bytes\\n' + value * 40)))\n    \
             return {'rows': len(rows), 'total': sum(int(row['bytes']) for row in rows), 'hosts': sorted({row['host'] for row in rows})}\n",
        r#""10.1.2.3,443,17022\n""#,
    ),
    (
        "from datetime import datetime, timedelta\n\
         def transform(value):\n    days = [datetime.strptime(day, '%Y-%m-%d') + timedelta(days=30) for day in value]\n    \
             return [day.strftime('%d.%m.%Y %A') for day in days]\n",
        r#"["2026-01-05", "2026-02-14", "2026-03-01", "2026-04-30", "2026-05-17", "2026-06-21", "2026-07-04", "2026-08-09"]"#,
    ),
    (
        "import collections, re\n\
         def transform(value):\n    return collections.Counter(re.findall(r'\\w+', value.lower() * 30)).most_common(5)\n",
        r#""Failed login for root from 10.0.0.7 port 22; failed login for admin. ""#,
    ),
    (
        "import base64, hashlib\n\
         def transform(value):\n    data = value.encode() * 100\n    digest = hashlib.sha256(data).digest()\n    \
             return {'sha256': digest.hex(), 'base64': base64.b64encode(digest).decode(), 'sha1': hashlib.sha1(data).hexdigest()}\n",
        r#""attachment""#,
    ),
    (
        "def flat(value, path=''):\n    if isinstance(value, dict):\n        for key, each in value.items():\n            \
             yield from flat(each, path + '.' + key if path else key)\n    \
             elif isinstance(value, list):\n        for index, each in enumerate(value):\n            \
             yield from flat(each, f'{path}[{index}]')\n    else:\n        yield path, value\n\
         def transform(value):\n    return dict(flat([value] * 20))\n",
        r#"{"alert": {"source": ["10.0.0.1", "10.0.0.2"], "rule": {"id": 7, "tags": ["net", null]}}}"#,
    ),
    (
        "from dataclasses import asdict, dataclass\n@dataclass\nclass Card:\n    number: str\n    valid: bool\n\
         def check(number):\n    digits = [int(digit) for digit in reversed(number)]\n    \
             return sum(digit if place % 2 == 0 else sum(divmod(2 * digit, 10)) for place, digit in enumerate(digits)) % 10 == 0\n\
         def transform(value):\n    return [asdict(Card(number, check(number))) for number in value]\n",
        r#"["4111111111111111", "4111111111111112", "79927398713"]"#,
    ),
    (
        "import math, statistics\n\
         def transform(value):\n    numbers = [float(number * 7 % 31 + 1) for number in range(value)]\n    \
             return {'mean': statistics.fmean(numbers), 'deviation': statistics.stdev(numbers), 'logs': [round(math.log(number), 3) for number in numbers]}\n",
        "60",
    ),
    (
        "import html\nfrom urllib.parse import parse_qs, urlencode, urlsplit\n\
         def transform(value):\n    url = urlsplit(value)\n    \
             query = {key: values[0] for key, values in parse_qs(url.query).items() if not key.startswith('utm_')}\n    \
             return html.escape(url._replace(query=urlencode(sorted(query.items()))).geturl())\n",
        r#""https://example.org/a/b?utm_source=x&z=1&b=%C3%A9&a=2#part""#,
    ),
];

/// Measures each engine under load.
pub async fn measure(engines: &[Engine], tenant: &'static str, effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new(PART, "Ten programs in turn, 16 callers (closed loop)", &COLUMNS);
    let peers: Vec<Peer> = engines.iter().map(|engine| peer(engine, tenant)).collect();
    for peer in &peers {
        load::sequential(&peer.subject, PROGRAMS.len()).await?;
    }
    for Carried { peer, slice, each } in in_turns(&peers, CALLERS, effort).await? {
        let latencies = &slice.latencies;
        let (p50, p95, p99) = (latencies.median(), latencies.millis(0.95), latencies.millis(0.99));
        table.row([peer.name.into(), slice.rate().into(), p50.into(), p95.into(), p99.into(), each, slice.failed.into()]);
        note_failure(&mut table, peer, "ten programs", &slice);
    }
    table.note("CPU: this process and the sandboxes.");
    report.add(table);
    Ok(())
}

/// Runs the next program at each call.
fn peer(engine: &Engine, tenant: &'static str) -> Peer {
    let (runs, next) = (engine.clone(), Arc::new(AtomicUsize::new(0)));
    engine.peer_of(move || {
        let (engine, (code, value)) = (runs.clone(), PROGRAMS[next.fetch_add(1, Ordering::Relaxed) % PROGRAMS.len()]);
        Box::pin(async move {
            let entry = Entry::Transform(vec![JsonText::read(value)]);
            let ran = engine.run(job(tenant, Isolation::TenantWarm, code, entry, Limits::DEFAULT)?).await?;
            match ran.outcome {
                Ok(_) => Ok(ran.result),
                Err(failure) => anyhow::bail!("a program failed: {failure:?}"),
            }
        })
    })
}
