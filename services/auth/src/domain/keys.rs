//! Signing keys and the three phases of their lives: published as the next key, signing, retired but still published
//! until the last token it signed has expired. When which step is due is decided here, from data alone.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretBox};

/// Bytes of an Ed25519 private key.
pub type Seed = SecretBox<[u8; 32]>;

/// Phase of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Published so that verifiers learn it before they need it.
    Next,
    /// Signs.
    Current,
    /// Verifies what it signed.
    Retired,
}

impl Phase {
    /// As the database spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Retired => "retired",
        }
    }

    /// The phase of that spelling.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Retired].into_iter().find(|phase| phase.as_str() == name)
    }
}

/// A key pair. Its `Debug` does not print the private half.
#[derive(Debug)]
pub struct SigningKey {
    id: String,
    seed: Seed,
    phase: Phase,
    since: DateTime<Utc>,
}

impl SigningKey {
    /// A key that entered `phase` at `since`.
    #[must_use]
    pub fn new(id: String, seed: Seed, phase: Phase, since: DateTime<Utc>) -> Self {
        Self { id, seed, phase, since }
    }

    /// `kid`: RFC 7638 thumbprint of the public half.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The private half.
    #[must_use]
    pub fn seed(&self) -> &[u8; 32] {
        self.seed.expose_secret()
    }

    /// Phase it is in.
    #[must_use]
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// When it entered that phase.
    #[must_use]
    pub fn since(&self) -> DateTime<Utc> {
        self.since
    }
}

/// How long keys stay in which phase.
#[derive(Clone, Copy, Debug)]
pub struct KeyPolicy {
    /// A key signs this long.
    pub rotation: TimeDelta,
    /// A key is published this long before it signs.
    pub overlap: TimeDelta,
    /// A retired key stays published this long: until its last token has expired everywhere.
    pub retention: TimeDelta,
}

/// What has to happen to the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// Make a key in that phase.
    Add(Phase),
    /// Let the next key with this id sign and retire the current one.
    Promote(String),
    /// Delete the retired key with this id.
    Remove(String),
}

impl KeyPolicy {
    /// The step that is due, if any. After it another one may be.
    #[must_use]
    pub fn due(&self, keys: &[SigningKey], now: DateTime<Utc>) -> Option<KeyStep> {
        let in_phase = |phase| keys.iter().find(|key| key.phase == phase);
        let age = |key: &SigningKey| now - key.since;
        match (in_phase(Phase::Current), in_phase(Phase::Next)) {
            // The very first key signs at once: there is nobody who could have cached a set without it.
            (None, None) => return Some(KeyStep::Add(Phase::Current)),
            (None, Some(next)) => return Some(KeyStep::Promote(next.id.clone())),
            (Some(current), None) if age(current) >= self.rotation - self.overlap => {
                return Some(KeyStep::Add(Phase::Next));
            }
            (Some(current), Some(next)) if age(current) >= self.rotation && age(next) >= self.overlap => {
                return Some(KeyStep::Promote(next.id.clone()));
            }
            _ => {}
        }
        let spent = |key: &&SigningKey| key.phase == Phase::Retired && age(key) >= self.retention;
        keys.iter().find(spent).map(|key| KeyStep::Remove(key.id.clone()))
    }

