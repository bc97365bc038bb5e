//! The time of day where the user is. The library reads no time zone.

use hfast::rate_limit::TimeOfDay;

/// What clocks on the wall show now. Where the system has no time zone, it is UTC.
pub(crate) fn time_of_day() -> TimeOfDay {
    let now = jiff::ZonedDateTime::now();
    let time = u8::try_from(now.hour())
        .ok()
        .zip(u8::try_from(now.minute()).ok());
    time.and_then(|(hour, minute)| TimeOfDay::new(hour, minute))
        .unwrap_or_default()
}
