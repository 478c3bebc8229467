//! Documents as real clients and servers send them, and as hostile ones do: each with the answer that it gets.

use super::convert::{Crs, ids, shapes};
use super::model::*;
use super::*;

fn read(text: &str) -> Result<Document, ParseFault> {
    parse(text.as_bytes(), None, &Reading::default())
}

const HDR: &str = "<hdr><client><id>c</id><pwd>p</pwd></client></hdr>";

/// A request with this body.
fn init(body: &str) -> String {
    format!("<svc_init ver=\"3.4.0\">{HDR}{body}</svc_init>")
}

fn slir(rest: &str) -> String {
    init(&format!("<slir><msids><msid>447700900123</msid></msids>{rest}</slir>"))
}

/// The result code and the words about it.
fn refused(text: &str) -> (u16, String) {
    let fault = read(text).map(|_| text.to_owned()).expect_err("is refused");
    (fault.code().0, fault.add_info())
}

fn code(text: &str) -> u16 {
    refused(text).0
}

#[test]
fn versions_from_wherever_they_are_said() {
    let version = |prolog: &str, root: &str| {
        read(&format!("{prolog}<svc_init{root}>{HDR}<slir><msids><msid>1</msid></msids></slir></svc_init>"))
            .map(|d| d.version)
            .map_err(|f| (f.code().0, f.version))
    };
    assert_eq!(version("", ""), Ok(Version::LATEST), "the default");
    assert_eq!(version("<!DOCTYPE svc_init SYSTEM \"MLP_SVC_INIT_300.DTD\">", ""), Ok(Version::V3_0));
    assert_eq!(
        version("<!DOCTYPE svc_init SYSTEM 'MLP_SVC_INIT_310.DTD'>", " ver='3.2.0'"),
        Ok(Version::V3_2)
    );
    assert_eq!(version("", " xmlns=\"MLP_SVC_INIT_310.dtd\""), Ok(Version::V3_1));
    assert_eq!(version("", " ver='3.1.0'"), Ok(Version::V3_1));
    for bad in ["2.0.0", "4.0.0", "3.6.0", "hello"] {
        assert_eq!(version("", &format!(" ver='{bad}'")), Err((103, None)), "{bad}");
    }
    let parts =
        "<svc_init><hdr ver='3.0.0'/><slir ver='3.0.0'><msids><msid>1</msid></msids></slir></svc_init>";
    assert_eq!(read(parts).unwrap_err().version, Some(Version::V3_0), "from the service");
}

#[test]
fn an_unsupported_version_is_answered_by_its_service() {
    let text = format!("<svc_init ver='9.0.0'>{HDR}<eme_lir/></svc_init>");
    let fault = read(&text).unwrap_err();
    assert!(!fault.is_general());
    let answer = fault.answer(Version::V3_3).into_xml();
    assert!(
        answer.contains("<eme_lia ver=\"3.3.0\"><result resid=\"103\">UNSUPPORTED VERSION</result>"),
        "{answer}"
    );
}

#[test]
fn loose_clients_are_understood() {
    let text = "\u{feff}<?xml version=\"1.0\" encoding='utf-8' standalone=\"no\"?>\n<!-- from the field -->\n\
        <!DOCTYPE svc_init SYSTEM \"MLP_SVC_INIT_310.DTD\" [<!ENTITY % extension SYSTEM \"PIF_EXTENSION_100.DTD\"> %extension;]>\n\
        <svc_init xmlns=\"MLP_SVC_INIT_310.dtd\"><hdr>\n\
        <requestor><serviceid>7</serviceid><id> 447700900999 </id></requestor>\
        <client><pwd>\n secret </pwd><id>c</id></client></hdr>\
        <slir res_type=\"async\"><loc_type type=\"current_or_last\"> \n </loc_type><eqop><max_loc_age>60</max_loc_age>\
        <hor_acc> 50 </hor_acc><resp_req type=\"Low_Delay\"></resp_req></eqop>\
        <msids><msid type=\"msisdn\"> 447700900123\n</msid></msids>\
        <pif_hint a='b'><deep/>text</pif_hint></slir></svc_init>";
    let document = read(text).unwrap();
    assert_eq!(document.version, Version::V3_1);
    let header = document.header.unwrap();
    assert_eq!(header.client.unwrap().password, Some("secret".into()));
    assert_eq!(header.requestor.unwrap().id, "447700900999".into());
    let Body::Slir(slir) = document.body else { panic!() };
    assert_eq!(slir.response, ResponseType::Async);
    assert_eq!(slir.loc_type.unwrap().kind, LocKind::CurrentOrLast);
    assert_eq!(slir.eqop.unwrap().max_loc_age, Some(60));
    let SlirTargets::List(msids) = &slir.targets else { panic!() };
    assert!(ids::expand(msids, 1).is_ok_and(|t| t[0].msid.id == "447700900123".into()));
}

