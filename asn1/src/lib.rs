//! OMA ULP, 3GPP RRLP and 3GPP LPP as Rust types, with their UPER codec.
