//! Places in the key space. A million regions need two million of them, so a place is a number and its text is made
//! on request.

/// Users whose profiles make up the key space.
const USERS: u64 = 100_000_000;

/// A place: before everything, a user, or behind everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64);

impl Key {
    /// Before the first key.
    pub(crate) const FIRST: Self = Self(0);
    /// Behind the last key.
    pub(crate) const LAST: Self = Self(u64::MAX);

    /// The place of the `index`th of so many even parts.
    pub(crate) fn of_part(index: u64, parts: u64) -> Self {
        match index {
            0 => Self::FIRST,
            index if index >= parts => Self::LAST,
            index => Self(
                (u128::from(USERS) * u128::from(index) / u128::from(parts))
                    .try_into()
                    .unwrap_or(USERS),
            ),
        }
    }

    /// As the cluster writes it: `/users/00001653/profile`. Both ends are empty.
    pub(crate) fn bytes(self) -> Vec<u8> {
        if self == Self::FIRST || self == Self::LAST {
            return Vec::new();
        }
        format!("/users/{:08}/profile", self.0).into_bytes()
    }

    /// Half way between two places, if there is a user.
    pub(crate) fn middle(start: Self, end: Self) -> Option<Self> {
        let middle = u64::midpoint(start.0, end.0.min(USERS));
        (middle > start.0 && middle < end.0.min(USERS)).then_some(Self(middle))
    }

    /// The last place that is not behind a key.
    pub(crate) fn not_behind(key: &[u8]) -> Self {
        let mut low = 0;
        let mut high = USERS;
        while low + 1 < high {
            let middle = u64::midpoint(low, high);
            if Self(middle).bytes().as_slice() <= key {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_their_keys() {
        let keys: Vec<Key> = (0..=7).map(|index| Key::of_part(index, 7)).collect();
        assert!(keys.is_sorted() && keys[0] == Key::FIRST && keys[7] == Key::LAST);
        let texts: Vec<Vec<u8>> = keys[1..7].iter().map(|key| key.bytes()).collect();
        assert!(texts.is_sorted());
        assert_eq!(Key::of_part(1, 60_496).bytes(), b"/users/00001653/profile");
    }

    #[test]
    fn a_key_is_found_between_its_places() {
        let place = Key::of_part(3, 7);
        assert_eq!(Key::not_behind(&place.bytes()), place);
        assert_eq!(Key::not_behind(b"/users/00000005/profile/x"), Key(5));
        assert_eq!(
            (Key::not_behind(b""), Key::not_behind(b"zzz")),
            (Key::FIRST, Key(USERS - 1))
        );
    }

    #[test]
    fn one_user_cannot_be_halved() {
        assert_eq!(Key::middle(Key(5), Key(6)), None);
        assert_eq!(Key::middle(Key::FIRST, Key::LAST), Some(Key(USERS / 2)));
    }
}
