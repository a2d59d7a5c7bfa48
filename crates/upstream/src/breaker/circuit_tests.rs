//! States and transitions of [`super`].

use chassis::ports::SeededRandom;

use super::*;

const OPEN: Duration = Duration::from_secs(5);

fn circuit(now: Instant) -> Circuit {
    Circuit::new(Trip { ratio: 0.5, open: OPEN }, now)
}

/// `count` calls with that outcome; answers whether the last has opened the breaker.
fn calls(circuit: &mut Circuit, now: Instant, count: u32, outcome: Outcome) -> bool {
    (0..count).fold(false, |_, _| {
        let ticket = circuit.admit(now).expect("admitted");
        circuit.settle(ticket, outcome, now, &SeededRandom::new(1))
    })
}

/// An open breaker, and when its rest is surely over.
fn opened(now: Instant) -> (Circuit, Instant) {
    let mut circuit = circuit(now);
    assert!(calls(&mut circuit, now, MIN_CALLS, Outcome::Failure));
    (circuit, now + OPEN.mul_f64(1.0 + JITTER))
}

#[test]
fn few_failures_or_a_small_share_do_not_open_it() {
    let now = Instant::now();
    let mut few = circuit(now);
    assert!(!calls(&mut few, now, MIN_CALLS - 1, Outcome::Failure));
    let mut share = circuit(now);
    calls(&mut share, now, 51, Outcome::Success);
    assert!(!calls(&mut share, now, 50, Outcome::Failure));
    assert_eq!(share.phase(), Phase::Closed);
    assert!(calls(&mut share, now, 1, Outcome::Failure), "51 of 102 is half");
}

#[test]
fn old_failures_do_not_count() {
    let now = Instant::now();
    let mut circuit = circuit(now);
    calls(&mut circuit, now, MIN_CALLS - 1, Outcome::Failure);
    assert!(!calls(&mut circuit, now + Duration::from_secs(11), 1, Outcome::Failure));
}

#[test]
fn calls_that_say_nothing_are_not_counted() {
    let now = Instant::now();
    let mut circuit = circuit(now);
    assert!(!calls(&mut circuit, now, 10 * MIN_CALLS, Outcome::Unknown));
    calls(&mut circuit, now, MIN_CALLS - 1, Outcome::Failure);
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn while_it_is_open_callers_learn_when_to_come_back() {
    let now = Instant::now();
    let (mut circuit, over) = opened(now);
    let wait = circuit.admit(now).expect_err("open");
    assert!(wait >= OPEN && wait <= over - now, "{wait:?}");
    assert!(circuit.admit(now + OPEN - Duration::from_millis(1)).is_err());
    assert!(circuit.admit(over).is_ok());
}

#[test]
fn three_successful_probes_close_it_and_no_more_are_let_through() {
    let now = Instant::now();
    let (mut circuit, over) = opened(now);
    let tickets: Vec<_> = (0..PROBES).map(|_| circuit.admit(over).expect("a probe")).collect();
    assert_eq!(circuit.admit(over), Err(PROBE_WAIT));
    for ticket in &tickets[1..] {
        circuit.settle(*ticket, Outcome::Success, over, &SeededRandom::new(1));
        assert!(circuit.admit(over).is_err(), "a probe that has passed makes no room for another");
    }
    circuit.settle(tickets[0], Outcome::Success, over, &SeededRandom::new(1));
    assert_eq!(circuit.phase(), Phase::Closed);
    assert!(!calls(&mut circuit, over, MIN_CALLS - 1, Outcome::Failure), "the window begins anew");
}

#[test]
fn a_probe_that_fails_opens_it_again() {
    let now = Instant::now();
    let (mut circuit, over) = opened(now);
    assert!(calls(&mut circuit, over, 1, Outcome::Failure));
    assert!(circuit.admit(over).is_err());
}

#[test]
fn a_probe_that_was_given_up_makes_room_for_another() {
    let now = Instant::now();
    let (mut circuit, over) = opened(now);
    calls(&mut circuit, over, 10 * PROBES, Outcome::Unknown);
    calls(&mut circuit, over, PROBES, Outcome::Success);
    assert_eq!(circuit.phase(), Phase::Closed);
}

#[test]
fn calls_from_before_it_opened_do_not_settle_its_probes() {
    let now = Instant::now();
    let mut circuit = circuit(now);
    let old = circuit.admit(now).expect("closed");
    calls(&mut circuit, now, MIN_CALLS, Outcome::Failure);
    let over = now + OPEN * 2;
    let probe = circuit.admit(over).expect("a probe");
    assert!(!circuit.settle(old, Outcome::Failure, over, &SeededRandom::new(1)));
    assert_eq!(circuit.phase(), Phase::HalfOpen { admitted: 1, passed: 0 });
    circuit.settle(probe, Outcome::Success, over, &SeededRandom::new(1));
    assert_eq!(circuit.phase(), Phase::HalfOpen { admitted: 1, passed: 1 });
}
