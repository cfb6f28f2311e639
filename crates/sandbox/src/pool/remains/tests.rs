//! When a program gets fresh children, and when it is tried again.

use super::*;

const PROGRAM: ProgramKey = program(1, 1);

const fn program(tenant: u64, program: u64) -> ProgramKey {
    ProgramKey { tenant, program }
}

/// Rounds of a program in children that are put back where they can be, until it gets a fresh one.
fn rounds(remains: &mut Remains, all: impl IntoIterator<Item = Option<Left>>) -> Option<usize> {
    for (round, left) in all.into_iter().enumerate() {
        if remains.gets_fresh(PROGRAM) {
            return Some(round);
        }
        match left {
            Some(left) => remains.note(PROGRAM, left),
            None => remains.put_back(PROGRAM),
        }
    }
    remains.gets_fresh(PROGRAM).then_some(usize::MAX)
}

/// After how many of these rounds, over and over, a program gets fresh children.
fn check(pattern: &[Option<Left>], expected: Option<usize>) {
    let all = pattern.iter().copied().cycle().take(1_000 * pattern.len());
    assert_eq!(rounds(&mut Remains::default(), all), expected, "{pattern:?}");
}

/// A program that gets fresh children.
fn apart() -> Remains {
    let mut remains = Remains::default();
    assert_eq!(rounds(&mut remains, [Some(Left::Descriptors); 3]), Some(2));
    remains
}

/// After how many rounds in fresh children it is tried again.
fn pause(remains: &mut Remains) -> usize {
    (0..).find(|_| !remains.gets_fresh(PROGRAM)).expect("it is tried some time")
}

#[test]
fn a_program_that_leaves_something_twice_gets_fresh_children_and_no_other_does() {
    let mut remains = Remains::default();
    remains.note(PROGRAM, Left::Call(41));
    assert!(!remains.gets_fresh(PROGRAM), "once may be an accident");
    remains.note(PROGRAM, Left::Mappings);
    assert!(remains.gets_fresh(PROGRAM));
    assert!(!remains.gets_fresh(program(1, 2)));
}

#[test]
fn a_program_that_leaves_something_now_and_then_is_put_back_as_before() {
    let left = Some(Left::Call(41));
    check(&[left, None], None);
    check(&[left, None, left, None, None], None);
    check(&[left, left, None], Some(2));
    for rare in [3, 16, 17, 40] {
        let mut pattern = vec![None; rare];
        pattern[0] = left;
        check(&pattern, None);
    }
}

#[test]
fn a_program_that_leaves_something_more_and_more_often_gets_fresh_children_in_the_end() {
    let mut all = vec![Some(Left::Descriptors), None, None, None, None, None, None, None];
    all.extend([Some(Left::Descriptors); 20]);
    assert_eq!(rounds(&mut Remains::default(), all), Some(20), "twelve of the last sixteen");
}

#[test]
fn what_others_do_to_a_child_is_not_its_programs() {
    for left in [Left::Signal, Left::Programs, Left::Refused] {
        check(&[Some(left)], None);
    }
}

#[test]
fn what_may_be_the_kernels_doing_takes_half_a_window_and_most_of_it() {
    for left in [Left::Pages, Left::Status] {
        check(&[Some(left)], Some(8));
        check(&[Some(left), Some(left), Some(left), None], Some(10));
        check(&[Some(left), Some(left), None], None);
        // A host that was short of memory for a while.
        let mut remains = Remains::default();
        for _ in 0..100 {
            assert_eq!(rounds(&mut remains, [Some(left); 7].into_iter().chain([None; 16])), None);
            assert!(remains.programs.is_empty(), "nothing is remembered of it");
        }
    }
    check(&[Some(Left::Pages), Some(Left::Descriptors), Some(Left::Descriptors)], Some(8));
}

