//! From orders to the octets of SUPL INIT.

use super::orders::order;
use super::*;
use crate::slc::ni::{
    Asked, BasicProtection, InviteError, Name, NameFormat, Notification, Order, Protection, SuplVersion,
    TextEncoding, What, invite,
};
use crate::spc::Methods;
use crate::wire::ulp::{self, Init, NotificationType, PosMethod, ProtectionLevel};

/// What one short message holds behind its header with the port.
const ONE_SHORT_MESSAGE: usize = 133;

fn named() -> Policy {
    let slp_address = "h-slp.mnc001.mcc262.pub.3gppnetwork.org".to_owned();
    Config { slp_address, ..Config::default() }.resolve().unwrap()
}

fn init_of(order: &Order) -> (UlpPdu, Init) {
    let invitation = invite(order, &named()).unwrap();
    let pdu = UlpPdu::decode(&invitation.octets).unwrap();
    let version = pdu.version;
    assert!(ulp::ver_is_right(version, &named().slp, &invitation.octets, &invitation.ver));
    let UlpMessage::Init(init) = pdu.message.clone() else { panic!() };
    (pdu, *init)
}

#[test]
fn the_common_cases_fit_one_short_message() {
    let told = Notification {
        kind: Asked::VerifyDenyIfNoAnswer,
        requestor: Some(Name { text: "+4917112345678".into(), format: NameFormat::Msisdn }),
        client: Some(Name::logical("Roadside Assistance")),
        encoding: None,
        by_location: true,
    };
    let basic = Protection::Basic(BasicProtection { key: vec![1; 16], key_id: [2; 8], counter: 3 });
    for version in [SuplVersion::V1, SuplVersion::V2] {
        for emergency in [false, true] {
            for notification in [None, Some(told.clone())] {
                for protection in [Protection::Absent, Protection::Null, basic.clone()] {
                    if version == SuplVersion::V1 && protection != Protection::Absent {
                        continue;
                    }
                    let full = notification.is_some() && emergency && protection != Protection::Absent;
                    let notification = notification.clone();
                    let order = Order { version, notification, emergency, protection, ..order() };
                    let octets = invite(&order, &named()).unwrap().octets;
                    println!("{version:?} emergency {emergency}: {} octets", octets.len());
                    // An emergency whose user nobody asks has no use for names.
                    assert!(octets.len() <= ONE_SHORT_MESSAGE || full, "{}: {order:?}", octets.len());
                }
            }
        }
    }
}

#[test]
fn version_1_is_version_1() {
    let notification =
        Some(Notification { kind: Asked::Notify, by_location: true, ..Notification::default() });
    let (pdu, init) = init_of(&Order { version: SuplVersion::V1, notification, emergency: true, ..order() });
    assert_eq!(pdu.version, Version::V1);
    assert_eq!(init.pos_method, PosMethod::AgpsSetBasedPreferred);
    assert!(init.gnss.is_none() && init.networks.is_none() && init.e_slp_address.is_none());
    assert!(!init.notify_by_location && init.proxy && !init.placeholders && init.protection.is_none());
    assert_eq!(init.notification.unwrap().kind, NotificationType::PrivacyOverride);
    assert!(pdu.session.set.is_none());
    let protected = Order { version: SuplVersion::V1, protection: Protection::Null, ..order() };
    assert_eq!(invite(&protected, &named()), Err(InviteError::Unprotected));
}