#[test]
fn in_any_encoding() {
    let body = slir("").replace("<id>c</id>", "<id>Zürich</id>");
    let client = |octets: &[u8], charset: Option<&str>| {
        let document = parse(octets, charset, &Reading::default()).unwrap();
        document.header.unwrap().client.unwrap().id
    };
    let latin: Vec<u8> = body.chars().map(|c| c as u8).collect();
    assert_eq!(client(&latin, Some("ISO-8859-1")), "Zürich");
    let declared = [b"<?xml version='1.0' encoding='iso-8859-1'?>".as_slice(), &latin].concat();
    assert_eq!(client(&declared, None), "Zürich");
    let utf16: Vec<u8> = format!("\u{feff}{body}").encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(client(&utf16, Some("utf-16")), "Zürich");
    assert_eq!(client(body.as_bytes(), charset("application/x-www-form-urlencoded")), "Zürich");
    let fault = parse(&latin, None, &Reading::default()).unwrap_err();
    assert_eq!((fault.code().0, fault.is_general()), (106, true));
}

#[test]
fn every_fault_has_its_code() {
    let area = |shape: &str| {
        init(&format!(
            "<tlrr><msids><msid>1</msid></msids><tlrr_event><change_area type='MS_ENTERING' loc_estimates='TRUE'>\
             <target_area>{shape}</target_area></change_area></tlrr_event></tlrr>"
        ))
    };
    for (text, expected) in [
        // Missing.
        (init("<slir></slir>"), (106, "msids: missing")),
        (init("<slir><msids></msids></slir>"), (106, "msid: missing")),
        (init(""), (106, "svc_init: no service")),
        (
            "<svc_init ver='3.4.0'><slir><msids><msid>1</msid></msids></slir></svc_init>".to_owned(),
            (106, "hdr: missing"),
        ),
        (slir("").replace("<id>c</id>", ""), (106, "id: missing")),
        (init("<slir><msid>1</msid></slir>"), (106, "gsm_net_param: missing")),
        (init("<tlrsr/>"), (106, "req_id: missing")),
        (area(""), (106, "shape: missing")),
        (area("<shape><Box><coord><X>1</X><Y>1</Y></coord></Box></shape>"), (106, "coord: missing")),
        (
            area("<name_area>x</name_area>").replace(" type='MS_ENTERING'", ""),
            (106, "type of change_area: missing"),
        ),
        // Out of place.
        (slir("<prio/><prio/>"), (106, "prio: not allowed here")),
        (slir("<interval>00000100</interval>"), (106, "interval: not allowed here")),
        (slir("text"), (106, "slir: text is not allowed here")),
        (init("<slia><result resid='0'>OK</result></slia>"), (106, "slia: not allowed here")),
        (
            init("<slir><codeword>1</codeword><msids><msid>1</msid></msids></slir>"),
            (106, "codeword: not allowed here"),
        ),
        (slir("").replace("</slir>", "</slir><tlrqr/>"), (106, "tlrqr: not allowed here")),
        // Formats and values.
        (slir("<eqop><resp_timer>soon</resp_timer></eqop>"), (105, "resp_timer")),
        (slir("<eqop><resp_timer>-1</resp_timer></eqop>"), (110, "resp_timer")),
        (slir("<eqop><hor_acc>1e9</hor_acc></eqop>"), (105, "hor_acc")),
        (slir("<eqop><hor_acc>-5</hor_acc></eqop>"), (110, "hor_acc")),
        (slir("<eqop><hor_acc qos_class='SURE'>5</hor_acc></eqop>"), (111, "qos_class of hor_acc")),
        (slir("<loc_type type='YESTERDAY'/>"), (111, "type of loc_type")),
        (slir("").replace("<msid>", "<msid type='FAX'>"), (111, "type of msid")),
        (slir("").replace("<slir>", "<slir res_type='MAYBE'>"), (111, "res_type of slir")),
        (
            init("<hlir><msid>1</msid><start_time utc_off='+1500'>20260101000000</start_time></hlir>"),
            (105, "utc_off of start_time"),
        ),
        (init("<hlir><msid>1</msid><start_time>yesterday</start_time></hlir>"), (105, "start_time")),
        (init("<hlir><msid>1</msid><start_time>20260231000000</start_time></hlir>"), (110, "start_time")),
        (init("<tlrr><msids><msid>1</msid></msids><interval>10</interval></tlrr>"), (105, "interval")),
        (init("<tlrr><msids><msid>1</msid></msids><interval>00240000</interval></tlrr>"), (110, "interval")),
        // What nobody knows.
        (slir("<colour>blue</colour>"), (107, "colour")),
        (slir("<prio type='HIGH' colour='blue'/>"), (109, "colour of prio")),
        (init("<skir/>"), (108, "skir")),
        ("<html><body/></html>".to_owned(), (108, "html")),
    ] {
        assert_eq!(refused(&text), (expected.0, expected.1.to_owned()), "{text}");
    }
}

