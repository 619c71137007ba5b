//! The key space of a messenger: users, names, devices, sessions, messages. Half of the values are JSON, half binary.

use crate::chance::{Chance, Skew, mixed};

/// Devices of one user.
const DEVICES: u64 = 4;
/// Messages that wait for one recipient.
const MESSAGES: u64 = 64;

/// Picks keys and makes values.
#[derive(Debug, Clone)]
pub(crate) struct KeySpace {
    prefix: String,
    users: Skew,
    value_bytes: usize,
    /// Which run this is, so that what an earlier one wrote, or still writes, is not taken for its own.
    run: String,
}

/// A kind of record, with how often it is touched of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    Profile,
    Username,
    Device,
    Session,
    Delivery,
}

const WEIGHTS: [(Record, u64); 5] = [
    (Record::Profile, 30),
    (Record::Username, 10),
    (Record::Device, 15),
    (Record::Session, 25),
    (Record::Delivery, 20),
];

/// A key and a value for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl KeySpace {
    pub(crate) fn new(prefix: &str, users: Skew, value_bytes: usize) -> Self {
        Self {
            prefix: prefix.to_owned(),
            users,
            value_bytes,
            run: String::new(),
        }
    }

    /// The same for a run with a name of its own.
    pub(crate) fn of_run(self, run: String) -> Self {
        Self { run, ..self }
    }

    /// A key with a value for it.
    pub(crate) fn entry(&self, chance: &mut Chance) -> Entry {
        let record = record(chance);
        let user = self.users.pick(chance);
        let prefix = &self.prefix;
        let key = match record {
            Record::Profile => format!("{prefix}/users/{user:010}/profile"),
            Record::Username => format!("{prefix}/users/username/{}", name(user)),
            Record::Device => format!("{prefix}/devices/{user:010}/{}", chance.below(DEVICES)),
            Record::Session => format!(
                "{prefix}/sessions/{:016x}",
                mixed(user.wrapping_add(0x5E55_1017))
            ),
            Record::Delivery => {
                format!("{prefix}/delivery/{user:010}/{:08}", chance.below(MESSAGES))
            }
        };
        let value = match record {
            Record::Username => format!("{user:010}").into_bytes(),
            Record::Profile | Record::Device => self.json(record, user, chance),
            Record::Session | Record::Delivery => self.binary(chance),
        };
        Entry {
            key: key.into_bytes(),
            value,
        }
    }

    /// A key alone.
    pub(crate) fn key(&self, chance: &mut Chance) -> Vec<u8> {
        self.entry(chance).key
    }

    /// All messages or all devices of one user: beginning and end of the range.
    pub(crate) fn range(&self, chance: &mut Chance) -> (Vec<u8>, Vec<u8>) {
        let user = self.users.pick(chance);
        let kind = if chance.below(2) == 0 {
            "delivery"
        } else {
            "devices"
        };
        let prefix = &self.prefix;
        // `0` follows `/`: the end is past every key below the user.
        (
            format!("{prefix}/{kind}/{user:010}/").into_bytes(),
            format!("{prefix}/{kind}/{user:010}0").into_bytes(),
        )
    }

    /// An account of the bank with so many. Each size is a bank of its own: a run with more accounts would move money out of
    /// those that another one adds up.
    pub(crate) fn account(&self, of: u32, number: u32) -> Vec<u8> {
        format!("{}/bank-{of}/{number:06}", self.prefix).into_bytes()
    }

    /// The counter of one worker in this run.
    pub(crate) fn counter(&self, worker: u32, generation: u64) -> Vec<u8> {
        format!(
            "{}/sequence/{}/{worker:06}/{generation:06}",
            self.prefix, self.run
        )
        .into_bytes()
    }

    fn json(&self, record: Record, user: u64, chance: &mut Chance) -> Vec<u8> {
        let seen = chance.below(1_000_000);
        let start = match record {
            Record::Device => format!(
                r#"{{"user":{user},"push":"{:016x}","seen":{seen},"note":""#,
                chance.next()
            ),
            _ => format!(
                r#"{{"id":{user},"name":"{}","seen":{seen},"about":""#,
                name(user)
            ),
        };
        let padding = self.value_bytes.saturating_sub(start.len() + 2);
        format!("{start}{}\"}}", "x".repeat(padding)).into_bytes()
    }

    fn binary(&self, chance: &mut Chance) -> Vec<u8> {
        let words = std::iter::repeat_with(|| chance.next().to_le_bytes());
        words.flatten().take(self.value_bytes).collect()
    }
}

fn record(chance: &mut Chance) -> Record {
    let mut left = chance.below(WEIGHTS.iter().map(|(_, weight)| weight).sum());
    for (record, weight) in WEIGHTS {
        if left < weight {
            return record;
        }
        left -= weight;
    }
    Record::Profile
}

/// Names do not come in the order of ids.
fn name(user: u64) -> String {
    format!("u{:012x}", mixed(user) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn space() -> KeySpace {
        KeySpace::new("/t", Skew::new(100, 0.99, 0, 0.0), 128)
    }

    #[test]
    fn every_kind_of_key_appears_and_values_have_their_size() {
        let space = space();
        let mut chance = Chance::new(3, 0);
        let entries: Vec<Entry> = (0..500).map(|_| space.entry(&mut chance)).collect();
        for start in [
            "/t/users/0",
            "/t/users/username/",
            "/t/devices/",
            "/t/sessions/",
            "/t/delivery/",
        ] {
            let found = entries
                .iter()
                .find(|entry| entry.key.starts_with(start.as_bytes()))
                .unwrap();
            let is_name = start.contains("username");
            assert_eq!(found.value.len(), if is_name { 10 } else { 128 }, "{start}");
        }
    }

    #[test]
    fn profiles_and_devices_are_json() {
        let space = space();
        let mut chance = Chance::new(3, 0);
        let json = (0..500).map(|_| space.entry(&mut chance)).filter(|entry| {
            entry.key.ends_with(b"/profile") || entry.key.starts_with(b"/t/devices/")
        });
        let read: Vec<serde_json::Value> = json
            .map(|entry| serde_json::from_slice(&entry.value).unwrap())
            .collect();
        assert!(read.len() > 100);
    }

    #[test]
    fn a_range_holds_the_keys_of_its_user_and_no_others() {
        let space = space();
        let mut chance = Chance::new(3, 0);
        let (from, to) = space.range(&mut chance);
        let text = String::from_utf8(from.clone()).unwrap();
        let inside = format!("{text}00000001").into_bytes();
        assert!(from < inside && inside < to);
        let user: u64 = text.rsplit('/').nth(1).unwrap().parse().unwrap();
        let next = text
            .replace(&format!("{user:010}"), &format!("{:010}", user + 1))
            .into_bytes();
        assert!(next > to);
    }
}