#[test]
fn version_2_says_what_helps() {
    let (pdu, init) = init_of(&order());
    assert_eq!(pdu.version, Version::V2);
    assert_eq!(init.pos_method, PosMethod::AgnssSetBasedPreferred);
    assert!(init.gnss.is_some_and(|g| g.gps && g.galileo));
    assert!(init.networks.is_some_and(|n| n.lte && n.wlan));
    assert!(init.trigger.is_none() && init.notification.is_none() && init.e_slp_address.is_none());
    assert_eq!(init.qop.unwrap().horizontal_m.map(f64::round), Some(46.0), "no weaker than asked");
    let (_, init) = init_of(&Order { what: What::ConsentOnly, ..order() });
    assert_eq!(init.pos_method, PosMethod::NoPosition);
    assert!(init.gnss.is_none() && init.networks.is_none());
    let (_, init) = init_of(&Order { protection: Protection::Null, emergency: true, ..order() });
    assert_eq!(init.protection, Some(ProtectionLevel::Null));
    assert_eq!(init.e_slp_address, Some(named().slp));
    let basic = BasicProtection { key: b"key".to_vec(), key_id: [7; 8], counter: 9 };
    let order = Order { protection: Protection::Basic(basic), ..order() };
    let octets = invite(&order, &named()).unwrap().octets;
    let UlpMessage::Init(init) = UlpPdu::decode(&octets).unwrap().message else { panic!() };
    let Some(ProtectionLevel::Basic(basic)) = init.protection else { panic!() };
    assert_eq!((basic.key_id, basic.replay_counter), ([7; 8], 9));
    assert!(ulp::mac_is_right(&octets, &basic, b"key"));
    assert!(!format!("{order:?}").contains("107, 101, 121"), "keys are not shown");
}

#[test]
fn a_method_is_named_that_there_is() {
    let only = |methods| {
        let mut policy = named();
        policy.positioning.methods = methods;
        policy
    };
    let none = Methods { set_based: false, set_assisted: false, autonomous: false, cell_id: false };
    let by_default = |version, methods| {
        let invitation = invite(&Order { version, ..order() }, &only(methods)).unwrap();
        let UlpMessage::Init(init) = UlpPdu::decode(&invitation.octets).unwrap().message else { panic!() };
        init.pos_method
    };
    let (v1, v2) = (SuplVersion::V1, SuplVersion::V2);
    let based = Methods { set_based: true, ..none };
    let assisted = Methods { set_assisted: true, ..none };
    let autonomous = Methods { autonomous: true, ..none };
    let cell = Methods { cell_id: true, ..none };
    assert_eq!(by_default(v1, based), PosMethod::AgpsSetBased);
    assert_eq!(by_default(v2, based), PosMethod::AgnssSetBased);
    assert_eq!(by_default(v1, assisted), PosMethod::AgpsSetAssisted);
    assert_eq!(by_default(v2, assisted), PosMethod::AgnssSetAssisted);
    assert_eq!(by_default(v1, autonomous), PosMethod::AutonomousGps);
    assert_eq!(by_default(v2, autonomous), PosMethod::AutonomousGnss);
    assert_eq!(by_default(v1, cell), PosMethod::Ecid);
    for (version, method, methods) in [
        (v1, PosMethod::AgnssSetBased, Methods::default()),
        (v2, PosMethod::Otdoa, Methods::default()),
        (v2, PosMethod::SessionInfoQuery, Methods::default()),
        (v2, PosMethod::AgnssSetBased, cell),
    ] {
        let order = Order { version, method: Some(method), ..order() };
        assert_eq!(invite(&order, &only(methods)), Err(InviteError::Method(method)));
    }
}

#[test]
fn names_are_coded_as_asked() {
    let notification = |encoding| Notification {
        kind: Asked::Notify,
        requestor: Some(Name::logical("Zentrale")),
        encoding,
        ..Notification::default()
    };
    for (asked, said, length) in [
        (None, TextEncoding::Utf8, 8),
        (Some(TextEncoding::Ucs2), TextEncoding::Ucs2, 16),
        (Some(TextEncoding::GsmDefault), TextEncoding::GsmDefault, 7),
    ] {
        let (_, init) = init_of(&Order { notification: Some(notification(asked)), ..order() });
        let told = init.notification.unwrap();
        let (octets, format) = told.requestor.unwrap();
        assert_eq!((told.encoding, octets.len(), format), (Some(said), length, NameFormat::LogicalName));
        assert_eq!(ulp::gsm::text(&octets, told.encoding), "Zentrale");
    }
    // Nothing to say, nothing said.
    let empty =
        Notification { kind: Asked::Notify, client: Some(Name::logical("\n")), ..Notification::default() };
    let (_, init) = init_of(&Order { notification: Some(empty), ..order() });
    let told = init.notification.unwrap();
    assert!(told.client.is_none() && told.encoding.is_none());
}
