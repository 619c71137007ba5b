//! Commands as argument lists, written as a person would type them.

use std::fmt;

use super::{Argument, Command, Invocation, Part, Placeholder, PlaceholderKind, Step};

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError(String);

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for TemplateError {}

/// A command from a readable template: `command("tiup cluster start {CLUSTER} -N {address}  # on any machine")`.
///
/// - White space separates arguments, quotes and backslashes work as in a shell, ` | ` pipes into the next program.
/// - `{address}` is a placeholder, `{pd:url}` one with its kind. Without a kind it follows from the name: `address`,
///   `host`, `port`, `url` and names that end so; `name`; anything else is an `id`.
/// - `{CLUSTER}`, in capitals, is a word for the reader to fill in.
/// - `#` begins the note.
///
/// # Panics
/// When the template is wrong, for example because it needs a shell (`$(…)`, `;`, `>`). A test that makes the
/// knowledge base once finds it; [`Command::parse`] returns the error instead.
#[must_use]
#[track_caller]
#[expect(
    clippy::panic,
    reason = "a template is part of the source, as a format string is"
)]
pub fn command(template: &str) -> Step {
    match Command::parse(template) {
        Ok(command) => Step::Run(command),
        Err(error) => panic!("command template `{template}`: {error}"),
    }
}

/// A step that no command can do, in one sentence.
pub fn instruction(text: impl Into<String>) -> Step {
    Step::Instruction(text.into())
}

impl Command {
    /// See [`command`].
    ///
    /// # Errors
    /// When the template is empty, needs a shell, ends in the middle of quotes or names an unknown kind.
    pub fn parse(template: &str) -> Result<Self, TemplateError> {
        let mut parser = Parser {
            rest: template,
            pipeline: Vec::new(),
            argv: Vec::new(),
            parts: None,
        };
        let note = parser.run()?;
        Ok(Self {
            pipeline: parser.pipeline,
            note,
        })
    }
}

struct Parser<'text> {
    rest: &'text str,
    pipeline: Vec<Invocation>,
    argv: Vec<Argument>,
    /// Parts of the argument that is being read; `None` between arguments.
    parts: Option<Vec<Part>>,
}

impl Parser<'_> {
    /// Reads everything; the note, if there is one.
    fn run(&mut self) -> Result<Option<String>, TemplateError> {
        let mut note = None;
        while let Some(letter) = self.next() {
            match letter {
                '#' if self.parts.is_none() => {
                    note = Some(std::mem::take(&mut self.rest).trim().to_owned());
                }
                ' ' | '\t' | '\n' => self.end_argument(),
                '|' => self.end_program()?,
                '\'' | '"' => self.quoted(letter)?,
                '\\' => {
                    let escaped = self.next().ok_or_else(|| error("ends in a backslash"))?;
                    self.letter(escaped);
                }
                '{' => self.brace()?,
                '$' | '`' | ';' | '&' | '<' | '>' => {
                    return Err(error(&format!("`{letter}` needs a shell: quote it")));
                }
                plain => self.letter(plain),
            }
        }
        self.end_program()?;
        Ok(note)
    }

    fn next(&mut self) -> Option<char> {
        let mut letters = self.rest.chars();
        let letter = letters.next()?;
        self.rest = letters.as_str();
        Some(letter)
    }

    fn end_argument(&mut self) {
        if let Some(parts) = self.parts.take() {
            self.argv.push(Argument { parts });
        }
    }

    fn end_program(&mut self) -> Result<(), TemplateError> {
        self.end_argument();
        if self.argv.is_empty() {
            return Err(error("a program is missing"));
        }
        let argv = std::mem::take(&mut self.argv);
        self.pipeline.push(Invocation { argv });
        Ok(())
    }

    fn quoted(&mut self, quote: char) -> Result<(), TemplateError> {
        // Empty quotes are an argument too.
        self.parts.get_or_insert_default();
        loop {
            match self.next().ok_or_else(|| error("quotes are not closed"))? {
                letter if letter == quote => return Ok(()),
                '\\' if quote == '"' => {
                    let escaped = self.next().ok_or_else(|| error("quotes are not closed"))?;
                    self.letter(escaped);
                }
                '{' => self.brace()?,
                letter => self.letter(letter),
            }
        }
    }

    /// After `{`: a placeholder, a blank, or just a brace.
    fn brace(&mut self) -> Result<(), TemplateError> {
        let inside = self
            .rest
            .split_once('}')
            .filter(|(inside, _)| is_name(inside));
        let Some((inside, rest)) = inside else {
            self.letter('{');
            return Ok(());
        };
        self.rest = rest;
        let (name, kind) = inside.split_once(':').unwrap_or((inside, ""));
        let part = if name.starts_with(|first: char| first.is_ascii_uppercase()) {
            Part::Blank(name.to_owned())
        } else {
            Part::Placeholder(Placeholder {
                name: name.to_owned(),
                kind: kind_of(name, kind)?,
            })
        };
        self.parts.get_or_insert_default().push(part);
        Ok(())
    }

    fn letter(&mut self, letter: char) {
        let parts = self.parts.get_or_insert_default();
        match parts.last_mut() {
            Some(Part::Literal(text)) => text.push(letter),
            _ => parts.push(Part::Literal(letter.to_string())),
        }
    }
}

