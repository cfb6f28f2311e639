//! The life cycle: terminal states are final, and every reason has a state and a name.

use super::*;
use crate::sandbox::Reason;

#[test]
fn a_terminal_state_is_final() {
    let steps = [Step::Admit, Step::HandOver, Step::PutBack, Step::AskCancel, Step::End(State::Succeeded), Step::End(State::Lost)];
    for state in State::ALL.into_iter().filter(|state| state.is_terminal()) {
        for step in steps {
            assert_eq!(state.after(step), None, "{state:?} {step:?}");
        }
    }
}

#[test]
fn every_live_state_can_end_but_only_in_a_terminal_state() {
    for state in State::ALL.into_iter().filter(|state| !state.is_terminal()) {
        for end in State::ALL {
            assert_eq!(state.after(Step::End(end)), end.is_terminal().then_some(end));
        }
    }
}

#[test]
fn a_cancelling_execution_stays_so_until_it_ends() {
    assert_eq!(State::Pending.after(Step::AskCancel), Some(State::Cancelling));
    assert_eq!(State::Cancelling.after(Step::HandOver), Some(State::Cancelling));
    assert_eq!(State::Cancelling.after(Step::AskCancel), Some(State::Cancelling));
}

#[test]
fn names_are_unique_and_survive_reading() {
    for state in State::ALL {
        assert_eq!(State::from_name(state.as_str()), Some(state));
    }
    for reason in Reason::ALL {
        assert_eq!(Reason::from_name(reason.as_str()), Some(reason));
        assert!(State::of(reason).is_terminal());
    }
}
