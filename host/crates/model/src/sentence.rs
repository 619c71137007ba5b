//! Renders claims as sentences. Stages write sentences only through [`sentence`], and the verifier renders
//! them again: it finds every sentence that differs from its predicate and its evidence.

use crate::detection::CALM_Z;
use crate::knowledge::Risk;
use crate::quantity::{escape, human, measure, number};
use crate::statistics::median;
use crate::{Claim, Comparison, EntityId, Evidence, Predicate, Scalar};

impl Claim {
    /// A claim on this evidence, with its sentence.
    #[must_use]
    pub fn new(predicate: Predicate, cited: &[&Evidence]) -> Self {
        let text = sentence(&predicate, cited);
        Self {
            predicate,
            evidence: cited.iter().map(|evidence| evidence.id.clone()).collect(),
            text,
        }
    }
}

/// The smallest combined likelihood ratio that discriminates two hypotheses:
/// "substantial" on Jeffreys' scale begins at 10^0.5, about 3.
pub const DISCRIMINATING_RATIO_MIN: f64 = 3.0;

/// Renders a predicate over the evidence that it cites. The order of `cited` matters for outliers.
#[must_use]
pub fn sentence(predicate: &Predicate, cited: &[&Evidence]) -> String {
    match predicate {
        Predicate::Compares {
            what,
            entity,
            comparison,
            value,
        } => compares(what, entity.as_ref(), *comparison, value, cited),
        Predicate::Deviates {
            what,
            entity,
            robust_z,
            up,
        } => deviates(what, entity, *robust_z, *up, cited),
        Predicate::Steady { what, entity, .. } => steady(what, entity.as_ref(), cited),
        Predicate::Outlies {
            what,
            entity,
            factor,
            up,
        } => outlies(what, entity, *factor, *up, cited),
        Predicate::Verdict {
            what,
            entity,
            violated,
        } => verdict(what, entity.as_ref(), *violated),
        Predicate::Quotes { entity, text } => match entity {
            Some(entity) => format!("{entity} reports “{}”", escape(text, QUOTE_CHARS_MAX)),
            None => format!("“{}”", escape(text, QUOTE_CHARS_MAX)),
        },
        Predicate::Discriminates {
            winner,
            alternative,
            ratio,
            because,
        } => discrimination(winner, alternative, *ratio, because),
        Predicate::Prefers {
            option,
            over,
            expected_value,
            other_value,
            risk,
            other_risk,
        } => prefers(
            option,
            over,
            (*expected_value, *other_value),
            (*risk, *other_risk),
        ),
    }
}

/// Longest quotation in a sentence, in characters: three lines of a terminal.
pub const QUOTE_CHARS_MAX: usize = 240;

fn compares(
    what: &str,
    entity: Option<&EntityId>,
    comparison: Comparison,
    limit: &Scalar,
    cited: &[&Evidence],
) -> String {
    let about = about(what, entity);
    let Some((first, rest)) = cited.split_first() else {
        return about;
    };
    let unit = first.unit.as_deref();
    let limit_text = human(limit, unit);
    if rest.is_empty() {
        let value = human(&first.value, unit);
        return match comparison {
            Comparison::Eq => format!("{about} is {value}"),
            Comparison::Ne => format!("{about} is {value}, not {limit_text}"),
            _ => format!("{about} is {value}, {} {limit_text}", relation(comparison)),
        };
    }
    format!(
        "{about}: all {} observed values are {} {limit_text}",
        cited.len(),
        relation(comparison)
    )
}

fn deviates(what: &str, entity: &EntityId, robust_z: f64, up: bool, cited: &[&Evidence]) -> String {
    let about = about(what, Some(entity));
    let Some(first) = cited.first() else {
        return about;
    };
    let (value, usual) = value_and_usual(first);
    let side = if up { "above" } else { "below" };
    let far = if robust_z >= CALM_Z { "far " } else { "" };
    format!("{about} is {value}, {far}{side} its usual {usual}")
}

