//! Result codes (MLP 3.5 §5.4): numbers, slogans, and which version knows which.

use super::version::Version;

/// The number in `result/@resid`. Every number can be carried; those of the standard have names and slogans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResultCode(pub u16);

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident = $id:literal, $slogan:literal, since $since:ident; )*) => {
        impl ResultCode {
            $( $(#[$doc])* pub const $name: Self = Self($id); )*

            /// Every code of the standard, ascending.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The standard's slogan; `None` for a number that it leaves free or to vendors.
            pub const fn slogan(self) -> Option<&'static str> {
                match self.0 {
                    $( $id => Some($slogan), )*
                    _ => None,
                }
            }

            /// The first version that has it; a number without a name is everybody's.
            pub const fn since(self) -> Version {
                match self.0 {
                    $( $id => Version::$since, )*
                    _ => Version::V3_0,
                }
            }
        }
    };
}

codes! {
    /// Done.
    OK = 0, "OK", since V3_0;
    /// General trouble of the server.
    SYSTEM_FAILURE = 1, "SYSTEM FAILURE", since V3_0;
    /// None of the others, or the real cause is hidden for privacy.
    UNSPECIFIED_ERROR = 2, "UNSPECIFIED ERROR", since V3_0;
    /// The client may not use the server, or its password is wrong.
    UNAUTHORIZED_APPLICATION = 3, "UNAUTHORIZED APPLICATION", since V3_0;
    /// No such subscriber.
    UNKNOWN_SUBSCRIBER = 4, "UNKNOWN SUBSCRIBER", since V3_0;
    /// The subscriber cannot be reached now.
    ABSENT_SUBSCRIBER = 5, "ABSENT SUBSCRIBER", since V3_0;
    /// No position could be got.
    POSITION_METHOD_FAILURE = 6, "POSITION METHOD FAILURE", since V3_0;
    /// A trigger did not occur in its time.
    TIMEOUT = 7, "TIMEOUT", since V3_2;
    /// The server has too much to do.
    CONGESTION_IN_LOCATION_SERVER = 101, "CONGESTION IN LOCATION SERVER", since V3_0;
    /// The version is not supported.
    UNSUPPORTED_VERSION = 103, "UNSUPPORTED VERSION", since V3_0;
    /// Too many targets.
    TOO_MANY_POSITION_ITEMS = 104, "TOO MANY POSITION ITEMS", since V3_0;
    /// An element has a bad format.
    FORMAT_ERROR = 105, "FORMAT ERROR", since V3_0;
    /// The request has a bad syntax.
    SYNTAX_ERROR = 106, "SYNTAX ERROR", since V3_0;
    /// An element is not supported.
    PROTOCOL_ELEMENT_NOT_SUPPORTED = 107, "PROTOCOL ELEMENT NOT SUPPORTED", since V3_0;
    /// The service is not supported.
    SERVICE_NOT_SUPPORTED = 108, "SERVICE NOT SUPPORTED", since V3_0;
    /// An attribute is not supported.
    PROTOCOL_ELEMENT_ATTRIBUTE_NOT_SUPPORTED = 109, "PROTOCOL ELEMENT ATTRIBUTE NOT SUPPORTED", since V3_0;
    /// The value of an element is invalid.
    INVALID_PROTOCOL_ELEMENT_VALUE = 110, "INVALID PROTOCOL ELEMENT VALUE", since V3_0;
    /// The value of an attribute is invalid.
    INVALID_PROTOCOL_ELEMENT_ATTRIBUTE_VALUE = 111, "INVALID PROTOCOL ELEMENT ATTRIBUTE VALUE", since V3_0;
    /// The value of an element is legal but not supported.
    PROTOCOL_ELEMENT_VALUE_NOT_SUPPORTED = 112, "PROTOCOL ELEMENT VALUE NOT SUPPORTED", since V3_0;
    /// The value of an attribute is legal but not supported.
    PROTOCOL_ELEMENT_ATTRIBUTE_VALUE_NOT_SUPPORTED = 113, "PROTOCOL ELEMENT ATTRIBUTE VALUE NOT SUPPORTED", since V3_0;
    /// A triggered request was cancelled.
    CANCELLATION_OF_TRIGGERED_LOCATION_REQUEST = 114, "CANCELLATION OF TRIGGERED LOCATION REQUEST", since V3_2;
    /// A stop request names a target that the triggered request does not have.
    INVALID_MSID_IN_TLRSR = 115, "INVALID MSID IN TLRSR", since V3_2;
    /// Stopping single targets is not supported.
    TLRSR_FOR_INDIVIDUAL_TARGET_NOT_SUPPORTED = 116, "TLRSR FOR INDIVIDUAL TARGET NOT SUPPORTED", since V3_2;
    /// No statistics to report.
    NO_ANALYTIC_DATA_AVAILABLE = 117, "NO ANALYTIC DATA AVAILABLE", since V3_5;
    /// The quality asked for cannot be had.
    QOP_NOT_ATTAINABLE = 201, "QOP NOT ATTAINABLE", since V3_0;
    /// The subscriber or the privacy settings forbid it.
    POSITIONING_NOT_ALLOWED = 202, "POSITIONING NOT ALLOWED", since V3_0;
    /// The network has too much to do.
    CONGESTION_IN_MOBILE_NETWORK = 203, "CONGESTION IN MOBILE NETWORK", since V3_0;
    /// The law of the place forbids it.
    DISALLOWED_BY_LOCAL_REGULATIONS = 204, "DISALLOWED BY LOCAL REGULATIONS", since V3_0;
    /// The server is not set up for this.
    MISCONFIGURATION_OF_LOCATION_SERVER = 207, "MISCONFIGURATION OF LOCATION SERVER", since V3_0;
    /// The target is served by another node now (RLP only).
    TARGET_MOVED_TO_NEW_MSC_SGSN = 208, "TARGET MOVED TO NEW MSC/SGSN", since V3_3;
    /// The client takes no standard location reports.
    STANDARD_LOCATION_REPORT_SERVICE_NOT_SUPPORTED = 601, "STANDARD LOCATION REPORT SERVICE NOT SUPPORTED", since V3_3;
    /// Trouble of the client.
    MLS_CLIENT_ERROR = 602, "MLS CLIENT ERROR", since V3_3;
    /// The client refuses the report.
    STANDARD_LOCATION_REPORT_SERVICE_NOT_ACCEPTED = 603, "STANDARD LOCATION REPORT SERVICE NOT ACCEPTED", since V3_3;
    /// The client does not know the subscriber of the report.
    SUBSCRIBER_IN_STANDARD_LOCATION_REPORT_SERVICE_NOT_VALID = 604,
        "SUBSCRIBER IN STANDARD LOCATION REPORT SERVICE NOT VALID", since V3_3;
    /// The client does not know the service of the report.
    INVALID_SERVICE_ID_IN_STANDARD_LOCATION_REPORT_SERVICE = 605,
        "INVALID SERVICE ID IN STANDARD LOCATION REPORT SERVICE", since V3_3;
}

