//! The status page: one HTML document without scripts or anything to load.

use std::fmt::{Display, Write};

use super::status::Status;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--warn:#b35900;--good:#1a7f37}\
@media(prefers-color-scheme:dark){:root{--warn:#ffb454;--good:#5fd38d}}\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}\
caption{text-align:left;font-weight:600;padding:.3rem 0}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\
.banner{border:2px solid var(--warn);padding:.6rem 1rem;border-radius:.4rem;margin:1rem 0}\
.good{color:var(--good)}.bad{color:var(--warn)}";

/// The page.
pub(super) fn render(s: &Status) -> String {
    let mut h = String::with_capacity(8 * 1024);
    // Writing to a string does not fail.
    let _ = write(&mut h, s);
    h
}

fn write(h: &mut String, s: &Status) -> std::fmt::Result {
    write!(
        h,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Groma: {}</title>\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><style>{STYLE}</style></head><body><main>\
         <h1>Groma</h1>",
        if s.readiness.ready { "ready" } else { "not ready" }
    )?;
    banners(h, s)?;
    table(h, "Server", &[], &server_rows(s))?;
    let sky: Vec<[String; 5]> = s
        .sky
        .iter()
        .map(|c| {
            let age = c.newest_age_s.map_or_else(|| "–".to_owned(), duration);
            let left = c.left_s.map_or_else(|| "–".to_owned(), duration);
            [c.gnss.to_owned(), c.healthy.to_string(), c.unhealthy.to_string(), age, left]
        })
        .collect();
    table(
        h,
        "Sky: satellites with a valid ephemeris",
        &["System", "#Healthy", "#Unhealthy", "#Age of the newest", "#Left if nothing new arrives"],
        &sky,
    )?;
    let feeds: Vec<[String; 6]> = s
        .feeds
        .iter()
        .map(|f| {
            let last = f.last_success.clone().unwrap_or_else(|| "never".to_owned());
            let [records, refused, reconnects] = [f.records, f.refused, f.reconnects].map(|n| n.to_string());
            [f.source.clone(), f.state.clone(), last, records, refused, reconnects]
        })
        .collect();
    let columns = ["Source", "State", "Last success", "#Records", "#Refused", "#Reconnects"];
    table(h, "Sources of navigation data", &columns, &feeds)?;
    let ended: Vec<[String; 2]> =
        s.sessions_ended.iter().map(|(outcome, n)| [outcome.clone(), n.to_string()]).collect();
    table(h, "Sessions ended since the start", &["Outcome", "#Sessions"], &ended)?;
    h.push_str(
        "<p><a href=\"/\">Refresh</a> · <a href=\"/status.json\">status.json</a> · <a href=\"/sky.json\">sky.json</a> · \
         <a href=\"/metrics\">metrics</a> · <a href=\"/readyz\">readyz</a></p></main></body></html>\n",
    );
    Ok(())
}

fn banners(h: &mut String, s: &Status) -> std::fmt::Result {
    if s.sky_simulated {
        h.push_str(
            "<p class=\"banner\" role=\"note\"><strong>Simulated sky.</strong> The satellites are invented; a real receiver \
             finds nothing with this data.</p>",
        );
    }
    if s.clock_shifted {
        write!(
            h,
            "<p class=\"banner\" role=\"note\"><strong>Shifted clock.</strong> The server believes it is {}.</p>",
            escape(&s.time)
        )?;
    }
    if s.tracing {
        h.push_str(
            "<p class=\"banner\" role=\"note\"><strong>Session trace is on.</strong> Messages of subscribers are being \
             recorded in memory.</p>",
        );
    }
    if s.readiness.ready {
        h.push_str("<p role=\"status\" class=\"good\">Ready: handsets get fresh assistance.</p>");
    } else {
        h.push_str("<div role=\"status\" class=\"bad\"><p>Not ready:</p><ul>");
        for r in &s.readiness.reasons {
            write!(h, "<li>{}</li>", escape(r))?;
        }
        h.push_str("</ul></div>");
    }
    Ok(())
}

fn server_rows(s: &Status) -> Vec<[String; 2]> {
    let row = |name: &str, value: String| [name.to_owned(), value];
    let mut rows = vec![
        row("Version", s.version.to_owned()),
        row("Time", s.time.clone()),
        row(
            "Up",
            format!("{} (since {})", duration(i64::try_from(s.uptime_s).unwrap_or(i64::MAX)), s.started),
        ),
    ];
    rows.extend(s.listeners.iter().map(|l| row(&l.what, l.address.clone())));
    rows.push(row("Connections of handsets", s.connections_open.to_string()));
    rows.push(row("Sessions running", s.sessions_open.to_string()));
    rows.push(row("Transmitters in the cell table", s.cells.to_string()));
    rows
}

/// A table; headings that begin with `#` head columns of numbers. Without headings the first cell of each row is one.
fn table<const N: usize>(
    h: &mut String,
    caption: &str,
    heads: &[&str],
    rows: &[[String; N]],
) -> std::fmt::Result {
    write!(h, "<table><caption>{}</caption>", escape(caption))?;
    if !heads.is_empty() {
        h.push_str("<thead><tr>");
        for head in heads {
            match head.strip_prefix('#') {
                Some(n) => write!(h, "<th scope=\"col\" class=\"n\">{n}</th>")?,
                None => write!(h, "<th scope=\"col\">{head}</th>")?,
            }
        }
        h.push_str("</tr></thead>");
    }
    h.push_str("<tbody>");
    if rows.is_empty() {
        write!(h, "<tr><td colspan=\"{N}\">none</td></tr>")?;
    }
    for row in rows {
        h.push_str("<tr>");
        for (i, cell) in row.iter().enumerate() {
            let number = heads.get(i).is_some_and(|t| t.starts_with('#'));
            match (i, number) {
                (0, _) => write!(h, "<th scope=\"row\">{}</th>", escape(cell))?,
                (_, true) => write!(h, "<td class=\"n\">{}</td>", escape(cell))?,
                (_, false) => write!(h, "<td>{}</td>", escape(cell))?,
            }
        }
        h.push_str("</tr>");
    }
    h.push_str("</tbody></table>");
    Ok(())
}

/// Seconds for people: `3 h 12 min`.
fn duration(s: i64) -> String {
    let sign = if s < 0 { "−" } else { "" };
    let s = s.unsigned_abs();
    match s {
        0..60 => format!("{sign}{s} s"),
        60..3600 => format!("{sign}{} min", s / 60),
        3600..86_400 => format!("{sign}{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{sign}{} d {} h", s / 86_400, s / 3600 % 24),
    }
}

/// Text as HTML.
fn escape(text: &str) -> impl Display {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<b a='1'>&\"").to_string(), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn durations_read_well() {
        let shown: Vec<String> = [5, 65, 3_700, 90_000, -120].map(duration).to_vec();
        assert_eq!(shown, ["5 s", "1 min", "1 h 1 min", "1 d 1 h", "−2 min"]);
    }
}