fn steady(what: &str, entity: Option<&EntityId>, cited: &[&Evidence]) -> String {
    let about = about(what, entity);
    match cited {
        [only] => {
            let (value, usual) = value_and_usual(only);
            format!("{about} is {value}, close to its usual {usual}")
        }
        many => format!("{about}: none of {} values is abnormal", many.len()),
    }
}

fn value_and_usual(evidence: &Evidence) -> (String, String) {
    let unit = evidence.unit.as_deref();
    let usual = evidence
        .baseline
        .as_ref()
        .map_or_else(|| "value".to_owned(), |baseline| human(baseline, unit));
    (human(&evidence.value, unit), usual)
}

/// The part of an anomaly's summary that can be verified: the value and the usual value.
#[must_use]
pub fn deviation(value: &Scalar, usual: Option<&Scalar>, unit: Option<&str>) -> String {
    let usual = usual.map_or_else(|| "unknown".to_owned(), |usual| human(usual, unit));
    format!("is {}, usually {usual}", human(value, unit))
}

fn outlies(what: &str, entity: &EntityId, factor: f64, up: bool, cited: &[&Evidence]) -> String {
    let about = about(what, Some(entity));
    let Some((first, others)) = cited.split_first() else {
        return about;
    };
    let values: Vec<f64> = others
        .iter()
        .filter_map(|evidence| evidence.value.as_f64())
        .collect();
    let unit = first.unit.as_deref();
    let typical =
        median(&values).map_or_else(|| "unknown value".to_owned(), |value| measure(value, unit));
    let value = human(&first.value, unit);
    let factor = number(factor);
    if up {
        format!("{about} is {value}, more than {factor} times the {typical} of its peers")
    } else {
        format!("{about} is {value}, less than 1/{factor} of the {typical} of its peers")
    }
}

fn verdict(what: &str, entity: Option<&EntityId>, violated: bool) -> String {
    let what = escape(what, QUOTE_CHARS_MAX);
    match (entity, violated) {
        (Some(entity), true) => format!("{entity} violates “{what}”"),
        (Some(entity), false) => format!("{entity} satisfies “{what}”"),
        (None, true) => format!("“{what}” is violated"),
        (None, false) => format!("“{what}” holds for all other entities checked"),
    }
}

fn discrimination(winner: &str, alternative: &str, ratio: f64, because: &str) -> String {
    if ratio < DISCRIMINATING_RATIO_MIN || because.is_empty() {
        return format!(
            "no observation distinguishes {winner} from {alternative} (likelihood ratio {})",
            number(ratio)
        );
    }
    format!(
        "{winner} rather than {alternative} (likelihood ratio {}): {because}",
        number(ratio)
    )
}

fn prefers(option: &str, over: &str, values: (f64, f64), risks: (Risk, Risk)) -> String {
    let value = number(values.0);
    let other = number(values.1);
    let risk = risk_word(risks.0);
    let other_risk = risk_word(risks.1);
    if values.0 >= values.1 {
        format!("{option} over {over}: expected value {value} vs. {other}, {risk} vs. {other_risk}")
    } else {
        format!(
            "{option} over {over}, although its expected value is lower ({value} vs. {other}): while the cause is \
             undetermined, the safer option is preferred ({risk} vs. {other_risk})"
        )
    }
}

/// A risk level in words.
#[must_use]
pub fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "no risk",
        Risk::Low => "low risk",
        Risk::Medium => "medium risk",
        Risk::High => "high risk",
    }
}

fn about(what: &str, entity: Option<&EntityId>) -> String {
    let what = escape(what, QUOTE_CHARS_MAX);
    entity.map_or_else(|| what.clone(), |entity| format!("{what} of {entity}"))
}

fn relation(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "equal to",
        Comparison::Ne => "not equal to",
        Comparison::Lt => "below",
        Comparison::Le => "at most",
        Comparison::Gt => "above",
        Comparison::Ge => "at least",
    }
}