    /// When rotation has failed if the key that signs now still does: it is due to be replaced an overlap earlier, so
    /// that a check that is missed is no failure, and neither is a next key that was published late.
    #[must_use]
    pub fn expiry(&self, keys: &[SigningKey]) -> Option<DateTime<Utc>> {
        let current = keys.iter().find(|key| key.phase == Phase::Current)?;
        Some(current.since + self.rotation + self.overlap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: KeyPolicy =
        KeyPolicy { rotation: TimeDelta::days(30), overlap: TimeDelta::hours(1), retention: TimeDelta::minutes(20) };

    fn at(hours: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::hours(hours)
    }

    fn key(id: &str, phase: Phase, since: DateTime<Utc>) -> SigningKey {
        SigningKey::new(id.to_owned(), Seed::new(Box::new([0; 32])), phase, since)
    }

    #[test]
    fn the_first_key_signs_at_once() {
        assert_eq!(POLICY.due(&[], at(0)), Some(KeyStep::Add(Phase::Current)));
        assert_eq!(POLICY.due(&[key("a", Phase::Current, at(0))], at(0)), None);
    }

    #[test]
    fn the_next_key_is_published_an_overlap_before_it_signs() {
        let keys = [key("a", Phase::Current, at(0))];
        assert_eq!(POLICY.due(&keys, at(30 * 24 - 2)), None);
        assert_eq!(POLICY.due(&keys, at(30 * 24 - 1)), Some(KeyStep::Add(Phase::Next)));
        let keys = [key("a", Phase::Current, at(0)), key("b", Phase::Next, at(30 * 24 - 1))];
        assert_eq!(POLICY.due(&keys, at(30 * 24 - 1)), None);
        assert_eq!(POLICY.due(&keys, at(30 * 24)), Some(KeyStep::Promote("b".to_owned())));
    }

    #[test]
    fn after_a_long_pause_the_next_key_still_waits_its_overlap() {
        let late = 90 * 24;
        let keys = [key("a", Phase::Current, at(0))];
        assert_eq!(POLICY.due(&keys, at(late)), Some(KeyStep::Add(Phase::Next)));
        let keys = [key("a", Phase::Current, at(0)), key("b", Phase::Next, at(late))];
        assert_eq!(POLICY.due(&keys, at(late) + TimeDelta::minutes(59)), None);
        assert_eq!(POLICY.due(&keys, at(late + 1)), Some(KeyStep::Promote("b".to_owned())));
    }

    #[test]
    fn a_retired_key_stays_until_its_last_token_expired() {
        let keys = [key("a", Phase::Retired, at(0)), key("b", Phase::Current, at(0))];
        assert_eq!(POLICY.due(&keys, at(0) + TimeDelta::minutes(19)), None);
        assert_eq!(POLICY.due(&keys, at(0) + TimeDelta::minutes(20)), Some(KeyStep::Remove("a".to_owned())));
    }

    #[test]
    fn without_a_current_key_the_next_one_takes_over() {
        assert_eq!(POLICY.due(&[key("b", Phase::Next, at(0))], at(0)), Some(KeyStep::Promote("b".to_owned())));
    }

    #[test]
    fn the_signing_key_expires_an_overlap_after_its_replacement_was_due() {
        let keys = [key("a", Phase::Retired, at(0)), key("b", Phase::Current, at(5)), key("c", Phase::Next, at(9))];
        assert_eq!(POLICY.expiry(&keys), Some(at(5 + 30 * 24 + 1)));
        assert_eq!(POLICY.expiry(&keys[..1]), None);
    }

    #[test]
    fn a_year_of_checks_never_signs_with_a_key_nobody_knows() {
        let mut keys: Vec<SigningKey> = Vec::new();
        let mut promotions = 0;
        for minute in 0..365 * 24 * 60 {
            let now = at(0) + TimeDelta::minutes(minute);
            while let Some(step) = POLICY.due(&keys, now) {
                match step {
                    KeyStep::Add(phase) => keys.push(key(&minute.to_string(), phase, now)),
                    KeyStep::Promote(id) => {
                        promotions += 1;
                        for key in &mut keys {
                            if key.id == id {
                                assert!(now - key.since >= POLICY.overlap);
                                (key.phase, key.since) = (Phase::Current, now);
                            } else if key.phase == Phase::Current {
                                (key.phase, key.since) = (Phase::Retired, now);
                            }
                        }
                    }
                    KeyStep::Remove(id) => keys.retain(|key| key.id != id),
                }
            }
            assert_eq!(keys.iter().filter(|key| key.phase == Phase::Current).count(), 1);
            assert!(keys.len() <= 3);
            assert!(POLICY.expiry(&keys).expect("a key signs") - now > TimeDelta::minutes(59), "rotation works");
        }
        assert_eq!(promotions, 12);
    }
}
