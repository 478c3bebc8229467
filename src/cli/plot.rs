//! Pictures of fixes as SVG: written here, since a scatter and a line need no library.

use std::fmt::Write as _;

use super::spread::percentile;

/// What a picture shows.
#[derive(Debug)]
pub(super) struct Plot<'a> {
    /// Heading.
    pub(super) title: &'a str,
    /// What errors are measured from.
    pub(super) origin: &'a str,
    /// Errors east and north, metres.
    pub(super) errors: &'a [[f64; 2]],
    /// Seconds since the first epoch and satellites used; 0 where there was no fix.
    pub(super) satellites: &'a [(f64, usize)],
}

const SIDE: f64 = 560.0;
const MARGIN: f64 = 56.0;
const LINE_HEIGHT: f64 = 160.0;
const WIDTH: f64 = SIDE + 2.0 * MARGIN;
/// Most points drawn; of more, every n-th.
const MAX_POINTS: usize = 5_000;

impl Plot<'_> {
    /// The picture.
    pub(super) fn svg(&self) -> String {
        let height = SIDE + LINE_HEIGHT + 3.5 * MARGIN;
        let mut out = String::new();
        let _ = write!(
            out,
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/>
<text x="{MARGIN}" y="28" font-size="16">{}</text>
"#,
            escaped(self.title)
        );
        self.scatter(&mut out);
        self.line(&mut out);
        out.push_str("</svg>\n");
        out
    }

    fn scatter(&self, out: &mut String) {
        let mut radii: Vec<f64> = self.errors.iter().map(|e| e[0].hypot(e[1])).collect();
        radii.sort_unstable_by(f64::total_cmp);
        let (half, most) = (percentile(&radii, 50.0), percentile(&radii, 95.0));
        let reach =
            if most.is_finite() { (most * 1.6).max(percentile(&radii, 99.0) * 1.1).max(0.1) } else { 1.0 };
        let step = grid_step(reach);
        let (cx, cy) = (MARGIN + SIDE / 2.0, MARGIN + SIDE / 2.0);
        let scale = SIDE / 2.0 / reach;
        let _ = writeln!(
            out,
            r#"<clipPath id="box"><rect x="{MARGIN}" y="{MARGIN}" width="{SIDE}" height="{SIDE}"/></clipPath><g clip-path="url(#box)">"#
        );
        for i in -20..=20 {
            let m = f64::from(i) * step;
            if m.abs() <= reach {
                let (x, y) = (cx + m * scale, cy - m * scale);
                let (end_x, end_y) = (MARGIN + SIDE, MARGIN + SIDE);
                let _ = writeln!(
                    out,
                    r#"<path d="M{x:.1} {MARGIN}V{end_y}M{MARGIN} {y:.1}H{end_x}" stroke="gainsboro"/>"#
                );
            }
        }
        let every = self.errors.len().div_ceil(MAX_POINTS).max(1);
        for [e, n] in self.errors.iter().step_by(every) {
            let (x, y) = (cx + e * scale, cy - n * scale);
            let _ = writeln!(
                out,
                r#"<circle cx="{x:.1}" cy="{y:.1}" r="2.2" fill="steelblue" fill-opacity="0.55"/>"#
            );
        }
        for (radius, colour) in [(half, "seagreen"), (most, "firebrick")] {
            if radius.is_finite() {
                let _ = writeln!(
                    out,
                    r#"<circle cx="{cx}" cy="{cy}" r="{:.1}" fill="none" stroke="{colour}" stroke-width="1.8"/>"#,
                    radius * scale
                );
            }
        }
        let _ = writeln!(
            out,
            r#"</g><rect x="{MARGIN}" y="{MARGIN}" width="{SIDE}" height="{SIDE}" fill="none" stroke="dimgray"/>
<path d="M{:.1} {cy}h12M{cx} {:.1}v12" stroke="black"/>"#,
            cx - 6.0,
            cy - 6.0
        );
        for i in -20..=20 {
            let m = f64::from(i) * step;
            if m.abs() <= reach {
                let (x, y) = (cx + m * scale, cy - m * scale);
                let (below, left) = (MARGIN + SIDE + 16.0, MARGIN - 6.0);
                let _ = writeln!(
                    out,
                    r#"<text x="{x:.1}" y="{below}" text-anchor="middle">{m}</text><text x="{left}" y="{:.1}" text-anchor="end">{m}</text>"#,
                    y + 4.0,
                );
            }
        }
        if most.is_finite() {
            let _ = writeln!(
                out,
                r#"<text x="{MARGIN}" y="{}">metres east and north of {}: <tspan fill="seagreen">50 % within {half:.2} m</tspan>, <tspan fill="firebrick">95 % within {most:.2} m</tspan> ({} fixes)</text>"#,
                MARGIN + SIDE + 34.0,
                escaped(self.origin),
                self.errors.len(),
            );
        }
    }

    fn line(&self, out: &mut String) {
        let top = SIDE + 2.5 * MARGIN;
        let most = self.satellites.iter().map(|s| s.1).max().unwrap_or(0).max(1);
        let ceiling = most.next_multiple_of(5) as f64;
        let span = self.satellites.last().map_or(1.0, |s| s.0).max(1.0);
        let at = |(t, n): (f64, usize)| {
            (MARGIN + t / span * SIDE, top + LINE_HEIGHT - n as f64 / ceiling * LINE_HEIGHT)
        };
        let mut path = String::new();
        let every = self.satellites.len().div_ceil(MAX_POINTS).max(1);
        for (i, s) in self.satellites.iter().step_by(every).enumerate() {
            let (x, y) = at(*s);
            let _ = write!(path, "{}{x:.1} {y:.1}", if i == 0 { 'M' } else { 'L' });
        }
        for n in (0..=ceiling as usize).step_by(5) {
            let (_, y) = at((0.0, n));
            let _ = writeln!(
                out,
                r#"<path d="M{MARGIN} {y:.1}h{SIDE}" stroke="gainsboro"/><text x="{:.1}" y="{:.1}" text-anchor="end">{n}</text>"#,
                MARGIN - 6.0,
                y + 4.0
            );
        }
        let (unit, name) = if span > 7200.0 { (3600.0, "hours") } else { (60.0, "minutes") };
        let _ = writeln!(
            out,
            r#"<path d="{path}" fill="none" stroke="steelblue" stroke-width="1.4"/>
<rect x="{MARGIN}" y="{top}" width="{SIDE}" height="{LINE_HEIGHT}" fill="none" stroke="dimgray"/>
<text x="{MARGIN}" y="{}">satellites used, over {:.1} {name}</text>"#,
            top + LINE_HEIGHT + 18.0,
            span / unit
        );
    }
}