impl ResultCode {
    /// Whether this is 0.
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }

    /// The nearest code that a version knows: itself, or what an older client can still make sense of.
    #[must_use]
    pub fn for_version(self, version: Version) -> Self {
        if version >= self.since() {
            return self;
        }
        match self {
            // A trigger that did not occur gave no position.
            Self::TIMEOUT => Self::POSITION_METHOD_FAILURE,
            Self::INVALID_MSID_IN_TLRSR => Self::INVALID_PROTOCOL_ELEMENT_VALUE,
            Self::TLRSR_FOR_INDIVIDUAL_TARGET_NOT_SUPPORTED => Self::PROTOCOL_ELEMENT_NOT_SUPPORTED,
            Self::TARGET_MOVED_TO_NEW_MSC_SGSN => Self::ABSENT_SUBSCRIBER,
            _ => Self::UNSPECIFIED_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let numbers: Vec<u16> = ResultCode::ALL.iter().map(|c| c.0).collect();
        assert!(numbers.is_sorted());
        assert_eq!(
            numbers,
            [
                0, 1, 2, 3, 4, 5, 6, 7, 101, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
                116, 117, 201, 202, 203, 204, 207, 208, 601, 602, 603, 604, 605
            ]
        );
        for free in [8, 10, 102, 205, 206, 300, 500, 599, 600, 606] {
            assert_eq!(ResultCode(free).slogan(), None);
        }
    }

    #[test]
    fn each_version_gets_codes_that_it_knows() {
        for version in Version::ALL {
            for code in ResultCode::ALL {
                let sent = code.for_version(version);
                assert!(sent.since() <= version, "{code:?} in {version}");
                assert!(code.since() > version || sent == *code);
            }
        }
    }
}