fn error(what: &str) -> TemplateError {
    TemplateError(what.to_owned())
}

/// `address`, `pd:url` or `CLUSTER`.
fn is_name(inside: &str) -> bool {
    let (name, kind) = inside.split_once(':').unwrap_or((inside, "id"));
    let word = |text: &str, is_letter: fn(&char) -> bool| {
        text.starts_with(|first: char| is_letter(&first))
            && text
                .chars()
                .all(|letter| is_letter(&letter) || letter.is_ascii_digit() || letter == '_')
    };
    let lower = word(name, char::is_ascii_lowercase) && word(kind, char::is_ascii_lowercase);
    lower || word(inside, char::is_ascii_uppercase)
}

fn kind_of(name: &str, kind: &str) -> Result<PlaceholderKind, TemplateError> {
    let last = name.rsplit('_').next().unwrap_or(name);
    Ok(match (kind, last) {
        ("address", _) | ("", "address") => PlaceholderKind::Address,
        ("host", _) | ("", "host") => PlaceholderKind::Host,
        ("port", _) | ("", "port") => PlaceholderKind::Port,
        ("url", _) | ("", "url") => PlaceholderKind::Url,
        ("name", _) | ("", "name") => PlaceholderKind::Name,
        ("number", _) => PlaceholderKind::Number,
        ("id" | "", _) => PlaceholderKind::Id,
        _ => return Err(error(&format!("`{kind}` is not a kind of placeholder"))),
    })
}

impl fmt::Display for Command {
    /// As a template, with single quotes where a shell needs them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = |invocation: &Invocation| {
            let arguments: Vec<String> = invocation.argv.iter().map(Argument::to_string).collect();
            arguments.join(" ")
        };
        let programs: Vec<String> = self.pipeline.iter().map(program).collect();
        formatter.write_str(&programs.join(" | "))?;
        match &self.note {
            Some(note) => write!(formatter, "  # {note}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Argument {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Placeholder(placeholder) => format!("{{{}}}", placeholder.name),
            Part::Blank(word) => word.clone(),
        };
        let text: String = self.parts.iter().map(part).collect();
        let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,{}".contains(letter);
        if !text.is_empty() && text.chars().all(is_plain) {
            formatter.write_str(&text)
        } else {
            write!(formatter, "'{}'", text.replace('\'', r"'\''"))
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(command) => command.fmt(formatter),
            Self::Instruction(text) => formatter.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(template: &str) -> Command {
        Command::parse(template).unwrap()
    }

    fn placeholder(name: &str, kind: PlaceholderKind) -> Part {
        Part::Placeholder(Placeholder {
            name: name.to_owned(),
            kind,
        })
    }

    #[test]
    fn arguments_have_typed_placeholders_and_blanks() {
        let command = parsed("tiup start {CLUSTER} -N={address} -u {pd:url}  # anywhere");
        assert_eq!(command.note.as_deref(), Some("anywhere"));
        let argv = &command.pipeline[0].argv;
        assert_eq!(argv.len(), 6);
        assert_eq!(argv[2].parts, [Part::Blank("CLUSTER".to_owned())]);
        let address = placeholder("address", PlaceholderKind::Address);
        assert_eq!(argv[3].parts, [Part::Literal("-N=".to_owned()), address]);
        assert_eq!(argv[5].parts, [placeholder("pd", PlaceholderKind::Url)]);
    }

    #[test]
    fn quotes_group_and_braces_of_json_are_text() {
        let command = parsed(r#"curl http://{status_address}/config -d '{"a.b":4}' | grep "x y""#);
        assert_eq!(command.pipeline.len(), 2);
        let body = Part::Literal(r#"{"a.b":4}"#.to_owned());
        assert_eq!(command.pipeline[0].argv[3].parts, [body]);
        assert_eq!(
            command.to_string(),
            r#"curl http://{status_address}/config -d '{"a.b":4}' | grep 'x y'"#
        );
    }

    #[test]
    fn what_needs_a_shell_is_an_error() {
        for wrong in [
            "kill $(pgrep x)",
            "a; b",
            "a > b",
            "a | ",
            "",
            "a 'b",
            "a {b:c}",
        ] {
            assert!(Command::parse(wrong).is_err(), "{wrong}");
        }
    }
}
