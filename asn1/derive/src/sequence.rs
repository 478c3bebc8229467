//! `Encode` and `Decode` of a SEQUENCE.
//!
//! rasn gives every SEQUENCE an encoder or decoder of its own type, which knows how many members there are. So each type
//! inside it is compiled once for each kind of SEQUENCE around it, and several times the code is built, loaded and run
//! through. Unaligned PER needs none of that: a SEQUENCE is an extension bit, a bit for each optional member, and the members
//! one after the other (X.691 clause 19). The code derived here writes and reads these with the encoder or decoder that it
//! was given. It is right for UPER, the one encoding of the protocols of this crate, and for no other; and it expects of the
//! encoder and decoder that they write and read an extension addition at the moment when they are asked to, as those of
//! `crate::uper` do.

use std::collections::BTreeMap;

use proc_macro2::TokenStream;
use quote::{ToTokens as _, format_ident, quote};
use syn::visit::Visit;
use syn::{Data, DeriveInput, Field, Fields, FieldsNamed, ItemConst, Type};

/// What a member is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Required,
    Optional,
    Default,
    /// An extension addition: a member, or a group in double brackets.
    Addition,
    Group,
}

/// A SEQUENCE.
pub(crate) struct Sequence<'a> {
    input: &'a DeriveInput,
    extensible: bool,
    members: Vec<Member<'a>>,
}

struct Member<'a> {
    field: &'a Field,
    kind: Kind,
    tag: TokenStream,
    /// The name of the constant that holds the member's own constraints.
    constraints: Option<syn::Ident>,
    /// The function that gives its DEFAULT.
    default: Option<syn::Path>,
}

