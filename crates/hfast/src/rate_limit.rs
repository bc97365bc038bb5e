//! How many bytes a second may come, by the time of day. Pure: what time it is, is an argument.
//!
//! What a limit means is here; how it is kept is in `transfer/throttle.rs`.

use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// Less is a typing mistake (`2` for `2M`): 100 MB would take more than a day.
const LOWEST: f64 = 1e3;

/// More than any network of one machine, and far from where sums could overflow.
const HIGHEST: f64 = 1e12;

const MINUTES_OF_A_DAY: u16 = 24 * 60;

/// A time of day to the minute, on the clock of whoever set the limit; midnight by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

impl TimeOfDay {
    /// Hour `0..24` and minute `0..60`; `None`: there is no such time.
    pub fn new(hour: u8, minute: u8) -> Option<Self> {
        (hour < 24 && minute < 60).then(|| Self(u16::from(hour) * 60 + u16::from(minute)))
    }
}

/// A limit in bytes per second for the whole day, and others for parts of it.
///
/// Text is a list with commas: a rate for the whole day, and `FROM-TO=RATE` for a part of it, which
/// may go past midnight; where parts overlap, the later one in the list holds. Without a rate for
/// the whole day there is no limit outside of the parts. A rate is a number with `K`, `M` or `G`
/// (powers of 1000; `Ki`, `Mi`, `Gi`: of 1024), in bytes, or in bits if `bit` follows; `/s` may
/// stand behind it. `full` and `0` are no limit.
///
/// ```
/// use hfast::rate_limit::{RateLimit, TimeOfDay};
/// let limit: RateLimit = "2M,23:00-07:00=full".parse()?;
/// let at = |hour| TimeOfDay::new(hour, 0).and_then(|time| limit.rate_at(time));
/// assert_eq!((at(12), at(23), at(6), at(7)), (Some(2_000_000), None, None, Some(2_000_000)));
/// # Ok::<(), hfast::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RateLimit {
    usual: Option<u64>,
    parts: Vec<Part>,
}

/// A part of the day with a rate of its own: half-open, in minutes; past midnight if it ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    from: u16,
    to: u16,
    rate: Option<u64>,
}

impl RateLimit {
    /// Bytes per second that may come at `time`; `None`: there is no limit then.
    pub fn rate_at(&self, time: TimeOfDay) -> Option<u64> {
        let part = self.parts.iter().rev().find(|part| part.covers(time.0));
        part.map_or(self.usual, |part| part.rate)
    }

    /// Whether there is no limit at any time.
    pub fn is_full(&self) -> bool {
        self.usual.is_none() && self.parts.iter().all(|part| part.rate.is_none())
    }

    /// The rate of the whole day, if it does not change.
    pub(crate) fn constant(&self) -> Option<u64> {
        self.usual.filter(|_| self.parts.is_empty())
    }
}

impl Part {
    fn covers(&self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

impl FromStr for RateLimit {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).map_err(|fault| {
            Error::new(ErrorKind::Usage, fault).with_hint(
                "a limit looks like 2M, 500K, 20Mbit or full, and by the clock like 2M,23:00-07:00=full",
            )
        })
    }
}

fn parse(text: &str) -> Result<RateLimit, String> {
    let mut limit = RateLimit::default();
    let mut has_usual = false;
    for entry in text.split(',').map(str::trim) {
        if let Some((span, wanted)) = entry.split_once('=') {
            let (from, to) = span_of_day(span.trim())?;
            let rate = rate(wanted.trim())?;
            limit.parts.push(Part { from, to, rate });
        } else if span_of_day(entry).is_ok() {
            return Err(format!(
                "{entry:?} lacks its rate: write {entry}=full or {entry}=500K"
            ));
        } else if has_usual {
            return Err(format!("{text:?} has two rates for the whole day"));
        } else {
            limit.usual = rate(entry)?;
            has_usual = true;
        }
    }
    Ok(limit)
}

fn span_of_day(text: &str) -> Result<(u16, u16), String> {
    let fault = || format!("{text:?} is not a part of the day");
    let (from, to) = text.split_once('-').ok_or_else(fault)?;
    let from = minute_of_day(from.trim()).ok_or_else(fault)?;
    let to = minute_of_day(to.trim()).ok_or_else(fault)?;
    if from == to || from == MINUTES_OF_A_DAY {
        return Err(format!("{text:?} ends where it begins"));
    }
    Ok((from, to))
}

/// `7:00`, `07:00`, and `24:00` for the end of the day.
fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let is_number = |part: &str, digits: std::ops::RangeInclusive<usize>| {
        digits.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !is_number(hour, 1..=2) || !is_number(minute, 2..=2) {
        return None;
    }
    match (hour.parse().ok()?, minute.parse().ok()?) {
        (24, 0) => Some(MINUTES_OF_A_DAY),
        (hour, minute) => TimeOfDay::new(hour, minute).map(|time| time.0),
    }
}

