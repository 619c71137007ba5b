//! Plugins in trouble, over time: when it began, and when it is over.

use operator_model::{Incident, IncidentKey, PluginTrouble, Ticket, TicketState, Timestamp};
use operator_reason::diagnose::{is_about_plugin, plugin_incident, plugin_key};
use std::collections::BTreeMap;

/// Check plugins with a check in quarantine or half-open, and those that had one not long ago.
#[derive(Debug, Default)]
pub(super) struct PluginHealth {
    by_key: BTreeMap<IncidentKey, Trouble>,
}

#[derive(Debug)]
struct Trouble {
    since: Timestamp,
    /// Ticks in a row without any.
    quiet_ticks: u64,
}

impl PluginHealth {
    /// Open tickets about plugins stay open until their plugins have answered for a while.
    pub(super) fn restore(tickets: &[Ticket]) -> Self {
        let open = tickets
            .iter()
            .filter(|ticket| ticket.state == TicketState::Open && is_about_plugin(&ticket.key));
        let since = |ticket: &Ticket| {
            ticket
                .symptoms
                .first()
                .map_or(ticket.opened_at, |symptom| symptom.onset.0)
        };
        let by_key = open.map(|ticket| {
            (
                ticket.key.clone(),
                Trouble {
                    since: since(ticket),
                    quiet_ticks: 0,
                },
            )
        });
        Self {
            by_key: by_key.collect(),
        }
    }

    /// The incidents of this tick.
    pub(super) fn incidents(
        &mut self,
        plugin_health: &[PluginTrouble],
        now: Timestamp,
    ) -> Vec<Incident> {
        self.by_key
            .values_mut()
            .for_each(|trouble| trouble.quiet_ticks = trouble.quiet_ticks.saturating_add(1));
        let incident = |trouble: &PluginTrouble| {
            let known = self.by_key.entry(plugin_key(&trouble.module));
            let known = known.or_insert(Trouble {
                since: now,
                quiet_ticks: 0,
            });
            known.quiet_ticks = 0;
            plugin_incident(trouble, known.since, now)
        };
        plugin_health.iter().map(incident).collect()
    }

    /// Plugins that have answered for so many ticks; each is named once.
    pub(super) fn over(&mut self, ticks: u64) -> Vec<IncidentKey> {
        let over: Vec<IncidentKey> = self
            .by_key
            .iter()
            .filter(|(_, trouble)| trouble.quiet_ticks >= ticks)
            .map(|(key, _)| key.clone())
            .collect();
        self.by_key.retain(|key, _| !over.contains(key));
        over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_data::Snapshot;
    use operator_model::knowledge::KnowledgeBase;
    use operator_model::{CheckId, Digest, PluginFault, Provenance, Tick, Topology};
    use operator_reason::ticket::Proposal;
    use operator_reason::{decide, ticket, verify};

    fn disk() -> PluginTrouble {
        PluginTrouble {
            module: "disk".to_owned(),
            faults: Vec::new(),
        }
    }

    fn fault() -> PluginFault {
        let digest = |text: &str| Digest::from(text.repeat(64).as_str());
        PluginFault {
            module: "disk".to_owned(),
            digest: digest("a"),
            check: CheckId::from("disk-full"),
            tick: Tick(7),
            kind: "trap".to_owned(),
            cause: "trapped: wasm `unreachable` instruction executed in disk::evaluate at src/lib.rs:12".to_owned(),
            function: Some("disk::evaluate".to_owned()),
            line: Some("src/lib.rs:12".to_owned()),
            fuel: 17,
            snapshot: digest("b"),
            config: digest("c"),
            state: None,
            hint: "it gave up".to_owned(),
        }
    }

    #[test]
    fn the_ticket_about_a_plugin_is_verified_and_says_where_it_failed_and_on_what() {
        let trouble = PluginTrouble {
            module: "disk".to_owned(),
            faults: vec![fault()],
        };
        let incident = plugin_incident(&trouble, Timestamp(5_000), Timestamp(6_000));
        assert_eq!(
            (incident.key.as_str(), incident.title.as_str()),
            ("plugin/disk", "Plugin disk keeps failing")
        );
        let snapshot = Snapshot {
            taken_at: Timestamp(6_000),
            ..empty_snapshot()
        };
        let decided = decide::decide(&incident, &KnowledgeBase::default(), &snapshot);
        let decide::Decided {
            options,
            do_not,
            decision,
            rationale,
            gaps,
        } = decided;
        let provenance = Provenance::default();
        let proposal = Proposal {
            options,
            do_not,
            decision,
            rationale,
            gaps,
        };
        let ticket = ticket::compose(&incident, proposal, provenance, snapshot.taken_at);
        let verification = verify::verify(&ticket, &Topology::default());
        assert_eq!(
            (verification.score, verification.failures),
            (100, Vec::<String>::new())
        );
        let text = ticket.gaps.join("\n");
        for part in [
            "disk-full",
            "disk::evaluate at src/lib.rs:12",
            "tick 7",
            "snapshot bbbbbbbbbbbb",
            "it gave up",
        ] {
            assert!(text.contains(part), "{part:?} is not in {text}");
        }
        assert_eq!(ticket.options.len(), 2);
    }

    fn empty_snapshot() -> Snapshot {
        Snapshot {
            tick: Tick(7),
            taken_at: Timestamp::default(),
            host_at: Timestamp::default(),
            subject: "test".to_owned(),
            system: String::new(),
            tables: BTreeMap::new(),
            past: Vec::new(),
            series: std::sync::Arc::default(),
            topology: Topology::default(),
            blind: Vec::new(),
            hash: Digest(String::new()),
        }
    }

    #[test]
    fn a_trouble_keeps_its_beginning_and_is_over_after_enough_quiet_ticks() {
        let mut plugin_health = PluginHealth::default();
        let began =
            |incidents: Vec<Incident>| incidents.first().map(|incident| incident.started_at);
        assert_eq!(
            began(plugin_health.incidents(&[disk()], Timestamp(5))),
            Some(Timestamp(5))
        );
        assert_eq!(
            began(plugin_health.incidents(&[disk()], Timestamp(6))),
            Some(Timestamp(5))
        );
        for now in 7..9 {
            assert!(plugin_health.incidents(&[], Timestamp(now)).is_empty());
        }
        assert!(plugin_health.over(3).is_empty());
        assert!(plugin_health.incidents(&[], Timestamp(9)).is_empty());
        assert_eq!(plugin_health.over(3), [plugin_key("disk")]);
        assert!(plugin_health.over(3).is_empty());
        assert_eq!(
            began(plugin_health.incidents(&[disk()], Timestamp(20))),
            Some(Timestamp(20))
        );
    }
}
