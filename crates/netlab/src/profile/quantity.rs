//! Durations, rates, sizes and shares as text, both ways. Pure.
//!
//! Decimals are read exactly, without floating point, so that what is written is read as the same.

use std::num::NonZeroU64;
use std::time::Duration;

/// A unit and how many of the smallest unit it has; the largest first.
type Unit = (&'static str, u64);

const TIMES: [Unit; 5] = [
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// In bits per second.
const RATES: [Unit; 6] = [
    ("gbit", 1_000_000_000),
    ("MB/s", 8_000_000),
    ("mbit", 1_000_000),
    ("kB/s", 8_000),
    ("kbit", 1_000),
    ("B/s", 8),
];

const SIZES: [Unit; 3] = [("M", 1 << 20), ("k", 1 << 10), ("", 1)];

/// A decimal number with one of these units, in the smallest unit and rounded down; `bare` is what a
/// number without a unit counts.
fn scaled(text: &str, units: &[Unit], bare: u64) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let known = units.iter().find(|(name, _)| *name == unit);
    let factor = known.map(|(_, factor)| *factor);
    let factor = factor.or((unit.is_empty()).then_some(bare))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
    let places = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    u64::try_from(digits.checked_mul(factor.into())? / places).ok()
}

/// The number with the largest unit that leaves no fraction.
fn shown(value: u64, units: &[Unit]) -> String {
    let fits = |(_, factor): &&Unit| value != 0 && value.is_multiple_of(*factor);
    match units.iter().find(fits) {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => value.to_string(),
    }
}

/// `20ms`, `7s`; a bare number is seconds.
pub(super) fn read_time(text: &str) -> Option<Duration> {
    scaled(text, &TIMES, 1_000_000_000).map(Duration::from_nanos)
}

pub(super) fn show_time(time: Duration) -> String {
    shown(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), &TIMES)
}

/// `200mbit`, `2MB/s`, in bytes per second; a bare number is bits per second, zero is no limit.
pub(super) fn read_rate(text: &str) -> Option<u64> {
    scaled(text, &RATES, 1).map(|bits| bits / 8)
}

pub(super) fn show_rate(rate: Option<NonZeroU64>) -> String {
    shown(rate.map_or(0, |rate| rate.get().saturating_mul(8)), &RATES)
}

/// `256k`, `16M` (of 1024); a bare number is bytes.
pub(super) fn read_size(text: &str) -> Option<u64> {
    scaled(text, &SIZES, 1)
}

pub(super) fn show_size(size: u64) -> String {
    shown(size, &SIZES)
}

/// A probability, 0..=1.
pub(super) fn read_share(text: &str) -> Option<f64> {
    text.parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units() {
        assert_eq!(read_rate("200mbit"), Some(25_000_000));
        assert_eq!(read_rate("2MB/s"), Some(2_000_000));
        assert_eq!(read_rate("0.5kB/s"), Some(500));
        assert_eq!(read_rate("800"), Some(100));
        assert_eq!(read_rate("0"), Some(0));
        assert_eq!(read_time("0.1ms"), Some(Duration::from_micros(100)));
        assert_eq!(read_time("7"), Some(Duration::from_secs(7)));
        assert_eq!(read_time("1.5m"), Some(Duration::from_secs(90)));
        assert_eq!(read_size("256k"), Some(262_144));
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            "s",
            "1.2.3s",
            "-1s",
            "1 s",
            "1e9s",
            "99999999999999999999s",
            ".",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
        assert_eq!(read_rate("2 furlongs"), None);
        assert_eq!(read_size("1G"), None);
        assert_eq!(read_share("1.5"), None);
        assert_eq!(read_share("NaN"), None);
    }

    #[test]
    fn the_largest_unit_that_fits_is_shown() {
        assert_eq!(show_time(Duration::from_micros(100)), "100us");
        assert_eq!(show_time(Duration::ZERO), "0");
        assert_eq!(show_rate(NonZeroU64::new(2_000_000)), "2MB/s");
        assert_eq!(show_rate(NonZeroU64::new(12_500_000)), "100mbit");
        assert_eq!(show_rate(None), "0");
        assert_eq!(show_size(1 << 20), "1M");
    }
}
