//! Detection on continuous hours: when would an alarm have come, and how many came for nothing?

use crate::engine::{CONFIGURATION, Question, answer, rank};
use crate::formats::{CallGraph, Continuous, NORMAL_S};
use serde::Serialize;

/// The detector looks once a minute, as the data is sampled.
const STEP_S: f64 = 60.0;

/// It compares the last two minutes with the hour before.
const RECENT_S: f64 = 120.0;

/// An alarm this long after a fault is about it; faults last for three to five minutes.
const ABOUT_S: f64 = 360.0;

/// What a detector did on some hours.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Detection {
    /// Which hours.
    pub name: String,
    /// Faults that an alarm followed in time.
    pub detected: usize,
    /// All faults.
    pub faults: usize,
    /// Median time from a fault to its alarm, in seconds.
    pub median_delay_s: Option<f64>,
    /// Alarms that no fault explains, an hour without faults.
    pub false_alarms_per_hour: f64,
}

/// Plays the hours.
#[must_use]
pub fn detect(hours: &Continuous) -> Detection {
    let times = || {
        hours
            .services
            .iter()
            .flat_map(|service| service.times.iter().copied())
    };
    let first = times().fold(f64::INFINITY, f64::min);
    let last = times().fold(f64::NEG_INFINITY, f64::max);
    let mut alarms = Vec::new();
    let mut alarmed = false;
    let mut quiet_s = 0.0;
    let mut at = first + NORMAL_S / 2.0;
    while at <= last {
        let is_alarm = alarm(hours, at);
        if is_alarm && !alarmed {
            alarms.push(at);
        }
        alarmed = is_alarm;
        if fault_of(hours, at).is_none() {
            quiet_s += STEP_S;
        }
        at += STEP_S;
    }
    let mut delays: Vec<f64> = hours
        .faults
        .iter()
        .filter_map(|(begun, _)| {
            let own = alarms
                .iter()
                .find(|alarm| **alarm >= *begun && **alarm < begun + ABOUT_S);
            own.map(|alarm| alarm - begun)
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    let unexplained = alarms
        .iter()
        .filter(|alarm| fault_of(hours, **alarm).is_none());
    let false_alarms = u32::try_from(unexplained.count()).unwrap_or(u32::MAX);
    Detection {
        name: hours.name.clone(),
        detected: delays.len(),
        faults: hours.faults.len(),
        median_delay_s: delays.get(delays.len() / 2).copied(),
        false_alarms_per_hour: f64::from(false_alarms) / (quiet_s / 3_600.0).max(f64::MIN_POSITIVE),
    }
}

fn alarm(hours: &Continuous, at: f64) -> bool {
    let observed = hours.window(at - RECENT_S - NORMAL_S, at - RECENT_S, at);
    let calls = CallGraph::default();
    let question = Question {
        observed: &observed,
        calls: &calls,
        target: None,
    };
    let ranked = rank(question);
    let is_high = ranked
        .first()
        .is_some_and(|first| first.score >= CONFIGURATION.alarm_min);
    is_high && answer(question, &ranked).is_some()
}

/// The fault that an alarm at this time is about.
fn fault_of(hours: &Continuous, at: f64) -> Option<&(f64, String)> {
    hours
        .faults
        .iter()
        .find(|(begun, _)| at >= *begun && at < begun + ABOUT_S)
}