impl<'a> Sequence<'a> {
    /// `input` as a SEQUENCE, if it is one; `encode` is what rasn derives for its `Encode`, from which the constraints of
    /// members are taken.
    pub(crate) fn of(
        input: &'a DeriveInput,
        encode: &TokenStream,
    ) -> syn::Result<Option<(Self, Vec<ItemConst>)>> {
        let Data::Struct(data) = &input.data else { return Ok(None) };
        let (Fields::Named(FieldsNamed { named, .. }), false) = (&data.fields, has(&input.attrs, "delegate"))
        else {
            return Ok(None);
        };
        let mut constants = Constants::default();
        constants.visit_file(&syn::parse2(encode.clone())?);
        let member = |(i, field): (usize, &'a Field)| {
            let default = default(field)?;
            let kind = if default.is_some() {
                Kind::Default
            } else if has(&field.attrs, "extension_addition_group") {
                Kind::Group
            } else if has(&field.attrs, "extension_addition") {
                Kind::Addition
            } else if is_option(&field.ty) {
                Kind::Optional
            } else {
                Kind::Required
            };
            let number = i as u32;
            Ok(Member {
                field,
                kind,
                tag: quote!(rasn::types::Tag::new(rasn::types::Class::Context, #number)),
                constraints: constants.0.get(&i).map(|c| c.ident.clone()),
                default,
            })
        };
        let members = named.iter().enumerate().map(member).collect::<syn::Result<_>>()?;
        let extensible = input.attrs.iter().any(|a| a.path().is_ident("non_exhaustive"));
        let sequence = Self { input, extensible, members };
        Ok(Some((sequence, constants.0.into_values().collect())))
    }

    fn of_kind(&self, kinds: &'static [Kind]) -> impl Iterator<Item = &Member<'a>> {
        self.members.iter().filter(|m| kinds.contains(&m.kind))
    }

    pub(crate) fn encode(&self, constants: &[ItemConst]) -> TokenStream {
        let name = &self.input.ident;
        let additions: Vec<_> = self.of_kind(&[Kind::Addition, Kind::Group]).collect();
        let presence = additions.iter().map(|m| {
            let field = &m.field.ident;
            if m.kind == Kind::Group {
                quote!(self.#field.as_ref().is_some_and(|group| !crate::support::Sequence::is_void(group)))
            } else {
                quote!(self.#field.is_some())
            }
        });
        let extension_bit = self.extensible.then(|| {
            quote! {
                let additions: &[bool] = &[#(#presence),*];
                let extended = additions.contains(&true);
                crate::support::encode_flag(encoder, extended)?;
            }
        });
        // Where every member may be absent, a value without any is as good as none.
        let void = if self.of_kind(&[Kind::Required]).next().is_some() {
            quote!(false)
        } else {
            let root = self.of_kind(&[Kind::Optional, Kind::Default]).map(Member::is_present);
            let inner = additions.iter().map(|m| {
                let field = &m.field.ident;
                quote!(self.#field.is_some())
            });
            quote!(!(false #(|| #root)* #(|| #inner)*))
        };
        let present = self.of_kind(&[Kind::Optional, Kind::Default]).map(Member::is_present);
        let root = self.of_kind(&[Kind::Required, Kind::Optional, Kind::Default]).map(|m| {
            let (field, tag) = (&m.field.ident, &m.tag);
            let encode = if let Some(c) = &m.constraints {
                quote! {
                    rasn::Encode::encode_with_tag_and_constraints(
                        value, encoder, #tag, &#c, rasn::types::Identifier::EMPTY,
                    )?
                }
            } else {
                quote!(rasn::Encode::encode_with_tag(value, encoder, #tag)?)
            };
            match m.kind {
                Kind::Optional => quote!(if let Some(value) = &self.#field { #encode; }),
                Kind::Default => {
                    let present = m.is_present();
                    quote!(if #present { let value = &self.#field; #encode; })
                }
                _ => quote!({ let value = &self.#field; #encode; }),
            }
        });
        let write = additions.iter().map(|m| {
            let field = &m.field.ident;
            let constraints = m.constraints.as_ref().map_or_else(|| quote!(None), |c| quote!(Some(&#c)));
            if m.kind == Kind::Group {
                quote! {
                    if let Some(group) = self.#field.as_ref().filter(|g| !crate::support::Sequence::is_void(*g)) {
                        crate::support::encode_addition(encoder, group, None)?;
                    }
                }
            } else {
                quote! {
                    if let Some(addition) = &self.#field {
                        crate::support::encode_addition(encoder, addition, #constraints)?;
                    }
                }
            }
        });
        let rest = self.extensible.then(|| {
            quote!(if extended {
                crate::support::encode_presence(encoder, additions)?;
                #(#write)*
            })
        });
        quote! {
            impl crate::support::Sequence for #name {
                fn is_void(&self) -> bool {
                    #void
                }
            }
            impl rasn::Encode for #name {
                fn encode_with_tag_and_constraints<'b, E: rasn::Encoder<'b>>(
                    &self,
                    encoder: &mut E,
                    _: rasn::types::Tag,
                    _: &rasn::types::Constraints,
                    _: rasn::types::Identifier,
                ) -> core::result::Result<(), E::Error> {
                    #(#constants)*
                    #extension_bit
                    #(crate::support::encode_flag(encoder, #present)?;)*
                    #(#root)*
                    #rest
                    Ok(())
                }
            }
        }
    }

    pub(crate) fn decode(&self, constants: &[ItemConst]) -> TokenStream {
        let name = &self.input.ident;
        let extension_bit =
            self.extensible.then(|| quote!(let extended = decoder.decode_bool(rasn::types::Tag::BOOL)?;));
        let presence = self.of_kind(&[Kind::Optional, Kind::Default]).map(|m| {
            let flag = variable("has", m.field);
            quote!(let #flag = decoder.decode_bool(rasn::types::Tag::BOOL)?;)
        });
        let root = self.of_kind(&[Kind::Required, Kind::Optional, Kind::Default]).map(|m| {
            let (field, tag, ty) = (variable("member", m.field), &m.tag, &m.field.ty);
            let decode = if let Some(c) = &m.constraints {
                quote!(rasn::Decode::decode_with_tag_and_constraints(decoder, #tag, &#c)?)
            } else {
                quote!(rasn::Decode::decode_with_tag(decoder, #tag)?)
            };
            let flag = variable("has", m.field);
            match &m.default {
                _ if m.kind == Kind::Optional => {
                    quote!(let #field: #ty = if #flag { Some(#decode) } else { None };)
                }
                Some(default) => quote!(let #field: #ty = if #flag { #decode } else { #default() };),
                None => quote!(let #field: #ty = #decode;),
            }
        });
        let additions = self.of_kind(&[Kind::Addition, Kind::Group]).map(|m| {
            let (field, ty) = (variable("member", m.field), &m.field.ty);
            let constraints = if let Some(c) = &m.constraints { quote!(Some(&#c)) } else { quote!(None) };
            quote!(let #field: #ty = additions.next(decoder, #constraints)?;)
        });
        let additions = self.extensible.then(|| {
            quote! {
                let mut additions = crate::support::Additions::decode(decoder, extended)?;
                #(#additions)*
                additions.skip(decoder)?;
            }
        });
        let fields = self.members.iter().map(|m| {
            let (field, value) = (&m.field.ident, variable("member", m.field));
            quote!(#field: #value)
        });
        quote! {
            impl rasn::Decode for #name {
                fn decode_with_tag_and_constraints<D: rasn::Decoder>(
                    decoder: &mut D,
                    _: rasn::types::Tag,
                    _: &rasn::types::Constraints,
                ) -> core::result::Result<Self, D::Error> {
                    #(#constants)*
                    #extension_bit
                    #(#presence)*
                    #(#root)*
                    #additions
                    Ok(Self { #(#fields),* })
                }
            }
        }
    }
}

impl Member<'_> {
    /// Whether an optional member is to be written.
    fn is_present(&self) -> TokenStream {
        let field = &self.field.ident;
        if let Some(default) = &self.default {
            quote!(self.#field != #default())
        } else {
            quote!(self.#field.is_some())
        }
    }
}

/// The function that gives a member's DEFAULT, by its attribute `#[rasn(default = "…")]`.
fn default(field: &Field) -> syn::Result<Option<syn::Path>> {
    let mut found = None;
    for attribute in field.attrs.iter().filter(|a| a.path().is_ident("rasn")) {
        attribute.parse_nested_meta(|meta| {
            let named = meta.path.is_ident("default");
            if meta.input.peek(syn::Token![=]) {
                let value: syn::LitStr = meta.value()?.parse()?;
                found = if named { Some(value.parse()?) } else { found.take() };
            } else if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<TokenStream>()?;
            }
            Ok(())
        })?;
    }
    Ok(found)
}

/// A variable for a member, of a name that no other has.
fn variable(what: &str, field: &Field) -> Option<syn::Ident> {
    field.ident.as_ref().map(|name| format_ident!("{what}_{name}"))
}

/// Whether an attribute `#[rasn(…)]` has this word.
fn has(attributes: &[syn::Attribute], word: &str) -> bool {
    attributes
        .iter()
        .filter(|a| a.path().is_ident("rasn"))
        .any(|a| a.to_token_stream().to_string().split([' ', '(', ',', ')', '=']).any(|part| part == word))
}

fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == "Option"))
}

/// The constants of members' constraints in derived code, by the member's place.
#[derive(Default)]
struct Constants(BTreeMap<usize, ItemConst>);

impl Visit<'_> for Constants {
    fn visit_item_const(&mut self, item: &ItemConst) {
        let name = item.ident.to_string();
        if let Some(place) = name.strip_prefix("FIELD_CONSTRAINT_").and_then(|n| n.parse().ok()) {
            self.0.insert(place, item.clone());
        }
    }
}
