//! Namespaces of presence documents.

/// PIDF (RFC 3863).
pub(crate) const PIDF: &str = "urn:ietf:params:xml:ns:pidf";
/// The data model of presence (RFC 4479).
pub(crate) const DATA_MODEL: &str = "urn:ietf:params:xml:ns:pidf:data-model";
/// Location objects (RFC 4119).
pub(crate) const GEOPRIV: &str = "urn:ietf:params:xml:ns:pidf:geopriv10";
/// Usage rules (RFC 4119).
pub(crate) const BASIC_POLICY: &str = "urn:ietf:params:xml:ns:pidf:geopriv10:basicPolicy";
/// Civic addresses (RFC 5139).
pub(crate) const CIVIC: &str = "urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr";
/// Civic addresses of RFC 4119, which RFC 5139 replaced.
pub(crate) const OLD_CIVIC: &str = "urn:ietf:params:xml:ns:pidf:geopriv10:civicLoc";
/// Movement (RFC 5962).
pub(crate) const DYNAMIC: &str = "urn:ietf:params:xml:ns:pidf:geopriv10:dynamic";
/// Movement, as an example of RFC 6447 names it.
pub(crate) const DYNAMIC_IN_EXAMPLES: &str = "urn:ietf:params:xml:schema:pidf:dynamic";
/// Confidence (RFC 7459).
pub(crate) const CONFIDENCE: &str = "urn:ietf:params:xml:ns:geopriv:conf";
/// GML 3.1.
pub(crate) const GML: &str = "http://www.opengis.net/gml";
/// GML 3.2, which some writers name in its place.
pub(crate) const GML_32: &str = "http://www.opengis.net/gml/3.2";
/// Shapes of location objects (RFC 5491).
pub(crate) const SHAPES: &str = "http://www.opengis.net/pidflo/1.0";
/// HELD (RFC 5985), whose answers wrap a presence document.
pub(crate) const HELD: &str = "urn:ietf:params:xml:ns:geopriv:held";

/// Whether a namespace is GML's.
pub(crate) fn is_gml(space: &str) -> bool {
    space == GML || space == GML_32
}
