//! Output: raw bytes, in order, bounded, in few pieces, and at once.

use std::time::{Duration, Instant};

use domain::sandbox::{OnOutputLimit, Progress, Reason};

use crate::support::{Host, PATIENCE, limited, script, transform};

crate::on_both_backends!(
    bytes_that_are_not_text_arrive_unchanged,
    many_small_prints_become_few_pieces,
    the_first_bytes_arrive_while_the_program_runs,
    output_beyond_the_limit_is_dropped_and_counted,
    output_beyond_the_limit_can_stop_the_run,
    a_program_that_ends_right_after_too_much_output_is_stopped_every_time,
    a_cut_falls_between_characters,
    a_line_that_was_begun_is_there_whole_or_not_at_all,
    a_large_parameter_and_a_large_result_travel,
    output_that_nobody_reads_waits_inside,
    a_program_whose_output_nobody_reads_ends_at_its_deadline,
);

async fn bytes_that_are_not_text_arrive_unchanged(host: &Host) {
    let ran = host.run(script("import os\nos.write(1, bytes(range(256)))\nos.write(2, b'\\xff\\xfe')")).await;
    assert_eq!(ran.stdout(), (0..=255).collect::<Vec<u8>>());
    assert_eq!(ran.stderr(), b"\xff\xfe");
    assert_eq!((ran.usage.stdout_bytes, ran.usage.stderr_bytes), (256, 2));
}

async fn many_small_prints_become_few_pieces(host: &Host) {
    let job = limited(script("for number in range(300_000):\n    print(number)"), |limits| limits.output = 8 << 20);
    let ran = host.run(job).await;
    let expected: String = (0..300_000).map(|number| format!("{number}\n")).collect();
    assert!(ran.stdout() == expected.as_bytes(), "{} bytes", ran.stdout().len());
    assert!(ran.pieces.len() < 5_000, "{} pieces", ran.pieces.len());
}

async fn the_first_bytes_arrive_while_the_program_runs(host: &Host) {
    host.succeed("pass").await;
    let mut run = host.start(script("import time\nprint('now')\ntime.sleep(30)")).await;
    let began = Instant::now();
    let Some(Progress::Output { data, .. }) = run.next().await else { panic!("no output") };
    assert!(data.starts_with(b"now"), "{data:?}");
    assert!(began.elapsed() < Duration::from_secs(2));
    run.stop();
}

async fn output_beyond_the_limit_is_dropped_and_counted(host: &Host) {
    let job =
        limited(script("print('x' * 99)\nprint('y' * 99)\nprint('z' * 4000000)\ndef main():\n    return 1"), |limits| limits.output = 150);
    let ran = host.run(job).await;
    assert_eq!(ran.stdout(), format!("{}\n{}", "x".repeat(99), "y".repeat(50)).into_bytes());
    assert_eq!(ran.outcome.as_deref(), Ok("1"), "the run goes on");
    assert_eq!((ran.usage.stdout_bytes, ran.usage.dropped_bytes), (150, 200 + 4_000_001 - 150));
}

async fn output_beyond_the_limit_can_stop_the_run(host: &Host) {
    let job = limited(script("while True:\n    print('x' * 100)"), |limits| {
        (limits.output, limits.on_output_limit) = (1000, OnOutputLimit::Stop);
    });
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::OutputLimit);
    assert_eq!(ran.stdout().len(), 1000);
    assert!(ran.usage.dropped_bytes > 0);
}

async fn a_program_that_ends_right_after_too_much_output_is_stopped_every_time(host: &Host) {
    for time in 0..20 {
        let job = limited(script("def main():\n    print('x' * 3000)\n    return 'done'"), |limits| {
            (limits.output, limits.on_output_limit) = (1000, OnOutputLimit::Stop);
        });
        let ran = host.run(job).await;
        assert_eq!(ran.outcome.as_ref().map_err(|failure| failure.reason), Err(Reason::OutputLimit), "time {time}");
        assert_eq!(ran.stdout().len(), 1000);
    }
}

async fn a_cut_falls_between_characters(host: &Host) {
    let ran = host.run(script("def main():\n    print('x' + 'ж' * 600_000)")).await;
    let text = String::from_utf8(ran.stdout()).expect("no character is cut");
    assert_eq!((text.len(), ran.usage.dropped_bytes), ((1 << 20) - 1, 1_200_002 - (1 << 20) + 1));
}

async fn a_line_that_was_begun_is_there_whole_or_not_at_all(host: &Host) {
    let mut run = host.start(script("import itertools\nfor n in itertools.count():\n    print('line', n, ['of', 'many'], sep=' ')")).await;
    let mut text = Vec::new();
    while text.len() < 10_000 {
        let Some(Progress::Output { data, .. }) = run.next().await else { panic!("no output") };
        text.extend(data);
    }
    run.stop();
    while let Some(progress) = run.next().await {
        if let Progress::Output { data, .. } = progress {
            text.extend(data);
        }
    }
    assert!(text.ends_with(b"['of', 'many']\n"), "{:?}", String::from_utf8_lossy(&text[text.len() - 40..]));
}

async fn a_large_parameter_and_a_large_result_travel(host: &Host) {
    let value = format!("\"{}\"", "é".repeat(2 << 20));
    let job = limited(transform("def transform(value):\n    return value[:1_500_000]", &value), |limits| limits.result = 4 << 20);
    let ran = host.run(job).await;
    assert_eq!(ran.outcome.unwrap().len(), 2 + 3_000_000);
}

async fn output_that_nobody_reads_waits_inside(host: &Host) {
    let job =
        limited(script("for _ in range(100):\n    print('x' * 9999)\ndef main():\n    return 'all'"), |limits| limits.output = 8 << 20);
    let run = host.start(job).await;
    wait_until_it_waits(run.attestation().uid).await;
    let ran = crate::support::collect(run, Instant::now()).await;
    assert_eq!(ran.stdout().len(), 1_000_000);
    assert_eq!(ran.outcome.as_deref(), Ok("\"all\""));
}

async fn a_program_whose_output_nobody_reads_ends_at_its_deadline(host: &Host) {
    host.succeed("pass").await;
    let run = host.start(limited(script("while True:\n    print('x' * 9999)"), |limits| limits.wall = Duration::from_secs(1))).await;
    let uid = run.attestation().uid;
    wait_until_it_waits(uid).await;
    wait_until(|| !waits_in_a_write(uid), "it still waits").await;
    let ran = crate::support::collect(run, Instant::now()).await;
    assert_eq!(ran.outcome.as_ref().unwrap_err().reason, Reason::Timeout);
    assert!(!ran.stdout().is_empty(), "what was in the pipe is kept");
    assert!(ran.usage.wall_micros < 5_000_000, "its end counts, not the reader's: {:?}", ran.usage);
}

/// Returns once a process of this user waits in a write.
async fn wait_until_it_waits(uid: u32) {
    wait_until(|| waits_in_a_write(uid), "nothing waits").await;
}

async fn wait_until(holds: impl Fn() -> bool, otherwise: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "{otherwise}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Whether a process of this user waits in a write, as procfs shows it.
fn waits_in_a_write(uid: u32) -> bool {
    const WRITE: &str = "1 ";
    let user = format!("Uid:\t{uid}\t");
    let waits = |path: &std::path::Path| {
        let read = |file| std::fs::read_to_string(path.join(file)).unwrap_or_default();
        read("status").contains(&user) && read("syscall").starts_with(WRITE)
    };
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| waits(&entry.path()))
}
