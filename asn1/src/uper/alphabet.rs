//! The characters of a string, as PER numbers them (X.691 clause 30.5).

use rasn::types::Constraints;

/// Which characters a string may hold, in order. Without one of its own a string has all of its type.
pub(super) struct Alphabet {
    /// The characters, where they are numbered by their place.
    places: Option<&'static [u32]>,
    /// The least and the greatest, where they are numbered by their code.
    codes: (u32, u32),
    /// Bits of each.
    pub(super) width: u32,
}

impl Alphabet {
    /// The alphabet of a string of a type with the characters from `first` to `last`.
    pub(super) fn new(constraints: &Constraints, first: u32, last: u32) -> Self {
        let permitted = constraints
            .permitted_alphabet()
            .filter(|alphabet| alphabet.extensible.is_none())
            .map(|alphabet| alphabet.constraint.as_inner());
        let (count, greatest) = match permitted {
            Some(characters) => (characters.len(), characters.iter().copied().max().unwrap_or(0)),
            None => ((last - first + 1) as usize, last),
        };
        let width = super::width(count.saturating_sub(1) as u128);
        // Codes that fit in as many bits as places do are written as they are.
        let places = permitted.filter(|_| super::width(u128::from(greatest)) > width);
        Self { places, codes: (first, last), width }
    }

    /// The number of a character.
    pub(super) fn number(&self, character: u8) -> Option<u64> {
        let code = u32::from(character);
        match self.places {
            Some(places) => places.binary_search(&code).ok().map(|place| place as u64),
            None => (self.codes.0..=self.codes.1).contains(&code).then_some(u64::from(code)),
        }
    }

    /// The character with a number.
    pub(super) fn character(&self, number: u64) -> Option<u8> {
        let code = match self.places {
            Some(places) => usize::try_from(number).ok().and_then(|place| places.get(place).copied()),
            None => u32::try_from(number).ok().filter(|code| (self.codes.0..=self.codes.1).contains(code)),
        };
        code.and_then(|code| u8::try_from(code).ok())
    }
}
