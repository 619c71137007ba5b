//! Reports as one HTML page: no script, no font, no image from elsewhere.

use super::{Block, Document, Map, Plot};
use operator_model::quantity::{escape, measure};
use std::fmt::Write as _;

/// Longest single text, in characters.
const TEXT_CHARS_MAX: usize = 4_000;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1c2530;--dim:#5d6b7a;--paper:#fff;--line:#d6dde5;--mark:#c0392b;--calm:#2e7d5b;--band:#2e7d5b22}
@media(prefers-color-scheme:dark){:root{--ink:#dfe6ee;--dim:#93a1b0;--paper:#12171d;--line:#2c3640;--mark:#ff7b6b;--calm:#5fc49a;--band:#5fc49a22}}
body{font:15px/1.55 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:62rem;margin:2rem auto;padding:0 1.2rem}
h1{font-size:1.5rem;line-height:1.25}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid var(--line)}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
th{color:var(--dim);font-weight:600}pre{background:var(--band);padding:.7rem;overflow-x:auto;border-radius:4px}
figure{margin:1rem 0}figcaption{color:var(--dim);font-size:.9rem}svg{max-width:100%;height:auto}
svg text{font:12px system-ui,sans-serif;fill:var(--ink)}
";

/// The report as an HTML page.
#[must_use]
pub fn html(document: &Document) -> String {
    let title = plain(&document.title);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
    );
    for block in &document.blocks {
        write_block(&mut page, block);
    }
    page.push_str("</body>\n</html>\n");
    page
}

fn write_block(page: &mut String, block: &Block) {
    // Writing to a string cannot fail.
    let _ = match block {
        Block::Heading(text) => writeln!(page, "<h2>{}</h2>", plain(text)),
        Block::Paragraph(text) => writeln!(page, "<p>{}</p>", plain(text)),
        Block::List(items) => {
            let items: String = items
                .iter()
                .map(|item| format!("<li>{}</li>\n", plain(item)))
                .collect();
            writeln!(page, "<ul>\n{items}</ul>")
        }
        Block::Table { head, rows } => {
            let body: String = rows.iter().map(|row| table_row("td", row)).collect();
            writeln!(page, "<table>\n{}{body}</table>", table_row("th", head))
        }
        Block::Commands(commands) => {
            let lines: Vec<String> = commands.iter().map(|line| plain(line)).collect();
            writeln!(page, "<pre>{}</pre>", lines.join("\n"))
        }
        Block::Plot(plot) => writeln!(page, "{}", figure(plot)),
        Block::Map(map) => writeln!(page, "{}", graph(map)),
    };
}

fn table_row(tag: &str, cells: &[String]) -> String {
    let cells: String = cells
        .iter()
        .map(|cell| format!("<{tag}>{}</{tag}>", plain(cell)))
        .collect();
    format!("<tr>{cells}</tr>\n")
}

const PLOT_WIDTH: f64 = 640.0;
const PLOT_HEIGHT: f64 = 120.0;

/// Points are kept off the edges.
const MARGIN: f64 = 6.0;

fn figure(plot: &Plot) -> String {
    let finite = plot
        .values
        .iter()
        .copied()
        .filter(|value| value.is_finite());
    let band = plot.usual.map(|usual| {
        let spread = plot.spread.unwrap_or(0.0).abs();
        (usual - spread, usual + spread)
    });
    let all = || {
        finite
            .clone()
            .chain(band.iter().flat_map(|(low, high)| [*low, *high]))
    };
    let low = all().fold(f64::INFINITY, f64::min);
    let high = all().fold(f64::NEG_INFINITY, f64::max);
    let range = if high > low { high - low } else { 1.0 };
    let y =
        |value: f64| PLOT_HEIGHT - MARGIN - (value - low) / range * (PLOT_HEIGHT - 2.0 * MARGIN);
    let points = points(&plot.values, y);
    let shade = band.map_or_else(String::new, |(from, to)| {
        let top = y(to);
        let bottom = y(from);
        format!(
            "<rect x=\"0\" y=\"{top:.1}\" width=\"{PLOT_WIDTH}\" height=\"{:.1}\" fill=\"var(--band)\"/>",
            (bottom - top).max(1.0)
        )
    });
    let unit = plot.unit.as_deref();
    let usual = plot.usual.map_or_else(String::new, |usual| {
        format!(", usually {}", measure(usual, unit))
    });
    let newest = plot.values.last().map_or_else(String::new, |newest| {
        format!(": {}", measure(*newest, unit))
    });
    format!(
        "<figure>\n<svg viewBox=\"0 0 {PLOT_WIDTH} {PLOT_HEIGHT}\" role=\"img\">{shade}\
         <polyline points=\"{points}\" fill=\"none\" stroke=\"var(--mark)\" stroke-width=\"2\"/></svg>\n\
         <figcaption>{}{}{}; the band is the usual range</figcaption>\n</figure>",
        plain(&plot.title),
        plain(&newest),
        plain(&usual)
    )
}

fn points(values: &[f64], y: impl Fn(f64) -> f64) -> String {
    let steps = u32::try_from(values.len().saturating_sub(1))
        .unwrap_or(u32::MAX)
        .max(1);
    let mut text = String::new();
    for (place, value) in (0_u32..).zip(values) {
        if value.is_finite() {
            let x = MARGIN + f64::from(place) / f64::from(steps) * (PLOT_WIDTH - 2.0 * MARGIN);
            let _ = write!(text, "{x:.1},{:.1} ", y(*value));
        }
    }
    text
}

/// Height of one line of a graph.
const ROW: u32 = 30;

/// Affected entities that are drawn; the table of symptoms has all of them.
const DRAWN_MAX: usize = 12;

fn graph(map: &Map) -> String {
    let drawn = map.affected.iter().take(DRAWN_MAX);
    let count = u32::try_from(drawn.len()).unwrap_or(0).max(1);
    let middle = f64::from(count * ROW) / 2.0;
    let mut lines = String::new();
    for (place, (name, seen)) in (0_u32..).zip(drawn) {
        let y = f64::from(place * ROW + ROW / 2);
        let _ = write!(
            lines,
            "<path d=\"M18 {middle} C 120 {middle} 120 {y} 214 {y}\" fill=\"none\" stroke=\"var(--line)\"/>\
             <circle cx=\"220\" cy=\"{y}\" r=\"5\" fill=\"var(--dim)\"/>\
             <text x=\"232\" y=\"{:.0}\">{}</text>",
            y + 4.0,
            plain(&shorten(&format!("{name}: {seen}")))
        );
    }
    format!(
        "<figure>\n<svg viewBox=\"0 0 900 {}\" role=\"img\">{lines}\
         <circle cx=\"12\" cy=\"{middle}\" r=\"8\" fill=\"var(--mark)\"/></svg>\n\
         <figcaption>The suspect is {}; what it affects is shown by onset</figcaption>\n</figure>",
        count * ROW,
        plain(&map.suspect)
    )
}

/// What fits on a line of a graph, in characters.
const LABEL_CHARS_MAX: usize = 96;

fn shorten(text: &str) -> String {
    if text.chars().count() <= LABEL_CHARS_MAX {
        return text.to_owned();
    }
    let kept: String = text.chars().take(LABEL_CHARS_MAX).collect();
    format!("{kept}…")
}

/// Text without markup.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    for character in escape(text, TEXT_CHARS_MAX).chars() {
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            other => shown.push(other),
        }
    }
    shown
}
