//! What is done to the Rust text that the compiler wrote.

use std::collections::{BTreeMap, BTreeSet};

use quote::{ToTokens as _, format_ident};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Field, Fields, Ident, ImplItem, Item, ItemStruct, Meta, Type, parse_quote};

use crate::Error;
use crate::rewrite::{OPEN_TYPE, Schema};

/// The compiler's text, put in order, as the text of one Rust module.
///
/// # Errors
/// When something that the schema promises is not in the text: then the compiler has changed or dropped something.
pub fn process(text: &str, schema: &Schema) -> Result<String, Error> {
    let file = syn::parse_file(text)?;
    let mut items = types_of(file)?;
    name_groups(&mut items);
    restore_constraints(&mut items, schema)?;
    trim_bit_strings(&mut items, schema)?;
    for item in &mut items {
        mark_extensible(item);
        make_room(item);
        derive_default(item);
    }
    describe(&mut items, schema)?;
    items.retain(|item| !matches!(item, Item::Struct(found) if found.ident == OPEN_TYPE));
    let mut all: Vec<Item> = vec![
        parse_quote!(
            use groma_asn1_derive::{AsnType, Decode, Encode};
        ),
        parse_quote!(
            use rasn::types::{
                BitString, FixedBitString, FixedOctetString, Ia5String, ObjectIdentifier, OctetString,
                SequenceOf, UtcTime, VisibleString,
            };
        ),
        parse_quote!(
            use rasn::{AsnType as _, Decode as _, Decoder as _, Encode as _, Encoder as _, types::Choice as _};
        ),
        parse_quote!(
            use crate::support::{OpenType, UnknownAlternative, named_bits};
        ),
    ];
    for (name, value) in &schema.values {
        let ident = format_ident!("{}", constant_name(name));
        let value = syn::LitInt::new(&value.to_string(), proc_macro2::Span::call_site());
        let doc = format!(" `{name}`");
        all.push(parse_quote!(#[doc = #doc] pub const #ident: usize = #value;));
    }
    all.extend(items);
    Ok(prettyplease::unparse(&syn::File { shebang: None, attrs: Vec::new(), items: all }))
}

/// The items of the one module in the file, without imports and constructors.
fn types_of(file: syn::File) -> Result<Vec<Item>, Error> {
    let mut modules = file.items.into_iter().filter_map(|item| match item {
        Item::Mod(module) => module.content.map(|(_, items)| items),
        _ => None,
    });
    let (Some(items), None) = (modules.next(), modules.next()) else { return Err(Error::NotOneModule) };
    Ok(items.into_iter().filter(is_wanted).collect())
}

/// A literal is clearer than a constructor with positional arguments, and `Default` is derived below.
fn is_wanted(item: &Item) -> bool {
    match item {
        Item::Use(_) | Item::ExternCrate(_) => false,
        Item::Impl(found) => {
            let constructor = |inner: &ImplItem| matches!(inner, ImplItem::Fn(f) if f.sig.ident == "new");
            found.trait_.is_none() && !found.items.iter().all(constructor)
        }
        _ => true,
    }
}

/// Addition groups have no name in ASN.1; the compiler names them after their first member. `ext2`, the second
/// addition of its type, is shorter, and stays when a release adds members.
fn name_groups(items: &mut [Item]) {
    let mut renamed = BTreeMap::new();
    for item in items.iter_mut() {
        let Item::Struct(found) = item else { continue };
        let owner = found.ident.to_string();
        let mut addition = 0;
        for field in &mut found.fields {
            let is_group = rasn_has(field, "extension_addition_group");
            addition += usize::from(is_group || rasn_has(field, "extension_addition"));
            if is_group && let Some(old) = optional_type(&field.ty) {
                renamed.insert(old.to_string(), format!("{owner}Ext{addition}"));
                field.ident = Some(format_ident!("ext{addition}"));
            }
        }
    }
    let mut renamer = Renamer { renamed };
    for item in items {
        renamer.visit_item_mut(item);
    }
}

/// Gives the groups, and the types inside them that are named after them, their new names.
struct Renamer {
    renamed: BTreeMap<String, String>,
}

impl VisitMut for Renamer {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        let name = ident.to_string();
        let longest =
            self.renamed.iter().filter(|(old, _)| name.starts_with(*old)).max_by_key(|(old, _)| old.len());
        if let Some((old, new)) = longest {
            *ident = format_ident!("{new}{}", &name[old.len()..]);
        }
        visit_mut::visit_ident_mut(self, ident);
    }
}

/// rasn forgets the constraint of a type when a member of this type is an extension addition by itself: both its
/// encoder and its decoder then use the unconstrained form. The constraint is written once more, on the member.
fn restore_constraints(items: &mut [Item], schema: &Schema) -> Result<(), Error> {
    let structs: BTreeMap<String, ItemStruct> = items
        .iter()
        .filter_map(|item| match item {
            Item::Struct(found) => Some((found.ident.to_string(), found.clone())),
            _ => None,
        })
        .collect();
    let mut restored = Vec::new();
    for item in items.iter_mut() {
        let Item::Struct(found) = item else { continue };
        for field in &mut found.fields {
            if !rasn_has(field, "extension_addition") {
                continue;
            }
            let Some(target) = optional_type(&field.ty).or_else(|| plain_type(&field.ty)) else { continue };
            let constraints = constraints_of(&structs, &target.to_string());
            if !constraints.is_empty() {
                field.attrs.push(parse_quote!(#[rasn(#(#constraints),*)]));
                restored.push((plain(&target.to_string()), plain(&field_name(field))));
            }
        }
    }
    restored.sort();
    let mut expected: Vec<_> =
        schema.forgotten_constraints().into_iter().map(|(ty, member)| (plain(&ty), plain(&member))).collect();
    expected.sort();
    if restored == expected { Ok(()) } else { Err(Error::Constraints { expected, restored }) }
}

/// The `size`, `value` and `from` of a newtype, as its attribute or its fixed-size inner type gives them.
fn constraints_of(structs: &BTreeMap<String, ItemStruct>, name: &str) -> Vec<Meta> {
    let Some(found) = structs.get(name) else { return Vec::new() };
    let attributes = rasn_arguments(&found.attrs);
    if !attributes.iter().any(|argument| argument.path().is_ident("delegate")) {
        return Vec::new();
    }
    let mut constraints: Vec<Meta> = attributes
        .into_iter()
        .filter(|argument| ["size", "value", "from"].iter().any(|name| argument.path().is_ident(name)))
        .collect();
    if constraints.is_empty()
        && let Some(Type::Path(inner)) = found.fields.iter().next().map(|field| &field.ty)
        && let Some(segment) = inner.path.segments.last()
    {
        if let (true, syn::PathArguments::AngleBracketed(arguments)) =
            (segment.ident.to_string().starts_with("Fixed"), &segment.arguments)
        {
            let size = arguments.args.to_token_stream().to_string().replace("usize", "");
            constraints.push(parse_quote!(size(#size)));
        } else {
            constraints = constraints_of(structs, &segment.ident.to_string());
        }
    }
    constraints
}

/// Takes the derived encoder from BIT STRINGs whose trailing zero bits are not sent, and gives them one that trims.
fn trim_bit_strings(items: &mut Vec<Item>, schema: &Schema) -> Result<(), Error> {
    for (name, low) in schema.trimmed_bit_strings() {
        let wanted = plain(&name);
        let found = items.iter_mut().find_map(|item| match item {
            Item::Struct(found) if plain(&found.ident.to_string()) == wanted => Some(found),
            _ => None,
        });
        let Some(found) = found else { return Err(Error::Missing(name)) };
        remove_derive(found, "Encode");
        let ident = found.ident.clone();
        let low = syn::LitInt::new(&low.to_string(), proc_macro2::Span::call_site());
        items.push(parse_quote!(named_bits!(#ident, #low);));
    }
    Ok(())
}

fn remove_derive(found: &mut ItemStruct, name: &str) {
    for attribute in &mut found.attrs {
        if !attribute.path().is_ident("derive") {
            continue;
        }
        let mut kept: Vec<syn::Path> = Vec::new();
        let _ = attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident(name) {
                kept.push(meta.path);
            }
            Ok(())
        });
        *attribute = parse_quote!(#[derive(#(#kept),*)]);
    }
}

/// See the derives of `groma-asn1-derive`.
fn mark_extensible(item: &mut Item) {
    let attributes = match item {
        Item::Struct(found) => &mut found.attrs,
        Item::Enum(found) => &mut found.attrs,
        _ => return,
    };
    for attribute in attributes.iter_mut() {
        if attribute.path().is_ident("non_exhaustive") {
            *attribute = parse_quote!(#[extensible]);
        }
    }
    attributes.retain(|attribute| !attribute.path().is_ident("doc"));
}

/// An extensible CHOICE or ENUMERATED gets a variant for what later releases add: see the derives of
/// `groma-asn1-derive`.
fn make_room(item: &mut Item) {
    let Item::Enum(found) = item else { return };
    if !found.attrs.iter().any(|attribute| attribute.path().is_ident("extensible")) {
        return;
    }
    let is_choice = rasn_arguments(&found.attrs).iter().any(|argument| argument.path().is_ident("choice"));
    if is_choice {
        found.variants.push(parse_quote!(
            #[unknown]
            unknown_ext(UnknownAlternative)
        ));
    } else {
        // Rust numbers only items without content. The numbers never reach the wire.
        found.variants.iter_mut().for_each(|variant| variant.discriminant = None);
        found.variants.push(parse_quote!(
            #[unknown]
            unknown_ext(usize)
        ));
    }
}

/// A SEQUENCE all of whose members are optional begins empty.
fn derive_default(item: &mut Item) {
    let Item::Struct(found) = item else { return };
    let optional = |field: &Field| optional_type(&field.ty).is_some();
    if matches!(found.fields, Fields::Named(_)) && found.fields.iter().all(optional) {
        found.attrs.insert(0, parse_quote!(#[derive(Default)]));
    }
}

/// Puts the ASN.1 name on each type, which shows at the same time that no type was dropped.
fn describe(items: &mut [Item], schema: &Schema) -> Result<(), Error> {
    let names: BTreeMap<String, &str> =
        schema.types.iter().map(|(name, _)| (plain(name), name.as_str())).collect();
    let mut missing: BTreeSet<String> = names.keys().cloned().collect();
    for item in items.iter_mut() {
        let (ident, attributes) = match item {
            Item::Struct(found) => (&found.ident, &mut found.attrs),
            Item::Enum(found) => (&found.ident, &mut found.attrs),
            _ => continue,
        };
        let ident = plain(&ident.to_string());
        if let Some(name) = names.get(&ident) {
            let doc = format!(" `{name}`");
            attributes.insert(0, parse_quote!(#[doc = #doc]));
            missing.remove(&ident);
        }
    }
    missing.into_iter().next().map_or(Ok(()), |name| Err(Error::Missing(name)))
}

/// A name without what the compiler changes in names.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// `maxEPDU` as `MAX_EPDU`.
fn constant_name(name: &str) -> String {
    let mut constant = String::new();
    let mut before = '-';
    for c in name.chars() {
        if c.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit()) {
            constant.push('_');
        }
        constant.push(if c == '-' { '_' } else { c.to_ascii_uppercase() });
        before = c;
    }
    constant
}

fn field_name(field: &Field) -> String {
    rasn_arguments(&field.attrs)
        .iter()
        .find_map(|argument| match argument {
            Meta::NameValue(pair) if pair.path.is_ident("identifier") => {
                Some(pair.value.to_token_stream().to_string())
            }
            _ => None,
        })
        .or_else(|| field.ident.as_ref().map(Ident::to_string))
        .unwrap_or_default()
}

fn rasn_has(field: &Field, name: &str) -> bool {
    rasn_arguments(&field.attrs).iter().any(|argument| argument.path().is_ident(name))
}

fn rasn_arguments(attributes: &[Attribute]) -> Vec<Meta> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("rasn"))
        .filter_map(|attribute| {
            attribute
                .parse_args_with(syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated)
                .ok()
        })
        .flatten()
        .collect()
}

/// `X` of `Option<X>`.
fn optional_type(ty: &Type) -> Option<&Ident> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last()?;
    if segment.ident != "Option" {
        return None;
    }
    let syn::PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first()? {
        syn::GenericArgument::Type(inner) => plain_type(inner),
        _ => None,
    }
}

fn plain_type(ty: &Type) -> Option<&Ident> {
    let Type::Path(path) = ty else { return None };
    path.path.segments.last().map(|segment| &segment.ident)
}