/// Bytes per second; `None` for no limit.
fn rate(text: &str) -> Result<Option<u64>, String> {
    if text.eq_ignore_ascii_case("full") {
        return Ok(None);
    }
    let fault = || format!("{text:?} is not a rate");
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let number: f64 = number.parse().map_err(|_| fault())?;
    let unit = unit.trim_start();
    let unit = unit.strip_suffix("/s").unwrap_or(unit);
    let factor = factor(unit).ok_or_else(|| {
        // `Mb` is megabits to some and megabytes to others: eight times the difference.
        let is_ambiguous = unit.ends_with('b') || unit.ends_with("bps");
        let advice = ": write 10M for bytes or 10Mbit for bits";
        format!("{}{}", fault(), if is_ambiguous { advice } else { "" })
    })?;
    let rate = number * factor;
    match rate {
        0.0 => Ok(None),
        rate if rate < LOWEST => Err(format!(
            "{text:?} is less than 1K, a thousand bytes a second"
        )),
        rate if rate > HIGHEST => Err(format!("{text:?} is more than 1000G")),
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between LOWEST and HIGHEST"
        )]
        rate => Ok(Some(rate as u64)),
    }
}

/// What one of the unit is in bytes.
fn factor(unit: &str) -> Option<f64> {
    let (unit, of_bits) = match unit.strip_suffix("bit") {
        Some(unit) => (unit, 0.125),
        None => (unit.strip_suffix('B').unwrap_or(unit), 1.0),
    };
    let (unit, base) = match unit.strip_suffix('i') {
        Some("") => return None,
        Some(unit) => (unit, 1024.0_f64),
        None => (unit, 1000.0),
    };
    let power = match unit {
        "" => 0,
        "k" | "K" => 1,
        "m" | "M" => 2,
        "g" | "G" => 3,
        _ => return None,
    };
    Some(base.powi(power) * of_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn usual(text: &str) -> Option<u64> {
        let limit: RateLimit = text.parse().unwrap();
        limit.rate_at(TimeOfDay(0))
    }

    #[test]
    fn rates_are_read_as_people_write_them() {
        for (text, rate) in [
            ("2M", Some(2_000_000)),
            ("2m", Some(2_000_000)),
            ("500K", Some(500_000)),
            ("1.5M", Some(1_500_000)),
            ("10MB/s", Some(10_000_000)),
            ("10 MB/s", Some(10_000_000)),
            ("1MiB/s", Some(1 << 20)),
            ("1G", Some(1_000_000_000)),
            ("20Mbit", Some(2_500_000)),
            ("20mbit/s", Some(2_500_000)),
            ("65536", Some(65_536)),
            ("full", None),
            ("0", None),
        ] {
            assert_eq!(usual(text), rate, "{text}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "",
            "fast",
            "2X",
            "-2M",
            "1.2.3M",
            ".",
            "2",
            "999",
            "1,5M",
            "2000G",
            "10Mb",
            "10mbps",
            "1i",
            "1e9",
            "NaN",
            "inf",
            "2M,3M",
            "2M,",
            "2M,23-07=full",
            "2M,23:00=full",
            "2M,23:00-07:60=full",
            "2M,25:00-07:00=full",
            "2M,24:00-07:00=full",
            "2M,07:00-07:00=full",
            "2M,+7:00-08:00=full",
            "2M,23:00-07:00=",
            "23:00-07:00",
        ] {
            let error = text.parse::<RateLimit>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{text}");
            assert!(error.hint().is_some_and(|hint| hint.contains("=full")));
        }
        let error = "10Mb/s".parse::<RateLimit>().unwrap_err();
        assert!(error.to_string().contains("10Mbit"), "{error}");
        for text in ["2M,23:00-07:00", "23:00-07:00"] {
            let error = text.parse::<RateLimit>().unwrap_err();
            let said = "\"23:00-07:00\" lacks its rate: write 23:00-07:00=full or 23:00-07:00=500K";
            assert_eq!(error.to_string(), said);
        }
    }

    #[test]
    fn a_limit_without_effect_is_known() {
        let is_full = |text: &str| text.parse::<RateLimit>().unwrap().is_full();
        assert!(is_full("full") && is_full("0,01:00-02:00=full"));
        assert!(!is_full("2M") && !is_full("09:00-17:00=1M"));
        assert!(!is_full("2M,00:00-24:00=full"), "changed by one word");
    }

    proptest! {
        /// Against the plainest model: a day of minutes that each part paints over.
        #[test]
        fn each_minute_has_the_rate_of_the_last_part_that_covers_it(
            usual in proptest::option::of(1_u64..1000),
            parts in proptest::collection::vec((0_u16..1440, 1_u16..1440, proptest::option::of(1_u64..1000)), 0..6),
        ) {
            let word = |rate: Option<u64>| rate.map_or("full".to_owned(), |rate| format!("{rate}K"));
            let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
            let mut text = vec![word(usual)];
            let mut day = vec![usual.map(|rate| rate * 1000); 1440];
            for (from, length, rate) in parts {
                let to = (from + length) % 1440;
                // The end of the day has two names.
                let end = if to == 0 && rate.is_some() { "24:00".to_owned() } else { clock(to) };
                text.push(format!("{}-{end}={}", clock(from), word(rate)));
                for minute in from..from + length {
                    day[usize::from(minute % 1440)] = rate.map(|rate| rate * 1000);
                }
            }
            let limit: RateLimit = text.join(",").parse().unwrap();
            for (minute, rate) in (0_u16..).zip(day) {
                prop_assert_eq!(limit.rate_at(TimeOfDay(minute)), rate, "{} in {:?}", minute, text);
            }
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,40}") {
            drop(text.parse::<RateLimit>());
        }
    }
}
