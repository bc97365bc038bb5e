//! The text form of a profile: `key=value` words, both ways. Pure.
//!
//! A setting of a direction may carry `up.` (sent by the client) or `down.`; without, it is both.

use std::fmt::{self, Display, Formatter};

use super::quantity::{
    read_rate, read_share, read_size, read_time, show_rate, show_size, show_time,
};
use super::{Direction, Duration, End, NonZeroU64, Profile};
use crate::failure::Failure;

const LINK_KEYS: [&str; 9] = [
    "mtu",
    "gso",
    "down_every",
    "down_for",
    "down_after",
    "rst_every",
    "rst_share",
    "stall_mean",
    "stall_for",
];

const DIRECTION_KEYS: [&str; 10] = [
    "delay",
    "jitter",
    "loss",
    "burst_enter",
    "burst_leave",
    "burst_loss",
    "rate",
    "queue",
    "flow_rate",
    "flow_queue",
];

/// Least MTU: what every IPv4 host takes (RFC 791). Most: what the length of a packet can say.
const MTU: std::ops::RangeInclusive<u16> = 576..=65_535;

/// Where the value of a key lies, and so how it is written.
enum Place<'a> {
    Time(&'a mut Duration),
    Share(&'a mut f64),
    Rate(&'a mut Option<NonZeroU64>),
    Size(&'a mut u64),
    Mtu(&'a mut u16),
    Switch(&'a mut bool),
}

impl Place<'_> {
    /// Sets the value; if the text is none, says what it should be.
    fn set(&mut self, text: &str) -> Result<(), &'static str> {
        match self {
            Self::Time(time) => **time = read_time(text).ok_or("a time such as 20ms, 7s or 1m")?,
            Self::Share(share) => **share = read_share(text).ok_or("a share from 0 to 1")?,
            Self::Rate(rate) => {
                let read = read_rate(text).ok_or("a rate such as 100mbit, 2MB/s or 0 for none")?;
                **rate = NonZeroU64::new(read);
            }
            Self::Size(size) => {
                **size = read_size(text).ok_or("a size such as 1500, 256k or 4M")?;
            }
            Self::Mtu(mtu) => {
                let read = text.parse().ok().filter(|mtu| MTU.contains(mtu));
                **mtu = read.ok_or("a number from 576 to 65535")?;
            }
            Self::Switch(switch) => {
                **switch = match text {
                    "on" => true,
                    "off" => false,
                    _ => return Err("on or off"),
                }
            }
        }
        Ok(())
    }

    fn show(&self) -> String {
        match self {
            Self::Time(time) => show_time(**time),
            Self::Share(share) => share.to_string(),
            Self::Rate(rate) => show_rate(**rate),
            Self::Size(size) => show_size(**size),
            Self::Mtu(mtu) => mtu.to_string(),
            Self::Switch(switch) => if **switch { "on" } else { "off" }.to_owned(),
        }
    }
}

fn in_direction<'a>(direction: &'a mut Direction, key: &str) -> Option<Place<'a>> {
    Some(match key {
        "delay" => Place::Time(&mut direction.delay),
        "jitter" => Place::Time(&mut direction.jitter),
        "loss" => Place::Share(&mut direction.loss.alone),
        "burst_enter" => Place::Share(&mut direction.loss.enter),
        "burst_leave" => Place::Share(&mut direction.loss.leave),
        "burst_loss" => Place::Share(&mut direction.loss.in_burst),
        "rate" => Place::Rate(&mut direction.bottleneck.rate),
        "queue" => Place::Size(&mut direction.bottleneck.queue),
        "flow_rate" => Place::Rate(&mut direction.flow.rate),
        "flow_queue" => Place::Size(&mut direction.flow.queue),
        _ => return None,
    })
}

fn in_link<'a>(profile: &'a mut Profile, key: &str) -> Option<Place<'a>> {
    Some(match key {
        "mtu" => Place::Mtu(&mut profile.mtu),
        "gso" => Place::Switch(&mut profile.offload),
        "down_every" => Place::Time(&mut profile.outage.every),
        "down_for" => Place::Time(&mut profile.outage.length),
        "down_after" => Place::Time(&mut profile.outage.after),
        "rst_every" => Place::Time(&mut profile.resets.every),
        "rst_share" => Place::Share(&mut profile.resets.share),
        "stall_mean" => Place::Time(&mut profile.stalls.mean),
        "stall_for" => Place::Time(&mut profile.stalls.length),
        _ => return None,
    })
}

/// The ends whose direction a key means, and the key without its prefix.
fn aimed(key: &str) -> (&'static [End], &str) {
    for end in &End::BOTH {
        let rest = key.strip_prefix(end.direction());
        if let Some(key) = rest.and_then(|rest| rest.strip_prefix('.')) {
            return (std::slice::from_ref(end), key);
        }
    }
    (&End::BOTH, key)
}

impl Profile {
    /// Changes the settings that these words name.
    pub(crate) fn apply(&mut self, words: &str) -> Result<(), Failure> {
        words.split_whitespace().try_for_each(|word| self.set(word))
    }

