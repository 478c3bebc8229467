//! What is added to the code that rasn derives, so that a type has room for what later releases add.

use proc_macro2::TokenStream;
use quote::{ToTokens as _, quote};
use syn::{Data, DeriveInput, Expr, Ident, ImplItem, ImplItemFn, Item, ItemImpl, Stmt, parse_quote};

/// A type without its `#[unknown]` variant, which rasn must not see, and that variant.
pub(crate) struct Split {
    pub(crate) known: DeriveInput,
    unknown: Option<Ident>,
}

impl Split {
    pub(crate) fn of(mut input: DeriveInput) -> Self {
        let mut unknown = None;
        if let Data::Enum(items) = &mut input.data
            && let Some(last) = items.variants.last()
            && last.attrs.iter().any(|attribute| attribute.path().is_ident("unknown"))
        {
            unknown = items.variants.pop().map(|last| last.into_value().ident);
        }
        Self { known: input, unknown }
    }

    /// Whether an attribute `#[rasn(…)]` has this word.
    fn is(&self, word: &str) -> bool {
        self.known.attrs.iter().any(|attribute| {
            attribute.path().is_ident("rasn")
                && attribute
                    .to_token_stream()
                    .to_string()
                    .split([' ', '(', ',', ')'])
                    .any(|part| part == word)
        })
    }

    /// An ENUMERATED is told how to turn an index into an item and back; rasn's own way searches lists of all items.
    pub(crate) fn asn_type(&self, code: TokenStream) -> syn::Result<TokenStream> {
        let (Some(unknown), true) = (&self.unknown, self.is("enumerated")) else { return Ok(code) };
        let (mut root, mut additions) = (Vec::new(), Vec::new());
        if let Data::Enum(items) = &self.known.data {
            for item in &items.variants {
                let is_addition = item
                    .attrs
                    .iter()
                    .any(|attribute| attribute.to_token_stream().to_string().contains("extension_addition"));
                if is_addition { &mut additions } else { &mut root }.push(&item.ident);
            }
        }
        let (roots, places) = (0..root.len(), 0..additions.len());
        let again = places.clone();
        edit(code, "Enumerated", |found| {
            found.items.push(parse_quote! {
                fn is_extended_variant(&self) -> bool {
                    matches!(self, #(Self::#additions |)* Self::#unknown(_))
                }
            });
            found.items.push(parse_quote! {
                fn enumeration_index(&self) -> usize {
                    match self {
                        #(Self::#root => #roots,)*
                        #(Self::#additions => #places,)*
                        Self::#unknown(index) => *index,
                    }
                }
            });
            found.items.push(parse_quote! {
                fn from_extended_enumeration_index(index: usize) -> Option<Self> {
                    Some(match index {
                        #(#again => Self::#additions,)*
                        _ => Self::#unknown(index),
                    })
                }
            });
        })
    }

    /// A CHOICE reads the index itself, since rasn's reader gives up on an index that it does not know.
    pub(crate) fn decode(&self, code: TokenStream) -> syn::Result<TokenStream> {
        let (Some(unknown), true) = (&self.unknown, self.is("choice")) else { return Ok(code) };
        let name = &self.known.ident;
        let code = edit(code, "Decode", |found| {
            for function in functions(found) {
                if function.sig.ident == "decode" {
                    function.block = parse_quote!({ crate::support::decode_choice(decoder) });
                }
            }
        })?;
        Ok(quote! {
            #code
            impl crate::support::OpenChoice for #name {
                fn unknown(alternative: crate::support::UnknownAlternative) -> Self {
                    Self::#unknown(alternative)
                }
            }
        })
    }

    /// A CHOICE writes an unknown alternative before rasn looks for it among the known ones.
    pub(crate) fn encode(&self, code: TokenStream) -> syn::Result<TokenStream> {
        let (Some(unknown), true) = (&self.unknown, self.is("choice")) else { return Ok(code) };
        edit(code, "Encode", |found| {
            for function in functions(found) {
                if function.sig.ident == "encode" {
                    // The same code as below, with the type's own identifier: once is enough.
                    function.block = parse_quote!({ self.encode_with_identifier(encoder, Self::IDENTIFIER) });
                }
                if function.sig.ident == "encode_with_identifier" {
                    function.block.stmts.iter_mut().for_each(add_arms);
                    function.block.stmts.insert(
                        0,
                        parse_quote! {
                            if let Self::#unknown(alternative) = self {
                                return crate::support::encode_unknown::<Self, E>(encoder, alternative);
                            }
                        },
                    );
                }
            }
        })
    }
}

/// Gives the matches over the known alternatives in `encoder.encode_choice(constraints, match …, |encoder| match …)` an
/// arm that is never reached, for the unknown one.
fn add_arms(statement: &mut Stmt) {
    let Stmt::Expr(Expr::MethodCall(outer), _) = statement else { return };
    let Expr::MethodCall(call) = &mut *outer.receiver else { return };
    for argument in &mut call.args {
        match argument {
            Expr::Match(tags) => tags.arms.push(parse_quote!(_ => rasn::types::Tag::EOC,)),
            Expr::Closure(closure) => {
                if let Expr::Match(encoders) = &mut *closure.body {
                    encoders.arms.push(parse_quote!(_ => Ok(rasn::types::Tag::EOC),));
                }
            }
            _ => {}
        }
    }
}

/// Changes the implementation of one trait in derived code.
fn edit(code: TokenStream, name: &str, change: impl FnOnce(&mut ItemImpl)) -> syn::Result<TokenStream> {
    let mut file: syn::File = syn::parse2(code)?;
    let found = file.items.iter_mut().find_map(|item| match item {
        Item::Impl(found) => {
            let (_, path, _) = found.trait_.as_ref()?;
            (path.segments.last()?.ident == name).then_some(found)
        }
        _ => None,
    });
    let Some(found) = found else {
        return Err(syn::Error::new(proc_macro2::Span::call_site(), format!("rasn derives no {name}")));
    };
    change(found);
    Ok(file.into_token_stream())
}

fn functions(found: &mut ItemImpl) -> impl Iterator<Item = &mut ImplItemFn> {
    found.items.iter_mut().filter_map(|item| match item {
        ImplItem::Fn(function) => Some(function),
        _ => None,
    })
}
