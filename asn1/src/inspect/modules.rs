//! The texts of the ASN.1 modules.

/// OMA-TS-ULP V2.0.5.
pub(super) const ULP: [&str; 20] = [
    include_str!("../../modules/ulp/SUPL-AUTH-REQ.asn"),
    include_str!("../../modules/ulp/SUPL-AUTH-RESP.asn"),
    include_str!("../../modules/ulp/SUPL-END.asn"),
    include_str!("../../modules/ulp/SUPL-INIT.asn"),
    include_str!("../../modules/ulp/SUPL-NOTIFY-RESPONSE.asn"),
    include_str!("../../modules/ulp/SUPL-NOTIFY.asn"),
    include_str!("../../modules/ulp/SUPL-POS-INIT.asn"),
    include_str!("../../modules/ulp/SUPL-POS.asn"),
    include_str!("../../modules/ulp/SUPL-REPORT.asn"),
    include_str!("../../modules/ulp/SUPL-RESPONSE.asn"),
    include_str!("../../modules/ulp/SUPL-SET-INIT.asn"),
    include_str!("../../modules/ulp/SUPL-START.asn"),
    include_str!("../../modules/ulp/SUPL-TRIGGERED-RESPONSE.asn"),
    include_str!("../../modules/ulp/SUPL-TRIGGERED-START.asn"),
    include_str!("../../modules/ulp/SUPL-TRIGGERED-STOP.asn"),
    include_str!("../../modules/ulp/ULP-Components.asn"),
    include_str!("../../modules/ulp/ULP-Version-2-message-extensions.asn"),
    include_str!("../../modules/ulp/ULP-Version-2-parameter-extensions.asn"),
    include_str!("../../modules/ulp/ULP.asn"),
    include_str!("../../modules/ulp/Ver2-ULP-Components.asn"),
];

/// 3GPP TS 44.031 V13.1.0, with the MAP types that it imports.
pub(super) const RRLP: [&str; 4] = [
    include_str!("../../modules/rrlp/MAP-ExtensionDataTypes.asn"),
    include_str!("../../modules/rrlp/MAP-LCS-DataTypes.asn"),
    include_str!("../../modules/rrlp/RRLP-Components.asn"),
    include_str!("../../modules/rrlp/RRLP-messages.asn"),
];

/// 3GPP TS 37.355 V18.4.0.
pub(super) const LPP: [&str; 2] = [
    include_str!("../../modules/lpp/LPP-Broadcast-Definitions.asn"),
    include_str!("../../modules/lpp/LPP-PDU-Definitions.asn"),
];