/// Distance of grid lines: 1, 2 or 5 times a power of ten, some four to each side.
fn grid_step(reach: f64) -> f64 {
    let rough = reach / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().find(|m| m * power >= rough).unwrap_or(10.0) * power;
    // Takes out what the powers of ten leave in the last digits of labels.
    (step * 1e6).round() / 1e6
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_its_points_and_circles() {
        let errors: Vec<[f64; 2]> = (0..100).map(|i| [f64::from(i) * 0.01, -f64::from(i) * 0.02]).collect();
        let satellites: Vec<(f64, usize)> = (0..100).map(|i| (f64::from(i) * 30.0, 9)).collect();
        let plot = Plot { title: "A & B <1>", origin: "the truth", errors: &errors, satellites: &satellites };
        let svg = plot.svg();
        assert_eq!(svg.matches("r=\"2.2\"").count(), 100);
        assert!(svg.contains("A &amp; B &lt;1&gt;") && svg.contains("95 % within 2.10 m"), "{svg}");
        assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_to_show_is_shown() {
        let svg = Plot { title: "", origin: "", errors: &[], satellites: &[] }.svg();
        assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN"));
    }

    #[test]
    fn grids_are_round() {
        for (reach, step) in [(1.0, 0.5), (4.0, 1.0), (3.9, 1.0), (100.0, 50.0), (0.3, 0.1)] {
            assert_eq!(grid_step(reach), step, "{reach}");
        }
    }
}
