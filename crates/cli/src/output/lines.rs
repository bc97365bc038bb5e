//! Progress where nothing can be drawn over: a line every few seconds.

use std::time::Duration;

use hfast::transfer::limit::Limit;
use hfast::transfer::progress::Snapshot;

use super::layout;
use super::rate::Rate;

const EVERY: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(crate) struct Lines {
    rate: Rate,
    limit: Option<Limit>,
    last: Duration,
}

impl Lines {
    pub(crate) fn new(limit: Option<Limit>) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }

    /// The line, when it is time for one.
    pub(crate) fn line(&mut self, now: &Snapshot) -> Option<String> {
        self.rate.observe(now);
        if now.elapsed < self.last {
            // A new job has begun.
            self.last = Duration::ZERO;
        }
        let due = now.elapsed >= self.last + EVERY && now.files_total > 0;
        due.then(|| {
            self.last = now.elapsed;
            let limit = self.limit.as_ref().and_then(Limit::rate_now);
            layout::log_line(now, &self.rate, limit)
        })
    }
}
