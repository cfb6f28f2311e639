//! Framing: what is written is read, rows stay small, and no bytes make the reader panic.

use super::*;

fn output(sequence: u64, data: Vec<u8>) -> Event {
    let stream = if sequence.is_multiple_of(2) { Stream::Stderr } else { Stream::Stdout };
    Event { sequence, time: Timestamp::from_millis(sequence * 10), body: Body::Output(Output { stream, offset: sequence * 7, data }) }
}

fn read_back(batches: &[Batch]) -> Vec<Event> {
    let stored = batches.iter().flat_map(|batch| read(&batch.events).unwrap());
    stored
        .map(|stored| match stored {
            Stored::Event(event) => event,
            Stored::Finished { sequence, .. } => panic!("event {sequence} was no output"),
        })
        .collect()
}

#[test]
fn events_survive_and_rows_hold_at_most_256_kib() {
    let events: Vec<Event> = (1..=40).map(|sequence| output(sequence, vec![sequence as u8; 60_000])).collect();
    let batches = batches(&frames(&events).unwrap());
    assert!(batches.len() > 5 && batches.iter().all(|batch| batch.events.len() <= MAX_BATCH), "{} rows", batches.len());
    assert_eq!(batches.iter().map(|batch| batch.output_bytes).sum::<u64>(), 40 * 60_000);
    assert!(batches.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
    assert_eq!(read_back(&batches), events);
}

#[test]
fn numbers_that_do_not_ascend_are_refused() {
    assert!(frames(&[output(0, vec![])]).is_err());
    assert!(frames(&[output(2, vec![]), output(2, vec![])]).is_err());
    assert!(frames(&[output(2, vec![]), output(1, vec![])]).is_err());
}

#[test]
fn every_cut_and_every_flipped_byte_is_read_or_refused_without_a_panic() {
    let queued = Event { sequence: 1, time: Timestamp::from_millis(1), body: Body::Queued { position: 3 } };
    let whole = batches(&frames(&[queued, output(2, b"text".to_vec())]).unwrap()).remove(0).events;
    for cut in 0..whole.len() {
        // A cut between two frames leaves a whole batch.
        assert_eq!(read(&whole[..cut]).is_ok(), cut == 1 || cut == 22, "cut at {cut}");
    }
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0xff;
        let _ = read(&flipped);
    }
    assert!(read(&[VERSION, 99]).is_err());
}
