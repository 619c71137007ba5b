//! Commands as text that is safe to paste: every value looks like its kind, every argument is quoted.

use super::fill::Filling;
use operator_model::command::{Argument, Command, Part, PlaceholderKind};
use operator_model::quantity::escape;
use std::net::{IpAddr, Ipv6Addr, SocketAddrV6};

/// Longest value in a command: a host name has at most 253 characters.
const VALUE_BYTES_MAX: usize = 256;

/// One line for a shell.
///
/// # Errors
/// Which placeholder cannot be filled in, and why: the command is of no use without it.
pub(super) fn render(command: &Command, filling: &Filling) -> Result<String, String> {
    let mut programs = Vec::new();
    for invocation in &command.pipeline {
        let mut words = Vec::new();
        for argument in invocation {
            words.push(quoted(&filled(argument, filling)?));
        }
        programs.push(words.join(" "));
    }
    let line = programs.join(" | ");
    Ok(match &command.note {
        Some(note) => format!("{line}  # {}", filling.text(note)),
        None => line,
    })
}

fn filled(argument: &Argument, filling: &Filling) -> Result<String, String> {
    let mut text = String::new();
    for part in argument {
        match part {
            Part::Literal(literal) => text.push_str(&escape(literal, usize::MAX)),
            Part::Blank(word) => text.push_str(&escape(&word.to_uppercase(), VALUE_BYTES_MAX)),
            Part::Placeholder { name, kind } => text.push_str(value_of(name, *kind, filling)?),
        }
    }
    Ok(text)
}

fn value_of<'a>(
    name: &str,
    kind: PlaceholderKind,
    filling: &'a Filling,
) -> Result<&'a str, String> {
    let Some(value) = filling.value(name) else {
        return Err(format!(
            "commands with {{{name}}} are left out: it was not observed"
        ));
    };
    if fits(value, kind) {
        return Ok(value);
    }
    Err(format!(
        "commands with {{{name}}} are left out: “{}” is not {}",
        escape(value, 80),
        description(kind)
    ))
}

fn description(kind: PlaceholderKind) -> &'static str {
    match kind {
        PlaceholderKind::Address => "an address",
        PlaceholderKind::Host => "a host",
        PlaceholderKind::Port => "a port",
        PlaceholderKind::Url => "a URL",
        PlaceholderKind::Name => "a name",
        PlaceholderKind::Id => "an id",
        PlaceholderKind::Number => "a number",
    }
}

/// Whether a value of the observed system looks like its kind. None may be read as an option.
fn fits(value: &str, kind: PlaceholderKind) -> bool {
    if value.is_empty() || value.len() > VALUE_BYTES_MAX || value.starts_with('-') {
        return false;
    }
    match kind {
        PlaceholderKind::Address => is_address(value),
        PlaceholderKind::Host => is_host(value),
        PlaceholderKind::Port => is_port(value),
        PlaceholderKind::Url => is_url(value),
        PlaceholderKind::Name => is_name(value),
        PlaceholderKind::Id => escape(value, usize::MAX) == value,
        PlaceholderKind::Number => is_number(value),
    }
}

fn is_address(value: &str) -> bool {
    value
        .rsplit_once(':')
        .is_some_and(|(host, port)| is_host(host) && is_port(port))
}

fn is_host(value: &str) -> bool {
    if value.parse::<IpAddr>().is_ok() {
        return true;
    }
    let bracketed = value.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
    bracketed.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok()) || is_name(value)
}

fn is_port(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit())
        && value.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_url(value: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!&()*+,;=%".contains(c);
    value.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
            && !rest.is_empty()
            && rest.chars().all(allowed)
    })
}

fn is_name(value: &str) -> bool {
    !value.is_empty()
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn is_number(value: &str) -> bool {
    value.starts_with(|c: char| c.is_ascii_digit())
        && value.parse::<f64>().is_ok_and(f64::is_finite)
}

/// An argument as a POSIX shell reads it back; a plain word stays as it is.
fn quoted(argument: &str) -> String {
    if is_plain_word(argument) {
        argument.to_owned()
    } else {
        format!("'{}'", argument.replace('\'', r"'\''"))
    }
}

/// Letters, digits and what addresses and paths need; no glob, no substitution. Brackets only around an
/// IPv6 address, where a shell finds no file to match.
fn is_plain_word(argument: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@%+=,-".contains(c);
    !argument.is_empty()
        && (argument.chars().all(plain) || argument.parse::<SocketAddrV6>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Argument {
        vec![Part::Literal(text.to_owned())]
    }

    fn placeholder(name: &str, kind: PlaceholderKind) -> Argument {
        let name = name.to_owned();
        vec![Part::Placeholder { name, kind }]
    }

    fn stop(kind: PlaceholderKind) -> Command {
        Command {
            pipeline: vec![vec![literal("stop"), placeholder("address", kind)]],
            note: None,
        }
    }

    fn with_address(address: &str) -> Filling {
        Filling::of([("address", address)])
    }

    #[test]
    fn a_value_that_does_not_look_like_its_kind_leaves_the_command_out() {
        let hostile = [
            "$(reboot):1",
            "a;b:1",
            "a b:1",
            "a\nb:1",
            "`id`:1",
            "-rf:1",
            "a|b:1",
            "*:1",
            "",
            "a",
            "a:0",
            "a:65536",
            "[a]:1",
            "a'b:1",
            "a\\b:1",
        ];
        for address in hostile {
            let why = render(&stop(PlaceholderKind::Address), &with_address(address)).unwrap_err();
            assert!(why.ends_with("is not an address"), "{why}");
        }
    }

    #[test]
    fn values_of_each_kind_are_filled_in_without_quotes_where_they_are_plain() {
        let values = [
            (PlaceholderKind::Address, "10.0.0.7:9000"),
            (PlaceholderKind::Address, "node-2.internal:80"),
            (PlaceholderKind::Address, "[::1]:9000"),
            (PlaceholderKind::Host, "node_2"),
            (PlaceholderKind::Port, "9000"),
            (PlaceholderKind::Url, "http://10.0.0.7:2379"),
            (PlaceholderKind::Name, "pd-1.a"),
            (PlaceholderKind::Id, "7480"),
            (PlaceholderKind::Number, "1.5"),
        ];
        for (kind, value) in values {
            let line = render(&stop(kind), &with_address(value));
            assert_eq!(line, Ok(format!("stop {value}")));
        }
    }

    #[test]
    fn an_id_with_signs_of_the_shell_is_one_quoted_argument() {
        let line = render(&stop(PlaceholderKind::Id), &with_address("it's $(id)"));
        assert_eq!(line.as_deref(), Ok(r"stop 'it'\''s $(id)'"));
    }

    #[test]
    fn a_name_that_was_not_observed_is_named() {
        let why = render(&stop(PlaceholderKind::Address), &Filling::of([])).unwrap_err();
        assert_eq!(
            why,
            "commands with {address} are left out: it was not observed"
        );
    }

    #[test]
    fn pipelines_blanks_literals_and_notes_are_shown_as_a_person_types_them() {
        let blank = vec![
            Part::Blank("pd_host".to_owned()),
            Part::Literal(":2379".to_owned()),
        ];
        let command = Command {
            pipeline: vec![
                vec![literal("grep"), literal("-E"), literal("a|b"), blank],
                vec![literal("tail"), literal("-50")],
            ],
            note: Some("on the machine of {address}".to_owned()),
        };
        assert_eq!(
            render(&command, &with_address("a:1")).as_deref(),
            Ok("grep -E 'a|b' PD_HOST:2379 | tail -50  # on the machine of a:1")
        );
    }
}
