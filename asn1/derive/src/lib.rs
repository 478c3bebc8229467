//! `AsnType`, `Encode` and `Decode` of rasn, for types that stay open: to their users, and to later releases.
//!
//! rasn takes `#[non_exhaustive]` for the `...` of ASN.1. That attribute also forbids other crates to build the type
//! with a literal or to match it completely, which for types this large leaves constructors of twenty positional
//! arguments. These derives accept an inert `#[extensible]` in its place, hand rasn what it expects, and the type
//! stays open to its users.
//!
//! rasn refuses a whole message for one item of an ENUMERATED or one alternative of a CHOICE that a later release has
//! added. Here a variant marked `#[unknown]`, the last one of its type, takes whatever is not known: of an ENUMERATED
//! the index, of a CHOICE a `crate::support::UnknownAlternative`. What these derives add to rasn's calls for that lives
//! in `crate::support` of the crate that has the types ([`open`]).
//!
//! A SEQUENCE is encoded and decoded in place ([`sequence`]), which makes a third of the code of it.

mod open;
mod sequence;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

/// rasn's `AsnType`.
#[proc_macro_derive(AsnType, attributes(rasn, extensible, unknown))]
pub fn asn_type(input: TokenStream) -> TokenStream {
    let input = open::Split::of(marked(parse_macro_input!(input as DeriveInput)));
    rasn_derive_impl::asn_type_derive_inner(input.known.clone())
        .and_then(|code| input.asn_type(code))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// rasn's `Encode`.
#[proc_macro_derive(Encode, attributes(rasn, extensible, unknown))]
pub fn encode(input: TokenStream) -> TokenStream {
    let input = open::Split::of(marked(parse_macro_input!(input as DeriveInput)));
    rasn_derive_impl::encode_derive_inner(input.known.clone())
        .and_then(|code| match sequence::Sequence::of(&input.known, &code)? {
            Some((sequence, constants)) => Ok(sequence.encode(&constants)),
            None => input.encode(code),
        })
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// rasn's `Decode`.
#[proc_macro_derive(Decode, attributes(rasn, extensible, unknown))]
pub fn decode(input: TokenStream) -> TokenStream {
    let input = open::Split::of(marked(parse_macro_input!(input as DeriveInput)));
    rasn_derive_impl::encode_derive_inner(input.known.clone())
        .and_then(|code| match sequence::Sequence::of(&input.known, &code)? {
            Some((sequence, constants)) => Ok(sequence.decode(&constants)),
            None => {
                rasn_derive_impl::decode_derive_inner(input.known.clone()).and_then(|code| input.decode(code))
            }
        })
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// The input as rasn wants to see it: its spelling of the extension marker in the place of ours.
fn marked(mut input: DeriveInput) -> DeriveInput {
    for attribute in &mut input.attrs {
        if attribute.path().is_ident("extensible") {
            *attribute = parse_quote!(#[non_exhaustive]);
        }
    }
    input
}
