//! Asking PD: all that is due in one round, of the first member that can answer.

use std::collections::BTreeMap;

use operator_plugin::{HttpError, Request, Response, World};

use crate::answer::{self, Why};
use crate::nodes::ProbeRow;
use crate::schedule::Endpoint;

/// PD writes the caller into its audit log, so that our load can be told from others'.
const CALLER: (&str, &str) = ("X-Caller-ID", "operator");
/// How many members are tried in one tick; a group has three or five.
const MEMBERS_TRIED: usize = 4;

/// What PD answered.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// The member that answered, or the last one that was tried.
    pub(crate) target: String,
    pub(crate) answers: BTreeMap<Endpoint, Result<Response, HttpError>>,
    pub(crate) rows: Vec<ProbeRow>,
    /// Members that were passed over, and why.
    pub(crate) passed_over: Vec<(String, String)>,
}

/// A question with its whole path and its time limit.
pub(crate) struct Question {
    pub(crate) endpoint: Endpoint,
    pub(crate) path_and_query: String,
    pub(crate) timeout_ms: u64,
}

/// A request to PD that says who asks.
pub(crate) fn request(target: &str, path_and_query: &str, timeout_ms: u64) -> Request {
    Request::get(target, path_and_query)
        .header(CALLER.0, CALLER.1)
        .timeout_ms(timeout_ms)
}

/// Asks the members in turn until one answers that `accept` likes.
pub(crate) fn ask(
    world: &mut dyn World,
    members: &[String],
    questions: &[Question],
    accept: impl Fn(&str, &Asked) -> Result<(), String>,
) -> Asked {
    let mut kept = Asked::default();
    for (attempt, member) in members.iter().take(MEMBERS_TRIED).enumerate() {
        let mut asked = ask_one(world, member, questions);
        asked.passed_over = std::mem::take(&mut kept.passed_over);
        asked.rows.splice(0..0, std::mem::take(&mut kept.rows));
        let verdict = usable(&asked).and_then(|()| accept(member, &asked));
        let Err(reason) = verdict else { return asked };
        let knows_of_no_leader = reason == Why::NoLeader.text();
        asked.passed_over.push((member.clone(), reason));
        // The first member's failure is the one to report: it is the one that the user named first. But who says that
        // there is no leader has said more than who is silent.
        if attempt == 0 || (knows_of_no_leader && is_silent(&kept)) {
            kept = asked;
        } else {
            (kept.passed_over, kept.rows) = (asked.passed_over, asked.rows);
        }
    }
    kept
}

fn ask_one(world: &mut dyn World, member: &str, questions: &[Question]) -> Asked {
    let requests: Vec<Request> = questions
        .iter()
        .map(|question| request(member, &question.path_and_query, question.timeout_ms))
        .collect();
    let results = world.send_all(&requests);
    let mut asked = Asked {
        target: member.to_owned(),
        ..Asked::default()
    };
    for (question, result) in questions.iter().zip(results) {
        asked
            .rows
            .push(ProbeRow::new(member, "", &question.path_and_query, &result));
        asked.answers.insert(question.endpoint, result);
    }
    asked
}

/// Whether the member said anything that another would not say better. One that knows of no leader answers for itself
/// all the same, but what is asked of the leader it cannot pass on.
fn usable(asked: &Asked) -> Result<(), String> {
    let failures: Vec<Option<Why>> = asked
        .answers
        .values()
        .map(|result| answer::body(result).err())
        .collect();
    if failures.contains(&Some(Why::NoLeader)) {
        return Err(Why::NoLeader.text());
    }
    let silent: Vec<&Why> = failures
        .iter()
        .flatten()
        .filter(|why| why.is_worth_another_member())
        .collect();
    match silent.last() {
        Some(why) if silent.len() == failures.len() => Err(why.text()),
        _ => Ok(()),
    }
}

fn is_silent(asked: &Asked) -> bool {
    asked
        .answers
        .values()
        .all(|result| matches!(answer::body(result), Err(Why::Unreachable(_))))
}

/// The body of the answer to one question.
pub(crate) fn body_of(asked: &Asked, endpoint: Endpoint) -> Result<&[u8], Why> {
    asked.answers.get(&endpoint).map_or_else(
        || Err(Why::Unreachable("not answered".to_owned())),
        answer::body,
    )
}
