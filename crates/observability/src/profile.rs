//! The two sets of rules: for production, and for demonstrations in which hours pass in minutes.

/// For whom rules are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Windows as written; scrape and evaluation every 15 s.
    Prod,
    /// Every window, hold and period divided by 60; scrape and evaluation every second.
    Demo,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Prod, Self::Demo];

    /// Name of its folder.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Prod => "prod",
            Self::Demo => "demo",
        }
    }

    /// What durations are divided by.
    #[must_use]
    pub fn divisor(self) -> u64 {
        match self {
            Self::Prod => 1,
            Self::Demo => 60,
        }
    }
}
