//! Bytes and durations as people read them. Pure.

use std::time::Duration;

/// `512B` or `3.1M`, with powers of 1000 like the official clients.
pub(crate) fn bytes(count: u64) -> String {
    let mut unit = 1_u128;
    for name in ["", "K", "M", "G", "T", "P"] {
        let tenths = (u128::from(count) * 10 + unit / 2) / unit;
        if unit == 1 && count < 1000 {
            return format!("{count}B");
        }
        if unit > 1 && tenths < 10_000 {
            return format!("{}.{}{name}", tenths / 10, tenths % 10);
        }
        unit *= 1000;
    }
    format!("{}E", count / 1_000_000_000_000_000_000)
}

/// How much of `total` is done, in whole percent; 100 only when all of it is.
pub(crate) fn percent(done: u64, total: u64) -> u64 {
    match total {
        0 => 0,
        total => {
            u64::try_from(u128::from(done.min(total)) * 100 / u128::from(total)).unwrap_or(100)
        }
    }
}

/// `1:02`, `1:02:03` or `2d03h`.
pub(crate) fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, hours) => format!("{hours}:{minutes:02}:{seconds:02}"),
        (days, hours) => format!("{days}d{hours:02}h"),
    }
}

/// `40ms`, `4.2s`, `42s`, else as [`clock`].
pub(crate) fn span(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{}ms", time.as_millis()),
        1..10 => format!("{:.1}s", time.as_secs_f64()),
        10..60 => format!("{}s", time.as_secs()),
        _ => clock(time),
    }
}

/// Bytes in a second, over a whole span; `None` when it is too short to tell.
pub(crate) fn rate(bytes: u64, time: Duration) -> Option<u64> {
    let millis = time.as_millis();
    (millis > 0).then(|| u64::try_from(u128::from(bytes) * 1000 / millis).unwrap_or(u64::MAX))
}

/// `1 file`, `2 files`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `1 repository`, `2 repositories`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_official_clients() {
        for (count, text) in [
            (0, "0B"),
            (999, "999B"),
            (1000, "1.0K"),
            (3_140_000, "3.1M"),
            (999_950, "1.0M"),
            (4_400_000_000, "4.4G"),
            (u64::MAX, "18E"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn a_hundred_percent_means_all() {
        assert_eq!(percent(999_999, 1_000_000), 99);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
        assert_eq!(percent(5, 0), 0);
    }

    #[test]
    fn times_are_short() {
        let clock = |seconds| clock(Duration::from_secs(seconds));
        assert_eq!(clock(62), "1:02");
        assert_eq!(clock(3723), "1:02:03");
        assert_eq!(clock(183_600), "2d03h");
        assert_eq!(span(Duration::from_millis(4200)), "4.2s");
    }
}
