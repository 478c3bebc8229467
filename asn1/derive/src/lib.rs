//! `AsnType`, `Encode` and `Decode` of rasn, with the extension marker spelled `#[extensible]`.
//!
//! rasn takes `#[non_exhaustive]` for the `...` of ASN.1. That attribute also forbids other crates to build the type
//! with a literal or to match it completely, which for types this large leaves constructors of twenty positional
//! arguments. These derives accept an inert `#[extensible]` in its place, hand rasn what it expects, and the type
//! stays open to its users.

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input, parse_quote};

/// rasn's `AsnType`.
#[proc_macro_derive(AsnType, attributes(rasn, extensible))]
pub fn asn_type(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    rasn_derive_impl::asn_type_derive_inner(marked(input))
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// rasn's `Encode`.
#[proc_macro_derive(Encode, attributes(rasn, extensible))]
pub fn encode(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    rasn_derive_impl::encode_derive_inner(marked(input)).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// rasn's `Decode`.
#[proc_macro_derive(Decode, attributes(rasn, extensible))]
pub fn decode(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    rasn_derive_impl::decode_derive_inner(marked(input)).unwrap_or_else(syn::Error::into_compile_error).into()
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