#[test]
fn faults_name_elements_and_never_values() {
    let fault = read(&slir("<eqop><resp_timer>44770090secret</resp_timer></eqop>")).unwrap_err();
    for text in [fault.to_string(), format!("{fault:?}"), fault.answer(Version::V3_4).into_xml()] {
        assert!(!text.contains("secret"), "{text}");
    }
    assert_eq!(fault.service, Some(Service::Slir));
    let answer = fault.answer(Version::V3_0).into_xml();
    assert!(
        answer.contains(
            "<slia ver=\"3.4.0\"><result resid=\"105\">FORMAT ERROR</result><add_info>resp_timer</add_info>"
        ),
        "{answer}"
    );
    let long = read(&slir(&format!("<{}/>", "x".repeat(5000)))).unwrap_err();
    assert!(long.add_info().len() < 100);
}

#[test]
fn what_is_no_xml_or_no_service_gets_a_general_error() {
    for (text, code, version) in [
        (init("<skir/>"), 108, Version::V3_4),
        ("<gem/>".to_owned(), 106, Version::V3_2),
        (slir("").replace("</slir>", ""), 106, Version::V3_4),
        ("GET / HTTP/1.1".to_owned(), 106, Version::V3_2),
        (String::new(), 106, Version::V3_2),
    ] {
        let fault = read(&text).unwrap_err();
        assert!(fault.is_general(), "{text}");
        let answer = fault.answer(Version::V3_2);
        assert_eq!((answer.version, answer.body.service()), (version, Service::Gem), "{text}");
        let xml = answer.into_xml();
        assert!(xml.contains(&format!("resid=\"{code}\"")), "{xml}");
    }
}

#[test]
fn bombs_and_external_names_are_refused_cheaply() {
    let laughs = "<!DOCTYPE svc_init [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;'>]>";
    assert_eq!(code(&format!("{laughs}{}", slir("<x>&c;</x>"))), 106);
    let external = "<!DOCTYPE svc_init [<!ENTITY f SYSTEM 'file:///etc/passwd'>]>";
    assert_eq!(code(&format!("{external}{}", slir("<x>&f;</x>"))), 106);
    // Declared and not used, as extensions are: read, and nothing is fetched.
    assert!(read(&format!("{external}{}", slir(""))).is_ok());
    for text in [
        "<svc_init>".repeat(50_000),
        slir(&"<x>".repeat(1000)),
        slir(&"<prio/>".repeat(60_000)),
        (0..5000).fold(String::from("<svc_init"), |all, i| all + &format!(" a{i}=''")) + ">",
        slir(&format!("<x y='{}'/>", "z".repeat(10_000))),
        slir(&format!("<x>{}</x>", "z".repeat(500_000))),
        " ".repeat(1 << 21),
    ] {
        let fault = read(&text).unwrap_err();
        assert_eq!((fault.kind, fault.code().0), (FaultKind::TooLarge, 106));
    }
    let huge = vec![b'<'; 100 << 20];
    assert_eq!(parse(&huge, None, &Reading::default()).unwrap_err().kind, FaultKind::TooLarge);
}

#[test]
fn extensions_pass_and_do_no_harm() {
    let extension =
        "<!DOCTYPE svc_init SYSTEM \"MLP_v3_4.dtd\" [<!ENTITY % extension SYSTEM \"ACME.DTD\"> %extension;]>";
    let body = slir("<acme_tariff level='3'><acme_x/></acme_tariff>");
    assert_eq!(code(&body), 107);
    let document = read(&format!("{extension}{body}")).unwrap();
    assert_eq!(document, read(&slir("")).unwrap());
    // A prefix says that it is somebody's own.
    let prefixed = slir("<acme:tariff/>").replace("<svc_init", "<svc_init xmlns:acme='urn:acme'");
    assert!(read(&prefixed).is_ok());
    // What is missing or wrong stays so.
    assert_eq!(code(&format!("{extension}{}", init("<slir><acme_x/></slir>"))), 106);
    assert_eq!(code(&format!("{extension}{}", slir("<eqop><hor_acc>x</hor_acc></eqop>"))), 105);
}