    fn set(&mut self, word: &str) -> Result<(), Failure> {
        let known = || format!("known are {LINK_KEYS:?} and {DIRECTION_KEYS:?}").replace('"', "");
        let parts = word.split_once('=');
        let (key, value) = parts
            .ok_or_else(|| Failure::new(format!("{word:?} is no setting"), "write key=value"))?;
        let refuse = |wanted: &'static str| {
            Failure::new(
                format!("{key} cannot be {value:?}"),
                format!("give {wanted}"),
            )
        };
        if let Some(mut place) = in_link(self, key) {
            return place.set(value).map_err(refuse);
        }
        let (ends, bare) = aimed(key);
        for end in ends {
            let place = in_direction(&mut self.sent_by[*end], bare);
            let mut place = place
                .ok_or_else(|| Failure::new(format!("there is no setting {key:?}"), known()))?;
            place.set(value).map_err(refuse)?;
        }
        Ok(())
    }
}

/// The words that make this profile out of the default one.
impl Display for Profile {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (mut own, mut plain) = (self.clone(), Self::default());
        let mut words = Vec::new();
        for key in DIRECTION_KEYS {
            let show = |profile: &mut Self, end: End| {
                in_direction(&mut profile.sent_by[end], key).map(|place| place.show())
            };
            let usual = show(&mut plain, End::Client);
            let [up, down] = End::BOTH.map(|end| show(&mut own, end));
            if up == down && up != usual {
                words.extend(up.map(|up| format!("{key}={up}")));
                continue;
            }
            let changed = |text: Option<String>| text.filter(|text| Some(text) != usual.as_ref());
            words.extend(changed(up).map(|up| format!("up.{key}={up}")));
            words.extend(changed(down).map(|down| format!("down.{key}={down}")));
        }
        for key in LINK_KEYS {
            let [text, usual] =
                [&mut own, &mut plain].map(|profile| in_link(profile, key).map(|it| it.show()));
            words.extend(
                text.filter(|text| Some(text) != usual.as_ref())
                    .map(|text| format!("{key}={text}")),
            );
        }
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::end::PerEnd;

    fn parsed(words: &str) -> Profile {
        let mut profile = Profile::default();
        profile.apply(words).unwrap();
        profile
    }

    #[test]
    fn every_listed_key_has_a_place() {
        let mut profile = Profile::default();
        assert!(
            LINK_KEYS
                .iter()
                .all(|key| in_link(&mut profile, key).is_some())
        );
        let direction = &mut profile.sent_by.client;
        assert!(
            DIRECTION_KEYS
                .iter()
                .all(|key| in_direction(direction, key).is_some())
        );
    }

    #[test]
    fn one_direction_or_both() {
        let profile = parsed("delay=5ms down.loss=0.5 gso=on");
        let PerEnd {
            client: up,
            server: down,
        } = &profile.sent_by;
        assert_eq!([up.delay, down.delay], [Duration::from_millis(5); 2]);
        assert!(up.loss.alone < 0.1 && down.loss.alone > 0.4 && profile.offload);
        assert_eq!(profile.to_string(), "delay=5ms down.loss=0.5 gso=on");
    }

    #[test]
    fn refusals_say_what_to_write() {
        let refused = |word: &str| Profile::default().set(word).unwrap_err().to_string();
        assert_eq!(refused("loss"), "\"loss\" is no setting; write key=value");
        assert_eq!(
            refused("down.loss=2"),
            "down.loss cannot be \"2\"; give a share from 0 to 1"
        );
        assert_eq!(
            refused("gso=maybe"),
            "gso cannot be \"maybe\"; give on or off"
        );
        let unknown = refused("down.colour=red");
        assert!(unknown.starts_with("there is no setting \"down.colour\"; known are [mtu, gso"));
    }

    /// A word for each key, of values that a value of its kind can have.
    fn word(key: &'static str) -> BoxedStrategy<String> {
        let mut profile = Profile::default();
        let place = match in_link(&mut profile, key) {
            Some(place) => place,
            None => in_direction(&mut profile.sent_by.client, key).unwrap(),
        };
        let value = match place {
            // Up to 2^53 ns, a hundred days.
            Place::Time(_) => (0_u64..1 << 53).prop_map(|ns| format!("{ns}ns")).boxed(),
            Place::Share(_) => (0.0..=1.0).prop_map(|share: f64| share.to_string()).boxed(),
            Place::Rate(_) => (0_u64..1 << 40)
                .prop_map(|rate| format!("{rate}B/s"))
                .boxed(),
            Place::Size(_) => (0_u64..1 << 40).prop_map(|size| size.to_string()).boxed(),
            Place::Mtu(_) => MTU.prop_map(|mtu| mtu.to_string()).boxed(),
            Place::Switch(_) => any::<bool>()
                .prop_map(|on| if on { "on" } else { "off" }.into())
                .boxed(),
        };
        let prefix = if LINK_KEYS.contains(&key) {
            Just("").boxed()
        } else {
            prop_oneof![Just(""), Just("up."), Just("down.")].boxed()
        };
        (prefix, value)
            .prop_map(move |(prefix, value)| format!("{prefix}{key}={value}"))
            .boxed()
    }

    proptest! {
        #[test]
        fn a_profile_survives_its_text_form(
            words in prop::collection::vec(
                prop::sample::select([&LINK_KEYS[..], &DIRECTION_KEYS].concat()).prop_flat_map(word),
                0..30,
            ),
        ) {
            let profile = parsed(&words.join(" "));
            prop_assert_eq!(parsed(&profile.to_string()), profile);
        }
    }
}
