//! `command_status` (SMPP 3.4, 5.1.3): what an SMSC's answer means for a message or for a bind.

use super::super::bearer::Failure;

/// `ESME_ROK`.
pub(super) const OK: u32 = 0x00;
/// `ESME_RINVCMDLEN`: the length of a PDU is impossible.
pub(super) const INVALID_LENGTH: u32 = 0x02;
/// `ESME_RINVCMDID`: the PDU is unknown.
pub(super) const INVALID_COMMAND: u32 = 0x03;
/// `ESME_RINVBNDSTS`: not in this state of the bind.
pub(super) const INVALID_BIND_STATE: u32 = 0x04;
/// `ESME_RALYBND`.
const ALREADY_BOUND: u32 = 0x05;
/// `ESME_RSYSERR`.
const SYSTEM_ERROR: u32 = 0x08;
/// `ESME_RINVDSTADR`.
const INVALID_DESTINATION: u32 = 0x0b;
/// `ESME_RBINDFAIL`.
const BIND_FAILED: u32 = 0x0d;
/// `ESME_RMSGQFUL`.
const QUEUE_FULL: u32 = 0x14;
/// `ESME_RSUBMITFAIL`.
const SUBMIT_FAILED: u32 = 0x45;
/// `ESME_RINVDSTTON`, `ESME_RINVDSTNPI`.
const INVALID_DESTINATION_FORM: [u32; 2] = [0x50, 0x51];
/// `ESME_RTHROTTLED`.
const THROTTLED: u32 = 0x58;
/// `ESME_RX_T_APPN`.
const TEMPORARY: u32 = 0x64;
/// `ESME_RDELIVERYFAILURE`.
const DELIVERY_FAILED: u32 = 0xfe;
/// `ESME_RUNKNOWNERR`.
const UNKNOWN_ERROR: u32 = 0xff;
/// What vendors may use as they like.
const VENDOR: std::ops::RangeInclusive<u32> = 0x400..=0x4ff;

/// Whether the SMSC asks for patience.
pub(super) const fn is_throttling(status: u32) -> bool {
    matches!(status, QUEUE_FULL | THROTTLED)
}

/// What a refused submit_sm means.
pub(super) fn of_submit(status: u32) -> Failure {
    match status {
        QUEUE_FULL | THROTTLED => Failure::Congested,
        INVALID_BIND_STATE => Failure::Down,
        INVALID_DESTINATION | DELIVERY_FAILED => Failure::Unreachable(status),
        s if INVALID_DESTINATION_FORM.contains(&s) => Failure::Unreachable(s),
        SYSTEM_ERROR | SUBMIT_FAILED | TEMPORARY | UNKNOWN_ERROR => Failure::Temporary(status),
        s if VENDOR.contains(&s) => Failure::Temporary(s),
        s => Failure::Refused(s),
    }
}

/// What a refused bind means.
pub(super) const fn of_bind(status: u32) -> Failure {
    match status {
        // Our own connection of a moment ago may still count there.
        ALREADY_BOUND | BIND_FAILED | SYSTEM_ERROR | QUEUE_FULL | THROTTLED | TEMPORARY | UNKNOWN_ERROR => {
            Failure::Temporary(status)
        }
        s => Failure::Unauthorized(s),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning() {
        assert_eq!(of_submit(0x58), Failure::Congested);
        assert_eq!(of_submit(0x14), Failure::Congested);
        assert_eq!(of_submit(0x0b), Failure::Unreachable(0x0b));
        assert_eq!(of_submit(0x42), Failure::Refused(0x42));
        assert_eq!(of_submit(0x401), Failure::Temporary(0x401));
        assert_eq!(of_bind(0x0e), Failure::Unauthorized(0x0e));
        assert_eq!(of_bind(0x05), Failure::Temporary(0x05));
        assert!(is_throttling(0x58) && !is_throttling(0x08));
    }
}
