//! The gRPC contract: `groma/location/v1/location.proto` as Rust types, with client and server traits.
//!
//! The server does not offer this door yet and does not depend on this crate; the contract is here so that it can be read,
//! reviewed and built against.

/// Positions of subscribers, first version.
#[allow(clippy::pedantic, missing_docs, unreachable_pub)]
pub mod location_v1 {
    tonic::include_proto!("groma.location.v1");
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::location_v1::{Circle, Point, Shape, Target, shape, target};

    #[test]
    fn messages_round_trip() {
        let center = Some(Point { latitude: 50.0, longitude: 8.0 });
        let s = Shape { kind: Some(shape::Kind::Circle(Circle { center, radius_m: 25.0 })) };
        assert_eq!(Shape::decode(s.encode_to_vec().as_slice()), Ok(s));
    }

    #[test]
    fn numbers_of_the_contract_stay() {
        // Field 1, length-delimited: what is on the wire must not change with the file's layout.
        let t = Target { identity: Some(target::Identity::Msisdn("1".to_owned())) };
        assert_eq!(t.encode_to_vec(), [0x0a, 1, b'1']);
    }
}
