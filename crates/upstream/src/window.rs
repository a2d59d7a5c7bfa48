//! Calls and failures of the last ten seconds, in slots of one second.

use std::time::Duration;

use tokio::time::Instant;

/// Slots of the window.
const SLOTS: usize = 10;

/// Length of a slot.
const SLOT: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    number: u128,
    calls: u32,
    failures: u32,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Window {
    origin: Instant,
    slots: [Slot; SLOTS],
}

impl Window {
    pub(crate) fn new(origin: Instant) -> Self {
        Self { origin, slots: [Slot::default(); SLOTS] }
    }

    fn number(&self, now: Instant) -> u128 {
        now.saturating_duration_since(self.origin).as_millis() / SLOT.as_millis()
    }

    /// Counts a call.
    pub(crate) fn record(&mut self, now: Instant, failed: bool) {
        let number = self.number(now);
        let position = usize::try_from(number % SLOTS as u128).unwrap_or_default();
        let slot = &mut self.slots[position];
        if slot.number != number {
            *slot = Slot { number, ..Slot::default() };
        }
        slot.calls += 1;
        slot.failures += u32::from(failed);
    }

    /// Calls and failures that are not too old.
    pub(crate) fn totals(&self, now: Instant) -> (u32, u32) {
        let oldest = (self.number(now) + 1).saturating_sub(SLOTS as u128);
        let recent = self.slots.iter().filter(|slot| slot.number >= oldest);
        recent.fold((0, 0), |(calls, failures), slot| (calls + slot.calls, failures + slot.failures))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_ten_seconds_is_forgotten_slot_by_slot() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut window = Window::new(start);
        window.record(at(100), true);
        window.record(at(1_500), false);
        window.record(at(1_900), true);
        assert_eq!(window.totals(at(9_900)), (3, 2));
        assert_eq!(window.totals(at(10_100)), (2, 1));
        window.record(at(10_200), false); // takes the place of the first slot
        assert_eq!(window.totals(at(10_300)), (3, 1));
        assert_eq!(window.totals(at(60_000)), (0, 0));
    }
}
