//! Reading an MLP request and writing its answer: what the documents alone cost of a request over HTTP.

// A bench that cannot run says why by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use groma::base::geo::{Ellipse, GeoPoint, Shape};
use groma::base::{LocationEstimate, PositionMethod, Utc};
use groma::le::mlp::convert::position::{Form, method, pd};
use groma::le::mlp::model::{Answer, Document, Msid, MsidType, Outcome, Pos, ResultType, Slia};
use groma::le::mlp::{Reading, Version, parse};

const REQUEST: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE svc_init SYSTEM "MLP_v3_4.dtd">
<svc_init ver="3.4.0">
  <hdr ver="3.4.0">
    <client><id>tracker</id><pwd>tracker</pwd><serviceid>0007</serviceid><requestmode type="PASSIVE"/></client>
    <requestor type="NAME"><id>dispatcher</id></requestor>
  </hdr>
  <slir ver="3.4.0" res_type="SYNC">
    <msids><msid type="MSISDN">491700000001</msid></msids>
    <eqop>
      <resp_req type="LOW_DELAY"/><resp_timer>20</resp_timer>
      <hor_acc qos_class="BEST_EFFORT">50</hor_acc><max_loc_age>60</max_loc_age>
    </eqop>
    <geo_info>
      <CoordinateReferenceSystem>
        <Identifier><code>4326</code><codeSpace>EPSG</codeSpace><edition>6.1</edition></Identifier>
      </CoordinateReferenceSystem>
    </geo_info>
    <loc_type type="CURRENT_OR_LAST"/><prio type="NORMAL"/>
  </slir>
</svc_init>
"#;

fn estimate() -> LocationEstimate {
    let ellipse =
        Ellipse { semi_major_m: 31.2, semi_minor_m: 17.9, orientation_deg: 46.0, confidence: Some(68) };
    LocationEstimate {
        shape: Shape::Ellipsoid {
            at: GeoPoint::new(51.507_35, -0.127_75).unwrap(),
            ellipse,
            altitude_m: 57.4,
            altitude_unc_m: 12.0,
        },
        time: Utc::from_unix_s(1_795_342_530),
        method: PositionMethod::AgnssMsBased,
        velocity: None,
    }
}

fn answer(estimate: &LocationEstimate) -> String {
    let pos = Pos {
        method: Some(method(estimate.method)),
        result: ResultType::Final,
        msid: Msid::new(MsidType::Msisdn, "491700000001"),
        outcome: Outcome::Position(Box::new(pd(estimate, &Form::default(), true).unwrap())),
        gsm_net_param: None,
        trans_id: None,
        add_info: None,
        positioning_data: Vec::new(),
    };
    Document::new(Version::V3_4, Slia { answer: Answer::Positions(vec![pos]) }).into_xml()
}

fn documents(c: &mut Criterion) {
    let reading = Reading::default();
    let mut group = c.benchmark_group("mlp documents");
    group.throughput(Throughput::Bytes(REQUEST.len() as u64));
    group.bench_function("parse slir", |b| {
        b.iter(|| parse(black_box(REQUEST.as_bytes()), Some("utf-8"), &reading).unwrap());
    });
    let estimate = estimate();
    group.throughput(Throughput::Bytes(answer(&estimate).len() as u64));
    group.bench_function("write slia", |b| b.iter(|| answer(black_box(&estimate))));
    group.finish();
}

criterion_group!(benches, documents);
criterion_main!(benches);
