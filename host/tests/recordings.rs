//! Recordings of real clusters, watched from end to end by the whole operator: the right ticket, in time, and no
//! other.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "recordings/played.rs"]
mod played;

use operator::model::Ticket;
use operator_chaos::cassette::Recording;
use operator_chaos::test_data;
use played::{Played, play};

/// The recorder killed the node at this second.
const KILLED_AT_S: f64 = 44.4;

/// What is promised for it; its status server was asked every 15 s while it was recorded.
const DEATH_NAMED_WITHIN_S: f64 = 20.0;

/// The load on one region began at this second, and PD's own list of hot regions showed it so much later.
const LOAD_BEGAN_AT_S: f64 = 30.0;
const PD_SHOWED_AFTER_S: f64 = 185.0;

async fn short(name: &str) -> Played {
    play(test_data::recording(name).unwrap()).await
}

/// `None`, with a line on standard error, where the long recordings are missing.
async fn long(name: &str) -> Option<Played> {
    let path = test_data::shared(&format!("cassettes/{name}.jsonl.gz"))?;
    Some(play(Recording::load(&path).unwrap()).await)
}

fn suspect(ticket: &Ticket) -> &str {
    ticket.hypotheses.first().and_then(|hypothesis| hypothesis.component.as_ref()).map_or("nobody", |id| id.as_str())
}

/// The name that people use for what the ticket suspects.
fn name_of_suspect(ticket: &Ticket) -> String {
    let component = ticket.hypotheses.first().and_then(|hypothesis| hypothesis.component.clone());
    component.and_then(|component| ticket.names.get(&component).cloned()).unwrap_or_default()
}

fn assert_no_ticket(played: &Played) {
    assert!(played.opened().is_empty(), "false tickets:\n{}", played.story());
    assert!(played.ticks() > 30, "{} ticks", played.ticks());
}

fn assert_names_the_dead_store(played: &Played) {
    let opened = played.opened();
    assert_eq!(opened.len(), 1, "one cause, one ticket:\n{}", played.story());
    let ticket = opened[0];
    let after_s = played.seconds(ticket.opened_at) - KILLED_AT_S;
    assert!((0.0..=DEATH_NAMED_WITHIN_S).contains(&after_s), "{after_s:.1} s after the kill:\n{}", played.story());
    assert_eq!(suspect(ticket), "store/4", "{}", played.story());
    let named = name_of_suspect(ticket).contains("127.0.0.1:20161") || ticket.title.contains("127.0.0.1:20161");
    assert!(named, "{:?} {}", ticket.names, ticket.title);
    assert!(ticket.options.len() >= 2 && ticket.options.iter().any(|option| option.action.as_str() == "wait"));
    assert!(ticket.explanation_score >= 80, "{}", ticket.explanation_score);
}

#[tokio::test]
async fn a_killed_store_is_named_in_time_and_in_one_ticket() {
    assert_names_the_dead_store(&short("node-death-short").await);
}

#[tokio::test]
async fn a_cluster_that_is_being_born_is_not_a_broken_one() {
    assert_no_ticket(&short("fresh-cluster").await);
}

#[tokio::test]
async fn a_healthy_cluster_under_load_gets_no_ticket() {
    let Some(played) = long("healthy-mix").await else { return };
    assert_no_ticket(&played);
}

#[tokio::test]
async fn the_ticket_about_a_dead_store_is_resolved_after_it_has_come_back() {
    let Some(played) = long("node-death").await else { return };
    assert_names_the_dead_store(&played);
    let ids: Vec<&str> = played.opened().iter().map(|ticket| ticket.id.as_str()).collect();
    assert_eq!(played.resolved, ids, "{}", played.story());
}

#[tokio::test]
async fn a_hot_region_is_named_with_its_store_before_pd_lists_it() {
    let Some(played) = long("hot-write").await else { return };
    let opened = played.opened();
    assert_eq!(opened.len(), 1, "one cause, one ticket:\n{}", played.story());
    let ticket = opened[0];
    let after_s = played.seconds(ticket.opened_at) - LOAD_BEGAN_AT_S;
    assert!((0.0..PD_SHOWED_AFTER_S).contains(&after_s), "{after_s:.1} s after the load began:\n{}", played.story());
    let names = |id: &str| ticket.entities.iter().any(|entity| entity.as_str() == id);
    assert!(names("region/88") && names("store/4"), "{:?}\n{}", ticket.entities, played.story());
    assert_eq!(suspect(ticket), "region/88", "{}", played.story());
}