#[test]
fn a_program_that_is_tried_again_and_leaves_nothing_is_forgotten() {
    let mut remains = apart();
    assert_eq!(pause(&mut remains), FIRST_PAUSE as usize - 1, "one was asked for before");
    remains.put_back(PROGRAM);
    assert!(remains.programs.is_empty());
    assert!(!remains.gets_fresh(PROGRAM));
}

#[test]
fn a_program_that_leaves_something_again_waits_longer_each_time_and_not_for_ever() {
    let mut remains = apart();
    pause(&mut remains);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        remains.note(PROGRAM, Left::Descriptors);
        pauses.push(pause(&mut remains) as u32);
    }
    let doubled: Vec<u32> = (1..=12).map(|times| (FIRST_PAUSE << times).min(LONGEST_PAUSE)).collect();
    assert_eq!(pauses, doubled);
}

#[test]
fn rounds_that_began_before_say_nothing_of_a_program_that_gets_fresh_children() {
    let mut remains = apart();
    remains.put_back(PROGRAM);
    remains.note(PROGRAM, Left::Descriptors);
    assert!(remains.gets_fresh(PROGRAM));
    assert_eq!(pause(&mut remains), FIRST_PAUSE as usize - 2, "and make it wait no longer");
}

#[test]
fn a_try_of_which_nothing_is_heard_is_followed_by_another() {
    let mut remains = apart();
    pause(&mut remains);
    remains.note(PROGRAM, Left::Signal);
    assert_eq!(pause(&mut remains), FIRST_PAUSE as usize);
    remains.put_back(PROGRAM);
    assert!(!remains.gets_fresh(PROGRAM));
}

#[test]
fn what_is_remembered_is_bounded_and_those_that_were_met_last_stay() {
    let mut remains = apart();
    for number in 10..10 * MOST as u64 {
        for _ in 0..PATIENCE {
            remains.note(program(1, number), Left::Descriptors);
        }
        assert!(remains.gets_fresh(program(1, number)));
        if number % 10 == 0 && number < 500 {
            assert!(remains.gets_fresh(PROGRAM), "{number}: who runs still is met by that");
        }
    }
    assert_eq!(remains.programs.len(), MOST);
    assert!(!remains.gets_fresh(program(1, 10)));
    assert!(!remains.gets_fresh(PROGRAM));
}

#[test]
fn no_tenant_has_the_programs_of_another_forgotten_that_has_fewer() {
    let mut remains = Remains::default();
    let leave = |remains: &mut Remains, program: ProgramKey| (0..PATIENCE).for_each(|_| remains.note(program, Left::Descriptors));
    for number in 0..3 {
        leave(&mut remains, program(7, number));
    }
    for number in 0..3 * MOST as u64 {
        leave(&mut remains, program(1, number));
    }
    assert_eq!(remains.programs.len(), MOST);
    assert!((0..3).all(|number| remains.gets_fresh(program(7, number))), "though theirs were met before all of the other's");
    for number in 3..MOST as u64 {
        leave(&mut remains, program(7, number));
    }
    let of = |remains: &Remains, tenant| remains.programs.keys().filter(|program| program.tenant == tenant).count();
    assert_eq!((of(&remains, 1), of(&remains, 7)), (MOST / 2, MOST / 2), "two who have as many as they can share");
    (10..8 + MOST as u64).for_each(|tenant| leave(&mut remains, program(tenant, 0)));
    assert_eq!((remains.programs.len(), of(&remains, 1).max(of(&remains, 7))), (MOST, 1), "and many one each");
}

#[test]
fn each_kind_is_counted_for_itself() {
    let all = [
        Left::Call(1),
        Left::Signal,
        Left::Mappings,
        Left::Descriptors,
        Left::Status,
        Left::Pages,
        Left::Stops,
        Left::Programs,
        Left::Refused,
    ];
    assert_eq!(all.map(index), std::array::from_fn(|position| position));
    assert_eq!(all.len(), KINDS);
}