#[test]
fn real_servers_are_understood() {
    let text = "<svc_result ver=\"3.2.0\" xmlns:x=\"urn:x\"><slia><pos pos_method=\"CELL\"><msid>447700900123</msid>\
        <imei>490154203237518</imei><plmn>00101</plmn><pd><time utc_off=\"0100\">20260704120000</time><shape>\
        <CircularArea srsName=\"www.epsg.org#4326\"><coord><X>-34.810256</X><Y>-56.159821</Y></coord>\
        <radius>128.5</radius><distanceUnit>m</distanceUnit></CircularArea></shape><lev_conf>95.0</lev_conf></pd></pos>\
        <pos><msid>1</msid><poserr><result resid=\"4\"> unknown </result><time>20260704110000</time></poserr></pos></slia></svc_result>";
    let document = read(text).unwrap();
    let Body::Slia(slia) = &document.body else { panic!() };
    let Answer::Positions(positions) = &slia.answer else { panic!() };
    let Outcome::Position(pd) = &positions[0].outcome else { panic!() };
    assert_eq!((pd.time.utc.unix_s(), pd.time.offset_min), (1_783_162_800, 60));
    let Place::Shape(shape, None) = &pd.place else { panic!() };
    let shape = shapes::read(shape, Crs::Wgs84).unwrap();
    assert!(
        matches!(shape, crate::base::Shape::Circle { at, radius_m } if at.lat == -34.810_256 && radius_m == 128.5)
    );
    let Outcome::Error(error) = &positions[1].outcome else { panic!() };
    assert_eq!(error.verdict, Verdict::new(ResultCode::UNKNOWN_SUBSCRIBER));
}

#[test]
fn two_identities_of_one_call_and_two_calls() {
    let targets = |body: &str| {
        let Body::EmeLir(lir) = read(&init(&format!("<eme_lir>{body}</eme_lir>"))).unwrap().body else {
            panic!()
        };
        let EmeTargets::Calls(calls) = lir.targets else { panic!() };
        calls.iter().map(|c| c.msids.len()).collect::<Vec<_>>()
    };
    assert_eq!(targets("<msid>1</msid><msid type='IMEI'>2</msid>"), [2]);
    assert_eq!(targets("<msid>1</msid><esrk>911</esrk><msid>2</msid>"), [1, 1]);
    assert_eq!(targets("<msid type='EME_MSID'>cell:1;key 4</msid>"), [1]);
}

#[test]
fn the_elements_that_changed_their_names() {
    let pd = |inner: &str| {
        let text = format!(
            "<svc_result><slia><pos><msid>1</msid><pd><time>20260101000000</time><shape><Point><coord><X>1</X><Y>2</Y>\
             </coord></Point></shape>{inner}</pd></pos></slia></svc_result>"
        );
        read(&text).unwrap()
    };
    let altitude = pd("<alt>57</alt><alt_acc>20</alt_acc>");
    assert_eq!(altitude, pd("<alt>57</alt><alt_unc>20</alt_unc>"));
    assert!(write(&altitude, Version::V3_1).contains("<alt_acc>20</alt_acc>"));
    assert!(write(&altitude, Version::V3_2).contains("<alt_unc>20</alt_unc>"));
    let map = pd("<MapData><Url>http://m</Url></MapData>");
    assert_eq!(map, pd("<MapData><url>http://m</url></MapData>"));
    assert!(write(&map, Version::V3_5).contains("<Url>") && write(&map, Version::V3_4).contains("<url>"));
    assert!(!write(&map, Version::V3_2).contains("MapData"));
}

#[test]
fn old_versions_get_what_they_know() {
    let of = |text: String, version| write(&read(&text).unwrap(), version);
    let kind = |kind| slir(&format!("<loc_type type='{kind}'/>"));
    assert!(of(kind("LAST_OR_CURRENT"), Version::V3_1).contains("type=\"CURRENT_OR_LAST\""));
    assert!(of(kind("LAST_OR_CURRENT"), Version::V3_2).contains("type=\"LAST_OR_CURRENT\""));
    assert!(of(kind("CURRENT_AND_INTERMEDIATE"), Version::V3_2).contains("type=\"CURRENT\""));
    let old = of(slir("<eqop><hor_acc qos_class='ASSURED'>5</hor_acc></eqop>"), Version::V3_1);
    assert!(
        old.contains("<svc_init ver=\"3.1.0\"><hdr ver=\"3.0.0\">") && old.contains("<slir ver=\"3.0.0\""),
        "{old}"
    );
    assert!(old.contains("SYSTEM \"MLP_SVC_INIT_310.DTD\"") && old.contains("<hor_acc>5</hor_acc>"), "{old}");
    let stopped =
        Document::new(Version::V3_1, Body::refusal(Service::Tlrsr, ResultCode(115).into())).into_xml();
    assert!(stopped.contains("resid=\"110\""), "{stopped}");
    let history = Document::new(Version::V3_1, Body::refusal(Service::Hlir, ResultCode(1).into())).into_xml();
    assert!(history.contains("<gem ver=\"3.1.0\"><result resid=\"108\">"), "{history}");
}
