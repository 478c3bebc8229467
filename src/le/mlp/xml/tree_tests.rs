use super::*;

fn read(text: &str) -> Result<Vec<String>, ParseFault> {
    let (tree, outcome) = build(text, &Limits::default());
    outcome?;
    Ok(tree.records.iter().map(|r| format!("{}={}", r.name, r.text.trim())).collect())
}

fn refused(text: &str) -> FaultKind {
    build(text, &Limits::default()).1.map_err(|f| f.kind).expect_err(text)
}

#[test]
fn elements_texts_and_attributes() {
    let text = "<?xml version='1.0'?><!-- c --><!DOCTYPE a SYSTEM \"x.dtd\" [<!ENTITY % e SYSTEM \"e.dtd\">%e;]>\
                <p:a x='1 &amp; &#50;'> <b>one &lt; <![CDATA[<two>]]>&#x33;</b><c/> <?pi?></p:a>\n";
    assert_eq!(read(text).unwrap(), ["a=", "b=one < <two>3", "c="]);
    let (tree, _) = build(text, &Limits::default());
    assert!(tree.doctype.unwrap().contains("%e;"));
    let root = tree.root().unwrap();
    assert!(root.prefixed());
    assert_eq!(root.take_attribute("x"), Some("1 & 2"));
    assert_eq!(root.children().map(Node::name).collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn what_is_not_xml_is_refused() {
    for text in [
        "",
        " ",
        "hello",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a/>x",
        "x<a/>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a>&nbsp;</a>",
        "<a>&#0;</a>",
        "<a>&#xffff;</a>",
        "<a b='&x;'/>",
        "<a>&</a>",
        "<a>]]></a>",
        "<1a/>",
        "<a:b:c/>",
        "<a b:='1'/>",
        "<a><!-- -- --></a>",
        "<a/><!DOCTYPE a>",
        "<!DOCTYPE a><!DOCTYPE a><a/>",
        " <?xml version='1.0'?><a/>",
        "<a><?xml version='1.0'?></a>",
        "<a",
        "<!DOCTYPE a [",
        "<a><![CDATA[x</a>",
        "&#65;<a/>",
        "<![CDATA[x]]><a/>",
    ] {
        assert_eq!(refused(text), FaultKind::NotWellFormed, "{text}");
    }
}

#[test]
fn bombs_are_refused() {
    let deep = "<a>".repeat(100_000);
    assert_eq!(refused(&deep), FaultKind::TooLarge);
    let wide = format!("<a>{}</a>", "<b/>".repeat(60_000));
    assert_eq!(refused(&wide), FaultKind::TooLarge);
    let attributes = (0..1000).fold(String::new(), |all, i| all + &format!(" a{i}='1'"));
    assert_eq!(refused(&format!("<a{attributes}/>")), FaultKind::TooLarge);
    assert_eq!(refused(&format!("<a b='{}'/>", "x".repeat(5000))), FaultKind::TooLarge);
    assert_eq!(refused(&format!("<a>{}</a>", "x".repeat(300_000))), FaultKind::TooLarge);
    let entities = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbb'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>";
    assert_eq!(refused(entities), FaultKind::NotWellFormed);
}
