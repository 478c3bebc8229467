//! The versions of MLP, and how they are written.

use std::fmt;

/// A version of the Mobile Location Protocol. Ordered: a later version is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum Version {
    /// LIF TS 101, 2002.
    #[serde(rename = "3.0")]
    V3_0,
    /// OMA MLP 3.1 (3GPP Release 5).
    #[serde(rename = "3.1")]
    V3_1,
    /// OMA MLP 3.2 (Release 6).
    #[serde(rename = "3.2")]
    V3_2,
    /// OMA MLP 3.3 (Release 7).
    #[serde(rename = "3.3")]
    V3_3,
    /// OMA MLP 3.4 (Release 10).
    #[serde(rename = "3.4")]
    V3_4,
    /// OMA MLP 3.5.
    #[serde(rename = "3.5")]
    V3_5,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 6] = [Self::V3_0, Self::V3_1, Self::V3_2, Self::V3_3, Self::V3_4, Self::V3_5];
    /// The newest.
    pub const LATEST: Self = Self::V3_5;

    /// As the `ver` attribute says it: `3.4.0`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::V3_0 => "3.0.0",
            Self::V3_1 => "3.1.0",
            Self::V3_2 => "3.2.0",
            Self::V3_3 => "3.3.0",
            Self::V3_4 => "3.4.0",
            Self::V3_5 => "3.5.0",
        }
    }

    /// From the text of a `ver` attribute: `3.4.0`, a patch level of it, or `3.4`. `None` for every other text, a version
    /// that is not supported included.
    pub fn from_text(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let major: u32 = parts.next()?.parse().ok()?;
        let minor: u32 = parts.next()?.parse().ok()?;
        let patch_is_number = parts.next().is_none_or(|p| p.parse::<u32>().is_ok());
        (patch_is_number && parts.next().is_none() && major == 3).then(|| Self::from_minor(minor)).flatten()
    }

    const fn from_minor(minor: u32) -> Option<Self> {
        match minor {
            0 => Some(Self::V3_0),
            1 => Some(Self::V3_1),
            2 => Some(Self::V3_2),
            3 => Some(Self::V3_3),
            4 => Some(Self::V3_4),
            5 => Some(Self::V3_5),
            _ => None,
        }
    }

    /// From the name of a DTD, as it stands in a DOCTYPE or (in the wild) in an `xmlns`: `MLP_SVC_INIT_310.DTD`,
    /// `MLP_v3_4_1.dtd`, `-//OMA//DTD MLP 3.2//EN`. `None` when it names no version that is known here.
    pub fn from_dtd(name: &str) -> Option<Self> {
        let digits = |s: &str| s.bytes().take_while(u8::is_ascii_digit).count();
        let bytes = name.as_bytes();
        let mut at = 0;
        while let Some(found) = name.get(at..).and_then(|rest| rest.find(|c: char| c.is_ascii_digit())) {
            let start = at + found;
            let rest = name.get(start..)?;
            let run = digits(rest);
            at = start + run;
            // `310` in one piece, or `3` and `4` with `_` or `.` between.
            if run == 3 && rest.starts_with('3') {
                if let Some(version) = rest.get(1..2).and_then(|m| m.parse().ok()).and_then(Self::from_minor)
                {
                    return Some(version);
                }
            } else if run == 1 && rest.starts_with('3') && matches!(bytes.get(at), Some(b'_' | b'.')) {
                let minor = name.get(at + 1..)?;
                if digits(minor) == 1
                    && let Some(version) =
                        minor.get(..1).and_then(|m| m.parse().ok()).and_then(Self::from_minor)
                {
                    return Some(version);
                }
            }
        }
        None
    }

    /// The DTD named in the DOCTYPE of a document with this root element.
    pub(crate) const fn dtd(self, root: super::Root) -> &'static str {
        use super::Root::{Gem, Init, Result};
        match (self, root) {
            (Self::V3_0, Init) => "MLP_SVC_INIT_300.DTD",
            (Self::V3_0, Result) => "MLP_SVC_RESULT_300.DTD",
            (Self::V3_0 | Self::V3_1, Gem) => "MLP_GEM_300.DTD",
            (Self::V3_1, Init) => "MLP_SVC_INIT_310.DTD",
            (Self::V3_1, Result) => "MLP_SVC_RESULT_310.DTD",
            (Self::V3_2, Init) => "MLP_SVC_INIT_320.DTD",
            (Self::V3_2, Result) => "MLP_SVC_RESULT_320.DTD",
            (Self::V3_2, Gem) => "MLP_GEM_320.DTD",
            (Self::V3_3, Init) => "MLP_SVC_INIT_330.DTD",
            (Self::V3_3, Result) => "MLP_SVC_RESULT_330.DTD",
            (Self::V3_3, Gem) => "MLP_GEM_330.DTD",
            (Self::V3_4, _) => "MLP_v3_4.dtd",
            (Self::V3_5, _) => "MLP_v3_5.dtd",
        }
    }
}

/// `3.4`, for people.
impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().get(..3).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_both_ways() {
        for version in Version::ALL {
            assert_eq!(Version::from_text(version.text()), Some(version));
            assert_eq!(Version::from_text(&version.to_string()), Some(version));
        }
        for bad in ["", "3", "3.6.0", "2.0.0", "4.0.0", "3.4.x", "3.4.0.0", "x.y", "3,4", "99999999999.0.0"] {
            assert_eq!(Version::from_text(bad), None, "{bad}");
        }
        assert_eq!(Version::from_text(" 3.4.1 "), Some(Version::V3_4));
    }

    #[test]
    fn names_of_dtds() {
        for (name, version) in [
            ("MLP_SVC_INIT_300.DTD", Version::V3_0),
            ("MLP_SVC_INIT_310.dtd", Version::V3_1),
            ("http://www.openmobilealliance.org/DTD/MLP_SVC_RESULT_320.DTD", Version::V3_2),
            ("MLP_v3_4.dtd", Version::V3_4),
            ("../dtd/3.4.1/MLP_v3_4_1.dtd", Version::V3_4),
            ("MLP_v3_5.dtd", Version::V3_5),
            ("-//OMA//DTD MLP 3.1//EN", Version::V3_1),
        ] {
            assert_eq!(Version::from_dtd(name), Some(version), "{name}");
        }
        for name in ["", "MLP.dtd", "MLP_SVC_INIT_400.DTD", "MLP_v4_0.dtd", "3", "3_", "13.4", "3.14"] {
            assert_eq!(Version::from_dtd(name), None, "{name}");
        }
    }
}
